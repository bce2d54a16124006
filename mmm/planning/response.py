"""What the planner needs to know of a fitted model: a response to spend, and the status quo.

Shapes: M members, X decision variables (channels, or channel x region with the channel outermost),
P grid points, C channels, G regions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@runtime_checkable
class Response(Protocol):
    """KPI that planned amounts bring, over the horizon and after it, carry-over included."""

    def value(self, amount_X: Floats) -> Floats:
        """KPI units per member, shape M."""
        ...

    def value_and_gradient(self, amount_X: Floats) -> tuple[Floats, Floats]:
        """KPI units per member, shape M, and per unit of each amount, shape MX."""
        ...


@runtime_checkable
class SeparableResponse(Protocol):
    """A response that is a sum of one curve per decision variable."""

    def values(self, amount_X: Floats) -> Floats:
        """KPI units of each variable, shape MX."""
        ...

    def marginals(self, amount_X: Floats) -> Floats:
        """KPI units per unit of amount, shape MX."""
        ...

    def table(self, grid_PX: Floats) -> Floats:
        """``values`` of every row of the grid, shape MPX."""
        ...


AnyResponse = Response | SeparableResponse


class TabulatedResponse:
    """A separable response read off a table once, so that later plans cost microseconds.

    Between the points a monotone cubic; beyond the last point the exact response is asked.

    Args:
        response: The exact response.
        upper_X: Largest amount the table covers.
        points: Points per curve.
        power: Points stand at powers of even steps, so that they are denser towards 0 where S-shaped
            curves bend.
    """

    def __init__(
        self, response: SeparableResponse, upper_X: Floats, points: int = 65, power: float = 2.0
    ) -> None:
        self._exact = response
        self._upper_X = np.maximum(np.asarray(upper_X, dtype=np.float64), 1e-12)
        knots_P = np.linspace(0.0, 1.0, points) ** power
        table_MPX = response.table(knots_P[:, None] * self._upper_X)
        self._curve = PchipInterpolator(knots_P, table_MPX, axis=1)
        self._slope = self._curve.derivative()
        self._knots_P = knots_P

    def values(self, amount_X: Floats) -> Floats:
        """See ``SeparableResponse.values``."""
        if np.any(amount_X > self._upper_X):
            return self._exact.values(amount_X)
        return self._at(self._curve.c, amount_X)

    def marginals(self, amount_X: Floats) -> Floats:
        """See ``SeparableResponse.marginals``."""
        if np.any(amount_X > self._upper_X):
            return self._exact.marginals(amount_X)
        return self._at(self._slope.c, amount_X) / self._upper_X

    def table(self, grid_PX: Floats) -> Floats:
        """See ``SeparableResponse.table``."""
        if np.any(grid_PX > self._upper_X):
            return self._exact.table(grid_PX)
        return self._at(self._curve.c, grid_PX)

    def _at(self, coefficients_KSMX: Floats, amount_PX: Floats) -> Floats:
        """Polynomials of each variable at its own amounts: shape MX or MPX."""
        place_PX = amount_PX / self._upper_X
        last = len(self._knots_P) - 2
        piece_PX = np.clip(np.searchsorted(self._knots_P, place_PX, side="right") - 1, 0, last)
        step_PX = place_PX - self._knots_P[piece_PX]
        member = np.arange(coefficients_KSMX.shape[2]).reshape((-1,) + (1,) * amount_PX.ndim)
        variable_X = np.arange(amount_PX.shape[-1])
        result = np.zeros((coefficients_KSMX.shape[2], *amount_PX.shape))
        for coefficient_SMX in coefficients_KSMX:
            result = result * step_PX + coefficient_SMX[piece_PX, member, variable_X]
        return result


@dataclass(frozen=True, eq=False)
class PlanContext:
    """The status quo and everything about the model that a plan states.

    Attributes:
        channels: C names.
        current_X: Amounts of the last ``horizon`` periods, in each channel's own unit.
        supported_X: Largest amount over such a horizon that the data support; beyond is extrapolation.
        baseline_M: KPI of the horizon and after it without any planned amount, carry-over from
            history included, per member.
        regions: G names for a plan by region, else empty.
        kpi_value: Currency per KPI unit.
        currency: Label of money.
        units: Unit of every channel that has exposure but no spend, by channel.
        history_periods: Periods of the data; None leaves the horizon unchecked.
        after_horizon: The part of the response that falls after the horizon, KPI units per member.
        exact: The response by which a plan is stated, where the one it is solved with is a table of it.
        proxy: For a response that is not separable, a separable one near it that yields starts.
        nest_X: Coarser parts than channels, within which every limit of a sum weighs all alike; None
            for channels.
        model: Provenance, copied into the plan.
    """

    channels: tuple[str, ...]
    current_X: Floats
    supported_X: Floats
    baseline_M: Floats
    regions: tuple[str, ...] = ()
    kpi_value: float = 1.0
    currency: str = "USD"
    units: Mapping[str, str] = field(default_factory=dict)
    history_periods: int | None = None
    after_horizon: Callable[[Floats], Floats] | None = None
    exact: AnyResponse | None = None
    proxy: SeparableResponse | None = None
    nest_X: Ints | None = None
    model: Mapping[str, object] = field(default_factory=dict)

    @property
    def variables(self) -> int:
        """Number of decision variables X."""
        return len(self.channels) * max(len(self.regions), 1)

    @property
    def channel_X(self) -> Ints:
        """Index of each variable's channel."""
        return np.repeat(np.arange(len(self.channels)), max(len(self.regions), 1))

    @property
    def block_X(self) -> Ints:
        """Parts in which large plans are solved, one after the other."""
        return self.channel_X if self.nest_X is None else self.nest_X

    def by_channel(self, amount_X: Floats) -> Floats:
        """Sums over regions, shape C (leading axes are kept)."""
        shape = (*amount_X.shape[:-1], len(self.channels), -1)
        return np.asarray(amount_X.reshape(shape).sum(axis=-1))
