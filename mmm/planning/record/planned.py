"""What a committed plan puts into every region and period, out of the plan as it is written.

Shapes: G regions, H periods of the plan, W periods between the data and the plan, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.data.panel import Dates, Floats
from mmm.planning.ahead import with_stated
from mmm.planning.forecast import controls_ahead
from mmm.planning.plan import Plan
from mmm.planning.planner import Planner
from mmm.planning.request import BudgetRequest, parse_request
from mmm.planning.wait import Wait, wait_until


@dataclass(frozen=True, eq=False)
class PlannedPeriods:
    """A plan from the end of the data to its own end.

    Attributes:
        dates: H period starts of the plan.
        wait: What lies before them.
        media_GPC: Media of the W + H periods.
        rate_GC: Media per unit of amount, as the plan took them to cost.
        controls_GHK: Controls of the plan's periods, as stated or as they were taken.
    """

    dates: Dates
    wait: Wait
    media_GPC: Floats
    rate_GC: Floats
    controls_GHK: Floats

    @property
    def amount_HC(self) -> Floats:
        """Planned amounts by period over all regions."""
        media_GHC = self.media_GPC[:, self.wait.periods :]
        rate_G1C = self.rate_GC[:, None, :]
        amount_GHC = np.divide(media_GHC, rate_G1C, out=np.zeros_like(media_GHC), where=rate_G1C > 0)
        amount_HC: Floats = amount_GHC.sum(0)
        return amount_HC


def planned_periods(planner: Planner, plan: Plan) -> PlannedPeriods:
    """The media, dates and baseline that a plan stood on.

    Raises:
        RequestError: The request in the plan is none, or does not fit the model.
    """
    panel, to_media = planner.panel, planner.to_media
    request = asked_of(planner, plan)
    wait = Wait()
    if request.start is not None:
        wait = wait_until(panel, request.start, request.meanwhile, request.horizon, "plan")
    by_region = plan.regions is not None
    unit_GHC = to_media.unit_GHC(request.horizon, request.flighting, by_region=by_region)
    media_GHC = unit_GHC * _amounts(planner, plan, request)
    regions, _, channels = media_GHC.shape
    before_GPC = planner.before(wait)
    before_GPC = np.zeros((regions, 0, channels)) if before_GPC is None else before_GPC
    dates = planner.forecast(request.horizon, wait.periods).dates
    taken_GHK = controls_ahead(planner.drawn, dates)
    rate_GC = to_media.rate_GC if by_region else np.broadcast_to(to_media.rate_C, (regions, channels))
    return PlannedPeriods(
        dates=dates,
        wait=wait,
        media_GPC=np.concatenate([before_GPC, media_GHC], 1),
        rate_GC=rate_GC,
        controls_GHK=with_stated(taken_GHK, panel, request.controls),
    )


def asked_of(planner: Planner, plan: Plan) -> BudgetRequest:
    """The request that a plan answers."""
    panel = planner.panel
    return parse_request(
        plan.request, channels=panel.channels, history_periods=len(panel.dates), source="request of the plan"
    )


def _amounts(planner: Planner, plan: Plan, request: BudgetRequest) -> Floats:
    """Amounts in each channel's own unit, shape G1C or 11C."""
    channels = planner.panel.channels
    cost_C = np.array([request.unit_costs.get(channel, 1.0) for channel in channels])
    if plan.regions is None:
        spend_C = np.array([plan.spend[channel] for channel in channels])
        return np.asarray((spend_C / cost_C)[None, None, :])
    spend = {(row.region, row.channel): row.spend for row in plan.regions}
    regions = planner.panel.regions
    spend_GC = np.array([[spend[region, channel] for channel in channels] for region in regions])
    return np.asarray((spend_GC / cost_C)[:, None, :])
