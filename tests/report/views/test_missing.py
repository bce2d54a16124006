"""Views without some of their files: a note that names the file, never an exception."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
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
    "spend-quarters": {"realised"},
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
FILES = (*COLUMNS, *RECORDS)
EVERY = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.key)


@EVERY
def test_a_view_without_its_files_says_which(entry: Entry[Tables]) -> None:
    with pytest.raises(MissingTableError, match=r"\.(parquet|json) is not in this directory"):
        entry.draw(Tables())


@dataclass(frozen=True, eq=False)
class Watched(Tables):
    """The files of a model, with a note of those that were looked at."""

    seen: set[str] = field(default_factory=set)

    def __getattribute__(self, name: str) -> Any:
        if name in FILES:
            object.__getattribute__(self, "seen").add(name)
        return object.__getattribute__(self, name)


@EVERY
def test_any_one_file_may_be_missing(entry: Entry[Tables], tables: Tables) -> None:
    watched = Watched(**{item.name: getattr(tables, item.name) for item in fields(tables)})
    assert len(entry.draw(watched).data) > 0
    assert NEEDED[entry.key] <= watched.seen

    # A file that the view does not look at changes nothing by its absence.
    for name in watched.seen:
        without: Any = {name: None}
        rest = replace(tables, **without)
        if name in NEEDED[entry.key]:
            with pytest.raises(MissingTableError, match=name):
                entry.draw(rest)
        else:
            assert len(entry.draw(rest).data) > 0, name
