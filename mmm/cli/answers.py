"""Plans, scenarios and comparisons in tables, for a terminal."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd
from rich.console import Group
from rich.table import Table
from rich.text import Text

from mmm import words
from mmm.analysis.compare import Comparison
from mmm.analysis.intervals import Estimate
from mmm.planning.plan import ChannelPlan, FrontierPlan, Plan
from mmm.planning.scenario.result import Scenario, ScenarioPlan

MOVED = 1.0 + 1e-6
"""Price of one unit more over that of the mean unit from which prices move with spend."""


def plan_table(plan: Plan) -> Group:
    """A plan: amounts now and planned, returns, limits; then the gain and what to keep in mind."""
    if not plan.feasible:
        clashes = [Text(f"  - {clash}") for clash in plan.clashes]
        head = [Text("These exclude each other:")] if clashes else []
        return Group(Text(f"infeasible: {plan.message}"), *head, *clashes)
    valued = plan.kpi_value is not None
    returns = ["ROI", "marginal ROI"] if valued else ["cost per KPI unit", "of the next"]
    table = _table("channel", ["now", "plan", "change", *returns, "limit"])
    for row in plan.channels:
        table.add_row(
            row.channel + (" *" if row.extrapolated else ""),
            _amount(row.current_spend),
            _amount(row.spend),
            _change(row),
            *(_returns(row) if valued else _costs(row)),
            row.binding or "",
        )
    table.add_row("budget", _amount(plan.current_budget), _amount(plan.budget or 0.0), end_section=True)
    lines = [f"KPI {_estimate(plan.kpi)}, now {_estimate(plan.current_kpi)}", f"gain {_estimate(plan.gain)}"]
    if plan.chance_of_gain is not None:
        lines[-1] += f"; the chance that it gains at all is {words.chance(plan.chance_of_gain)}"
    if plan.lost_to_prices is not None:
        lines.append(f"dearer units take {_estimate(plan.lost_to_prices)} of it; a unit then costs")
        lines += [f"  {told}" for told in map(_price, plan.channels) if told]
    lines += _odds_lines(plan)
    if plan.effect_after_horizon is not None:
        lines.append(f"of the KPI {_estimate(plan.effect_after_horizon)} falls after the horizon")
    return Group(
        Text(f"{plan.status}: {plan.message}"),
        table,
        *(Text(line) for line in lines),
        *([] if plan.frontier is None else [_frontier_table(plan.frontier)]),
        *(Text(f"warning: {warning}") for warning in plan.warnings),
    )


ODDS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("worst tenth", "cvar", lambda gain: words.number(gain, 4)),
    ("chance of a gain", "chance_of_gain", words.chance),
    ("chance that it pays", "chance_of_profit", words.chance),
)
"""Title, field and words of what a scenario's draws say of each plan."""


def _odds_lines(plan: Plan) -> list[str]:
    """What draws say beyond the chance of a gain, and how far the best plan could be away."""
    lines = []
    if plan.gain_at is not None:
        worst = "" if plan.cvar is None else f"; {_amount(plan.cvar)} on average in the worst tenth"
        low, middle, high = (_amount(gain) for gain in (plan.gain_at.p5, plan.gain_at.p50, plan.gain_at.p95))
        draws = words.count(plan.draws or 0, "draw")
        lines.append(f"gain at 5 / 50 / 95 %: {low} / {middle} / {high}{worst} ({draws})")
    budget = plan.budget or 0.0
    if plan.chance_of_profit is not None and not math.isclose(budget, plan.current_budget, rel_tol=1e-9):
        lines.append(f"the chance that the change pays is {words.chance(plan.chance_of_profit)}")
    if plan.chance_of_target is not None:
        lines.append(f"the chance that the target is reached is {words.chance(plan.chance_of_target)}")
    if plan.regret is not None:
        lines.append(f"expected regret against the best plan in hindsight: {_amount(plan.regret.mean)}")
    if plan.status == "feasible" and plan.gap is not None:
        lines.append(f"not proven best: another plan could score up to {_amount(plan.gap)} more")
    return lines


def _frontier_table(plans: tuple[FrontierPlan, ...]) -> Table:
    """Plans from cautious to bold: amounts by channel, then what each gains and risks."""
    table = _table("cautious to bold", [words.percent(plan.caution) for plan in plans])
    for channel in plans[0].spend:
        amounts = (_amount(plan.spend[channel]) for plan in plans)
        table.add_row(channel, *amounts, end_section=channel == list(plans[0].spend)[-1])
    table.add_row("gain", *(_amount(plan.gain.mean) for plan in plans))
    known = [plan for plan in plans if plan.cvar is not None and plan.chance_of_gain is not None]
    if len(known) == len(plans):
        table.add_row("  worst tenth", *(_amount(plan.cvar or 0.0) for plan in plans))
        table.add_row("  chance of a gain", *(words.chance(plan.chance_of_gain or 0.0) for plan in plans))
    return table


def scenario_table(scenario: Scenario) -> Group:
    """Plans side by side: amounts by channel, then KPI, gain and returns."""
    plans = [scenario.status_quo, *scenario.plans]
    table = _table(
        f"{words.day(scenario.dates[0])} to {words.day(scenario.dates[-1])}", [plan.name for plan in plans]
    )
    for row, current in enumerate(scenario.status_quo.channels):
        cells = [plan.channels[row] for plan in plans]
        shown = [_amount(cell.spend) + (" *" if cell.extrapolated else "") for cell in cells]
        table.add_row(current.channel, *shown, end_section=row == len(scenario.status_quo.channels) - 1)
    table.add_row("budget", *(_amount(plan.budget) for plan in plans))
    table.add_row("KPI", *(_amount(plan.horizon_kpi.mean) for plan in plans))
    table.add_row("  model", *(_range(plan.horizon_kpi.lower, plan.horizon_kpi.upper) for plan in plans))
    table.add_row(
        "  observed",
        *(_range(plan.horizon_kpi.observed_lower, plan.horizon_kpi.observed_upper) for plan in plans),
    )
    table.add_row("KPI after it", *(_amount(plan.effect_after_horizon.mean) for plan in plans))
    table.add_row("gain", "", *(_amount(plan.gain.mean) for plan in scenario.plans))
    table.add_row("", "", *(_range(plan.gain.lower, plan.gain.upper) for plan in scenario.plans))
    for title, name, said in ODDS:
        found = [getattr(plan, name) for plan in scenario.plans]
        if all(value is not None for value in found):
            same = [plan.gain.lower == plan.gain.upper == 0 for plan in scenario.plans]
            words_of = ("-" if level else said(value) for level, value in zip(same, found, strict=True))
            table.add_row(f"  {title}", "", *words_of)
    if scenario.kpi_value is None:
        table.add_row("cost per KPI unit", *(_cost(plan.budget, _brought(plan)) for plan in plans))
    else:
        table.add_row("ROI", *(_ratio(plan.total_roi) for plan in plans))
        table.add_row("ROI of the change", "", *(_ratio(plan.gain_roi) for plan in scenario.plans))
    notes = [Text(f"warning: {plan.name}: {warning}") for plan in plans for warning in plan.warnings]
    return Group(table, *(Text(text) for text in scenario.assumptions), *notes)


def coverage_lines(covered: pd.DataFrame, ranks: pd.DataFrame) -> Group:
    """How often intervals held the truth, level by level, and how wide they were."""
    table = _table("interval", ["holds the truth", "standard error", "truth below", "truth above"])
    for row in covered.to_dict("records"):
        shares = (words.percent(row[name]) for name in ("covered", "error", "below", "above"))
        table.add_row(words.percent(row["level"]), *shares)
    worlds = words.count(int(ranks["world"].nunique()), "world")
    width, below = (words.percent(float(value)) for value in (ranks["width"].median(), ranks["rank"].mean()))
    return Group(
        table,
        Text(f"{worlds} simulated from the model and fitted anew; what channels brought in training."),
        Text(f"The 90 % interval is {width} of the truth wide in the median. In the mean {below} of the"),
        Text("draws lie below the truth; 50 % would be exact."),
    )


def comparison_table(comparison: Comparison) -> Group:
    """Shares of the KPI and ROI of the old and the new model, what moved, and what differs between them."""
    returns = "ROI" if comparison.valued else "KPI per unit spent"
    names = ["share before", "after", "change", f"{returns} before", "after", "change"]
    table = _table("channel", names)
    for row in comparison.channels.to_dict("records"):
        mark = " *" if row["share_beyond"] or row["roi_beyond"] else ""
        table.add_row(
            f"{row['channel']}{mark}",
            words.percent(row["share_old"]),
            words.percent(row["share_new"]),
            f"{words.signed(words.number(100 * row['share_change']))} points",
            *(_known(row[name]) for name in ("roi_old", "roi_new", "roi_change")),
        )
    reasons = [Text(f"{one.what}: {one.where} was {one.old}, is {one.new}") for one in comparison.reasons]
    return Group(table, Text(comparison.verdict), *reasons)


def _known(number: float) -> str:
    return "-" if math.isnan(number) else words.number(number, 3)


def _table(first: str, names: list[str]) -> Table:
    table = Table(first)
    for name in names:
        table.add_column(Text(name), justify="right")
    return table


def _amount(number: float) -> str:
    return words.number(number, 4)


def _change(row: ChannelPlan) -> str:
    """Planned against current; only what never ran before is new."""
    if row.change is not None:
        return words.signed(words.percent(row.change))
    if row.spend <= 0:
        return "-"
    return "again" if row.supported_max > 0 else "new"


def _returns(row: ChannelPlan) -> tuple[str, str]:
    """ROI of a channel's amount and of the next unit."""
    return _ratio(row.roi), words.number(row.marginal_roi.mean, 3)


def _price(row: ChannelPlan) -> str:
    """What a unit of a channel costs under a plan; empty where its price stays."""
    if row.price is None or row.marginal_price is None or row.marginal_price <= row.price * MOVED:
        return ""
    now = "" if row.current_price is None else f", now {words.number(row.current_price, 3)}"
    return f"{row.channel}: {words.number(row.price, 3)}{now}; one more {words.number(row.marginal_price, 3)}"


def _costs(row: ChannelPlan) -> tuple[str, str]:
    """What a KPI unit costs, and the next one."""
    return _cost(row.spend, row.kpi.mean), _cost(1.0, row.marginal_roi.mean)


def _cost(spend: float, kpi: float) -> str:
    return words.number(spend / kpi, 3) if spend > 0 and kpi > 0 else "-"


def _brought(plan: ScenarioPlan) -> float:
    """KPI that all planned amounts bring."""
    return sum(row.kpi.mean for row in plan.channels)


def _ratio(found: Estimate | None) -> str:
    return "-" if found is None else words.number(found.mean, 3)


def _range(lower: float | None, upper: float | None) -> str:
    return "unknown" if lower is None or upper is None else f"{_amount(lower)} to {_amount(upper)}"


def _estimate(found: Estimate | None) -> str:
    return "-" if found is None else f"{_amount(found.mean)} ({_range(found.lower, found.upper)})"
