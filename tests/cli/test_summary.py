"""A fit in words and tables: numbers that can be checked by hand."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from mmm.cli.summary import effects_table, scores_table, summarise
from mmm.data.schema import Finding
from mmm.pipeline import Result
from tests.small import sketch

UNKNOWN = float("nan")
NAIVE = {"region_mean": {"r2": 0.5, "mae": 3.0}, "last_value": {"r2": 0.7, "mae": 2.0}}


def scores(**changes: Any) -> dict[str, Any]:
    """Scores of one window."""
    known = {
        "r2": 0.9,
        "r2_within": 0.4,
        "mae": 12345.6,
        "wape": 0.0512,
        "skill": 0.25,
        "n": 24,
        "naive": NAIVE,
    }
    return known | changes


def shown(what: Any) -> str:
    """What a terminal of 200 columns shows."""
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(what)
    return console.export_text()


def row(text: str, first: str) -> list[str]:
    """Cells of the line that begins with a word."""
    (line,) = (line for line in text.splitlines() if line.strip("│ ").startswith(first))
    return [cell.strip() for cell in line.strip("│ ").split("│")]


@pytest.fixture
def result() -> Result:
    """TV brings 50 of 200 in training, between 20 and 80, radio nothing that is known; email ran for free."""
    fitted = sketch()
    dates = pd.to_datetime([fitted.panel.dates[0], fitted.panel.dates[39], fitted.panel.dates[40]])
    effects = pd.DataFrame(
        {
            "channel": ["tv", "search", "radio"],
            "direct": [50.0, 10.0, 0.0],
            "direct_lower": [20.0, UNKNOWN, UNKNOWN],
            "direct_upper": [80.0, UNKNOWN, UNKNOWN],
            "roi": [2.0, 1.23456, UNKNOWN],
            "roi_lower": [0.8, UNKNOWN, UNKNOWN],
            "roi_upper": [3.2, UNKNOWN, UNKNOWN],
            "marginal_roi": [1.5, 0.5, UNKNOWN],
        }
    )
    contributions = pd.DataFrame({"date": dates, "value": [120.0, 80.0, 1000.0]})
    metrics = {"train": scores(), "holdout": scores(r2=None, skill=-0.5, naive={}), "test": scores(n=0)}
    finding = Finding("warning", "odd_channel", "tv", "is odd.", "It matters.", "Look.")
    return Result(fitted, metrics, (finding,), {"effects": effects, "contributions": contributions}, 12.34)


def test_scores_stand_beside_the_best_rule_of_thumb(result: Result) -> None:
    text = shown(scores_table(result))

    assert row(text, "train") == ["train", "0.900", "0.400", "1.235e+04", "0.051", "0.700", "0.250"]


def test_what_has_no_score_is_a_dash_and_an_empty_window_no_row(result: Result) -> None:
    text = shown(scores_table(result))

    assert row(text, "holdout") == ["holdout", "-", "0.400", "1.235e+04", "0.051", "-", "-0.500"]
    assert "test" not in text


def test_shares_are_of_the_kpi_of_the_training_window(result: Result) -> None:
    """120 and 80 fall into training, whose last period is the fortieth; 1000 does not."""
    text = shown(effects_table(result))

    assert row(text, "tv") == ["tv", "25.0%", "10.0% to 40.0%", "2.000", "0.80 to 3.20", "1.500"]
    assert row(text, "search") == ["search", "5.0%", "unknown", "1.235", "unknown", "0.500"]
    assert row(text, "radio") == ["radio", "0.0%", "unknown", "-", "unknown", "-"]
    assert "USD of KPI value per USD spent" in text


def test_the_whole_says_what_was_fitted_found_and_kept(result: Result) -> None:
    text = shown(summarise(result, Path("models/us")))

    assert text.startswith("acme / us: 3 member(s), 10 epochs, 12.3 s")
    assert "warning: tv: is odd. It matters. Look." in text
    assert text.rstrip().endswith("Results: models/us")


def test_a_name_with_brackets_is_shown_as_it_is(result: Result) -> None:
    spec = result.fitted.spec.model_copy(update={"brand": "acme [red]"})
    text = shown(summarise(replace(result, fitted=replace(result.fitted, spec=spec)), Path("m")))

    assert text.startswith("acme [red] / us")
