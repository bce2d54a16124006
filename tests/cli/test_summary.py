"""A fit in a screen: numbers that can be checked by hand, and no more lines than a screen has."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from mmm.cli.summary import WIDTH, effects_table, scores_table, summarise
from mmm.pipeline import Result
from mmm.report.about import About
from mmm.report.tables import Tables
from tests.report.test_reach import LongNames
from tests.report.world import World, write_model
from tests.small import sketch

UNKNOWN = float("nan")


def scores(**changes: Any) -> dict[str, Any]:
    """Scores of one window."""
    known = {
        "r2": 0.9,
        "r2_within": 0.4,
        "rmse": 12345.6,
        "nrmse": 0.064,
        "wape": 0.0512,
        "skill": 0.25,
        "n": 24,
    }
    return known | changes


def shown(what: Any, width: int = 200) -> str:
    """What a terminal shows, in plain spaces."""
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(what, soft_wrap=True)
    return console.export_text().replace("\u00a0", " ")


def row(text: str, first: str) -> list[str]:
    """Cells of the line that begins with a word."""
    (line,) = (line for line in text.splitlines() if line.startswith(first))
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


@pytest.fixture
def tables() -> Tables:
    """TV brings 50 of 200 in training, between 20 and 80, radio nothing that is known; email ran for free."""
    dates = pd.to_datetime(["2024-01-01", "2024-01-08", "2024-01-15"])
    effects = pd.DataFrame(
        {
            "channel": ["tv", "search", "email"],
            "spend": [2000.0, 500.0, 0.0],
            "direct": [50.0, 10.0, 0.0],
            "roi": [2.0, 1.23456, UNKNOWN],
            "roi_lower": [0.8, UNKNOWN, UNKNOWN],
            "roi_upper": [3.2, UNKNOWN, UNKNOWN],
            "marginal_roi": [1.5, 0.5, UNKNOWN],
        }
    )
    contributions = pd.DataFrame({"date": dates, "value": [120.0, 80.0, 1000.0]})
    cells = pd.DataFrame({"region": "all", "date": dates, "split": ["train", "train", "holdout"]})
    about = About(currency="USD", kpi_value=2.0)
    return Tables(about=about, effects=effects, contributions=contributions, predictions=cells)


def test_scores_of_every_window_in_one_style() -> None:
    text = shown(scores_table({"train": scores(), "holdout": scores(r2=None, skill=-0.5), "test": {"n": 0}}))

    assert row(text, "train") == ["train", "0.900", "0.400", "12.3 k", "6.4 %", "5.1 %", "25 %"]
    assert row(text, "holdout") == ["holdout", "-", "0.400", "12.3 k", "6.4 %", "5.1 %", "\u221250 %"]
    assert "test" not in text, "an empty window has no row"


def test_shares_are_of_the_kpi_of_the_training_window(tables: Tables) -> None:
    """120 and 80 fall into training; 1000 does not."""
    text = shown(effects_table(tables))

    assert row(text, "tv") == ["tv", "2 k", "25 %", "2", "0.8 to 3.2", "1.5"]
    assert row(text, "search") == ["search", "500", "5 %", "1.2", "no interval", "0.5"]
    assert row(text, "email") == ["email", "-", "0 %", "-", "-", "-"]
    assert "returns in USD per USD" in text


def test_without_a_value_of_the_kpi_returns_are_of_its_units(tables: Tables) -> None:
    """50 units for 2000 of spend are 25 for 1000."""
    text = shown(effects_table(replace(tables, about=About(kpi="visits", currency="EUR"))))

    assert row(text, "tv")[3] == "25"
    assert "ROI" not in text and "returns in visits per 1 k EUR" in text


@pytest.mark.parametrize("world", [World(), World(channels=10, regions=1), World(members=1)])
def test_the_whole_is_a_screen(world: World, tmp_path: Path) -> None:
    """With every window, channels with long names, and more kinds of findings than are shown."""
    write_model(tmp_path, world)
    kinds = ("negative_roi", "collinear_channels", "experiment_conflict", "residual_drift")
    long = "paid_search_non_brand_google_and_bing_of_all_countries"
    rows = [
        {
            "severity": "warning",
            "code": code,
            "where": long,
            "what": "Odd.",
            "why": "So.",
            "what_to_do": "Look.",
        }
        for code in kinds
    ]
    (tmp_path / "diagnostics.json").write_text(json.dumps(rows), encoding="utf-8")
    (tmp_path / "report.html").touch()
    fitted = sketch()
    text = shown(summarise(Result(fitted, {}, (), {}, 12.34), tmp_path), WIDTH)
    lines = text.rstrip().splitlines()

    assert lines[0].startswith("acme / us: ")
    assert len(lines) <= 25
    assert max(len(line) for line in lines[:-2]) <= WIDTH, "paths are never broken"
    assert "4 findings, 4 to act on" in text
    assert lines[-2:] == [
        f"Next: open {tmp_path}/report.html",
        f"      mmm optimize {tmp_path} REQUEST.yaml (see docs/plans.md), mmm export {tmp_path}",
    ]


def test_findings_that_say_the_same_are_one(tmp_path: Path) -> None:
    write_model(tmp_path, World())
    rows = [
        {"severity": "warning", "code": "unidentified_channel", "where": name, "what_to_do": "Test it."}
        for name in ("tv", "radio", "email")
    ]
    (tmp_path / "diagnostics.json").write_text(json.dumps(rows), encoding="utf-8")
    text = shown(summarise(Result(sketch(), {}, (), {}, 1.0), tmp_path))

    assert text.count("The data say little about TV, radio and email") == 1


def test_the_advice_tells_its_odds_whatever_the_names_are(tmp_path: Path) -> None:
    write_model(tmp_path, LongNames())
    text = " ".join(shown(summarise(Result(sketch(), {}, (), {}, 1.0), tmp_path)).split())

    assert re.search(r"Move .* to .*: .* more \(.* to .*\); the chance that it gains at all is \d+ %\.", text)
    assert "and 1 other" in text or "others to" in text


def test_a_name_with_brackets_is_shown_as_it_is(tmp_path: Path) -> None:
    write_model(tmp_path, World())
    fitted = sketch()
    spec = fitted.spec.model_copy(update={"brand": "acme [red]"})
    text = shown(summarise(Result(replace(fitted, spec=spec), {}, (), {}, 1.0), tmp_path))

    assert text.startswith("acme [red] / us")
