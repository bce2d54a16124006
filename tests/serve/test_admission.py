"""How many questions may be under way: of all, of one token, and of the long ones."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from serve.admission import Admission, Asker
from serve.problems import RequestProblem
from serve.settings import Limits

ACME, BOLT = Asker("acme"), Asker("bolt")


def status_of(admission: Admission, asker: Asker, *, slow: bool) -> int:
    """0 if one more is admitted, else the status of the refusal."""
    try:
        with admission.of(asker, slow=slow):
            return 0
    except RequestProblem as problem:
        return problem.status if problem.headers["Retry-After"] else 0


@pytest.mark.parametrize(
    ("slow", "limits", "own", "others"),
    [
        (False, Limits(at_once=2), 429, 0),
        (True, Limits(slow_of_a_token=2), 429, 0),
        (False, Limits(queue=2), 503, 503),
        (True, Limits(slow_at_once=2), 503, 503),
    ],
)
def test_the_third_at_once_is_refused(slow: bool, limits: Limits, own: int, others: int) -> None:
    admission = Admission(limits)
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(admission.of(ACME, slow=slow))
        assert status_of(admission, ACME, slow=slow) == own
        assert status_of(admission, BOLT, slow=slow) == others
    assert status_of(admission, ACME, slow=slow) == 0


def test_long_plans_of_a_token_leave_it_quick_ones() -> None:
    admission = Admission(Limits(slow_of_a_token=1))
    with admission.of(ACME, slow=True):
        assert status_of(admission, ACME, slow=True) == 429
        assert status_of(admission, ACME, slow=False) == 0


def test_a_token_may_have_a_limit_of_its_own_and_this_machine_has_none() -> None:
    admission = Admission(Limits(at_once=1, slow_of_a_token=1))
    with admission.of(Asker("acme", at_once=2), slow=False), admission.of(Asker(), slow=True):
        assert status_of(admission, Asker("acme", at_once=2), slow=False) == 0
        assert status_of(admission, ACME, slow=False) == 429
        assert status_of(admission, Asker(), slow=True) == 0


def test_a_question_that_failed_is_no_longer_under_way() -> None:
    admission = Admission(Limits(at_once=1))

    def fail() -> None:
        with admission.of(ACME, slow=False):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert status_of(admission, ACME, slow=False) == 0
