"""What a plan is judged by, as a function of money: mean or cautious gain, or profit; and the climb along it.

All measures of risk but an empirical quantile are the least of ``weight_M @ gain_M`` over a set of weights,
hence concave in the gains: any one of these weights bounds every plan (Artzner et al. 1999, Coherent measures
of risk; for the mean less standard deviations by Cauchy and Schwarz).

Shapes: M members, X decision variables of the model, Y those that the solver moves, P grid points.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, minimize

from mmm.analysis.intervals import EMPIRICAL_FROM, WORST, student_factor, tail_factor, tail_weights
from mmm.data.panel import Floats, Ints
from mmm.planning.solve.limits import Limits, inequalities, repair

if TYPE_CHECKING:
    from mmm.model.future import Response, SeparateCurves

Kind = Literal["mean", "quantile", "reached", "cvar", "mean_sd", "worst"]

STEPS = (0.01, 0.03, 0.1, 0.3, 1.0)
"""Parts of the usual amount that are tried where next to nothing is planned."""


@dataclass(frozen=True)
class Risk:
    """One way to judge the gains of all draws.

    Attributes:
        kind: ``mean``; ``quantile`` at ``level``; ``reached``: the most that a share 1 - ``level`` of the
            draws reaches; ``cvar``: mean of the worst share ``level`` of the draws; ``mean_sd``: mean less
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

    def tail_size(self, members: int) -> float:
        """Draws that count of ``cvar`` and ``worst``, the last of them in part."""
        return 1.0 if self.kind == "worst" else max(self.level * members, 1.0)


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
        weight_M[order] = tail_weights(members, risk.tail_size(members))
    return weight_M


MEAN = Risk()
"""Judge by the mean over all draws."""


def cautious(caution: float) -> Risk:
    """Between the mean of all draws (0) and of the worst tenth (1): the plans of a frontier."""
    return replace(MEAN, kind="cvar", level=WORST, caution=caution) if caution > 0 else MEAN


@dataclass(frozen=True, eq=False)
class Objective:
    """Score of a plan: ``value * risk(KPI_M - reference_M) - price * total``.

    Attributes:
        response: KPI of amounts.
        amount_X: Amounts of variables that the solver leaves alone.
        moved_Y: Indices of the variables it moves.
        cost_Y: Money per unit of each of them.
        reference_M: KPI a plan is compared with, per member.
        risk: How the differences of all members become one number.
        value: Currency per KPI unit, 1 if the score is in KPI units.
        price: What a unit of money counts against the score: 1 for profit, else 0.
    """

    response: Response
    amount_X: Floats
    moved_Y: Ints
    cost_Y: Floats
    reference_M: Floats
    risk: Risk = MEAN
    value: float = 1.0
    price: float = 0.0

    @property
    def separable(self) -> bool:
        """The response is a sum of one curve per variable."""
        return self.response.curves is not None

    @property
    def curves(self) -> SeparateCurves:
        """The curves of a separable response."""
        assert self.response.curves is not None
        return self.response.curves

    def amounts(self, money_Y: Floats) -> Floats:
        """Amounts of every variable of the model; leading axes of ``money_Y`` are kept."""
        amount_X = np.broadcast_to(self.amount_X, (*money_Y.shape[:-1], len(self.amount_X))).copy()
        amount_X[..., self.moved_Y] = money_Y / self.cost_Y
        return amount_X

    def gains(self, money_Y: Floats) -> Floats:
        """Score of each draw: value of its gain less the price of the money."""
        gain_M = self.kpi(money_Y) - self.reference_M
        return np.asarray(self.value * gain_M - self.price * float(money_Y.sum()))

    def kpi(self, money_Y: Floats) -> Floats:
        """KPI that the plan brings, per member."""
        return self.response.kpi_M(self.amounts(money_Y))

    def score(self, money_Y: Floats) -> float:
        """The number to be maximised."""
        gain, _ = self.judge(self.kpi(money_Y) - self.reference_M)
        return self.value * gain - self.price * float(money_Y.sum())

    def score_and_gradient(self, money_Y: Floats) -> tuple[float, Floats]:
        """The score and its gradient by money."""
        amount_X = self.amounts(money_Y)
        gain, weight_M = self.judge(self.response.kpi_M(amount_X) - self.reference_M)
        gradient_Y = (weight_M @ self.response.gradient_MX(amount_X))[self.moved_Y] / self.cost_Y
        score = self.value * gain - self.price * float(money_Y.sum())
        return score, self.value * gradient_Y - self.price

    def judge(self, gain_M: Floats) -> tuple[float, Floats]:
        """Mean or cautious gain, and its derivative by the gain of each member."""
        return self.risk.judge(gain_M)

    @property
    def is_mean(self) -> bool:
        """Plans are judged by their mean gain, so that no weights follow from the plan."""
        return self.risk.resolved(len(self.reference_M)).kind == "mean"

    @property
    def offset_M(self) -> Floats:
        """What no plan moves: KPI of the amounts left alone, less the reference; of a sum of curves."""
        others_X = np.ones(len(self.amount_X), dtype=np.bool_)
        others_X[self.moved_Y] = False
        offset_M: Floats = self.curves.values_MX(self.amount_X)[:, others_X].sum(axis=1) - self.reference_M
        return offset_M

    def table(self, grid_PY: Floats) -> Floats:
        """KPI of each variable on a grid of money, shape MPY."""
        return self.curves.table_MPX(self.amounts(grid_PY))[:, :, self.moved_Y]

    def on_grid(self, grid_PY: Floats, table_MPY: Floats, weight_M: Floats) -> Floats:
        """Score of each variable on a grid of money for given weights of the members, shape PY."""
        return np.asarray(self.value * np.tensordot(weight_M, table_MPY, axes=1) - self.price * grid_PY)

    def scores(self, money_SY: Floats) -> Floats:
        """The score of many plans at once."""
        if not self.separable:
            return np.array([self.score(money_Y) for money_Y in money_SY])
        kpi_MS = self.curves.table_MPX(self.amounts(money_SY)).sum(axis=2)
        gain_S = np.array([self.judge(gain_M)[0] for gain_M in (kpi_MS - self.reference_M[:, None]).T])
        return np.asarray(self.value * gain_S - self.price * money_SY.sum(axis=1))

    def pieces(self, money_Y: Floats, weight_M: Floats) -> Floats:
        """Score of each variable for given weights, shape Y."""
        kpi_Y = (weight_M @ self.curves.values_MX(self.amounts(money_Y)))[self.moved_Y]
        return np.asarray(self.value * kpi_Y - self.price * money_Y)

    def slopes(self, money_Y: Floats, weight_M: Floats) -> Floats:
        """Derivative of ``pieces``, shape Y."""
        slope_Y = (weight_M @ self.response.gradient_MX(self.amounts(money_Y)))[self.moved_Y]
        return np.asarray(self.value * slope_Y / self.cost_Y - self.price)


def refine(
    objective: Objective, limits: Limits, start_Y: Floats, method: Literal["slsqp", "trust-constr"]
) -> Floats:
    """Climb from an allowed plan with SLSQP or the trust-region interior point of scipy.

    Variables are scaled by the size of the plan and the score by its value at the start, so that
    tolerances mean the same at any currency. The result keeps the limits and is never worse than
    the start.
    """
    size = limits.size
    start_score, gradient_Y = objective.score_and_gradient(start_Y)
    slope = float(np.abs(gradient_Y).max(initial=0.0)) * size
    unit = max(abs(start_score), float(np.abs(gradient_Y * start_Y).sum()), 1e-6 * slope) or 1.0

    def negative(scaled_Y: Floats) -> tuple[float, Floats]:
        money_Y = np.clip(scaled_Y * size, limits.lower_X, limits.upper_X)
        score, slope_Y = objective.score_and_gradient(money_Y)
        return -score / unit, -slope_Y * size / unit

    box = Bounds(limits.lower_X / size, limits.upper_X / size)
    rows, options = _scipy_rows(limits, method)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "delta_grad == 0.0", UserWarning)  # flat beyond saturation
        warnings.filterwarnings("ignore", "Singular Jacobian", UserWarning)  # limits that imply each other
        result = minimize(
            negative, start_Y / size, jac=True, method=method, bounds=box, constraints=rows, options=options
        )
    money_Y = repair(limits, result.x * size)
    if money_Y is None or not objective.score(money_Y) > start_score:
        return start_Y
    return money_Y


def _scipy_rows(limits: Limits, method: str) -> tuple[list[Any], dict[str, object]]:
    """The limits of sums as scipy's method takes them, and how long it may try."""
    a_matrix, b_vector, e_matrix, e_vector = inequalities(limits)
    if method == "slsqp":
        equal = {"type": "eq", "fun": lambda z: e_matrix @ z - e_vector, "jac": lambda _: e_matrix}
        above = {"type": "ineq", "fun": lambda z: b_vector - a_matrix @ z, "jac": lambda _: -a_matrix}
        rows: list[Any] = [equal] * bool(len(e_matrix)) + [above] * bool(len(a_matrix))
        return rows, {"ftol": 1e-10, "maxiter": 60}
    rows = [LinearConstraint(e_matrix, e_vector, e_vector)] * bool(len(e_matrix))
    rows += [LinearConstraint(a_matrix, -np.inf, b_vector)] * bool(len(a_matrix))
    return rows, {"gtol": 1e-9, "xtol": 1e-10, "maxiter": 300}


def kpi_and_brought(response: Response, amount_X: Floats, channel_X: Ints) -> tuple[Floats, Floats]:
    """KPI of a plan, and what each channel's amounts bring against none of them, all else as planned.

    Curves that add up are asked once for both.

    Returns:
        Shapes M and MC.
    """
    channels = np.arange(int(channel_X.max()) + 1)
    if response.curves is not None:
        value_MX = response.curves.values_MX(amount_X)
        above_MX = value_MX - response.curves.values_MX(np.zeros_like(amount_X))
        own = [above_MX[:, channel_X == c].sum(axis=1) for c in channels]
        return value_MX.sum(axis=1), np.stack(own, axis=1)
    whole_M = response.kpi_M(amount_X)
    without = [response.kpi_M(np.where(channel_X == c, 0.0, amount_X)) for c in channels]
    return whole_M, np.asarray(whole_M[:, None] - np.stack(without, axis=1))


def next_amount_MX(response: Response, amount_X: Floats, usual_X: Floats, channel_X: Ints) -> Floats:
    """KPI per further unit of each amount, shape MX.

    Where next to nothing is planned this is what the next sensible amount brings per unit: of a few amounts
    up to the usual one that which brings most. The slope at 0 holds for the first cents only.
    """
    gradient_MX = response.gradient_MX(amount_X)
    idle_X = amount_X < STEPS[0] * usual_X
    best_MX = np.full_like(gradient_MX, -np.inf)
    if not idle_X.any():
        return gradient_MX
    curves = response.curves
    now = response.kpi_M(amount_X) if curves is None else curves.values_MX(amount_X)
    for part in STEPS:
        raised_X = np.where(idle_X, np.maximum(part * usual_X, amount_X), amount_X)
        tried_MX = _gain_MX(response, amount_X, raised_X, channel_X, now)
        best_MX = np.where(tried_MX.mean(0) > best_MX.mean(0), tried_MX, best_MX)
    return np.where(idle_X, best_MX, gradient_MX)


def _gain_MX(response: Response, amount_X: Floats, raised_X: Floats, channel_X: Ints, now: Floats) -> Floats:
    """KPI per unit of raised amounts; of a response that is no sum of curves a channel's all at once.

    Args:
        response: Whose KPI.
        amount_X: Planned amounts.
        raised_X: The same or more.
        channel_X: Index of each variable's channel.
        now: What the planned amounts bring: MX of a sum of curves, else M.
    """
    more_X = raised_X - amount_X
    if response.curves is not None:
        gain_MX = response.curves.values_MX(raised_X) - now
        return np.divide(gain_MX, more_X, out=np.zeros_like(gain_MX), where=more_X > 0)
    gain_MX = np.zeros((len(now), len(amount_X)))
    for c in np.unique(channel_X[more_X > 0]):
        mine_X = channel_X == c
        gain_M = response.kpi_M(np.where(mine_X, raised_X, amount_X)) - now
        gain_MX[:, mine_X] = gain_M[:, None] / more_X[mine_X].sum()
    return gain_MX
