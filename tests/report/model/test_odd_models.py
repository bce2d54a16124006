"""Models that are odd or half broken still have a report, without a number that is none."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mmm.report import Tables, render

BROKEN: dict[str, Callable[[Any], Tables]] = {
    "effects of zero": lambda t: replace(t, effects=_filled(t.effects, 0.0, keep=("channel", "spend"))),
    "effects unknown": lambda t: replace(t, effects=_filled(t.effects, np.nan, keep=("channel", "spend"))),
    "curves of zero": lambda t: replace(
        t, curves=_filled(t.curves, 0.0, keep=("channel", "multiplier", "spend"))
    ),
    "no spend": lambda t: replace(
        t, curves=t.curves.assign(spend=np.nan), effects=t.effects.assign(spend=np.nan)
    ),
    "saturation at infinity": lambda t: replace(t, hill=t.hill.assign(saturation_point=np.inf)),
    "a KPI of zero": lambda t: replace(t, predictions=t.predictions.assign(actual=0.0)),
    "no KPI": lambda t: replace(t, predictions=t.predictions.assign(actual=np.nan)),
    "one period": lambda t: replace(
        t, predictions=_first(t.predictions), contributions=_first(t.contributions)
    ),
    "no channel": lambda t: replace(t, contributions=t.contributions[t.contributions["kind"] != "channel"]),
    "no baseline": lambda t: replace(t, contributions=t.contributions[t.contributions["kind"] == "channel"]),
    "no loss": lambda t: replace(t, training=t.training.assign(loss=np.nan, validation=np.nan)),
    "regions unknown": lambda t: replace(
        t, regions=_filled(t.regions, np.nan, keep=("region", "channel", "kpi"))
    ),
    "a perfect guess": lambda t: replace(
        t, metrics={"holdout": {"mae": 0.1, "r2": None, "naive": {"last_value": {"mae": 0.0, "r2": None}}}}
    ),
    "no metrics": lambda t: replace(t, metrics={"holdout": None}),
    "every edge": lambda t: replace(t, graph=t.graph.assign(weight=1.0, probability=1.0)),
    "quality half told": lambda t: replace(t, data_quality={"channels": [{"name": "tv"}], "outliers": [{}]}),
}


def _filled(frame: Any, value: float, keep: tuple[str, ...]) -> Any:
    return frame.assign(**{name: value for name in frame if name not in (*keep, "supported")})


def _first(frame: Any) -> Any:
    return frame[frame["date"] == frame["date"].min()]


@pytest.mark.parametrize("case", BROKEN)
def test_odd_models_still_have_a_report(case: str, tables: Tables) -> None:
    page = render(BROKEN[case](tables))

    assert page.startswith("<!doctype html>")
    titles = re.findall(r"<h3>(.*?)</h3>", page)
    assert titles and not [title for title in titles if re.search(r"\b(nan|inf|None)\b", title)]
