"""Copies of remote models: made once, each its own, and never believed without looking."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

from mmm.fitted import load_fitted
from serve.models.local_copy import content_digest, local_directory
from serve.models.source import ModelEntry, SourceError
from tests.serve.fitted_models import place_model

ENTRY = ModelEntry("acme", "us", "7", "memory://models/acme")


@pytest.fixture(autouse=True)
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of copies; a model lies in the memory filesystem."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    upload(tmp_path, seed=1)
    return tmp_path / "tmp"


def upload(folder: Path, seed: int) -> None:
    place_model(folder / f"fit{seed}", "acme", "us", seed=seed)
    source = folder / f"fit{seed}" / "brand=acme" / "market=us" / "fit"
    memory = fsspec.filesystem("memory")
    if memory.exists("/models"):
        memory.rm("/models", recursive=True)
    memory.put(str(source), "/models/acme", recursive=True)


def test_a_model_is_copied_once(remote: Path) -> None:
    place = local_directory(ENTRY)
    assert load_fitted(place).spec.brand == "acme"

    fsspec.filesystem("memory").rm("/models", recursive=True)
    assert local_directory(ENTRY) == place
    with pytest.raises(SourceError, match="cannot be copied"):
        local_directory(ModelEntry("acme", "us", "8", "memory://models/acme"))
    assert sorted(path.suffix for path in next(remote.iterdir()).iterdir()) == ["", ".index"]


def test_the_same_version_of_another_registry_is_another_model(tmp_path: Path) -> None:
    first = local_directory(ENTRY, "http://a:5000")
    upload(tmp_path, seed=2)
    second = local_directory(ENTRY, "http://b:5000")

    assert first != second
    assert content_digest(first) != content_digest(second)


@pytest.mark.parametrize("damage", ["emptied", "changed", "longer"])
def test_a_copy_that_was_changed_is_made_again(damage: str) -> None:
    place = local_directory(ENTRY)
    whole = content_digest(place)
    weights = place / "model" / "weights.npz"
    if damage == "emptied":
        for path in place.rglob("*.*"):
            path.unlink()
    elif damage == "changed":
        weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    else:
        (place / "more.json").write_text("{}")

    assert content_digest(local_directory(ENTRY)) == whole


def test_a_folder_of_copies_that_others_can_write_is_refused(remote: Path) -> None:
    local_directory(ENTRY)
    next(remote.iterdir()).chmod(0o777)

    with pytest.raises(SourceError, match="only this user"):
        local_directory(ENTRY)
