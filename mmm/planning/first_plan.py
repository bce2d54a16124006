"""The plan every report shows: the money of the last quarter, spent to best effect within modest limits."""

from __future__ import annotations

from mmm.data.panel import Frequency
from mmm.errors import RequestError
from mmm.fitted import Fitted
from mmm.planning.plan import Plan
from mmm.planning.planner import plan_budget

QUARTER: dict[Frequency, int] = {"daily": 91, "weekly": 13, "monthly": 3, "quarterly": 1}
CHANGE = 0.3
"""Part of its spend by which each channel may rise or fall: near what the data have seen."""


def first_plan(fitted: Fitted) -> Plan | None:
    """The best split of what was spent in the last quarter of the data, each channel within 30 %.

    Returns:
        The plan; None where media are not all in money, nothing was spent, or there is one channel only.
    """
    panel = fitted.panel
    if len(panel.channels) < 2 or not panel.has_spend_C.all():
        return None
    request = {
        "budget": "current",
        "horizon": min(QUARTER[panel.frequency], len(panel.dates)),
        "default_bounds": {"min_change": -CHANGE, "max_change": CHANGE},
    }
    try:
        plan = plan_budget(fitted, request)
    except RequestError:
        return None
    return plan if plan.feasible else None
