"""What a readout is worth: two members and two plans that a reader can check, and bounds for any others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from mmm.design.value import gain, readout

HALF = 200
UTILITY_AM = np.repeat([[10.0, 10.0], [4.0, 14.0]], HALF, axis=1)
"""The first plan is sure; the second loses 6 in half of the members and gains 4 in the others."""
LIFT_M = np.repeat([0.0, 100.0], HALF)


def test_a_readout_that_tells_the_members_apart_is_worth_what_the_better_plan_gains() -> None:
    told = gain(UTILITY_AM, readout(LIFT_M, 1.0))

    # Half of the time the second plan is taken and brings 4 more.
    assert told.perfect == pytest.approx(2.0)
    assert told.value == pytest.approx(2.0, abs=0.02)


def test_a_readout_that_tells_nothing_is_worth_nothing() -> None:
    rng = np.random.default_rng(0)
    utility_AM = rng.standard_normal((6, 80))

    assert gain(utility_AM, readout(rng.standard_normal(80), 500.0)).value == pytest.approx(0.0, abs=1e-6)


def test_a_readout_of_something_else_is_worth_next_to_nothing() -> None:
    rng = np.random.default_rng(1)
    truth_M = rng.permutation(norm.ppf((np.arange(200) + 0.5) / 200))
    utility_AM = np.stack([np.zeros(200), truth_M])

    related = gain(utility_AM, readout(truth_M, 0.5))
    unrelated = gain(utility_AM, readout(rng.standard_normal(200), 0.5))

    # Of a standard normal, E max(0, x) is 0.4, and the readout keeps 0.8 of the variance.
    assert related.value == pytest.approx(0.4 * np.sqrt(0.8), abs=0.02)
    assert unrelated.value < 0.05 * related.value


@given(st.integers(0, 10_000), st.floats(0.02, 20.0))
def test_no_readout_is_worth_more_than_knowing_which_member_is_true(seed: int, error: float) -> None:
    rng = np.random.default_rng(seed)
    members = int(rng.integers(2, 40))
    utility_AM = rng.standard_normal((int(rng.integers(1, 8)), members))
    told = readout(rng.standard_normal(members), error)
    found = gain(utility_AM, told)

    assert told.joint_MZ.sum() == pytest.approx(1.0)
    assert told.joint_MZ.sum(1) == pytest.approx(np.full(members, 1 / members))
    assert 0.0 <= found.value <= found.perfect + 1e-12
    assert found.gain_MZ.min() >= utility_AM.min() - utility_AM.max()


def cost(first: float, second: float) -> np.ndarray:
    return np.repeat([first, second], HALF)


def test_the_chance_that_it_pays_counts_members_and_readouts() -> None:
    found = gain(UTILITY_AM, readout(LIFT_M, 1.0))

    assert found.chance_above(cost(1.0, 1.0), times=1.0) == pytest.approx(0.5)
    assert found.chance_above(cost(1.0, 5.0), times=1.0) == pytest.approx(0.0)
    assert found.chance_above(cost(1.0, 5.0), times=2.0) == pytest.approx(0.5)


def test_a_readout_narrows_what_it_reads_and_leaves_the_rest() -> None:
    rng = np.random.default_rng(2)
    read_M, other_M = rng.standard_normal((2, 2000))
    told = readout(read_M, 1.0)

    assert told.spread_left(read_M) == pytest.approx(read_M.std() / np.sqrt(2), rel=0.05)
    assert told.spread_left(other_M) == pytest.approx(other_M.std(ddof=1), rel=0.02)
