"""Damaged files of a fitted model: whatever was done to them, one named error, and never another number."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from mmm.errors import ModelFileError
from mmm.fitted import load_fitted, save_fitted
from mmm.model_files import damaged
from tests.small import sketch

FILES = ("spec.yaml", "weights.npz", "scaling.npz", "panel.npz", "graph.npz", "provenance.json", "trace.json")
ROUNDS = 12
STORED = Path(__file__).parent / "golden" / "fitted"

Damage = Callable[[bytes, np.random.Generator], bytes]


def _noise(content: bytes, rng: np.random.Generator) -> bytes:
    start = int(rng.integers(0, max(1, len(content) - 64)))
    return content[:start] + rng.bytes(64) + content[start + 64 :]


def _ones(content: bytes, rng: np.random.Generator) -> bytes:
    start = int(rng.integers(0, max(1, len(content) - 64)))
    return content[:start] + b"\xff" * 64 + content[start + 64 :]


def _flip(content: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(0, len(content)))
    return content[:place] + bytes([content[place] ^ (1 << int(rng.integers(0, 8)))]) + content[place + 1 :]


def _cut(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: int(rng.integers(0, len(content)))]


def _longer(content: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(0, len(content)))
    return content[:place] + rng.bytes(16) + content[place:]


DAMAGES: dict[str, Damage] = {"noise": _noise, "ones": _ones, "flip": _flip, "cut": _cut, "longer": _longer}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stored model as today's program writes it."""
    folder = tmp_path_factory.mktemp("written")
    save_fitted(load_fitted(STORED / "us"), folder)
    return folder


def damages(folder: Path, kind: str) -> Iterator[Path]:
    """The files of a model, each damaged some times by one kind of damage and mended again."""
    rng = np.random.default_rng(sum(kind.encode()))
    for name in FILES:
        path = folder / "model" / name
        whole = path.read_bytes()
        for _ in range(ROUNDS):
            content = DAMAGES[kind](whole, rng)
            if content != whole:
                path.write_bytes(content)
                yield path
        path.write_bytes(whole)


@pytest.mark.parametrize("kind", DAMAGES)
def test_no_damage_is_taken_for_a_model(written: Path, tmp_path: Path, kind: str) -> None:
    shutil.copytree(written, tmp_path / "fit")
    for path in damages(tmp_path / "fit", kind):
        with pytest.raises(ModelFileError, match="Fit the model again") as caught:
            load_fitted(tmp_path / "fit")
        assert str(path.parent) in str(caught.value)


@pytest.mark.parametrize("kind", DAMAGES)
def test_models_without_digests_fail_in_words_too(tmp_path: Path, kind: str) -> None:
    """Models written before digests were kept: what cannot be noticed loads, nothing else escapes."""
    shutil.copytree(STORED / "us", tmp_path / "fit")
    refused = 0
    for _ in damages(tmp_path / "fit", kind):
        try:
            load_fitted(tmp_path / "fit")
        except ModelFileError:
            refused += 1
    assert refused > 3 * ROUNDS


@pytest.mark.parametrize("name", FILES)
def test_the_file_of_another_model_is_refused(written: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(written, tmp_path / "fit")
    other = load_fitted(STORED / "de")
    save_fitted(other, tmp_path / "other")
    shutil.copy(tmp_path / "other" / "model" / name, tmp_path / "fit" / "model" / name)

    with pytest.raises(ModelFileError, match="Fit the model again"):
        load_fitted(tmp_path / "fit")


@pytest.mark.parametrize("name", FILES)
def test_a_folder_or_nothing_in_place_of_a_file(written: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(written, tmp_path / "fit")
    path = tmp_path / "fit" / "model" / name
    path.write_bytes(b"")
    with pytest.raises(ModelFileError, match="Fit the model again"):
        load_fitted(tmp_path / "fit")
    path.unlink()
    path.mkdir()
    with pytest.raises(ModelFileError, match="Fit the model again"):
        load_fitted(tmp_path / "fit")


def test_weights_that_are_no_numbers_are_refused_by_name(tmp_path: Path) -> None:
    fitted = sketch()
    strange = {**fitted.parameters, "share": np.full_like(fitted.parameters["share"], np.nan)}
    save_fitted(fitted, tmp_path)
    np.savez_compressed(tmp_path / "model" / "weights.npz", allow_pickle=False, **strange)

    with pytest.raises(ModelFileError, match="no numbers in share"):
        load_fitted(tmp_path)


def test_a_reason_without_words_is_told_by_its_kind() -> None:
    assert "(EOFError)" in str(damaged(Path("weights.npz"), EOFError()))
    assert "(bad data)" in str(damaged(Path("weights.npz"), zlib.error("bad data")))
