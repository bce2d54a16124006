"""A fitted model on disk: the same answers after loading, and a plain word where files are damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from mmm.analysis.attribution import contributions_table, effects_table
from mmm.errors import ModelFileError
from mmm.fitted import load_fitted, save_fitted
from tests.small import CHANNELS, chain_graph, sketch, small_panel, with_gaps


@pytest.mark.parametrize("regions", [1, 3])
def test_what_is_saved_answers_the_same_after_loading(tmp_path: Path, regions: int) -> None:
    before = sketch(with_gaps(small_panel(regions=regions)), graph=chain_graph(CHANNELS[:3]))
    save_fitted(before, tmp_path)
    after = load_fitted(tmp_path)

    np.testing.assert_array_equal(after.predictor.parts.prediction_MGT, before.predictor.parts.prediction_MGT)
    for table in (contributions_table, effects_table):
        np.testing.assert_array_equal(
            table(after).select_dtypes("number").to_numpy(), table(before).select_dtypes("number").to_numpy()
        )
    assert after.spec == before.spec
    assert after.split == before.split
    assert after.scales == before.scales
    assert after.trained_until == before.trained_until
    assert dict(after.trace) == dict(before.trace)
    assert after.provenance["seed"] == before.provenance["seed"]


@pytest.mark.parametrize("part", ["panel", "scaling", "graph"])
def test_every_field_comes_back_as_it_was(tmp_path: Path, part: str) -> None:
    before = sketch(with_gaps(small_panel()), graph=chain_graph(CHANNELS[:3]))
    save_fitted(before, tmp_path)
    old, new = getattr(before, part), getattr(load_fitted(tmp_path), part)

    for item in fields(old):
        was, now = getattr(old, item.name), getattr(new, item.name)
        assert type(now) is type(was), item.name
        np.testing.assert_array_equal(now, was, err_msg=item.name)


def test_no_file_needs_pickle(tmp_path: Path) -> None:
    save_fitted(sketch(), tmp_path)

    for path in (tmp_path / "model").glob("*.npz"):
        with np.load(path, allow_pickle=False) as archive:
            assert all(archive[name].dtype.kind in "fiubU" for name in archive.files)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="holds no fitted model"):
        load_fitted(tmp_path)
    with pytest.raises(ModelFileError, match="holds no fitted model"):
        load_fitted(tmp_path / "nowhere")


def cut(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def fill(path: Path) -> None:
    path.write_text("nonsense: [")


FILES = ("spec.yaml", "weights.npz", "scaling.npz", "panel.npz", "graph.npz", "provenance.json", "trace.json")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [Path.unlink, cut, fill], ids=["missing", "cut", "nonsense"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str, damage: Callable[[Path], None]) -> None:
    save_fitted(sketch(), tmp_path)
    damage(tmp_path / "model" / name)

    with pytest.raises(ModelFileError, match="Fit the model again") as caught:
        load_fitted(tmp_path)
    assert str(tmp_path / "model") in str(caught.value)


@pytest.mark.parametrize("content", ["[]", "{}", '{"format": 1}', '{"format": 99, "split": [1, 1, 1]}'])
def test_another_provenance_is_refused(tmp_path: Path, content: str) -> None:
    save_fitted(sketch(), tmp_path)
    (tmp_path / "model" / "provenance.json").write_text(content)

    with pytest.raises(ModelFileError, match="Fit the model again"):
        load_fitted(tmp_path)


@pytest.mark.parametrize("name", ["share", "noise"])
def test_weights_that_lack_a_parameter_are_refused(tmp_path: Path, name: str) -> None:
    fitted = sketch()
    save_fitted(fitted, tmp_path)
    rest = {key: value for key, value in fitted.parameters.items() if key != name}
    np.savez(tmp_path / "model" / "weights.npz", allow_pickle=False, **rest)

    with pytest.raises(ModelFileError, match=f"{name}.* Fit the model again"):
        load_fitted(tmp_path)


@pytest.mark.parametrize("field", ["split", "scales", "trained_until", "weights"])
def test_a_provenance_that_lacks_a_field_is_refused(tmp_path: Path, field: str) -> None:
    save_fitted(sketch(), tmp_path)
    path = tmp_path / "model" / "provenance.json"
    content = json.loads(path.read_text())
    del content[field]
    path.write_text(json.dumps(content))

    with pytest.raises(ModelFileError, match=field):
        load_fitted(tmp_path)
