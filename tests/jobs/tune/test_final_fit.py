from __future__ import annotations

import pytest

from jobs.tune.final_fit import FinalFits
from tests.jobs.rows import row


@pytest.mark.parametrize(
    ("own", "tuned", "told"),
    [
        ({"skill": 0.4}, {"skill": 0.3}, "skill 0.300 in the test window, the spec's own have 0.400"),
        ({"skill": 0.3}, {"skill": 0.3}, ""),
        ({"skill": 0.3}, {"skill": 0.4}, ""),
        ({}, {}, ""),
        ({"skill": None}, {"skill": 0.1}, ""),
    ],
)
def test_settings_that_lost_the_test_window_are_no_champions(
    own: dict[str, float], tuned: dict[str, float], told: str
) -> None:
    said = FinalFits(row(), own, tuned).objection

    assert told in said
    assert bool(said) == bool(told)
