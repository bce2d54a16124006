"""Agreement of chains: values a reader can check."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mmm.data.panel import Floats
from mmm.train.posterior.convergence import effective_draws, rank_normalised, split_r_hat


def test_chains_that_say_the_same_have_a_ratio_of_one() -> None:
    """Halves (1, 3) everywhere: spread within 2, none between, so that (n - 1) / n of it is left."""
    values_MNQ = np.array([[1.0, 3.0, 1.0, 3.0], [1.0, 3.0, 1.0, 3.0]])[..., None]

    assert split_r_hat(values_MNQ) == pytest.approx(np.sqrt(0.5))


def test_chains_apart_have_a_large_ratio() -> None:
    rng = np.random.default_rng(0)
    near = rng.standard_normal((4, 100, 1))
    far = near + 10.0 * np.arange(4)[:, None, None]

    assert split_r_hat(near)[0] < 1.03
    assert split_r_hat(far)[0] > 5


def test_what_never_varies_is_agreed_upon() -> None:
    assert split_r_hat(np.ones((2, 10, 1))) == 1.0


def test_independent_draws_count_in_full_and_sticky_ones_do_not() -> None:
    """A walk that keeps 0.9 of itself is worth (1 - 0.9) / (1 + 0.9), about one in 19 of its draws."""
    rng = np.random.default_rng(1)
    free = rng.standard_normal((4, 1000, 1))
    sticky = np.zeros_like(free)
    for n in range(1, 1000):
        sticky[:, n] = 0.9 * sticky[:, n - 1] + free[:, n]

    assert effective_draws(free)[0] == pytest.approx(4000, rel=0.15)
    assert effective_draws(sticky)[0] == pytest.approx(4000 / 19, rel=0.35)


def test_ranks_hang_neither_on_tails_nor_on_logarithms() -> None:
    """Cauchy numbers, of which chains never agree by their means, and the same stretched."""
    values_MNQ = np.random.default_rng(2).standard_cauchy((4, 200, 1))
    normal_MNQ = rank_normalised(values_MNQ)

    assert normal_MNQ == pytest.approx(rank_normalised(np.arctan(values_MNQ)))
    assert normal_MNQ.std() == pytest.approx(1.0, abs=0.01)
    assert np.array_equal(np.argsort(normal_MNQ.ravel()), np.argsort(values_MNQ.ravel()))
    assert split_r_hat(normal_MNQ)[0] < 1.03


# --- closed forms --------------------------------------------------------------------------------


def walk(keeps: float, chains: int = 4, rounds: int = 4000, seed: int = 0) -> Floats:
    """Draws that keep a part of the one before, of variance 1 from the first on."""
    rng = np.random.default_rng(seed)
    values_MN = np.empty((chains, rounds))
    values_MN[:, 0] = rng.standard_normal(chains)
    for n in range(1, rounds):
        noise_M = np.sqrt(1 - keeps**2) * rng.standard_normal(chains)
        values_MN[:, n] = keeps * values_MN[:, n - 1] + noise_M
    return values_MN[..., None]


@pytest.mark.parametrize("keeps", [-0.5, 0.3, 0.6, 0.8])
def test_a_walk_is_worth_what_its_autocorrelations_add_up_to(keeps: float) -> None:
    """1 + 2 (k + k^2 + ...) is (1 + k) / (1 - k); draws that swing back are worth more than they are."""
    found = effective_draws(walk(keeps))[0]

    assert found == pytest.approx(16_000 * (1 - keeps) / (1 + keeps), rel=0.15)


def test_the_effective_number_says_how_well_the_mean_is_known() -> None:
    means = [walk(0.6, rounds=200, seed=seed).mean() for seed in range(200)]
    stated = np.mean([effective_draws(walk(0.6, rounds=200, seed=seed))[0] for seed in range(200)])

    assert 1.0 / np.var(means) == pytest.approx(stated, rel=0.25)


def test_draws_that_swing_for_ever_count_no_more_than_a_bound() -> None:
    swinging = np.tile([1.0, -1.0], (2, 100))[..., None] + 1e-3 * walk(0.0, 2, 200)

    assert effective_draws(swinging)[0] == pytest.approx(400 * np.log10(410))


def test_chains_that_stand_apart_are_worth_little_however_long() -> None:
    apart = walk(0.0) + 5.0 * np.arange(4)[:, None, None]

    assert effective_draws(apart)[0] < 20
    assert effective_draws(walk(0.0))[0] > 10_000


def test_one_chain_is_judged_by_its_halves() -> None:
    drifting = walk(0.0, chains=1, rounds=1000) + np.linspace(0.0, 4.0, 1000)[:, None]

    assert split_r_hat(drifting)[0] > 1.5
    assert split_r_hat(walk(0.0, chains=1, rounds=1000))[0] < 1.02
    assert np.isfinite(effective_draws(walk(0.3, chains=1))[0])


def test_the_ratio_is_that_of_the_formula_draw_by_draw() -> None:
    values_MNQ = walk(0.5, chains=3, rounds=51)
    halves = [chain[place : place + 25, 0] for chain in values_MNQ for place in (0, 25)]
    within = np.mean([np.sum((half - half.mean()) ** 2) / 24 for half in halves])
    means = [half.mean() for half in halves]
    between = np.sum((np.array(means) - np.mean(means)) ** 2) / 5

    assert split_r_hat(values_MNQ)[0] == pytest.approx(np.sqrt((24 / 25 * within + between) / within))


@pytest.mark.parametrize("statistic", [split_r_hat, effective_draws])
def test_quantities_are_judged_one_by_one_in_any_unit(statistic: Callable[[Floats], Floats]) -> None:
    one, two = walk(0.2, rounds=300, seed=1), walk(0.8, rounds=300, seed=2)
    both = statistic(np.concatenate([1e6 * one - 7.0, 1e-6 * two], axis=2))

    np.testing.assert_allclose(both, [statistic(one)[0], statistic(two)[0]], rtol=1e-6)
