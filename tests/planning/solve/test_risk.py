"""Measures of risk: numbers by hand, tails of few draws by integration, and the weights that bound them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from mmm.planning.solve.objective import MEAN, Risk, cautious
from mmm.planning.solve.proof import hardest

CENTURY = np.random.default_rng(0).permutation(np.arange(1.0, 101.0))
"""1 to 100 in any order."""
CONCAVE = [Risk("cvar", 0.1), Risk("cvar", 0.25, 0.4), Risk("mean_sd", 0.8), Risk("worst"), MEAN]


@pytest.mark.parametrize(
    ("risk", "expected"),
    [
        (MEAN, 50.5),
        (Risk("cvar", 0.1), 5.5),  # mean of 1 to 10
        (Risk("cvar", 0.025), (1 + 2 + 0.5 * 3) / 2.5),  # the third counts by half
        (Risk("cvar", 0.1, 0.5), 0.5 * 50.5 + 0.5 * 5.5),
        (cautious(0.0), 50.5),
        (cautious(1.0), 5.5),
        (Risk("mean_sd", 2.0), 50.5 - 2 * np.arange(1.0, 101.0).std(ddof=1)),
        (Risk("worst"), 1.0),
        (Risk("quantile", 0.1), 10.9),
        (Risk("reached", 0.2), 21.0),  # 80 of 100 are 21 or more
    ],
)
def test_many_draws_are_judged_as_they_stand(risk: Risk, expected: float) -> None:
    judged, weight_M = risk.judge(CENTURY)

    assert judged == pytest.approx(expected)
    assert weight_M.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("members", [3, 8, 49])
def test_the_tail_of_few_draws_is_that_of_student_s_t(members: int) -> None:
    gain_M = np.random.default_rng(members).normal(3.0, 2.0, members)
    scale = gain_M.std(ddof=1) * np.sqrt(1 + 1 / members)
    law = stats.t(members - 1, gain_M.mean(), scale)
    tail = integrate.quad(lambda x: x * law.pdf(x), -np.inf, law.ppf(0.1), limit=500)[0] / 0.1

    assert Risk("cvar", 0.1).judge(gain_M)[0] == pytest.approx(tail, rel=1e-4)


@pytest.mark.parametrize("risk", [*CONCAVE, Risk("quantile", 0.1)])
def test_one_draw_is_its_own_gain(risk: Risk) -> None:
    assert risk.judge(np.array([4.0])) == (4.0, np.array([1.0]))


@pytest.mark.parametrize("risk", CONCAVE)
@pytest.mark.parametrize("members", [8, 120])
@given(seed=st.integers(0, 10_000))
def test_the_weights_of_any_gains_bound_the_measure_of_all_others(
    risk: Risk, members: int, seed: int
) -> None:
    one_M, other_M = np.random.default_rng(seed).normal(size=(2, members))
    _, weight_M = risk.judge(one_M)

    assert weight_M @ other_M >= risk.judge(other_M)[0] - 1e-9


@pytest.mark.parametrize("risk", CONCAVE)
@pytest.mark.parametrize("members", [8, 120])
def test_the_hardest_weights_leave_no_plan_and_no_mix_better_than_the_best_mix(
    risk: Risk, members: int
) -> None:
    gain_JM = np.random.default_rng(members).normal(0.0, 1.0, (5, members)) + np.arange(5.0)[:, None] / 10
    weight_M, mix_J = hardest(risk, gain_JM)
    best_of_mixes = max(
        risk.judge(mix_S @ gain_JM)[0] for mix_S in np.random.default_rng(1).dirichlet(np.ones(5), 3000)
    )

    assert mix_J.sum() == pytest.approx(1.0)
    assert max(gain_JM @ weight_M) == pytest.approx(risk.judge(mix_J @ gain_JM)[0], abs=1e-5)
    assert max(gain_JM @ weight_M) >= best_of_mixes - 1e-9


def test_only_a_quantile_of_many_draws_has_no_weights_that_bound_it() -> None:
    assert not Risk("quantile", 0.1).is_concave(60)
    assert not Risk("reached", 0.2).is_concave(60)
    assert Risk("quantile", 0.1).is_concave(8)
    assert all(risk.is_concave(members) for risk in CONCAVE for members in (1, 8, 60))
