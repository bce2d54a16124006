"""Precision from placebo windows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mmm.design.estimator import Effects
from mmm.design.placebo import FEWEST, Precision, precision


def found(error: float, windows: int, needed: int, level: float = 0.1) -> Precision | None:
    rng = np.random.default_rng(0)
    effect_SW = 100.0 * error * rng.standard_normal((40, windows))
    return precision(
        Effects(effect_SW, np.full_like(effect_SW, 100.0)), np.ones(windows, bool), level, needed
    )


def test_of_normal_effects_it_is_what_the_textbook_says() -> None:
    exact = found(0.02, 2000, needed=1)
    assert exact is not None

    assert exact.standard_error == pytest.approx(0.02, rel=0.02)
    assert exact.critical == pytest.approx(0.02 * stats.norm.ppf(0.95), rel=0.02)
    assert exact.detectable(0.8) == pytest.approx(0.02 * (1.645 + 0.842), rel=0.02)
    assert exact.power(0.0) == pytest.approx(0.1, abs=0.002)
    assert exact.power(exact.detectable(0.8)) == pytest.approx(0.8, abs=0.005)
    assert exact.power(-exact.detectable(0.8)) == pytest.approx(0.8, abs=0.005)


def test_few_windows_side_by_side_widen_it_as_student_does() -> None:
    many, few = found(0.02, 2000, needed=1), found(0.02, 2000, needed=400)
    assert many is not None and few is not None

    factor = stats.t.ppf(0.95, 2399 / 400 - 1) / stats.norm.ppf(0.95)
    assert few.critical / many.critical == pytest.approx(factor, rel=0.01)
    assert few.standard_error / many.standard_error == pytest.approx(factor, rel=0.01)


def test_too_few_windows_say_nothing() -> None:
    assert found(0.02, FEWEST, needed=1) is not None
    assert found(0.02, FEWEST - 1, needed=1) is None


def test_windows_with_a_test_do_not_count() -> None:
    effect_SW = np.zeros((3, 60))
    effect_SW[:, :30] = 50.0
    effect_SW[:, 30:] = np.linspace(-1.0, 1.0, 30)
    quiet = precision(Effects(effect_SW, np.full_like(effect_SW, 100.0)), np.arange(60) >= 30, 0.1, 1)

    assert quiet is not None
    assert quiet.windows == 30
    assert quiet.critical < 0.012
