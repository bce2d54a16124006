"""Windows of a calendar and rolling origins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm.config import SplitsSpec
from mmm.data.split import Split, default_lags, rolling_origins, split_periods
from mmm.errors import SpecError


def test_test_comes_after_holdout() -> None:
    split = split_periods(40, SplitsSpec(holdout=5, test=3), max_lag=4)
    assert (split.train, split.holdout, split.test) == (slice(0, 32), slice(32, 37), slice(37, 40))
    assert list(split.windows) == ["train", "holdout", "test"]
    assert split.labels().tolist() == ["train"] * 32 + ["holdout"] * 5 + ["test"] * 3
    assert split.mask("holdout").nonzero()[0].tolist() == [32, 33, 34, 35, 36]


def test_no_test_window_is_no_window() -> None:
    assert list(split_periods(40, SplitsSpec(holdout=5), max_lag=4).windows) == ["train", "holdout"]


@given(n_train=st.integers(1, 60), n_holdout=st.integers(1, 20), n_test=st.integers(0, 20))
def test_windows_cover_every_period_once(n_train: int, n_holdout: int, n_test: int) -> None:
    split = Split(n_train, n_holdout, n_test)
    covered = [t for window in split.windows.values() for t in range(window.start, window.stop)]
    assert covered == list(range(split.n_periods))


@pytest.mark.parametrize(
    ("periods", "holdout", "code"),
    [(20, 20, "holdout_too_long"), (20, 25, "holdout_too_long"), (20, 9, "too_few_periods")],
)
def test_tails_must_leave_enough_to_train_on(periods: int, holdout: int, code: str) -> None:
    with pytest.raises(SpecError, match="at least 12 are needed") as caught:
        split_periods(periods, SplitsSpec(holdout=holdout), max_lag=4)
    assert caught.value.problems[0].code == code
    assert split_periods(20, SplitsSpec(holdout=8), max_lag=4).n_train == 12


def test_carry_over_follows_the_frequency_unless_set() -> None:
    assert [default_lags(None, name) for name in ("daily", "weekly", "monthly", "quarterly")] == [
        28,
        13,
        3,
        1,
    ]
    assert default_lags(0, "weekly") == 0


def test_rolling_origins_end_with_the_data() -> None:
    splits = rolling_origins(50, horizon=4, origins=3)
    assert [(split.n_train, split.n_periods) for split in splits] == [(38, 42), (42, 46), (46, 50)]
    overlapping = rolling_origins(50, horizon=4, origins=3, step=1)
    assert [split.n_train for split in overlapping] == [44, 45, 46]


def test_too_many_origins_are_refused() -> None:
    with pytest.raises(SpecError, match="Take fewer origins"):
        rolling_origins(50, horizon=10, origins=5)
    with pytest.raises(ValueError, match="at least 1"):
        rolling_origins(50, horizon=0, origins=1)
