"""What planned media bring: over the horizon and after it, with what history still does.

Shapes: M members, C channels, G regions, H periods of the horizon and of carry-over after it, X decision
variables (channels, or channel x region with the channel outermost), P plans, S pieces of a curve, E pairs of
channels of which one moves the other.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from scipy.interpolate import PchipInterpolator
from torch import Tensor

from mmm.data.panel import Floats
from mmm.graph.channel_graph import ChannelGraph, downstream_delta
from mmm.graph.notears import reachable
from mmm.model.frequency import Reaching
from mmm.model.predictor import CELLS_AT_ONCE, Predictor
from mmm.model.saturation import hill

SMALLEST = 1e-4
"""Volume, in half-saturations, below which a slope is that of this volume: a concave curve's is endless
at 0."""


class SeparateCurves(Protocol):
    """One curve per decision variable, whose sum is a response."""

    def values_MX(self, amount_X: Floats) -> Floats:
        """KPI units of each variable, shape MX."""
        ...

    def table_MPX(self, grid_PX: Floats) -> Floats:
        """``values_MX`` of every row of the grid, shape MPX."""
        ...


class Response(Protocol):
    """KPI that planned amounts bring, over the horizon and after it, carry-over included."""

    @property
    def curves(self) -> SeparateCurves | None:
        """The curves, if the response is a sum of one per amount."""
        ...

    def kpi_M(self, amount_X: Floats) -> Floats:
        """KPI units per member, shape M."""
        ...

    def gradient_MX(self, amount_X: Floats) -> Floats:
        """KPI units per further unit of each amount, shape MX."""
        ...


class _Future:
    """Volume of planned and past media, and the KPI they bring.

    Args:
        predictor: The fitted model.
        unit_GHC: Media per unit of amount in each region and period of the horizon: the amount of channel
            c puts ``amount * unit_GHC[g, h, c]`` media into region g and period h.
        by_region: Whether amounts are per channel and region.
        before_GPC: Media that run after the data and before the horizon; None where it begins at once.
        reaching: How people are reached; None reaches them as often as in the data on average.
    """

    def __init__(
        self,
        predictor: Predictor,
        unit_GHC: Floats,
        *,
        by_region: bool = False,
        before_GPC: Floats | None = None,
        reaching: Reaching | None = None,
    ) -> None:
        regions, self.horizon, channels = unit_GHC.shape
        before_GPC = np.zeros((regions, 0, channels)) if before_GPC is None else before_GPC
        wait = before_GPC.shape[1]
        after = np.zeros((regions, predictor.lags - 1, channels))
        self._ahead_GHC = np.concatenate([unit_GHC, after], 1)
        self._predictor, self._by_region = predictor, by_region
        contacts_GHC, idle_contacts = _contacts(predictor, reaching, before_GPC, after)
        self._contacts_GHC = contacts_GHC
        self._unit = predictor.carried_ahead(self._ahead_GHC, history=False, contacts_GHC=contacts_GHC)
        idle_GHC = np.concatenate([before_GPC, np.zeros_like(self._ahead_GHC)], 1)
        self._history = predictor.carried_ahead(idle_GHC, history=True, contacts_GHC=idle_contacts)[
            ..., wait:
        ]
        self._limited = _limited(predictor, reaching)
        self._most_GC = None if reaching is None else reaching.most_GC
        self._weight = predictor.weight_ahead(self._ahead_GHC.shape[1], wait)
        self._half, self._slope = predictor.saturation_shape()
        self._log_half = torch.log(self._half)
        idle = self._weight * hill(self._history, self._half, self._slope)
        self._idle, self._idle_late = self._sum(idle), idle[..., self.horizon :].sum((1, 2, 3))

    def _sum(self, value_MCGH: Tensor) -> Tensor:
        """Total of each decision variable, shape MX."""
        return value_MCGH.sum(-1).flatten(1) if self._by_region else value_MCGH.sum((2, 3))

    def _amounts(self, amount_X: Floats) -> Tensor:
        """Amounts by channel and region, broadcast over members and periods."""
        amount = torch.as_tensor(np.array(amount_X, dtype=np.float64))
        channels, regions = self._unit.shape[1:3]
        return amount.reshape(channels, regions, 1) if self._by_region else amount.reshape(-1, 1, 1)

    def _volume(self, amount_X: Floats) -> Tensor:
        return self._history + self._bought(amount_X)

    def _bought(self, amount_X: Floats) -> Tensor:
        """Volume that planned amounts buy, of channels whose people are limited less than in proportion."""
        bought = self._amounts(amount_X) * self._unit
        for channel in self._limited:
            people_GH, most_G1 = self._people(amount_X, channel)
            bought[:, channel] = self._reached(most_G1 * -np.expm1(-people_GH / most_G1), channel)
        return bought

    def _unit_at(self, amount_X: Floats) -> Tensor:
        """Volume per further unit of each amount."""
        if not self._limited:
            return self._unit
        unit = self._unit.clone()
        for channel in self._limited:
            people_GH, most_G1 = self._people(amount_X, channel)
            fewer_GH = self._ahead_GHC[..., channel] * np.exp(-people_GH / most_G1)
            unit[:, channel] = self._reached(fewer_GH, channel)
        return unit

    def _people(self, amount_X: Floats, channel: int) -> tuple[Floats, Floats]:
        """People an amount would reach without a limit, and the limit, which is the same in every period."""
        assert self._most_GC is not None
        amount = self._amounts(amount_X)[channel].numpy()
        return amount * self._ahead_GHC[..., channel], self._most_GC[:, channel, None]

    def _reached(self, people_GH: Floats, channel: int) -> Tensor:
        """Volume of people of one channel, shape MGH."""
        media_GHC = np.zeros_like(self._ahead_GHC)
        media_GHC[..., channel] = people_GH
        volume = self._predictor.carried_ahead(media_GHC, history=False, contacts_GHC=self._contacts_GHC)
        return volume[:, channel]

    def _steepness(self, volume_MCGH: Tensor) -> Tensor:
        """KPI per further unit of volume, in each cell."""
        near = torch.maximum(volume_MCGH, SMALLEST * self._half)
        level = self._level(near)
        return (1 - level).mul_(level).mul_(self._weight * self._slope).div_(near)

    def _brought(self, amount_X: Floats) -> Tensor:
        """KPI that channels bring in every cell, what history still brings included."""
        return self._level(self._volume(amount_X)).mul_(self._weight)

    def _level(self, volume_MCGH: Tensor) -> Tensor:
        """``hill`` of volumes, in one tensor from step to step: twice as fast where no gradient is asked."""
        level = volume_MCGH.clamp_min(1e-12).log_().sub_(self._log_half).mul_(self._slope).sigmoid_()
        return level.mul_(volume_MCGH > 0)

    @torch.no_grad()
    def kpi_M(self, amount_X: Floats) -> Floats:
        """KPI that the plan adds to what history still brings, effect after the horizon included, shape M."""
        return np.asarray((self._sum(self._brought(amount_X)) - self._idle).sum(1))

    @torch.no_grad()
    def after_horizon(self, amount_X: Floats) -> Floats:
        """The part of ``kpi_M`` that comes after the horizon, shape M."""
        # Most periods are those of the horizon: their curves need not be asked.
        late, weight = self._volume(amount_X)[..., self.horizon :], self._weight[..., self.horizon :]
        return np.asarray(self._level(late).mul_(weight).sum((1, 2, 3)) - self._idle_late)

    def idle_kpi(self) -> Floats:
        """KPI that history still brings over the horizon and after it without any amount, shape M."""
        return self._idle.sum(1).numpy()

    @torch.no_grad()
    def channel_periods(self, amount_X: Floats) -> Floats:
        """KPI that each channel brings in each period of the horizon, history included, shape MCH."""
        return np.asarray(self._brought(amount_X).sum(2)[..., : self.horizon])


class FutureResponse(_Future):
    """Response to amounts per channel, or per channel and region: a sum of one curve per amount.

    Estimand: KPI over the horizon and after it, by each channel's own effect, less the KPI that history
    still brings without any amount; all else as it is. Arguments as for the volume of planned media.
    """

    @property
    def curves(self) -> FutureResponse:
        """See ``Response.curves``."""
        return self

    @torch.no_grad()
    def gradient_MX(self, amount_X: Floats) -> Floats:
        """KPI per further unit of each amount, shape MX."""
        slope = self._steepness(self._volume(amount_X))
        return np.asarray(self._sum(slope * self._unit_at(amount_X)))

    @torch.no_grad()
    def values_MX(self, amount_X: Floats) -> Floats:
        """KPI that each amount adds to what history still brings, effect after the horizon included, MX."""
        if not np.any(amount_X):
            return np.zeros(self._idle.shape)
        return np.asarray(self._sum(self._brought(amount_X)) - self._idle)

    @torch.no_grad()
    def table_MPX(self, grid_PX: Floats) -> Floats:
        """``values_MX`` of many plans, shape MPX, in single precision."""
        members, cells = len(self._history), self._history[0].numel()
        # Where people are limited, volumes are those of all members at once.
        rows = members if self._limited else max(CELLS_AT_ONCE // cells, 1)
        blocks = [self._table(slice(first, first + rows), grid_PX) for first in range(0, members, rows)]
        return (torch.cat(blocks) - self._idle.unsqueeze(1)).numpy()

    def _table(self, members: slice, grid_PX: Floats) -> Tensor:
        """KPI that plans bring by some members, history included, shape MPX; one table is written over."""
        history, unit, weight, slope, log_half = (
            value[members].float()
            for value in (self._history, self._unit, self._weight, self._slope, self._log_half)
        )
        shift, level, found = slope * log_half, torch.empty_like(history), []
        for amount_X in grid_PX:
            if self._limited:
                level.copy_(self._volume(amount_X)[members])
            else:
                torch.addcmul(history, self._amounts(amount_X).float(), unit, out=level)
            level.clamp_(min=1e-12).log_().mul_(slope).sub_(shift).sigmoid_().mul_(weight)
            found.append(self._sum(level).double())
        return torch.stack(found, 1)


class TotalResponse(_Future):
    """Response to amounts with what channels do through the channels they move; no sum of curves.

    Estimand: as for ``FutureResponse``, but where a plan departs from the status quo, the media that the
    channels' own equations make of the departure come on top of the planned ones (never below none), in
    each member by its own graph. A plan equal to the status quo brings what it brings directly.

    Args:
        predictor: The fitted model.
        unit_GHC: Media per unit of amount.
        graph: Which channels move which.
        status_quo_GHC: Media of the status quo, whose induced part is in them already.
        by_region: Whether amounts are per channel and region.
        before_GPC: Media that run after the data and before the horizon.
        reaching: How people are reached; limits of people count for amounts of their own channel alone.
    """

    def __init__(
        self,
        predictor: Predictor,
        unit_GHC: Floats,
        graph: ChannelGraph,
        status_quo_GHC: Floats,
        *,
        by_region: bool = False,
        before_GPC: Floats | None = None,
        reaching: Reaching | None = None,
    ) -> None:
        super().__init__(predictor, unit_GHC, by_region=by_region, before_GPC=before_GPC, reaching=reaching)
        after = np.zeros((unit_GHC.shape[0], predictor.lags - 1, unit_GHC.shape[2]))
        usual_GHC = np.concatenate([status_quo_GHC, after], 1)
        moves_CC = reachable(graph.edges_CC | graph.coefficient_MKCC.any((0, 1)))
        cause_E, effect_E = np.nonzero(moves_CC & ~np.eye(len(moves_CC), dtype=np.bool_))
        self._cause, self._effect = torch.as_tensor(cause_E), torch.as_tensor(effect_E)
        members, (regions, periods) = predictor.members, self._unit.shape[2:]
        self._induced = torch.zeros(members, len(cause_E), regions, periods, dtype=self._unit.dtype)
        self._usual = torch.zeros_like(self._unit)
        for m in range(members):
            own = graph.member(m % graph.members) if graph.members else graph
            self._usual[m] = self._made_of(usual_GHC, own, m)
            for cause in np.unique(cause_E):
                imposed_GHC = np.zeros_like(self._ahead_GHC)
                imposed_GHC[..., cause] = self._ahead_GHC[..., cause]
                mine = self._cause == int(cause)
                self._induced[m, mine] = self._made_of(imposed_GHC, own, m)[self._effect[mine]]

    def _made_of(self, imposed_GHC: Floats, graph: ChannelGraph, member: int) -> Tensor:
        """Volume, shape CGH, of the media that a member's graph makes of imposed ones."""
        made_GHC = downstream_delta(imposed_GHC, graph) - imposed_GHC
        own = slice(member, member + 1)
        return self._predictor.carried_ahead(
            made_GHC, history=False, members=own, contacts_GHC=self._contacts_GHC
        )[0]

    def _planned(self, amount_X: Floats) -> Tensor:
        """Volume that the plan brings on top of history's, before it is held at 0."""
        amount = self._amounts(amount_X)
        planned = self._bought(amount_X) - self._usual
        return planned.index_add(1, self._effect, amount[self._cause] * self._induced)

    def _volume(self, amount_X: Floats) -> Tensor:
        return self._history + self._planned(amount_X).clamp_min(0.0)

    @property
    def curves(self) -> None:
        """See ``Response.curves``: a channel's KPI depends on the amounts of those that move it."""

    @torch.no_grad()
    def gradient_MX(self, amount_X: Floats) -> Floats:
        """KPI per further unit of each amount, through all channels, shape MX."""
        planned = self._planned(amount_X)
        # Where a plan falls so far below the status quo that nothing is left, a little more changes nothing.
        slope = self._steepness(self._history + planned.clamp_min(0.0)) * (planned >= 0)
        gradient = slope * self._unit_at(amount_X)
        gradient = gradient.index_add(1, self._cause, slope[:, self._effect] * self._induced)
        return self._sum(gradient).numpy()


def _contacts(
    predictor: Predictor, reaching: Reaching | None, before_GPC: Floats, after: Floats
) -> tuple[Floats | None, Floats | None]:
    """Contacts of people in the plan and after it, and those of the idle periods before it as well."""
    if reaching is None or not predictor.reach:
        return None, None
    assert predictor.scaling.contacts_C is not None
    usual_C = np.nan_to_num(predictor.scaling.contacts_C, nan=1.0)
    ahead_GHC = np.concatenate([reaching.contacts_GHC, after + usual_C], 1)
    before = before_GPC * 0.0 + usual_C if reaching.before_GPC is None else reaching.before_GPC
    return ahead_GHC, np.concatenate([before, ahead_GHC], 1)


def _limited(predictor: Predictor, reaching: Reaching | None) -> tuple[int, ...]:
    """Channels of which not everybody can be reached."""
    if reaching is None:
        return ()
    return tuple(c for c in predictor.reach if np.isfinite(reaching.most_GC[:, c]).any())


class TabulatedResponse:
    """A sum of curves read off a table once, so that later plans cost microseconds.

    Between the points a monotone cubic; beyond the last point the exact response is asked.

    Args:
        exact: The exact response.
        upper_X: Largest amount the table covers.
        points: Points per curve.
        power: Points stand at powers of even steps, so that they are denser towards 0 where S-shaped
            curves bend.
    """

    def __init__(self, exact: Response, upper_X: Floats, points: int = 65, power: float = 2.0) -> None:
        assert exact.curves is not None
        self._exact, self._exact_curves = exact, exact.curves
        self._upper_X = np.maximum(np.asarray(upper_X, dtype=np.float64), 1e-12)
        self._knots_P = np.linspace(0.0, 1.0, points) ** power
        table_MPX = self._exact_curves.table_MPX(self._knots_P[:, None] * self._upper_X)
        curve = PchipInterpolator(self._knots_P, table_MPX, axis=1)
        # Coefficients last: what a variable needs at its amount lies in one piece.
        self._curve_SXMK, self._slope_SXMK = (
            np.ascontiguousarray(item.c.transpose(1, 3, 2, 0)) for item in (curve, curve.derivative())
        )

    @property
    def curves(self) -> TabulatedResponse:
        """See ``Response.curves``."""
        return self

    def kpi_M(self, amount_X: Floats) -> Floats:
        """See ``Response.kpi_M``."""
        return np.asarray(self.values_MX(amount_X).sum(1))

    def gradient_MX(self, amount_X: Floats) -> Floats:
        """See ``Response.gradient_MX``."""
        if np.any(amount_X > self._upper_X):
            return self._exact.gradient_MX(amount_X)
        return self._at(self._slope_SXMK, amount_X) / self._upper_X

    def values_MX(self, amount_X: Floats) -> Floats:
        """See ``SeparateCurves.values_MX``."""
        if np.any(amount_X > self._upper_X):
            return self._exact_curves.values_MX(amount_X)
        return self._at(self._curve_SXMK, amount_X)

    def table_MPX(self, grid_PX: Floats) -> Floats:
        """See ``SeparateCurves.table_MPX``."""
        if np.any(grid_PX > self._upper_X):
            return self._exact_curves.table_MPX(grid_PX)
        return self._at(self._curve_SXMK, grid_PX)

    def _at(self, coefficient_SXMK: Floats, amount_PX: Floats) -> Floats:
        """Polynomials of each variable at its own amounts: shape MX or MPX."""
        place_PX = amount_PX / self._upper_X
        last = len(self._knots_P) - 2
        piece_PX = np.clip(np.searchsorted(self._knots_P, place_PX, side="right") - 1, 0, last)
        step_PX1 = (place_PX - self._knots_P[piece_PX])[..., None]
        here_PXMK = coefficient_SXMK[piece_PX, np.arange(amount_PX.shape[-1])]
        result_PXM = here_PXMK[..., 0]
        for k in range(1, here_PXMK.shape[-1]):
            result_PXM = result_PXM * step_PX1 + here_PXMK[..., k]
        return np.ascontiguousarray(result_PXM.transpose(-1, *range(amount_PX.ndim)))
