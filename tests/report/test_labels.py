"""Users' own words on pages, and what pages say of money that nobody stated."""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mmm.report import load_tables
from mmm.report.about import read_about
from mmm.report.labels import labelled_record
from mmm.report.model.build import render

Change = Callable[[dict[str, Any]], None]


def changed(model: Path, folder: Path, change: Change) -> Path:
    """A copy of a model's directory with another spec."""
    copy = folder / "model"
    shutil.copytree(model, copy)
    path = copy / "model" / "spec.json"
    spec = json.loads(path.read_text(encoding="utf-8"))
    change(spec)
    path.write_text(json.dumps(spec), encoding="utf-8")
    return copy


def page(model: Path) -> str:
    return html.unescape(render(load_tables(model))).replace("\u00a0", " ")


def without_money(spec: dict[str, Any]) -> None:
    spec.update(kpi_value=None, currency=None)


def test_without_a_value_and_a_currency_the_report_tells_kpi_and_cost_per_unit(
    small: Path, tmp_path: Path
) -> None:
    folder = changed(small, tmp_path, without_money)
    priors = pd.read_parquet(folder / "priors.parquet")
    of_money = priors["quantity"].str.contains("roi")  # refused where no unit has a value
    priors[~of_money].to_parquet(folder / "priors.parquet")
    told = page(folder)

    assert of_money.any()
    assert "visits per 1 k currency units" in told
    assert "An incremental unit of visits costs" in told
    for word in (
        r"\bROI\b",
        "break-even",
        r"\bNone\b",
        "what they are worth",
        "back for each",
        "sure to pay",
    ):
        found = re.search(f".{{0,200}}{word}.{{0,60}}", re.sub(r"<script[^>]*>(?s:.*?)</script>", "", told))
        assert found is None, str(found)
    assert "Return by quarter" in told


def test_with_a_value_the_report_tells_returns(small: Path) -> None:
    told = page(small)

    assert "ROI by quarter" in told and "USD back for each USD spent" in told


def test_channels_and_the_kpi_are_called_what_the_spec_calls_them(small: Path, tmp_path: Path) -> None:
    name = load_tables(small).channels[0]

    def worded(spec: dict[str, Any]) -> None:
        spec["columns"] |= {"kpi_label": "Web traffic", "kpi_unit": "sessions"}
        spec["columns"]["channels"] = {name: {"spend": name, "label": "Linear film"}}

    copy = changed(small, tmp_path, worded)
    tables, told = load_tables(copy), page(copy)

    assert "Linear film" in tables.channels and name not in tables.channels
    assert "Linear film" in tables.plan["spend"] and name not in tables.plan["spend"]
    assert "What brings Web traffic" in told and "sessions brought by media" in told
    assert "Linear film" in told
    assert read_about(copy / "model", None).goal == "Web traffic"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"spend": {"tv": 1.0}}, {"spend": {"Film": 1.0}}),
        ({"channel": "tv", "unit": "USD"}, {"channel": "Film", "unit": "USD"}),
        ({"warnings": ["tv, radio: held; give bounds.tv to plan it."]},
         {"warnings": ["Film, radio: held; give bounds.tv to plan it."]}),
        ({"where": "channel 'tv'", "what": "It ends with tv."},
         {"where": "channel 'Film'", "what": "It ends with Film."}),
    ],
)  # fmt: skip
def test_labels_stand_where_names_are_meant(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert labelled_record(before, {"tv": "Film"}) == after
