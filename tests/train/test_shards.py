"""Any number of shards finds what one process finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from mmm.config import MarketSpec
from mmm.data.experiments import locate_experiments
from mmm.data.panel import Panel, data_fingerprint
from mmm.fitted import Fitted
from mmm.model.inputs import Inputs
from mmm.model.network import Components, forward
from mmm.train.fit import fit
from mmm.train.prepare import Prepared, pose
from mmm.train.sharded_state import cut, fitted_of, put_together, rows_of, state_of
from mmm.train.shards import Alone, Survey
from tests.small import market, reach_panel, small_panel, some_regions, split_of, with_gaps
from tests.train.crew import Table, Thread, crew

TRAIN: dict[str, Any] = {"epochs": 40, "members": 2, "validation": 6, "patience": 15}
MODEL: dict[str, Any] = {"temporal": {"hidden": 3}}
BELIEFS: dict[str, Any] = {"priors": {"media_share": {"mean": 0.2, "sd": 0.05}, "dynamic": True}}
TEST = {
    "channel": "tv",
    "regions": ["r1", "r3"],
    "start": "2023-03-06",
    "end": "2023-04-02",
    "lift": 90.0,
    "standard_error": 10.0,
    "spend_change": 300.0,
}


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The validation tail may choose few epochs, so that tests are quick."""
    for module in ("fit", "stacked"):
        monkeypatch.setattr(f"mmm.train.{module}.LEAST_EPOCHS", 20)


def survey_of(spec: MarketSpec, panel: Panel) -> Survey:
    return Survey(data_fingerprint(panel), tuple(locate_experiments(spec, panel)[0]), panel.regions)


def rows(panel: Panel, own: slice) -> Panel:
    return some_regions(panel, np.arange(len(panel.regions))[own])


def on_shards(spec: MarketSpec, panel: Panel, sizes: tuple[int, ...], **options: Any) -> tuple[Fitted, Table]:
    survey, split = survey_of(spec, panel), split_of(panel)

    def one(shard: Thread, own: slice) -> Fitted:
        return fit(spec, rows(panel, own), split, shards=shard, survey=survey, **options)

    parts, table = crew(sizes, one)
    states = [cut(state_of(part)) for part in parts]
    whole = put_together(states[0][0], [own for _, own in states])
    return fitted_of(whole, spec, panel, split), table


def posed(spec: MarketSpec, panel: Panel, sizes: tuple[int, ...]) -> list[Prepared]:
    survey = survey_of(spec, panel)
    return crew(sizes, lambda shard, own: pose(spec, rows(panel, own), 40, shard, survey=survey))[0]


@pytest.mark.parametrize(
    ("sizes", "model"), [((1, 4), MODEL), ((1, 1, 1, 1, 1), MODEL), ((2, 1, 2), MODEL | BELIEFS)]
)
def test_a_fit_of_shards_is_the_fit_of_the_whole(sizes: tuple[int, ...], model: dict[str, Any]) -> None:
    panel = with_gaps(small_panel(regions=5))
    spec = market(panel, model=model, train=TRAIN)
    whole = fit(spec, panel, split_of(panel))
    found, _ = on_shards(spec, panel, sizes)

    assert found.provenance["epochs"] == whole.provenance["epochs"]
    assert found.provenance["data_fingerprint"] == whole.provenance["data_fingerprint"]
    assert found.trace["epoch"] == whole.trace["epoch"]
    assert_allclose(found.trace["loss"][:2], whole.trace["loss"][:2], rtol=1e-5)
    assert_allclose(
        found.predictor.parts.channels_MGTC.sum((1, 2)),
        whole.predictor.parts.channels_MGTC.sum((1, 2)),
        rtol=1e-4,
    )
    assert_allclose(found.predictor.parts.prediction_MGT, whole.predictor.parts.prediction_MGT, rtol=1e-4)
    assert_allclose(found.graph.score_CC, whole.graph.score_CC, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("regions", [5, 40])
def test_what_training_takes_as_given_is_the_same(regions: int) -> None:
    """With many regions, prior scales are found from a few of them, whichever shards have them."""
    panel = with_gaps(small_panel(regions=regions))
    spec = market(panel, model=MODEL, train=TRAIN)
    whole = pose(spec, panel, 40, Alone(regions))
    shards = posed(spec, panel, (regions - 2, 2))

    for shard in shards:
        assert_allclose(
            list(shard.scales.as_dict().values()), list(whole.scales.as_dict().values()), rtol=1e-6
        )
        assert_allclose(shard.scaling.media_C, whole.scaling.media_C, rtol=1e-12)
        assert_allclose(shard.scaling.control_sd_K, whole.scaling.control_sd_K, rtol=1e-12)
        assert shard.scaling.mean_kpi == pytest.approx(whole.scaling.mean_kpi, rel=1e-12)
        assert_allclose(shard.roi_unit_C, whole.roi_unit_C, rtol=1e-6)
        assert_allclose(shard.inputs.log_half_C, whole.inputs.log_half_C, atol=1e-6)
        assert_allclose(shard.graph.coefficient_KCC, whole.graph.coefficient_KCC, rtol=1e-5, atol=1e-9)
    assert_allclose(np.concatenate([s.scaling.size_G for s in shards]), whole.scaling.size_G, rtol=1e-12)


@pytest.mark.parametrize("sizes", [(1, 4), (2, 1, 2)])
def test_in_double_precision_every_digit_that_counts_is_the_same(sizes: tuple[int, ...]) -> None:
    panel = with_gaps(small_panel(regions=5))
    spec = market(panel, model=MODEL, train=TRAIN | {"precision": "float64"})
    whole = fit(spec, panel, split_of(panel))
    found, _ = on_shards(spec, panel, sizes)

    assert_allclose(found.trace["loss"], whole.trace["loss"], rtol=1e-9)
    for name, value in whole.parameters.items():
        assert_allclose(found.parameters[name], value, rtol=1e-6, atol=1e-8, err_msg=name)


@pytest.mark.parametrize("panel", [with_gaps(small_panel(regions=5)), reach_panel(regions=5)])
def test_a_shard_that_is_gone_through_in_blocks_finds_the_same(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = market(panel, model=MODEL, train=TRAIN | {"precision": "float64", "inference": "ensemble"})
    whole = fit(spec, panel, split_of(panel))
    looked_at: list[int] = []
    monkeypatch.setattr("mmm.train.stacked.PART_CELLS", {"cpu": 2 * panel.media_GTC[0].size})
    monkeypatch.setattr("mmm.graph.learn.BLOCK_CELLS", 2 * panel.media_GTC[0].size)
    monkeypatch.setattr("mmm.train.stacked.forward", _watched(looked_at))
    found = fit(spec, panel, split_of(panel))

    assert max(looked_at) <= 2 < len(panel.regions)
    assert found.provenance["epochs"] == whole.provenance["epochs"]
    assert_allclose(found.trace["loss"], whole.trace["loss"], rtol=1e-9)
    for column in ("validation", "validation_rmse", "r2"):
        known = [value for value in whole.trace[column] if value is not None]
        assert len(known) > 1
        assert_allclose([value for value in found.trace[column] if value is not None], known, rtol=1e-9)
    assert_allclose(found.graph.score_CC, whole.graph.score_CC, rtol=1e-9, atol=1e-12)
    for name, value in whole.parameters.items():
        assert_allclose(found.parameters[name], value, rtol=1e-6, atol=1e-8, err_msg=name)


def test_what_is_believed_of_sums_over_regions_keeps_them_together(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = small_panel(regions=5)
    spec = market(panel, model=MODEL | BELIEFS, train=TRAIN)
    monkeypatch.setattr("mmm.train.stacked.PART_CELLS", {"cpu": 1})
    looked_at: list[int] = []
    monkeypatch.setattr("mmm.train.stacked.forward", _watched(looked_at))
    fit(spec, panel, split_of(panel), epochs=5)

    assert set(looked_at) == {5}


def _watched(looked_at: list[int]) -> Callable[..., Components]:
    """The model's equation, which notes how many regions it is asked about."""

    def watched(parameters: Any, inputs: Inputs, *rest: Any, **options: Any) -> Components:
        looked_at.append(inputs.regions)
        return forward(parameters, inputs, *rest, **options)

    return watched


def test_lift_tests_count_once_wherever_their_regions_are() -> None:
    panel = small_panel(regions=5)
    spec = market(panel, model=MODEL, train=TRAIN | {"validation": 0}, experiments=[TEST])
    whole = fit(spec, panel, split_of(panel))
    found, _ = on_shards(spec, panel, (2, 1, 2))

    assert_allclose(found.trace["loss"], whole.trace["loss"], rtol=1e-4)
    ignored = fit(replace_experiments(spec), panel, split_of(panel))
    assert abs(ignored.trace["loss"][0] - whole.trace["loss"][0]) > 1e-3


def replace_experiments(spec: MarketSpec) -> MarketSpec:
    return spec.model_copy(update={"experiments": ()})


def test_a_step_takes_one_sum() -> None:
    panel = small_panel(regions=4)
    few = market(panel, model=MODEL, train=TRAIN | {"validation": 0, "epochs": 10})
    many = market(panel, model=MODEL, train=TRAIN | {"validation": 0, "epochs": 15})
    tables = [on_shards(spec, panel, (2, 2))[1] for spec in (few, many)]

    assert tables[1].sums - tables[0].sums == 5


def test_a_state_is_cut_and_put_together() -> None:
    panel = small_panel(regions=5)
    spec = market(panel, model=MODEL, train=TRAIN | {"validation": 0, "epochs": 3})
    fitted = fit(spec, panel, split_of(panel))
    state = state_of(fitted)
    shared, own = cut(state)
    parts = [rows_of(own, 0, 2), rows_of(own, 2, 5)]

    assert "region_scale" not in shared["parameters"]
    assert "share" not in own["parameters"]
    again = fitted_of(put_together(shared, parts), spec, panel, fitted.split)
    for name, value in fitted.parameters.items():
        np.testing.assert_array_equal(again.parameters[name], value)
    np.testing.assert_array_equal(again.scaling.control_mean_GK, fitted.scaling.control_mean_GK)
    assert again.graph.channels == fitted.graph.channels


def test_own_parameters_of_a_shard_are_those_of_its_regions() -> None:
    panel = small_panel(regions=5)
    spec = market(panel, model=MODEL, train=TRAIN)
    start = posed(spec, panel, (4, 1))[1].start(2, 0)

    assert start["region_scale"].shape[:2] == torch.Size([2, 1])
    assert replace(posed(spec, panel, (4, 1))[1], shards=Alone(1)).start(2, 0).keys() != start.keys()
