from __future__ import annotations

from typing import Any

import pytest

from jobs.record.gates import Gates, objections
from tests.jobs.rows import row


def test_the_first_model_needs_no_comparison() -> None:
    assert objections(row(), None) == []


def test_an_error_in_the_diagnostics_stops_even_the_first() -> None:
    (reason,) = objections(row(findings=("error negative_baseline us: below 0", "warning other x: y")), None)

    assert "negative_baseline" in reason


def test_the_same_model_passes() -> None:
    assert objections(row(), row()) == []


@pytest.mark.parametrize(("skill", "passes"), [(0.36, True), (0.34, False), (0.9, True)])
def test_skill_may_fall_a_little(skill: float, passes: bool) -> None:
    reasons = objections(row(scores={"holdout_skill": skill}), row())

    assert (not reasons) == passes


def test_the_test_window_counts_before_the_holdout() -> None:
    old = row(scores={"holdout_skill": 0.9, "test_skill": 0.1})
    new = row(scores={"holdout_skill": 0.1, "test_skill": 0.1})

    assert objections(new, old) == []


def test_attribution_may_not_jump() -> None:
    # 0.06 of 0.3 went from one channel to the other: 0.12 / 0.3 = 40 % of what media bring.
    (reason,) = objections(row(shares={"tv": 0.14, "search": 0.16}), row())

    assert reason.startswith("40%")
    assert objections(row(shares={"tv": 0.14, "search": 0.16}), row(), Gates(share_shift=0.5)) == []


def test_roi_may_not_jump_though_shares_and_scores_stay() -> None:
    (reason,) = objections(row(roi={"tv": 1500.0, "search": 3.0}), row())

    assert reason == "ROI of tv went from 1.5 to 1.5e+03"
    assert objections(row(roi={"tv": 2.9, "search": 1.6}), row()) == []


def test_a_past_that_is_told_otherwise_waits_for_a_person() -> None:
    finding = "warning history_restated tv: The spend of tv ..."

    assert objections(row(findings=(finding,)), row()) == [finding]


def test_a_channel_that_was_renamed_is_the_same() -> None:
    new = row(shares={"tv": 0.2, "paid_search": 0.1}, roi={"tv": 1.5, "paid_search": 3.0})

    (reason,) = objections(new, row())
    assert reason == (
        "33% of what media bring went elsewhere, more than 25% ('search' went and 'paid_search' came; if "
        "they are the same, say so in the spec: `renamed: {paid_search: search}`)"
    )
    assert objections(new, row(), renamed={"paid_search": "search"}) == []
    assert objections(new, new, renamed={"paid_search": "search"}) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"scores": {"holdout_skill": -8543.0}}, "holdout skill is -8.54e+03, below -3"),
        ({"scores": {"holdout_skill": 0.5, "test_skill": -9.0}}, "test skill is -9, below -3"),
        ({"shares": {"tv": 0.9, "search": 0.07}}, "media bring 97% of the KPI, more than 80%"),
        ({"findings": ("warning implausible_roi tv: ROI is 900",)}, "warning implausible_roi tv"),
    ],
)
def test_the_first_model_has_floors_of_its_own(changes: dict[str, Any], reason: str) -> None:
    (found,) = objections(row(**changes), None)

    assert found.startswith(reason)


def test_a_poor_first_model_is_not_without_hope() -> None:
    assert objections(row(scores={"holdout_skill": -2.5}, shares={"tv": 0.5, "search": 0.2}), None) == []


def test_without_a_value_of_the_kpi_a_jump_is_told_in_kpi_units() -> None:
    stated = "info value_not_stated kpi_value: What a KPI unit is worth is not stated."
    (reason,) = objections(row(roi={"tv": 1500.0, "search": 3.0}, findings=(stated,)), row())

    assert reason == "KPI per unit spent on tv went from 1.5 to 1.5e+03"
