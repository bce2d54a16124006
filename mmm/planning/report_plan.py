"""From solved amounts to the plan that a user reads.

Shapes: M members, X decision variables, Y those in the budget, C channels, G regions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mmm.analysis.intervals import Estimate, estimate, estimates
from mmm.planning.outcome import (
    Outcome,
    beyond,
    binding_limits,
    channel_limits,
    in_unit,
    planned,
    warnings_of,
)
from mmm.planning.plan import ChannelPlan, Plan, RegionPlan, Side
from mmm.planning.response import Floats, SeparableResponse
from mmm.planning.solve.objective import gradient_of, kpi_of


def infeasible_plan(outcome: Outcome, message: str, clashes: tuple[str, ...]) -> Plan:
    """The answer to a request without a plan: status quo, reason and clashing limits."""
    return Plan(
        status="infeasible",
        message=message,
        clashes=clashes,
        **_asked(outcome),
        budget=None,
        spend={},
        kpi=None,
        gain=None,
        profit_gain=None,
        total_roi=None,
        effect_after_horizon=None,
        roi={},
        marginal_roi={},
        binding={},
        extrapolated=(),
        channels=(),
        warnings=(),
    )


def stated_plan(outcome: Outcome) -> Plan:
    """The answer to a request with a plan."""
    context, request, level = outcome.context, outcome.request, outcome.request.level
    kpi_M, current_M = kpi_of(outcome.response, outcome.amount_X), _current_kpi(outcome)
    gain_M = kpi_M - current_M
    brought_MC = _brought(outcome)
    marginal_MX = _marginal_value(outcome)
    binding = binding_limits(outcome)
    beyond_C = beyond(outcome)
    channels = _channel_plans(outcome, brought_MC, marginal_MX, binding, beyond_C)
    budget, current = float(outcome.money_Y.sum()), float(outcome.chosen.current_Y.sum())
    extrapolated = tuple(row.channel for row in channels if row.extrapolated)
    in_money = outcome.chosen.unit == context.currency
    after = context.after_horizon
    return Plan(
        status="optimal" if outcome.proven else "feasible",
        message=_message(outcome),
        **_asked(outcome),
        budget=tidy(budget),
        spend={row.channel: row.spend for row in channels},
        kpi=estimate(context.baseline_M + kpi_M, level),
        gain=estimate(gain_M, level),
        profit_gain=estimate(context.kpi_value * gain_M - (budget - current), level) if in_money else None,
        total_roi=_total_roi(outcome, kpi_M),
        effect_after_horizon=None if after is None else estimate(after(outcome.amount_X), level),
        roi={row.channel: None if row.roi is None else row.roi.mean for row in channels},
        marginal_roi={row.channel: row.marginal_roi.mean for row in channels},
        binding=binding,
        extrapolated=extrapolated,
        channels=channels,
        regions=_region_plans(outcome, marginal_MX) if request.by_region else None,
        warnings=warnings_of(outcome, extrapolated),
    )


def _asked(outcome: Outcome) -> dict[str, Any]:
    """Fields that repeat the request and the status quo."""
    request, context, chosen = outcome.request, outcome.context, outcome.chosen
    current_C = context.by_channel(in_unit(outcome, context.current_X))
    return {
        "objective": request.objective,
        "method": request.method,
        "risk": request.risk,
        "effects": request.effects,
        "horizon": request.horizon,
        "unit": chosen.unit,
        "kpi_value": context.kpi_value,
        "current_budget": float(chosen.current_Y.sum()),
        "current_spend": dict(zip(context.channels, current_C.tolist(), strict=True)),
        "current_kpi": estimate(context.baseline_M + _current_kpi(outcome), request.level),
        "model": dict(context.model),
    }


def tidy(amount: float) -> float:
    """An amount without the noise of adding up: twelve digits."""
    return float(f"{amount:.12g}")


def _current_kpi(outcome: Outcome) -> Floats:
    return kpi_of(outcome.response, outcome.context.current_X)


def _brought(outcome: Outcome) -> Floats:
    """KPI that each channel's amount brings against none of it, all else as planned, shape MC."""
    context, amount_X = outcome.context, outcome.amount_X
    if isinstance(outcome.response, SeparableResponse):
        idle_MX = outcome.response.values(np.zeros_like(amount_X))
        return context.by_channel(outcome.response.values(amount_X) - idle_MX)
    whole_M = outcome.response.value(amount_X)
    without = [
        outcome.response.value(np.where(context.channel_X == c, 0.0, amount_X))
        for c in range(len(context.channels))
    ]
    return np.asarray(whole_M[:, None] - np.stack(without, axis=1))


def _marginal_value(outcome: Outcome) -> Floats:
    """Value of the KPI that one more stated unit brings, shape MX."""
    cost_X = np.ones_like(outcome.amount_X)
    cost_X[outcome.chosen.moved_Y] = outcome.chosen.cost_Y
    return outcome.context.kpi_value * gradient_of(outcome.response, outcome.amount_X) / cost_X


def _total_roi(outcome: Outcome, kpi_M: Floats) -> Estimate | None:
    idle_X = outcome.amount_X.copy()
    idle_X[outcome.chosen.moved_Y] = 0.0
    budget = float(outcome.money_Y.sum())
    if budget <= 0:
        return None
    value_M = outcome.context.kpi_value * (kpi_M - kpi_of(outcome.response, idle_X))
    return estimate(value_M / budget, outcome.request.level)


def _channel_marginal(outcome: Outcome, marginal_MX: Floats) -> Floats:
    """Marginal value of a channel: its regions' by where the plan spends, else evenly, shape MC."""
    spend_X = planned(outcome)
    total_X = outcome.context.by_channel(spend_X)[outcome.context.channel_X]
    regions = max(len(outcome.context.regions), 1)
    weight_X = np.divide(spend_X, total_X, out=np.full_like(spend_X, 1.0 / regions), where=total_X > 0)
    return outcome.context.by_channel(marginal_MX * weight_X)


def _channel_plans(
    outcome: Outcome,
    brought_MC: Floats,
    marginal_MX: Floats,
    binding: dict[str, Side],
    beyond_C: Floats,
) -> tuple[ChannelPlan, ...]:
    context, chosen, level = outcome.context, outcome.chosen, outcome.request.level
    spend_C = context.by_channel(planned(outcome))
    current_C = context.by_channel(in_unit(outcome, context.current_X))
    supported_C = context.by_channel(in_unit(outcome, context.supported_X))
    marginal_MC = _channel_marginal(outcome, marginal_MX)
    budget = float(outcome.money_Y.sum())
    kpi_C, marginal_C = estimates(brought_MC, level), estimates(marginal_MC, level)
    roi_MC = np.divide(context.kpi_value * brought_MC, spend_C, out=brought_MC.copy(), where=spend_C > 0)
    roi_C = estimates(roi_MC, level)
    rows = []
    for i, channel in enumerate(context.channels):
        covered = channel in chosen.channels
        spend, current = tidy(spend_C[i]), float(current_C[i])
        lower, upper = channel_limits(outcome, chosen.channels.index(channel)) if covered else (spend, spend)
        rows.append(
            ChannelPlan(
                channel=channel,
                unit=chosen.unit if covered else context.units[channel],
                spend=spend,
                current_spend=current,
                change=spend / current - 1.0 if current > 0 else None,
                share=spend / budget if covered and budget > 0 else None,
                lower_limit=lower,
                upper_limit=upper if np.isfinite(upper) else None,
                binding=binding.get(channel),
                supported_max=float(supported_C[i]),
                extrapolated=bool(beyond_C[i] > 0),
                kpi=kpi_C[i],
                roi=roi_C[i] if spend > 0 else None,
                marginal_roi=marginal_C[i],
            )
        )
    return tuple(rows)


def _region_plans(outcome: Outcome, marginal_MX: Floats) -> tuple[RegionPlan, ...]:
    context = outcome.context
    spend_X, current_X = planned(outcome), in_unit(outcome, context.current_X)
    over_X = outcome.amount_X > context.supported_X * (1 + 1e-9)
    marginal_X = marginal_MX.mean(axis=0)
    names = [(channel, region) for channel in context.channels for region in context.regions]
    return tuple(
        RegionPlan(
            region=region,
            channel=channel,
            spend=tidy(spend_X[x]),
            current_spend=float(current_X[x]),
            marginal_roi=float(marginal_X[x]),
            extrapolated=bool(over_X[x]),
        )
        for x, (channel, region) in enumerate(names)
    )


def _message(outcome: Outcome) -> str:
    total = f"{float(outcome.money_Y.sum()):.2f} {outcome.chosen.unit}".strip()
    request, target = outcome.request, outcome.request.target or 0.0
    return {
        "kpi": f"Best split of {total} over {request.horizon} periods.",
        "profit": f"Most profit, at {total} over {request.horizon} periods.",
        "target_roi": f"{total} is the largest budget at an ROI of {target:g}.",
        "kpi_target": f"{total} is the cheapest budget for a KPI of {target:g}.",
    }[request.objective]
