"""Treatments that the plans of a scenario pay for.

Shapes: M members, R treatments.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmm.analysis.intervals import estimates
from mmm.data.panel import Floats
from mmm.planning.prices.treatment_cost import TreatmentCosts
from mmm.planning.scenario.request import ChannelAmounts, SpendPlan
from mmm.planning.scenario.result import ScenarioChannel
from mmm.planning.treatments import PlannedTreatments


def treatment_money(
    costs: TreatmentCosts, plan: SpendPlan, entries: Mapping[str, ChannelAmounts], now_R: Floats
) -> Floats:
    """Money of a plan without problems for each treatment; one that it does not name as ``others`` says."""
    kept_R = now_R if plan.others == "current" else np.zeros_like(now_R)
    return np.array([entries.get(name, kept) for name, kept in zip(costs, kept_R, strict=True)], np.float64)


def treatment_rows(
    treated: PlannedTreatments, money_R: Floats, now_R: Floats, value: float, level: float, *, valued: bool
) -> tuple[ScenarioChannel, ...]:
    """Treatments as rows beside channels.

    Args:
        treated: The treatments.
        money_R: What the plan spends on each.
        now_R: What the status quo does.
        value: Currency per KPI unit.
        level: Coverage of intervals.
        valued: Whether a KPI unit has a stated value.
    """
    response, currency = treated.response, treated.currency
    kpi_MR = response.values_MX(money_R)
    roi_MR = value * kpi_MR / np.where(money_R > 0, money_R, 1.0)
    parts = (kpi_MR, roi_MR, value * response.gradient_MX(money_R))
    kpi_R, roi_R, marginal_R = (estimates(part, level, from_zero=True) for part in parts)
    values_R = response.values(money_R).mean((1, 2))
    return tuple(
        ScenarioChannel(
            channel=name,
            unit=currency,
            spend=float(money_R[r]),
            current_spend=float(now_R[r]),
            change=float(money_R[r] / now_R[r] - 1.0) if now_R[r] > 0 else None,
            value=float(values_R[r]),
            kpi=kpi_R[r],
            roi=roi_R[r] if money_R[r] > 0 and valued else None,
            marginal_roi=marginal_R[r],
            supported_max=float(treated.supported_V[r]),
            extrapolated=bool(money_R[r] > treated.supported_V[r] * (1 + 1e-9)),
        )
        for r, name in enumerate(treated.costs)
    )
