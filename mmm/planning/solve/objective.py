"""What a plan is judged by, as a function of money: mean or cautious gain, or profit.

Shapes: M members, X decision variables of the model, Y those that the solver moves, P grid points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmm.analysis.intervals import EMPIRICAL_FROM, student_factor
from mmm.planning.response import AnyResponse, Floats, SeparableResponse


@dataclass(frozen=True, eq=False)
class Objective:
    """Score of a plan: ``value * risk(KPI_M - reference_M) - price * total``.

    Attributes:
        response: KPI of amounts.
        amount_X: Amounts of variables that the solver leaves alone.
        moved_Y: Indices of the variables it moves.
        cost_Y: Money per unit of each of them.
        reference_M: KPI a plan is compared with, per member.
        quantile: Lower quantile of the difference over members, or None for its mean.
        value: Currency per KPI unit, 1 if the score is in KPI units.
        price: What a unit of money counts against the score: 1 for profit, else 0.
    """

    response: AnyResponse
    amount_X: Floats
    moved_Y: npt.NDArray[np.int64]
    cost_Y: Floats
    reference_M: Floats
    quantile: float | None = None
    value: float = 1.0
    price: float = 0.0

    @property
    def separable(self) -> bool:
        """The response is a sum of one curve per variable."""
        return isinstance(self.response, SeparableResponse)

    def amounts(self, money_Y: Floats) -> Floats:
        """Amounts of every variable of the model; leading axes of ``money_Y`` are kept."""
        amount_X = np.broadcast_to(self.amount_X, (*money_Y.shape[:-1], len(self.amount_X))).copy()
        amount_X[..., self.moved_Y] = money_Y / self.cost_Y
        return amount_X

    def kpi(self, money_Y: Floats) -> Floats:
        """KPI that the plan brings, per member."""
        return kpi_of(self.response, self.amounts(money_Y))

    def score(self, money_Y: Floats) -> float:
        """The number to be maximised."""
        gain, _ = self.judge(self.kpi(money_Y) - self.reference_M)
        return self.value * gain - self.price * float(money_Y.sum())

    def score_and_gradient(self, money_Y: Floats) -> tuple[float, Floats]:
        """The score and its gradient by money."""
        amount_X = self.amounts(money_Y)
        if isinstance(self.response, SeparableResponse):
            kpi_M = self.response.values(amount_X).sum(axis=1)
            gradient_MX = self.response.marginals(amount_X)
        else:
            kpi_M, gradient_MX = self.response.value_and_gradient(amount_X)
        gain, weight_M = self.judge(kpi_M - self.reference_M)
        gradient_Y = (weight_M @ gradient_MX)[self.moved_Y] / self.cost_Y
        score = self.value * gain - self.price * float(money_Y.sum())
        return score, self.value * gradient_Y - self.price

    def judge(self, gain_M: Floats) -> tuple[float, Floats]:
        """Mean or cautious gain, and its derivative by the gain of each member.

        The quantile is the one of ``intervals.quantile``: Student's t with few members, empirical with
        many. One member leaves nothing but its own gain.
        """
        members = len(gain_M)
        equal_M = np.full(members, 1.0 / members)
        mean = float(gain_M.mean())
        if self.quantile is None or members == 1:
            return mean, equal_M
        if members >= EMPIRICAL_FROM:
            return _empirical(gain_M, self.quantile)
        spread = float(gain_M.std(ddof=1))
        factor = student_factor(members, self.quantile)
        if spread <= 1e-12 * abs(mean):
            return mean, equal_M
        slope_M = factor * (gain_M - mean) / ((members - 1) * spread)
        return mean + factor * spread, equal_M + slope_M

    def table(self, grid_PY: Floats) -> Floats:
        """KPI of each variable on a grid of money, shape MPY."""
        assert isinstance(self.response, SeparableResponse)
        return self.response.table(self.amounts(grid_PY))[:, :, self.moved_Y]

    def curves(self, grid_PY: Floats, table_MPY: Floats, weight_M: Floats) -> Floats:
        """Score of each variable on a grid of money for given weights of the members, shape PY."""
        return np.asarray(self.value * np.tensordot(weight_M, table_MPY, axes=1) - self.price * grid_PY)

    def scores(self, money_SY: Floats) -> Floats:
        """The score of many plans at once."""
        if not isinstance(self.response, SeparableResponse):
            return np.array([self.score(money_Y) for money_Y in money_SY])
        kpi_MS = self.response.table(self.amounts(money_SY)).sum(axis=2)
        gain_S = np.array([self.judge(gain_M)[0] for gain_M in (kpi_MS - self.reference_M[:, None]).T])
        return np.asarray(self.value * gain_S - self.price * money_SY.sum(axis=1))

    def pieces(self, money_Y: Floats, weight_M: Floats) -> Floats:
        """Score of each variable for given weights, shape Y."""
        assert isinstance(self.response, SeparableResponse)
        kpi_Y = (weight_M @ self.response.values(self.amounts(money_Y)))[self.moved_Y]
        return np.asarray(self.value * kpi_Y - self.price * money_Y)

    def slopes(self, money_Y: Floats, weight_M: Floats) -> Floats:
        """Derivative of ``pieces``, shape Y."""
        assert isinstance(self.response, SeparableResponse)
        slope_Y = (weight_M @ self.response.marginals(self.amounts(money_Y)))[self.moved_Y]
        return np.asarray(self.value * slope_Y / self.cost_Y - self.price)


def kpi_of(response: AnyResponse, amount_X: Floats) -> Floats:
    """KPI that amounts bring, per member."""
    if isinstance(response, SeparableResponse):
        return np.asarray(response.values(amount_X).sum(axis=1))
    return response.value(amount_X)


def gradient_of(response: AnyResponse, amount_X: Floats) -> Floats:
    """KPI per unit of each amount, shape MX."""
    if isinstance(response, SeparableResponse):
        return response.marginals(amount_X)
    return response.value_and_gradient(amount_X)[1]


def _empirical(gain_M: Floats, probability: float) -> tuple[float, Floats]:
    """Quantile by linear interpolation between two members, as numpy has it, and its weights."""
    order = np.argsort(gain_M, kind="stable")
    place = probability * (len(gain_M) - 1)
    low = int(place)
    part = place - low
    weight_M = np.zeros_like(gain_M)
    weight_M[order[low]] = 1.0 - part
    weight_M[order[min(low + 1, len(gain_M) - 1)]] += part
    return float(weight_M @ gain_M), weight_M
