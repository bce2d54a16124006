"""Agreement of chains: values a reader can check."""

from __future__ import annotations

import numpy as np
import pytest

from mmm.train.posterior.convergence import effective_draws, split_r_hat


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
