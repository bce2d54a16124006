"""What the views claim in words: no more than their data support."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mmm import words
from mmm.report import Tables
from mmm.report.views import checks, curves, fit, fit_regions, regions, returns, waterfall
from tests.report.views.figures import statement


def test_a_model_refitted_on_all_periods_is_judged_by_the_fit_before(tables: Tables) -> None:
    assert tables.predictions is not None
    seen = tables.predictions.assign(split="train", predicted=tables.predictions["actual"])
    both = replace(tables, predictions=seen, scored_predictions=tables.predictions)

    for view in (fit.national, fit.holdout_scatter, fit_regions.by_region, checks.residuals):
        assert statement(view(both)) == statement(view(tables))
        assert any("fitted once more" in note for note in view(both).layout.meta["notes"])
    assert both.training_dates.equals(tables.training_dates)


def test_a_lead_that_is_not_certain_is_not_called_one(tables: Tables) -> None:
    assert tables.effects is not None
    unsure = tables.effects.assign(roi_lower=0.0, roi_upper=9.0)
    said = statement(returns.roi(replace(tables, effects=unsure)))
    best = tables.effects.sort_values("roi").iloc[-1]
    sure = tables.effects.assign(
        roi_lower=tables.effects["roi"] - 0.01, roi_upper=tables.effects["roi"] + 0.01
    )

    assert said.startswith("No channel is sure to pay")
    assert "5 other channels may return as much" in said
    assert words.subject(str(best["channel"])) in statement(returns.roi(replace(tables, effects=sure)))
    assert "returns most" in statement(returns.roi(replace(tables, effects=sure)))


def test_curves_tell_which_channel_is_closest_to_its_limit(tables: Tables) -> None:
    """The fuller channel gains 2 % from a fifth more, the emptier 20 %."""
    assert tables.curves is not None
    curve = tables.curves[tables.curves["channel"] == "tv"]
    full = curve.assign(response=np.interp(curve["multiplier"], [0, 1, 1.2, 2], [0, 100, 102, 104]))
    empty = curve.assign(response=100 * curve["multiplier"], channel="search")
    said = statement(curves.curves(replace(tables, curves=pd.concat([full, empty]))))

    assert said.replace("\N{NO-BREAK SPACE}", " ").startswith(
        "A fifth more of TV would bring 2 % more from it, of search 20 %: TV is closest to its limit"
    )


def test_many_controls_are_one_step_of_the_waterfall(tables: Tables) -> None:
    assert tables.contributions is not None
    control = tables.contributions[tables.contributions["component"] == "price"]
    more = [control.assign(component=f"control_{n}") for n in range(6)]
    figure = waterfall.waterfall(replace(tables, contributions=pd.concat([tables.contributions, *more])))
    bars = figure.data[0]

    assert list(bars.x).count("8 controls") == 1
    assert sum(bars.y[:-1]) == pytest.approx(bars.y[-1])


def test_regions_keep_their_names(tables: Tables) -> None:
    assert tables.regions is not None
    odd = tables.regions.assign(region=tables.regions["region"].astype(str).replace({"Chicago": "us-il"}))

    assert "us-il" in regions.region_ranking(replace(tables, regions=odd)).layout.yaxis.ticktext


def test_no_tick_at_zero_has_a_unit(tables: Tables) -> None:
    assert fit_regions.by_region(tables).layout.yaxis.labelalias == {
        "0\N{NO-BREAK SPACE}k": "0",
        "1,000\N{NO-BREAK SPACE}k": "1\N{NO-BREAK SPACE}M",
    }
