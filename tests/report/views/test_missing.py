"""Views without some of their files: a note that names the file, never an exception."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mmm.report import SECTIONS, MissingTableError, Tables
from mmm.report.sections import Entry
from mmm.report.tables import COLUMNS, RECORDS

ENTRIES = [entry for entries in SECTIONS.values() for entry in entries]
NEEDED: dict[str, set[str]] = {
    "headline": {"metrics"},
    "national": {"predictions"},
    "by-region": {"predictions"},
    "region-multiples": {"predictions"},
    "scatter": {"predictions"},
    "shares": {"contributions"},
    "stacked": {"contributions"},
    "waterfall": {"contributions"},
    "channel-lines": {"contributions"},
    "season-trend": {"contributions"},
    "roi": {"effects"},
    "curves": {"curves"},
    "spend-effect": {"effects"},
    "bubbles": {"returns"},
    "unit-cost": {"effects"},
    "quarters": {"returns"},
    "window": {"windows"},
    "all-curves": {"curves"},
    "plan-effects": {"plan", "curves"},
    "realisation": {"adstock"},
    "priors": {"priors"},
    "frequency": {"frequency", "best_frequency"},
    "saturation": {"hill"},
    "plan": {"plan"},
    "experiments": {"experiments"},
    "settles": {"tests", "effects"},
    "carryover": {"adstock"},
    "effectiveness": {"effectiveness"},
    "dag": {"graph"},
    "dag-matrix": {"graph"},
    "effects": {"effects"},
    "regions": {"regions"},
    "residuals": {"predictions"},
    "stated": {"priors"},
    "training": {"training"},
    "coverage": {"predictions"},
    "activity": {"data_quality"},
    "correlations": {"correlations"},
}
"""Files without which a view cannot be drawn; it does without every other."""
EVERY = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.key)


@EVERY
def test_a_view_without_its_files_says_which(entry: Entry[Tables]) -> None:
    with pytest.raises(MissingTableError, match=r"\.(parquet|json) is not in this directory"):
        entry.draw(Tables())


@EVERY
@pytest.mark.parametrize("name", [*COLUMNS, *RECORDS])
def test_any_one_file_may_be_missing(entry: Entry[Tables], name: str, tables: Tables) -> None:
    without: Any = {name: None}
    rest = replace(tables, **without)
    if name in NEEDED[entry.key]:
        with pytest.raises(MissingTableError, match=name):
            entry.draw(rest)
    else:
        assert len(entry.draw(rest).data) > 0
