"""How the gains of all draws become one number to be maximised, and what bounds it.

All measures but an empirical quantile are the least of ``weight_M @ gain_M`` over a set of weights, hence
concave in the gains: any one of these weights bounds every plan (Artzner et al. 1999, Coherent measures of
risk; for the mean less standard deviations by Cauchy and Schwarz).

Shapes: M draws, J plans.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.optimize import linprog, minimize

from mmm.analysis.intervals import EMPIRICAL_FROM, WORST, student_factor, tail_factor
from mmm.data.panel import Floats

Kind = Literal["mean", "quantile", "reached", "cvar", "mean_sd", "worst"]


@dataclass(frozen=True)
class Risk:
    """One way to judge the gains of all draws.

    Attributes:
        kind: ``mean``; ``quantile`` at ``level``; ``reached``: the most that a share 1 - ``level`` of the
            draws
            reaches; ``cvar``: mean of the worst share ``level`` of the draws; ``mean_sd``: mean less
            ``level`` standard deviations; ``worst`` draw.
        level: See there.
        caution: Of ``cvar``: weight of the worst draws beside the mean of all; 1 is the worst draws alone.
    """

    kind: Kind = "mean"
    level: float = 0.0
    caution: float = 1.0

    def resolved(self, members: int) -> Risk:
        """The same for so many draws: of few, tails are those of Student's t, as intervals are.

        One draw leaves nothing but its own gain, two no mean of a tail.
        """
        if members == 1:
            return MEAN
        if self.kind == "mean" or members >= EMPIRICAL_FROM or self.kind in ("mean_sd", "worst"):
            return self
        factor = (tail_factor if self.kind == "cvar" else student_factor)(members, self.level)
        return MEAN if math.isnan(factor) else Risk("mean_sd", -self.caution * factor)

    def is_concave(self, members: int) -> bool:
        """Whether weights bound it: everything but a quantile of many draws."""
        return self.resolved(members).kind not in ("quantile", "reached")

    def judge(self, gain_M: Floats) -> tuple[float, Floats]:
        """The number, and its derivative by the gain of each draw."""
        members = len(gain_M)
        own, mean = self.resolved(members), float(gain_M.mean())
        equal_M = np.full(members, 1.0 / members)
        if own.kind == "mean":
            return mean, equal_M
        if own.kind == "mean_sd":
            # Where all draws agree the spread has no derivative; there the mean is the answer.
            spread = float(gain_M.std(ddof=1))
            if spread <= 1e-12 * abs(mean):
                return mean, equal_M
            return mean - own.level * spread, equal_M - own.level * (gain_M - mean) / ((members - 1) * spread)
        weight_M = _tail_weights(own, gain_M)
        if own.kind == "cvar":
            weight_M = (1.0 - own.caution) * equal_M + own.caution * weight_M
        return float(weight_M @ gain_M), weight_M

    def hardest(self, gain_JM: Floats) -> tuple[Floats, Floats]:
        """The weights under which the best of some plans, or mix of them, does worst, and that mix.

        Returns:
            Weights of the draws, shape M, and of the plans, shape J. No plan of the search can exceed what
            the best plan for these weights has; see ``proof``.
        """
        own = self.resolved(gain_JM.shape[1])
        if own.kind == "mean":
            mix_J = np.zeros(len(gain_JM))
            mix_J[int(np.argmax(gain_JM.mean(1)))] = 1.0
            return own.judge(gain_JM[0])[1], mix_J
        return _hardest_spread(own, gain_JM) if own.kind == "mean_sd" else _hardest_tail(own, gain_JM)


def _tail_weights(risk: Risk, gain_M: Floats) -> Floats:
    """Weights on single draws, from the lowest gain on."""
    members = len(gain_M)
    order = np.argsort(gain_M, kind="stable")
    weight_M = np.zeros_like(gain_M)
    if risk.kind == "quantile":
        # Linear interpolation between two draws, as numpy has it.
        place = risk.level * (members - 1)
        low = int(place)
        weight_M[order[low]] = 1.0 - (place - low)
        weight_M[order[min(low + 1, members - 1)]] += place - low
    elif risk.kind == "reached":
        weight_M[order[min(int(risk.level * members + 1e-9), members - 1)]] = 1.0
    else:
        tail = 1.0 if risk.kind == "worst" else max(risk.level * members, 1.0)
        weight_M[order] = np.clip(tail - np.arange(members), 0.0, 1.0) / tail
    return weight_M


def _hardest_tail(risk: Risk, gain_JM: Floats) -> tuple[Floats, Floats]:
    """Linear programme over the weights of the tail and the value of the best plan."""
    plans, members = gain_JM.shape
    tail = 1.0 if risk.kind == "worst" else max(risk.level * members, 1.0)
    caution = 1.0 if risk.kind == "worst" else risk.caution
    size = float(np.abs(gain_JM).max()) or 1.0
    rows = np.hstack([caution * gain_JM / size, -np.ones((plans, 1))])
    result = linprog(
        np.append(np.zeros(members), 1.0),
        rows,
        -(1.0 - caution) * gain_JM.mean(1) / size,
        np.append(np.ones(members), 0.0)[None, :],
        [1.0],
        [(0.0, 1.0 / tail)] * members + [(None, None)],
        method="highs",
    )
    if result.status != 0:
        best = int(np.argmax([risk.judge(gain_M)[0] for gain_M in gain_JM]))
        return risk.judge(gain_JM[best])[1], np.eye(plans)[best]
    weight_M = np.clip(result.x[:-1], 0.0, None)
    mix_J = np.clip(-result.ineqlin.marginals, 0.0, None)
    equal = (1.0 - caution) / members
    return equal + caution * weight_M / weight_M.sum(), mix_J / (mix_J.sum() or 1.0)


def _hardest_spread(risk: Risk, gain_JM: Floats) -> tuple[Floats, Floats]:
    """Its dual: the mix of plans that this measure likes best, whose own weights are the hardest."""
    plans, size = len(gain_JM), float(np.abs(gain_JM).max()) or 1.0

    def negative(mix_J: Floats) -> tuple[float, Floats]:
        score, weight_M = risk.judge(mix_J @ gain_JM)
        return -score / size, -(gain_JM @ weight_M) / size

    start_J = np.full(plans, 1.0 / plans)
    result = minimize(
        negative,
        start_J,
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * plans,
        constraints={"type": "eq", "fun": lambda mix_J: mix_J.sum() - 1.0, "jac": np.ones_like},
        options={"maxiter": 100, "ftol": 1e-12},
    )
    mix_J = np.clip(result.x, 0.0, None)
    mix_J /= mix_J.sum()
    return risk.judge(mix_J @ gain_JM)[1], mix_J


MEAN = Risk()
"""Judge by the mean over all draws."""


def cautious(caution: float) -> Risk:
    """Between the mean of all draws (0) and of the worst tenth (1): the plans of a frontier."""
    return replace(MEAN, kind="cvar", level=WORST, caution=caution) if caution > 0 else MEAN
