"""Treatments as lines of a plan: money for a promotion beside money for channels.

A treatment costs ``cost`` for each unit above its reference: once for every region and period, or for every
KPI unit sold there. KPI units are those of an average period of the last year without the treatment, and
those that the treatment itself brings in the mean over draws. A treatment at depth ``d`` in every cell then
costs ``cost · Σ d · (volume + effect · d)``, so that KPI rises with money along a line or a concave curve:
plans remain sums of curves, and the global search stays as it is.

Shapes: M members, G regions (of one variable: all, or its own alone), H periods of the horizon, R treatments
in the plan, V their variables (treatments, or treatment x region with the treatment outermost), X variables
of the plan, L lags.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from mmm.config.problems import nearest
from mmm.data.panel import Bools, Floats, Panel
from mmm.errors import Problem
from mmm.model.future import Response
from mmm.planning.ahead import Path
from mmm.planning.amounts import Flighting, flighting_weights
from mmm.planning.planner import Planned, Planner
from mmm.planning.prices.schedule import PricedResponse, Schedule
from mmm.planning.prices.treatment_cost import TreatmentCost, TreatmentCosts
from mmm.planning.prices.treatment_response import TreatmentResponse
from mmm.planning.response import JoinedResponse, StatusQuo, Term
from mmm.words import AMOUNT, number

Paths = dict[str, Path | dict[str, Path]]
"""Values of controls after the data, as a request states them."""

BELOW = 1e-9
"""Part of a treatment's range by which a value may lie below its reference for want of digits."""

TRACE = 1e-12
"""Part of the mean depth that a region without any has: nothing, but a pattern to plan the region by."""


class PlannedTreatments:
    """Treatments of one model that a plan pays for.

    Args:
        planner: The model.
        costs: What they cost, without problems.
        horizon: Periods.
        flighting: How depth falls on periods, see ``BudgetRequest.flighting``; a history without any falls
            evenly.
        by_region: Whether each region has its own.

    Attributes:
        currency: Of money.
        response: KPI by money.
        current_V: Money of the last ``horizon`` periods.
        supported_V: Most money of so many periods in a row.
        most_V: Money at which some cell reaches the largest value allowed.
    """

    def __init__(
        self, planner: Planner, costs: TreatmentCosts, horizon: int, flighting: Flighting, *, by_region: bool
    ) -> None:
        panel, self.costs, self.currency = planner.panel, costs, planner.panel.currency
        self._by_region, self._planner = by_region, planner
        names = [treatment.name for treatment in panel.treatments]
        self._place_R = [names.index(name) for name in costs]
        first = len(panel.controls) - len(names)
        self._control_R = [first + place for place in self._place_R]
        self.reference_GR = panel.reference_GR[:, self._place_R]
        self.depth_GTR = _depths(panel)[..., self._place_R]
        ran = self._response(_patterns(self.depth_GTR, tuple(costs), horizon, "history"))
        self.response = ran
        if flighting != "history":
            self.response = self._response(_patterns(self.depth_GTR, tuple(costs), horizon, flighting))
        self.current_V = ran.money(self._variables(self.depth_GTR[:, -horizon:].sum(1)))
        # Prices of a horizon that ran are those of its own pattern, whatever a plan makes of it.
        sums_GTR = np.cumsum(np.pad(self.depth_GTR, ((0, 0), (1, 0), (0, 0))), 1)
        window_GTR = sums_GTR[:, horizon:] - sums_GTR[:, :-horizon]
        window_GTR = window_GTR if by_region else window_GTR.sum(0, keepdims=True)
        self.supported_V = ran.money(window_GTR.max(1).T.ravel())
        self.most_V = self.response.money(self._deepest())

    def _variables(self, value_GR: Floats) -> Floats:
        """One value for each variable, sums over its regions."""
        summed: Floats = value_GR.T.ravel() if self._by_region else value_GR.sum(0)
        return summed

    def _own(self, value_GR: Floats) -> Floats:
        """Values of the regions of each variable, shape VG; axes before the regions are kept."""
        swapped = np.moveaxis(value_GR, -1, -2)
        if not self._by_region:
            return swapped
        return swapped.reshape(*swapped.shape[:-2], -1, 1)

    def _response(self, pattern_GHR: Floats) -> TreatmentResponse:
        planner, regions = self._planner, len(self._planner.panel.regions)
        effect_MGR, kernel_MRL = planner.predictor.treatment_effects()
        effect_MGR, kernel_MRL = effect_MGR[..., self._place_R], kernel_MRL[:, self._place_R]
        horizon, repeats = pattern_GHR.shape[1], regions if self._by_region else 1
        arrived_MRL = np.cumsum(kernel_MRL, -1)
        left_H = np.minimum(np.arange(horizon)[::-1], arrived_MRL.shape[-1] - 1)
        share_VGH = np.stack([self._own(pattern_GHR[:, h]) for h in range(horizon)], -1)
        share_VGH = share_VGH / share_VGH.sum((1, 2), keepdims=True)
        sd_R = planner.predictor.scaling.control_sd_K[self._control_R]
        line_VGH, square_VGH = self._money_terms(share_VGH, effect_MGR, sd_R)
        return TreatmentResponse(
            names=tuple(self.costs),
            share_VGH=share_VGH,
            reference_VG=self._own(self.reference_GR),
            mean_VG=self._own(planner.predictor.scaling.control_mean_GK[:, self._control_R]),
            sd_V=np.repeat(sd_R, repeats),
            effect_MVG=self._own(effect_MGR),
            late_MVH=np.repeat(1.0 - arrived_MRL[..., left_H], repeats, axis=1),
            line_VGH=line_VGH,
            square_VGH=square_VGH,
        )

    def _money_terms(self, share_VGH: Floats, effect_MGR: Floats, sd_R: Floats) -> tuple[Floats, Floats]:
        """Money in every cell for a unit of depth and for a squared one, shape VGH each."""
        sold_R = np.array([one.per == "kpi" for one in self.costs.values()])
        cost_R = np.array([one.cost for one in self.costs.values()])
        volume_GR = cost_R * np.where(sold_R, self._volume(), 1.0)
        more_GR = cost_R * np.where(sold_R, np.maximum(effect_MGR.mean(0) / sd_R, 0.0), 0.0)
        return (
            share_VGH * self._own(volume_GR)[..., None],
            share_VGH**2 * self._own(more_GR)[..., None],
        )

    def _volume(self) -> Floats:
        """KPI of an average period of the last year without each treatment, shape GR."""
        panel = self._planner.panel
        year = slice(-min(round(panel.periods_per_year), len(panel.dates)), None)
        brought_GTR = self._planner.predictor.parts.controls_MGTK[..., self._control_R].mean(0)
        known_GT = panel.observed_GT[:, year]
        without_GTR = np.where(known_GT[..., None], panel.kpi_GT[:, year, None] - brought_GTR[:, year], 0.0)
        level_GR = without_GTR.sum(1) / np.maximum(known_GT.sum(1), 1)[:, None]
        seen_G1 = known_GT.any(1, keepdims=True)
        typical_G1 = self._planner.predictor.scaling.kpi_G[:, None]
        return np.maximum(np.where(seen_G1, level_GR, typical_G1), 1e-9 * typical_G1)

    def _deepest(self) -> Floats:
        """Depth, over all cells, at which the first of them reaches the largest value allowed, shape V."""
        most_R = np.array([_most(self._planner.panel, k, one) for k, one in self._stated()])
        room_VG = self._own(np.maximum(most_R - self.reference_GR, 0.0))
        share_VGH = self.response.share_VGH
        depth_VGH = np.divide(
            room_VG[..., None], share_VGH, out=np.full_like(share_VGH, np.inf), where=share_VGH > 0
        )
        return np.asarray(depth_VGH.min((1, 2)))

    def _stated(self) -> Iterator[tuple[int, TreatmentCost]]:
        return zip(self._control_R, self.costs.values(), strict=True)

    def at_reference(self) -> Paths:
        """Paths of controls that hold each treatment at its reference, by region."""
        regions = self._planner.panel.regions
        return {
            name: dict(zip(regions, self.reference_GR[:, r].tolist(), strict=True))
            for r, name in enumerate(self.costs)
        }

    def controls(self, money_V: Floats) -> Paths:
        """Paths of controls that a plan makes of money, by region."""
        regions = self._planner.panel.regions
        values_RGH = self.response.values(money_V).reshape(len(self.costs), len(regions), -1)
        return {
            name: {region: tuple(values_RGH[r, g].tolist()) for g, region in enumerate(regions)}
            for r, name in enumerate(self.costs)
        }

    def remarks(self) -> Iterator[str]:
        """What a plan takes for granted of their cost."""
        for k, (name, one) in zip(self._control_R, self.costs.items(), strict=True):
            volume = (
                "period and region"
                if one.per == "period"
                else "KPI unit, of a mean period of the last year and of what it brings besides"
            )
            yield (
                f"{name}: one unit costs {number(one.cost, 3)} {self._planner.panel.currency} per {volume}; "
                f"no period goes beyond {number(_most(self._planner.panel, k, one), 3)}, and what it brings "
                "follows the line that was fitted."
            )


def _depths(panel: Panel) -> Floats:
    """Units above the reference in every cell of the data, shape GTR; 0 where nothing is known."""
    first = len(panel.controls) - len(panel.treatments)
    depth_GTR = panel.controls_GTK[..., first:] - panel.reference_GR[:, None]
    return np.where(panel.present_GT[..., None], np.maximum(depth_GTR, 0.0), 0.0)


def _most(panel: Panel, control: int, stated: TreatmentCost) -> float:
    """Largest value that a cell may have."""
    if stated.most is not None:
        return stated.most
    return float(panel.controls_GTK[..., control][panel.present_GT].max())


def _patterns(depth_GTR: Floats, names: tuple[str, ...], horizon: int, flighting: Flighting) -> Floats:
    """Depth in the pattern of a plan, shape GHR, in no unit: as in the last periods, or by weights.

    A treatment that did not run in the last ``horizon`` periods is spread over all regions and periods
    evenly; one that did not run in a region is there as it is in all.
    """
    recent_GHR = depth_GTR[:, -horizon:]
    weight_HR = flighting_weights(flighting, names, recent_GHR.sum(0))
    by_name = isinstance(flighting, Mapping)
    repeats_R = np.array([flighting == "history" or (by_name and name not in flighting) for name in names])
    regional_GR = recent_GHR.sum(1)
    regional_GR = np.where(regional_GR.sum(0) > 0, regional_GR, 1.0)
    spread_GHR = regional_GR[:, None] * weight_HR
    whole_GHR = np.where(repeats_R & (recent_GHR.sum((0, 1)) > 0), recent_GHR, spread_GHR)
    idle_G1R = whole_GHR.sum(1, keepdims=True) == 0
    return np.where(idle_G1R, TRACE * whole_GHR.mean(0), whole_GHR)


def treatment_problems(panel: Panel, costs: TreatmentCosts, said: Mapping[str, object]) -> Iterator[Problem]:
    """What of a request's treatments this model cannot plan.

    Args:
        panel: The model's data.
        costs: What treatments cost, by name.
        said: Other fields of the request that name channels or controls.
    """
    names = [treatment.name for treatment in panel.treatments]
    for name, one in costs.items():
        place = f"treatment_costs.{name}"
        if name not in names:
            yield Problem("unknown_treatment", place, _unknown(name, names, panel))
            continue
        r = names.index(name)
        k = len(panel.controls) - len(names) + r
        yield from _unpayable(panel, place, k, panel.reference_GR[:, r], one)
        for field, value in said.items():
            if not isinstance(value, Mapping) or name not in value:
                continue
            text = "is a treatment; what it costs stands in treatment_costs. Leave it out here"
            if field == "controls":
                text = "is stated here and planned in money by treatment_costs; leave one of them out"
            yield Problem("stated_twice", f"{field}.{name}", text)


def _unknown(name: str, names: list[str], panel: Panel) -> str:
    if name in panel.channels:
        return f"{name} is a channel; what it costs is in the data. Leave it out"
    if name in panel.controls:
        return f"{name} is a control; declare it in columns.treatments with a reference and refit"
    close = nearest(name, names, count=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return f"the model has no treatment '{name}'.{hint} Known: {', '.join(names) or 'none'}"


def _unpayable(
    panel: Panel, place: str, control: int, reference_G: Floats, stated: TreatmentCost
) -> Iterator[Problem]:
    """Values below the reference would cost less than nothing; a limit at it leaves nothing to plan."""
    values_GT, seen_GT = panel.controls_GTK[..., control], panel.present_GT
    slack = BELOW * float(np.ptp(values_GT[seen_GT]))
    below_GT: Bools = seen_GT & (values_GT < reference_G[:, None] - slack)
    if below_GT.any():
        text = (
            f"lies below its reference in {int(below_GT.sum())} cells of the data, which would cost less "
            "than nothing; refit with `reference: min`, or with a number below all values"
        )
        yield Problem("below_reference", place, text)
    if stated.most is not None and not stated.most > reference_G.max():
        text = (
            f"is {stated.most:{AMOUNT}}, not above the reference {reference_G.max():{AMOUNT}}, so that "
            "nothing could be planned; raise it, or leave the treatment out"
        )
        yield Problem("most_at_reference", f"{place}.most", text)


def with_treatments(
    planned: PlannedTreatments, response: Planned, table: Response, status_quo: StatusQuo
) -> tuple[Response, Response, StatusQuo]:
    """A plan's responses and status quo with treatments as further lines, after those of channels.

    Args:
        planned: The treatments.
        response: The response of channels.
        table: A table of it.
        status_quo: That of channels, with treatments at their references.
    """
    own, names = planned.response, tuple(planned.costs)
    channels, idle_V = len(status_quo.current_X), np.full(len(planned.current_V), np.nan)
    units = [np.ones(channels), np.ones(len(idle_V))]
    members = len(status_quo.baseline_M)

    def joined(to_channels: Response) -> JoinedResponse:
        return JoinedResponse([Term(to_channels, units[0]), Term(own, units[1])], members)

    buying = status_quo.buying
    exact: Response = joined(response.to_money)
    if buying is not None:
        unmoved = (None,) * len(idle_V)
        buying = Schedule(np.append(buying.rate_X, idle_V), (*buying.curves, *unmoved))
        exact = PricedResponse(joined(response.to_bought), buying)
    after, now_M = status_quo.after_horizon, own.kpi_M(planned.current_V)
    kept_M, stated_M = status_quo.current_kpi_M, status_quo.stated_current_M
    return (
        exact,
        joined(table),
        replace(
            status_quo,
            channels=(*status_quo.channels, *names),
            current_X=np.append(status_quo.current_X, planned.current_V),
            supported_X=np.append(status_quo.supported_X, planned.supported_V),
            most_X=np.append(np.full(channels, np.inf), planned.most_V),
            after_horizon=None if after is None else _sum_of(after, own, channels),
            remarks=(*status_quo.remarks, *planned.remarks()),
            rate_X=None if status_quo.rate_X is None else np.append(status_quo.rate_X, idle_V),
            buying=buying,
            values_of=own.values,
            current_kpi_M=None if kept_M is None else kept_M + now_M,
            stated_current_M=None if stated_M is None else stated_M + now_M,
        ),
    )


def _sum_of(
    after: Callable[[Floats], Floats], own: TreatmentResponse, channels: int
) -> Callable[[Floats], Floats]:
    """What comes after the horizon, of channels and of treatments."""
    return lambda amount_X: after(amount_X[:channels]) + own.after_horizon(amount_X[channels:])
