from __future__ import annotations

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
