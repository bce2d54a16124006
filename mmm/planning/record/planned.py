"""What a committed plan puts into every region and period, out of the plan as it is written.

Shapes: G regions, H periods of the plan, W periods between the data and the plan, C channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmm.data.panel import Dates, Floats
from mmm.model.frequency import Reaching
from mmm.planning.ahead import with_stated
from mmm.planning.forecast import controls_ahead
from mmm.planning.plan import Plan
from mmm.planning.planner import Planner
from mmm.planning.prices.schedule import Curve
from mmm.planning.prices.stated import price_key
from mmm.planning.reaching import reach_key, reaching_of
from mmm.planning.record.stated import StatedSpend, asked_spend
from mmm.planning.request import BudgetRequest, parse_request
from mmm.planning.scenario.media import ResolvedPlans, planned_media
from mmm.planning.scenario.request import ScenarioRequest, SpendPlan
from mmm.planning.treatments import PlannedTreatments
from mmm.planning.wait import Wait, wait_until


@dataclass(frozen=True, eq=False)
class PlannedPeriods:
    """A plan from the end of the data to its own end.

    Attributes:
        dates: H period starts of the plan.
        wait: What lies before them.
        spend_GPC: Amounts of the W + H periods.
        media_GPC: Media of these periods.
        contacts_GPC: How often people are reached in them; None where no channel has reach.
        controls_GHK: Controls of the plan's periods, as stated or as they were taken.
        terms: What amounts buy.
    """

    dates: Dates
    wait: Wait
    spend_GPC: Floats
    media_GPC: Floats
    contacts_GPC: Floats | None
    controls_GHK: Floats
    terms: Terms

    @property
    def amount_HC(self) -> Floats:
        """Planned amounts by period over all regions."""
        amount_HC: Floats = self.spend_GPC[:, self.wait.periods :].sum(0)
        return amount_HC


@dataclass(frozen=True, eq=False)
class Terms:
    """What amounts buy in every cell, as a plan took it.

    Attributes:
        rate_GC: Media per unit of amount at last year's price.
        curves: Prices that move, by variable; None where they stay.
        people_GHC: People aimed at, at the frequency of the plan, for each at that of the data.
        most_GC: People who can be reached in a period.
        wait: Periods before the plan, in which prices and frequencies are those of the data.
    """

    rate_GC: Floats
    curves: tuple[Curve | None, ...]
    people_GHC: Floats | None
    most_GC: Floats | None
    wait: int

    def bought(self, spend_GPC: Floats) -> Floats:
        """Media that amounts buy; periods may be fewer than those of the plan."""
        media_GPC = spend_GPC * self.rate_GC[:, None, :]
        own_GHC, periods = spend_GPC[:, self.wait :], spend_GPC.shape[1] - self.wait
        for c, own, curve in self._moving():
            media_GPC[own, self.wait :, c] = curve.buys(own_GHC[own, :, c])
        if self.people_GHC is None:
            return media_GPC
        media_GPC[:, self.wait :] *= self.people_GHC[:, :periods]
        assert self.most_GC is not None
        limited = np.isfinite(self.most_GC).any(0)
        most_G1C, aimed_GHC = self.most_GC[:, None, limited], media_GPC[:, self.wait :, limited]
        media_GPC[:, self.wait :, limited] = -most_G1C * np.expm1(-aimed_GHC / most_G1C)
        return media_GPC

    def spent(self, amount_GC: Floats, cell_GHC: Floats) -> Floats:
        """Amounts of every cell of the plan, shape GHC.

        Args:
            amount_GC: Amounts; one row where they are of all regions.
            cell_GHC: Media per unit of amount at last year's price.
        """
        rate_G1C = self.rate_GC[:, None, :]
        share_GHC = np.divide(cell_GHC, rate_G1C, out=np.zeros_like(cell_GHC), where=rate_G1C > 0)
        spend_GHC = amount_GC[:, None, :] * share_GHC
        for c, own, curve in self._moving():
            place = own.start if len(amount_GC) > 1 else 0
            spend_GHC[own, :, c] = curve.spent(float(amount_GC[place, c]))
        return spend_GHC

    def _moving(self) -> Iterator[tuple[int, slice, Curve]]:
        """Channel, regions and prices of every variable whose price moves."""
        regions, channels = self.rate_GC.shape
        variables = max(len(self.curves) // channels, 1)
        for x, curve in enumerate(self.curves):
            c, g = divmod(x, variables)
            if curve is not None:
                yield c, slice(g, g + 1) if variables > 1 else slice(0, regions), curve


def planned_periods(planner: Planner, plan: Plan | StatedSpend) -> PlannedPeriods:
    """The media, dates and baseline that a plan stood on.

    Raises:
        RequestError: The request in the plan is none, or does not fit the model.
    """
    if isinstance(plan, StatedSpend):
        return _stated_periods(planner, plan)
    request, by_region = asked_of(planner, plan), plan.regions is not None
    if (treatments := treatments_of(planner, plan)) is not None:
        controls = {**request.controls, **treatments.controls(treatment_money(plan))}
        request = request.model_copy(update={"controls": controls})
    return _run(
        planner, request, _amounts(planner, plan, request), _cells(planner, request, by_region=by_region)
    )


def treatments_of(
    planner: Planner, plan: Plan | StatedSpend, *, ran: bool = False
) -> PlannedTreatments | None:
    """Treatments that a plan pays for; None where it pays for none.

    Args:
        planner: The model.
        plan: The plan.
        ran: Stated ones in the pattern of the last periods, which those of the status quo have.
    """
    if not plan.request.get("treatment_costs"):
        return None
    if isinstance(plan, StatedSpend):
        stated, resolved, spend_plan = asked_spend(planner, plan)
        flighting = "history" if ran else spend_plan.flighting
        return PlannedTreatments(
            planner, stated.treatment_costs, resolved.horizon, flighting, by_region=False
        )
    request = asked_of(planner, plan)
    by_region = plan.regions is not None
    return PlannedTreatments(
        planner, request.treatment_costs, request.horizon, request.flighting, by_region=by_region
    )


def treatment_money(plan: Plan | StatedSpend) -> Floats:
    """What a plan spends on each variable of its treatments, which are its last lines."""
    names = tuple(plan.request.get("treatment_costs", {}))
    if isinstance(plan, StatedSpend) or plan.regions is None:
        return np.array([plan.spend[name] for name in names])
    return np.array([row.spend for name in names for row in plan.regions if row.channel == name])


def usual_periods(planner: Planner, plan: Plan | StatedSpend) -> PlannedPeriods:
    """The same of current amounts in place of the plan's, at the frequency that was."""
    if isinstance(plan, StatedSpend):
        request, by_region = _terms_of(*asked_spend(planner, plan)), False
    else:
        request, by_region = asked_of(planner, plan), plan.regions is not None
    kept = request.model_copy(update={"frequency": "keep", "reach_ceiling": {}})
    current_X = planner.to_media.current(request.horizon, by_region=by_region)
    current_GC = current_X.reshape(len(planner.panel.channels), -1).T
    return _run(planner, kept, current_GC, _cells(planner, request, by_region=by_region))


def _stated_periods(planner: Planner, plan: StatedSpend) -> PlannedPeriods:
    """Those of amounts that fall on regions and periods as somebody stated."""
    request, resolved, spend_plan = asked_spend(planner, plan)
    to_media, horizon = planner.to_media, resolved.horizon
    ((_, entries),) = resolved.entries.items()
    planned = planned_media(to_media, horizon, spend_plan, entries)
    regional_C = np.array([isinstance(entries.get(name), Mapping) for name in planner.panel.channels])
    cells = Cells(
        unit_GHC=planned.per_unit(to_media.unit_GHC(horizon)),
        rate_GC=np.where(regional_C, to_media.rate_GC, to_media.rate_C),
        by_region=False,
    )
    terms = _terms_of(request, resolved, spend_plan)
    if (treatments := treatments_of(planner, plan)) is not None:
        controls = {**terms.controls, **treatments.controls(treatment_money(plan))}
        terms = terms.model_copy(update={"controls": controls})
    return _run(planner, terms, planned.amount_C[None, :], cells)


def _terms_of(request: ScenarioRequest, resolved: ResolvedPlans, plan: SpendPlan) -> BudgetRequest:
    """The terms of a scenario request in the words of a budget request."""
    same = ("start", "meanwhile", "effects", "prices", "reach_ceiling", "controls", "level")
    terms: dict[str, Any] = {name: getattr(request, name) for name in same}
    return BudgetRequest(budget="current", horizon=resolved.horizon, frequency=plan.frequency, **terms)


@dataclass(frozen=True, eq=False)
class Cells:
    """How amounts fall on regions and periods.

    Attributes:
        unit_GHC: Media per unit of amount at last year's price.
        rate_GC: Media per unit of amount spent in a region.
        by_region: Whether amounts are by region.
    """

    unit_GHC: Floats
    rate_GC: Floats
    by_region: bool


def _cells(planner: Planner, request: BudgetRequest, *, by_region: bool) -> Cells:
    """Those of a budget request."""
    to_media = planner.to_media
    unit_GHC = to_media.unit_GHC(request.horizon, request.flighting, by_region=by_region)
    nation_GC = np.broadcast_to(to_media.rate_C, to_media.rate_GC.shape)
    return Cells(unit_GHC, to_media.rate_GC if by_region else nation_GC, by_region)


def _run(planner: Planner, request: BudgetRequest, amount_GC: Floats, cells: Cells) -> PlannedPeriods:
    """Amounts, one row where they are of all regions, on the terms of a request."""
    panel = planner.panel
    wait = Wait()
    if request.start is not None:
        wait = wait_until(panel, request.start, request.meanwhile, request.horizon, "plan")
    cell_GHC = cells.unit_GHC
    terms, reaching = _terms(planner, request, cells, wait)
    spend_GHC = terms.spent(amount_GC, cell_GHC)
    before_GPC, rate_G1C = planner.before(wait), terms.rate_GC[:, None, :]
    before_GPC = spend_GHC[:, :0] if before_GPC is None else before_GPC
    waiting_GPC = np.divide(before_GPC, rate_G1C, out=np.zeros_like(before_GPC), where=rate_G1C > 0)
    spend_GPC = np.concatenate([waiting_GPC, spend_GHC], 1)
    dates = planner.forecast(request.horizon, wait.periods).dates
    return PlannedPeriods(
        dates=dates,
        wait=wait,
        spend_GPC=spend_GPC,
        media_GPC=terms.bought(spend_GPC),
        contacts_GPC=None if reaching is None else _contacts(reaching),
        controls_GHK=with_stated(controls_ahead(planner.drawn, dates), panel, request.controls),
        terms=terms,
    )


def _contacts(reaching: Reaching) -> Floats:
    """Contacts per person from the end of the data to that of the plan."""
    if reaching.before_GPC is None:
        return reaching.contacts_GHC
    return np.concatenate([reaching.before_GPC, reaching.contacts_GHC], 1)


def _terms(
    planner: Planner, request: BudgetRequest, cells: Cells, wait: Wait
) -> tuple[Terms, Reaching | None]:
    """What amounts buy, and how people are reached."""
    to_media, cell_GHC = planner.to_media, cells.unit_GHC
    prices = price_key(request.prices) if request.prices else ""
    buying = planner.buying(prices, cell_GHC, by_region=cells.by_region)
    people_GHC, reaching = None, None
    if planner.panel.contacts_GTC is not None:
        key = reach_key(planner.fitted, request.frequency, request.reach_ceiling)
        unit_GHC, reaching = reaching_of(
            to_media, cell_GHC, request.horizon, request.flighting, key, wait.periods
        )
        people_GHC = np.divide(unit_GHC, cell_GHC, out=np.ones_like(cell_GHC), where=cell_GHC > 0)
    terms = Terms(
        rate_GC=cells.rate_GC,
        curves=() if buying is None else buying.curves,
        people_GHC=people_GHC,
        most_GC=None if reaching is None else reaching.most_GC,
        wait=wait.periods,
    )
    return terms, reaching


def asked_of(planner: Planner, plan: Plan) -> BudgetRequest:
    """The request that a plan answers."""
    panel = planner.panel
    return parse_request(
        plan.request, channels=panel.channels, history_periods=len(panel.dates), source="request of the plan"
    )


def with_frequencies(planner: Planner, plan: Plan) -> Plan:
    """The plan with its best frequencies as numbers: a record keeps fewer draws, which might say others."""
    if plan.request.get("frequency") != "best":
        return plan
    channels = planner.panel.channels
    chosen = {channels[c]: value for c, value in reach_key(planner.fitted, "best", {}).frequency}
    return plan.model_copy(update={"request": {**plan.request, "frequency": chosen}})


def _amounts(planner: Planner, plan: Plan, request: BudgetRequest) -> Floats:
    """Amounts in each channel's own unit, by region or of all regions in one row, shape GC."""
    channels = planner.panel.channels
    cost_C = np.array([request.unit_costs.get(channel, 1.0) for channel in channels])
    if plan.regions is None:
        spend_C = np.array([plan.spend[channel] for channel in channels])
        return np.asarray((spend_C / cost_C)[None, :])
    spend = {(row.region, row.channel): row.spend for row in plan.regions}
    regions = planner.panel.regions
    spend_GC = np.array([[spend[region, channel] for channel in channels] for region in regions])
    return np.asarray(spend_GC / cost_C)
