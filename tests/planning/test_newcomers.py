"""Regions that opened too late to be fitted have plans all the same, at the effect that all regions share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mmm.data.panel import Panel
from mmm.data.regions import kept_regions
from mmm.fitted import Fitted, load_fitted, save_fitted
from mmm.planning.budget import plan_budget
from mmm.planning.newcomers import with_newcomers
from mmm.planning.planner import Planner
from tests.small import sketch, small_panel

OPENED = 38
"""First period of the new region, ten before the end."""


def panels(*, population: bool = True) -> tuple[Panel, Panel]:
    """Two regions that are fitted, and one between them by name that opened late."""
    panel = replace(small_panel(regions=3), regions=("east", "south", "west"))
    panel = panel if population else replace(panel, population_G=None)
    present_GT = panel.present_GT.copy()
    present_GT[1, :OPENED] = False
    closed_GT1 = ~present_GT[..., None]
    panel = replace(
        panel,
        present_GT=present_GT,
        kpi_GT=np.where(present_GT, panel.kpi_GT, np.nan),
        media_GTC=np.where(closed_GT1, 0.0, panel.media_GTC),
        spend_GTC=np.where(closed_GT1, 0.0, panel.spend_GTC),
    )
    new_G = np.array([False, True, False])
    return kept_regions(panel, ~new_G), kept_regions(panel, new_G)


@pytest.fixture(scope="module", params=[True, False])
def fitted(request: pytest.FixtureRequest) -> Fitted:
    known, new = panels(population=request.param)
    return replace(sketch(known), left_out=new)


def test_the_new_region_has_its_own_level_and_the_others_are_as_they_were(fitted: Fitted) -> None:
    joined = with_newcomers(fitted)
    whole_MGT = joined.predictor.parts.prediction_MGT
    assert fitted.left_out is not None

    assert joined.panel.regions == ("east", "south", "west")
    assert_allclose(whole_MGT[:, [0, 2]], fitted.predictor.parts.prediction_MGT, rtol=1e-9)
    kpi = np.nanmean(fitted.left_out.kpi_GT)
    assert_allclose(whole_MGT[:, 1, OPENED:].mean(1), kpi, rtol=1e-6)


def test_its_response_is_that_of_the_average_region(fitted: Fitted) -> None:
    """Relative to the KPI per head, a unit of media does what it does where no region differs from others."""
    joined = with_newcomers(fitted)
    plain = {**joined.parameters, "region_scale": np.zeros_like(joined.parameters["region_scale"])}
    average = replace(joined, parameters=plain)

    assert_array_equal(joined.predictor.weight_MCG[..., 1], average.predictor.weight_MCG[..., 1])
    assert not np.allclose(joined.predictor.weight_MCG[..., 0], average.predictor.weight_MCG[..., 0])


def test_plans_by_region_have_it_and_say_so(fitted: Fitted) -> None:
    plan = plan_budget(
        fitted, {"budget": "current", "horizon": 6, "by_region": True, "region_bounds": {"max_change": 0.3}}
    )
    assert plan.regions is not None and fitted.left_out is not None
    mine = [row for row in plan.regions if row.region == "south"]

    assert len(mine) == len(fitted.panel.channels)
    spent = fitted.left_out.spend_GTC[0, -6:].sum()
    assert sum(row.current_spend for row in mine) == pytest.approx(spent)
    assert any(text.startswith("region south: opened too late to be fitted") for text in plan.warnings)
    assert plan.current_budget == pytest.approx(spent + fitted.panel.spend_GTC[:, -6:].sum())


def test_a_region_without_a_kpi_stays_out() -> None:
    known, new = panels()
    fitted = replace(sketch(known), left_out=replace(new, kpi_GT=np.full_like(new.kpi_GT, np.nan)))

    assert with_newcomers(fitted) is fitted
    assert Planner(fitted).panel.regions == ("east", "west")


def test_a_model_of_one_region_takes_another(tmp_path: Path) -> None:
    panel = replace(small_panel(regions=2), regions=("old", "new"))
    fitted = sketch(kept_regions(panel, np.array([True, False])))
    fitted = replace(fitted, left_out=kept_regions(panel, np.array([False, True])))
    save_fitted(fitted, tmp_path)
    joined = with_newcomers(load_fitted(tmp_path))

    assert joined.panel.regions == ("new", "old")
    found_GT = joined.predictor.parts.prediction_MGT.mean(0)
    assert_allclose(found_GT[0].mean(), panel.kpi_GT[1].mean(), rtol=1e-6)


def test_a_saved_model_keeps_them_and_one_without_has_no_such_file(fitted: Fitted, tmp_path: Path) -> None:
    save_fitted(fitted, tmp_path / "with")
    save_fitted(replace(fitted, left_out=None), tmp_path / "without")
    again = load_fitted(tmp_path / "with")

    assert again.left_out is not None and fitted.left_out is not None
    assert again.left_out.regions == ("south",)
    assert_array_equal(again.left_out.kpi_GT, fitted.left_out.kpi_GT)
    assert load_fitted(tmp_path / "without").left_out is None
    assert not (tmp_path / "without" / "model" / "left_out.npz").exists()
