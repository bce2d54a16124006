"""Out of a table of tests, the one that settles each channel best, and what it is in words."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from mmm import words

TESTS = "tests.parquet"
"""File beside a model in which a design lies for report and pages to show."""
KINDS = {"hold_back": "hold back", "go_dark": "go dark", "heavy_up": "heavy up"}


def best_tests(tests: pd.DataFrame) -> pd.DataFrame:
    """Of each channel the test of the highest net value, else of the highest value, that can be made."""
    able = tests[tests["standard_error"].notna()]
    by = ["net", "value_kpi"] if able["net"].notna().any() else ["value_kpi"]
    ordered = able.sort_values(["recommended", *by], ascending=False)
    return ordered.drop_duplicates("channel").reset_index(drop=True)


def said(row: Mapping[str, object]) -> str:
    """``go dark for 8 weeks in 5 regions``."""
    kind = KINDS.get(str(row["kind"]), str(row["kind"]))
    weeks = words.count(int(float(str(row["weeks"]))), "week")
    if row["national"]:
        blocks = words.count(int(float(str(row["blocks"]))), "block")
        return f"{kind} in {blocks} of {weeks}"
    return f"{kind} for {weeks} in {words.count(len(str(row['treated']).split('; ')), 'region')}"
