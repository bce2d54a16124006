"""From solved amounts to the plan that a user reads: returns, limits reached, what to keep in mind.

Shapes: M members, X decision variables, Y those in the budget, C channels, G regions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mmm.analysis.intervals import Estimate, chance_above_zero, change, estimate, estimates, odds_of
from mmm.data.panel import Floats
from mmm.planning.constraints import Decisions, binding_limits, channel_limits
from mmm.planning.plan import BEYOND_DATA, ChannelPlan, FrontierPlan, Plan, RegionPlan, Side
from mmm.planning.prices.schedule import PricedResponse
from mmm.planning.request import BudgetRequest
from mmm.planning.response import StatusQuo
from mmm.planning.solve.limits import Limits
from mmm.planning.solve.objective import kpi_and_brought, next_amount_MX
from mmm.planning.wait import assumed
from mmm.words import AMOUNT

if TYPE_CHECKING:
    from mmm.model.future import Response


MET = 1e-9
"""Part of a target by which a plan may fall short of it for want of digits."""


@dataclass(frozen=True, eq=False)
class SolvedPlan:
    """Solved amounts with everything they are judged by.

    Attributes:
        response: KPI by amounts, as exactly as it is known.
        request: What was asked.
        status_quo: What runs if nothing changes.
        chosen: Variables in the budget.
        amount_X: Planned amounts.
        money_Y: The same in money, for variables in the budget.
        stated: Limits of the request.
        held: Channels kept at their status quo for want of knowledge.
        proven: No plan scores higher by more than the tolerance.
        searched: Limits within which the solver looked.
        gap: How much higher another plan could score at most; None if that is not known.
        regret_M: What the best plan of each draw would add there; None if that is not known.
        frontier: Plans from cautious to bold.
    """

    response: Response
    request: BudgetRequest
    status_quo: StatusQuo
    chosen: Decisions
    amount_X: Floats
    money_Y: Floats
    stated: Limits
    held: tuple[str, ...] = ()
    proven: bool = False
    searched: Limits | None = None
    gap: float | None = None
    regret_M: Floats | None = None
    frontier: tuple[FrontierPlan, ...] | None = None

    @property
    def total(self) -> float:
        """The budget that the plan spends."""
        return float(self.money_Y.sum())

    @property
    def spend_X(self) -> Floats:
        """Planned amounts as they are stated, to the cent where the plan is."""
        stated_X = self.amount_X.copy()
        stated_X[self.chosen.moved_Y] = self.money_Y
        return stated_X

    def in_unit(self, amount_X: Floats) -> Floats:
        """Amounts as they are stated: money where the budget covers them, else exposure."""
        stated_X = amount_X.copy()
        stated_X[self.chosen.moved_Y] = amount_X[self.chosen.moved_Y] * self.chosen.cost_Y
        return stated_X

    def by_channel(self, value_X: Floats) -> Floats:
        """Sums over regions, shape C (leading axes are kept)."""
        shape = (*value_X.shape[:-1], len(self.status_quo.channels), -1)
        return np.asarray(value_X.reshape(shape).sum(axis=-1))

    def limits_of(self, channel: str) -> tuple[float, float]:
        """Least and largest total of a channel in the budget."""
        return channel_limits(self.chosen, self.stated, self.chosen.channels.index(channel))


def current_kpi(response: Response, status_quo: StatusQuo) -> Floats:
    """What current amounts bring, shape M: by the response unless the status quo knows otherwise."""
    known_M = status_quo.current_kpi_M
    return response.kpi_M(status_quo.current_X) if known_M is None else known_M


def stated_current(solved: SolvedPlan) -> Floats:
    """What current amounts bring as plans state it, shape M."""
    known_M = solved.status_quo.stated_current_M
    return current_kpi(solved.response, solved.status_quo) if known_M is None else known_M


def stated_plan(solved: SolvedPlan) -> Plan:
    """The answer to a request with a plan."""
    status_quo, level = solved.status_quo, solved.request.level
    kpi_M, kpi_MC = kpi_and_brought(solved.response, solved.amount_X, status_quo.channel_X)
    current_M = stated_current(solved)
    marginal_MX = _marginal_value(solved)
    binding = binding_limits(solved.chosen, solved.stated, solved.money_Y)
    channels = _channel_plans(solved, kpi_MC, marginal_MX, binding)
    gain_M = change(status_quo.baseline_M + kpi_M, status_quo.baseline_M + current_M)
    profit_M = status_quo.value * gain_M - change(solved.total, solved.chosen.current_Y.sum())
    in_money = solved.chosen.unit == status_quo.currency and status_quo.kpi_value is not None
    after = status_quo.after_horizon
    return Plan(
        status="optimal" if solved.proven else "feasible",
        message=_message(solved),
        **question_fields(solved, current_M),
        budget=tidy(solved.total),
        spend={row.channel: row.spend for row in channels},
        kpi=estimate(status_quo.baseline_M + kpi_M, level),
        gain=estimate(gain_M, level),
        **odds_of(gain_M),
        draws=len(gain_M),
        gap=solved.gap,
        chance_of_profit=chance_above_zero(profit_M) if in_money else None,
        chance_of_target=_chance_of_target(solved, status_quo.baseline_M + kpi_M),
        regret=None if solved.regret_M is None else estimate(solved.regret_M, level, from_zero=True),
        frontier=solved.frontier,
        lost_to_prices=_lost_to_prices(solved, kpi_M),
        profit_gain=estimate(profit_M, level) if in_money else None,
        total_roi=_total_roi(solved, kpi_M, kpi_MC),
        effect_after_horizon=None
        if after is None
        else estimate(after(solved.amount_X), level, from_zero=True),
        roi={row.channel: None if row.roi is None else row.roi.mean for row in channels},
        marginal_roi={row.channel: row.marginal_roi.mean for row in channels},
        binding=binding,
        extrapolated=tuple(row.channel for row in channels if row.extrapolated),
        channels=channels,
        regions=_region_plans(solved, marginal_MX) if solved.request.by_region else None,
        warnings=tuple(_warnings(solved, channels)),
    )


def question_fields(solved: SolvedPlan, current_M: Floats) -> dict[str, Any]:
    """Fields that repeat the request and the status quo."""
    request, status_quo, chosen = solved.request, solved.status_quo, solved.chosen
    current_C = solved.by_channel(solved.in_unit(status_quo.current_X))
    return {
        **{name: getattr(request, name) for name in ("objective", "method", "risk", "effects", "horizon")},
        "unit": chosen.unit,
        "kpi_value": status_quo.kpi_value,
        "current_budget": float(chosen.current_Y.sum()),
        "current_spend": dict(zip(status_quo.channels, current_C.tolist(), strict=True)),
        "current_kpi": estimate(status_quo.baseline_M + current_M, request.level),
        "request": request.model_dump(mode="json", exclude_defaults=True),
        "model": dict(status_quo.model),
    }


def tidy(amount: float) -> float:
    """An amount without the noise of adding up: twelve digits."""
    return float(f"{amount:.12g}")


def _chance_of_target(solved: SolvedPlan, kpi_M: Floats) -> float | None:
    if solved.request.objective != "kpi_target":
        return None
    return chance_above_zero(kpi_M - float(solved.request.target or 0.0) * (1.0 - MET))


def _marginal_value(solved: SolvedPlan) -> Floats:
    """Value of the KPI that one more stated unit brings, shape MX."""
    cost_X = np.ones_like(solved.amount_X)
    cost_X[solved.chosen.moved_Y] = solved.chosen.cost_Y
    status_quo = solved.status_quo
    marginal_MX = next_amount_MX(solved.response, solved.amount_X, status_quo.usual_X, status_quo.channel_X)
    return status_quo.value * marginal_MX / cost_X


def _total_roi(solved: SolvedPlan, kpi_M: Floats, kpi_MC: Floats) -> Estimate | None:
    """Return of all that the budget pays for, against none of it."""
    status_quo, chosen = solved.status_quo, solved.chosen
    if solved.total <= 0 or status_quo.kpi_value is None:
        return None
    if solved.response.curves is None:
        idle_X = solved.amount_X.copy()
        idle_X[chosen.moved_Y] = 0.0
        paid_M = kpi_M - solved.response.kpi_M(idle_X)
    else:
        paid_M = kpi_MC[:, np.isin(status_quo.channels, chosen.channels)].sum(axis=1)
    return estimate(status_quo.value * paid_M / solved.total, solved.request.level, from_zero=True)


def _lost_to_prices(solved: SolvedPlan, kpi_M: Floats) -> Estimate | None:
    """What the plan would bring besides at the prices of the status quo."""
    response, current_X = solved.response, solved.status_quo.current_X
    if not isinstance(response, PricedResponse):
        return None
    unmoved_X = response.schedule.at_prices_of(solved.amount_X, current_X)
    return estimate(change(response.response.kpi_M(unmoved_X), kpi_M), solved.request.level)


def _values(solved: SolvedPlan) -> list[dict[str, float | None]]:
    """Mean values of treatments, which come after the channels, now and as planned; empty for channels."""
    status_quo, values_of = solved.status_quo, solved.status_quo.values_of
    rows: list[dict[str, float | None]] = [{} for _ in status_quo.channels]
    if values_of is None or status_quo.most_X is None:  # a portfolio's own plan shows them by model
        return rows
    treated_X = np.isfinite(status_quo.most_X)
    places = np.unique(status_quo.channel_X[treated_X])
    found = {
        name: values_of(amount_X[treated_X]).reshape(len(places), -1).mean(1)
        for name, amount_X in (("value", solved.amount_X), ("current_value", status_quo.current_X))
    }
    for r, c in enumerate(places):
        rows[c] = {name: float(values_R[r]) for name, values_R in found.items()}
    return rows


def _bought(solved: SolvedPlan) -> list[dict[str, float | None]]:
    """Units and prices of every channel; empty where exposure or money is not known."""
    rate_X, buying, channels = (getattr(solved.status_quo, name) for name in ("rate_X", "buying", "channels"))
    if rate_X is None:
        return [{} for _ in channels]
    amount_X, current_X = solved.amount_X, solved.status_quo.current_X
    bought_X, now_X, slope_X = amount_X, current_X, np.ones_like(amount_X)
    if buying is not None:
        bought_X, now_X, slope_X = buying.bought(amount_X), buying.bought(current_X), buying.slope(amount_X)
    units_X, now_X = rate_X * bought_X, rate_X * now_X
    more_X = 1.0 / np.where(rate_X > 0, rate_X * slope_X, np.nan)
    parts = (units_X, amount_X, now_X, current_X, more_X * amount_X, more_X)
    units_C, amount_C, now_C, current_C, weighed_C, plain_C = (solved.by_channel(part) for part in parts)
    regions = max(len(solved.status_quo.regions), 1)
    rows: list[dict[str, float | None]] = []
    for c in range(len(channels)):
        if not np.isfinite(units_C[c]):
            rows.append({})
            continue
        more = weighed_C[c] / amount_C[c] if amount_C[c] > 0 else plain_C[c] / regions
        rows.append(
            {
                "units": float(units_C[c]),
                "price": float(amount_C[c] / units_C[c]) if units_C[c] > 0 else None,
                "marginal_price": float(more) if np.isfinite(more) else None,
                "current_price": float(current_C[c] / now_C[c]) if now_C[c] > 0 else None,
            }
        )
    return rows


def _channel_marginal(solved: SolvedPlan, marginal_MX: Floats) -> Floats:
    """Marginal value of a channel: its regions' by where the plan spends, else evenly, shape MC."""
    spend_X = solved.spend_X
    total_X = solved.by_channel(spend_X)[solved.status_quo.channel_X]
    regions = max(len(solved.status_quo.regions), 1)
    weight_X = np.divide(spend_X, total_X, out=np.full_like(spend_X, 1.0 / regions), where=total_X > 0)
    return solved.by_channel(marginal_MX * weight_X)


def _beyond(solved: SolvedPlan) -> Floats:
    """Above 0 for channels planned beyond what was ever spent, shape C.

    If the budget exceeds all that was ever spent, no split of it stays within the data, so every
    channel it covers counts.
    """
    supported_X, chosen = solved.status_quo.supported_X, solved.chosen
    over_X = solved.amount_X > supported_X * (1 + 1e-9)
    seen_Y = supported_X[chosen.moved_Y] * chosen.cost_Y
    if solved.total > float(seen_Y.sum()) * (1 + 1e-9):
        over_X[chosen.moved_Y] = True
    return solved.by_channel(over_X.astype(np.float64))


def _channel_plans(
    solved: SolvedPlan, kpi_MC: Floats, marginal_MX: Floats, binding: dict[str, Side]
) -> tuple[ChannelPlan, ...]:
    status_quo, chosen, level = solved.status_quo, solved.chosen, solved.request.level
    spend_C = solved.by_channel(solved.spend_X)
    current_C = solved.by_channel(solved.in_unit(status_quo.current_X))
    supported_C = solved.by_channel(solved.in_unit(status_quo.supported_X))
    roi_MC = np.divide(status_quo.value * kpi_MC, spend_C, out=kpi_MC.copy(), where=spend_C > 0)
    parts = (kpi_MC, roi_MC, _channel_marginal(solved, marginal_MX))
    kpi_C, roi_C, marginal_C = (estimates(part, level, from_zero=True) for part in parts)
    beyond_C, bought_C, value_C = _beyond(solved), _bought(solved), _values(solved)
    rows = []
    for i, channel in enumerate(status_quo.channels):
        covered, sold = channel in chosen.channels, channel not in status_quo.not_bought
        spend = tidy(spend_C[i])
        current = float(current_C[i]) if sold else tidy(current_C[i])
        lower, upper = solved.limits_of(channel) if covered else (spend, spend)
        rows.append(
            ChannelPlan(
                channel=channel,
                unit=chosen.unit if covered else status_quo.units[channel],
                spend=spend,
                current_spend=current,
                change=spend / current - 1.0 if current > 0 else None,
                share=spend / solved.total if covered and solved.total > 0 else None,
                lower_limit=lower,
                upper_limit=upper if np.isfinite(upper) else None,
                binding=binding.get(channel),
                supported_max=float(supported_C[i]),
                extrapolated=bool(beyond_C[i] > 0),
                **bought_C[i],
                **value_C[i],
                kpi=kpi_C[i],
                roi=roi_C[i] if sold and spend > 0 and status_quo.kpi_value is not None else None,
                marginal_roi=marginal_C[i],
            )
        )
    return tuple(rows)


def _region_plans(solved: SolvedPlan, marginal_MX: Floats) -> tuple[RegionPlan, ...]:
    status_quo = solved.status_quo
    spend_X, current_X = solved.spend_X, solved.in_unit(status_quo.current_X)
    over_X = solved.amount_X > status_quo.supported_X * (1 + 1e-9)
    marginal_X = marginal_MX.mean(axis=0)
    names = [(channel, region) for channel in status_quo.channels for region in status_quo.regions]
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


def _amount(total: float, solved: SolvedPlan) -> str:
    return f"{round(total, 2):{AMOUNT}} {solved.chosen.unit}".strip()


def _message(solved: SolvedPlan) -> str:
    total = _amount(solved.total, solved)
    request, target = solved.request, solved.request.target or 0.0
    periods = f"{request.horizon} periods" + (f" from {request.start}" if request.start else "")
    if request.mode == "increment":
        added = _amount(solved.total - float(solved.chosen.current_Y.sum()), solved)
        sought = "Most profit" if request.objective == "profit" else "Best use"
        return f"{sought} of {added} on top of what is spent, {total} over {periods}."
    sure = "" if request.chance is None else f", reached in {100 * request.chance:g} % of the draws"
    return {
        "kpi": f"Best split of {total} over {periods}.",
        "profit": f"Most profit, at {total} over {periods}.",
        "target_roi": f"{total} is the largest budget at an ROI of {target:g}.",
        "kpi_target": f"{total} is the cheapest budget for a KPI of {target:{AMOUNT}}{sure}.",
    }[request.objective]


def _warnings(solved: SolvedPlan, channels: tuple[ChannelPlan, ...]) -> Iterator[str]:
    """What to keep in mind before acting on the plan."""
    request, chosen, periods = solved.request, solved.chosen, solved.request.horizon
    if extrapolated := [row.channel for row in channels if row.extrapolated]:
        yield BEYOND_DATA.format(channels=", ".join(extrapolated), periods=periods)
    if request.start is not None:
        yield assumed(request.start, request.meanwhile)
    for channel in chosen.channels:
        if channel not in (*request.fixed, *solved.held) and solved.limits_of(channel)[1] == 0:
            yield (
                f"{channel}: nothing was spent in the last {periods} periods, so its relative bounds hold "
                "it at 0; give absolute bounds to plan it."
            )
    yield from solved.status_quo.remarks
    if solved.held:
        yield (
            f"{', '.join(solved.held)}: held at the current amount for want of knowledge; give bounds."
            f"{solved.held[0]} to plan it all the same, or refit once it has run (train.refit_on_all)."
        )
    for channel in (name for name in chosen.aside if name not in solved.status_quo.not_bought):
        yield (
            f"{channel}: has exposure but no spend, so the budget does not cover it; it is planned in "
            f"{solved.status_quo.units[channel]}. Give unit_costs.{channel} to plan it in money."
        )
    judged = request.risk != "mean" or request.chance is not None or request.frontier is not None
    if judged and len(solved.status_quo.baseline_M) < 2:
        yield "The model has one member, so risk cannot be judged; the plan goes by its only gain."
    if _at_search_end(solved):
        yield (
            "The plan stands at the end of the range searched (ten times what was ever spent in some "
            "channel); give a budget or upper bounds."
        )


def _at_search_end(solved: SolvedPlan) -> bool:
    if solved.searched is None:
        return False
    open_Y = ~np.isfinite(solved.stated.upper_X) & ~np.isfinite(solved.stated.most)
    near_Y = solved.money_Y >= solved.searched.upper_X * (1 - 1e-6)
    return bool(np.any(open_Y & near_Y))
