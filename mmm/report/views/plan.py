"""Current against optimised budget."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.marks import Unit
from mmm.report.moves import Between, Moves, gain_of, moves_of
from mmm.report.tables import MissingTableError, Tables
from mmm.report.views.curves import curves_of

LIMIT = "allowed"
WHOLE = "whole plan"
LOCAL = "The best of several local optima; a better plan may exist."


def plan(tables: Tables) -> go.Figure:
    """Spend of each channel now and in the optimised plan, and what the change would gain."""
    found, moves = _found(tables)
    current, spend = moves.current, moves.planned
    names = sorted(moves.changes, key=lambda name: -moves.changes[name])
    unit = Unit.of(*current.values(), *spend.values())
    right = [float(unit(max(current[n], spend[n]))) for n in names]
    texts = {n: _change(current[n], spend[n]) for n in names}
    layout = {
        "xaxis": axes.linear(_unit(found, tables), suffix=unit.suffix, range=[0, 1.3 * max(right)]),
        "yaxis": axes.names(names),
        "annotations": axes.beside(texts, right),
    }
    traces = _moves(names, current, spend, unit, theme.channel_colours({*tables.channels, *names}))
    return theme.finish(
        _limits(found, unit) + traces,
        layout,
        title=_title(moves, tables.about.kpi),
        height=60 + 38 * len(names) + 66,
        reading="Open mark: spend now. Filled: spend in the plan. Grey: the range the request allows.",
        legend=True,
        notes=_notes(found),
        table=marks.table(
            names,
            {
                "Channel": str,
                "Now": lambda n: words.number(current[n], 3),
                "Optimised": lambda n: words.number(spend[n], 3),
                "Change": lambda n: texts[n],
            },
        ),
    )


def _change(before: float, after: float) -> str:
    if before > 0:
        return words.signed(words.percent(after / before - 1))
    return "from 0" if after > 0 else "as now"


def _moves(
    names: list[str],
    current: dict[str, float],
    spend: dict[str, float],
    unit: Unit,
    palette: dict[str, str],
) -> list[theme.Trace]:
    """From now to the plan, an open and a filled mark at the ends, with their keys."""
    colours = [palette[n] for n in names]
    traces = [
        marks.link(n, float(unit(current[n])), float(unit(spend[n])), theme.fade(palette[n], 0.4), 6)
        for n in names
    ]
    for label, amounts, symbol in (("now", current, "circle-open"), ("optimised", spend, "circle")):
        hover = f"%{{y}}, {label}: {unit.hover('x')}"
        values = [float(unit(amounts[n])) for n in names]
        traces.append(marks.dots(values, names, colours, 13, symbol, rim=(2.5, colours), hover=hover))
        traces.append(marks.key(label, theme.SOFT, 12, symbol, 2.5))
    return traces


def _notes(found: dict[str, Any]) -> list[str]:
    beyond = [words.label(str(name)) for name in found.get("extrapolated") or []]
    binding = [f"{words.label(str(name))} ({side})" for name, side in (found.get("binding") or {}).items()]
    return [
        _odds(found),
        f"Beyond what the data have seen: {words.listing(beyond)}." if beyond else "",
        f"Limits that bind: {words.listing(binding)}." if binding else "",
        LOCAL if found["status"] == "feasible" else "",
        *(str(warning) for warning in found.get("warnings") or []),
    ]


def _odds(found: dict[str, Any]) -> str:
    """The gain of the plan in good and bad cases, and what hindsight would add; older plans do not say."""
    at, worst, regret = found.get("gain_at"), found.get("cvar"), found.get("regret")
    if not at:
        return ""
    low, middle, high = (words.signed(words.number(float(at[name]))) for name in ("p5", "p50", "p95"))
    draws = words.count(int(found.get("draws") or 0), "draw")
    said = f"Gain at 5, 50 and 95 % of {draws}: {low}, {middle} and {high}"
    said += (
        "" if worst is None else f"; in the worst tenth {words.signed(words.number(float(worst)))} on average"
    )
    missed = (
        "" if not regret else f" The best plan in hindsight would add {words.number(float(regret['mean']))}."
    )
    return f"{said}.{missed}"


def _unit(found: dict[str, Any], tables: Tables) -> str:
    """Title of the axis of spend."""
    horizon = found.get("horizon")
    over = words.count(horizon, tables.about.period) if isinstance(horizon, int) else "the plan's horizon"
    return f"Spend over {over}, {found.get('unit') or tables.about.currency}"


def _limits(found: dict[str, Any], unit: Unit) -> list[theme.Trace]:
    """The range in which the request lets each channel move, where it is closed."""
    rows = [row for row in found.get("channels") or [] if row.get("upper_limit") is not None]
    return [
        marks.line(
            [float(unit(row["lower_limit"])), float(unit(row["upper_limit"]))],
            [row["channel"]] * 2,
            theme.GRID,
            14,
            hover=f"%{{y}} may be {unit.hover('x')}",
            name=LIMIT,
            legendgroup=LIMIT,
            showlegend=place == 0,
        )
        for place, row in enumerate(rows)
    ]


def _found(tables: Tables) -> tuple[dict[str, Any], Moves]:
    """The plan and its moves."""
    found = tables.record("plan")
    moves = moves_of(found)
    if moves is None:
        told = found.get("message") or found.get("status")
        solved = found.get("status") in ("optimal", "feasible")
        raise MissingTableError(
            "plan.json has no spend per channel" if solved else f"plan.json holds no plan ({told})"
        )
    return found, moves


def _title(moves: Moves, kpi: str) -> str:
    """What moving the money would gain; uncertain where the interval holds zero."""
    total, planned = sum(moves.current.values()), sum(moves.planned.values())
    moved = sum(max(0.0, amount - moves.current.get(name, 0.0)) for name, amount in moves.planned.items())
    if total <= 0:
        start = "The plan"
    elif abs(planned / total - 1) > 0.005:
        start = f"A budget of {words.number(planned)} instead of {words.number(total)}"
    else:
        start = f"Moving {words.percent(moved / total)} of the budget"
    mean, low, high = moves.gain.mean, moves.gain.lower, moves.gain.upper
    if not words.known(mean):
        return f"{start}: what it gains is not said"
    if mean == low == high == 0:
        return "The plan leaves everything as it is and gains nothing"
    more = f"bring {words.number(mean)} more {kpi}"
    if not words.known(low, high):
        return f"{start} may {more}; its uncertainty is not known"
    if low <= 0 <= high:
        return f"{start} may {more}, or nothing ({words.span(low, high)})"
    return f"{start} would {more} ({words.span(low, high)})"


def plan_effects(tables: Tables) -> go.Figure:
    """KPI that each channel's change brings or costs, and the whole plan's gain."""
    found, moves = _found(tables)
    parts = _parts(found, moves, tables)
    if not parts:
        raise MissingTableError("plan.json does not say what each channel brings")
    names = [*sorted(parts, key=lambda name: -parts[name].mean), WHOLE]
    gains = [*(parts[name] for name in names[:-1]), moves.gain]
    palette = theme.channel_colours({*tables.channels, *parts})
    unit = Unit.of([gain.mean for gain in gains], [v for g in gains for v in (g.lower, g.upper)])
    mean, low, high = (unit([getattr(g, side) for g in gains]) for side in ("mean", "lower", "upper"))
    colours = [*(palette[name] for name in names[:-1]), theme.INK]
    hover, whiskers = f"%{{y}}: {unit.hover('x')}", marks.whiskers(mean, low, high, theme.SOFT)
    bars = marks.bars(names, mean, colours, hover=hover, error_x=whiskers)
    about, most = tables.about, names[0]
    zero: theme.Layout = {"zeroline": True, "zerolinecolor": theme.FAINT}
    said = f"{words.number(parts[most].mean)} {about.kpi}"
    title = f"In the plan {words.label(most)} gains most, {said}"
    if parts[most].mean <= 0:
        title = "No channel gains from the plan"
    return theme.finish(
        [bars],
        {
            "xaxis": axes.linear(f"Change of {about.goal}", suffix=unit.suffix, **zero),
            "yaxis": axes.names(names),
        },
        title=title,
        height=70 + 36 * len(names),
        reading="What each channel brings in the plan less what it brings now, and the whole plan's gain; "
        "lines are intervals.",
        notes=["The parts are read from the response curves; the whole is the planner's own sum."],
    )


def _parts(found: dict[str, Any], moves: Moves, tables: Tables) -> dict[str, Between]:
    """Each channel's part of the gain: what it brings as planned, less the part its curve gives it now."""
    curves, _ = curves_of(tables)
    parts = {}
    for row in found.get("channels") or []:
        name, brought = str(row.get("channel")), gain_of(row.get("kpi"))
        change, now = moves.changes.get(name), moves.current.get(name, 0.0)
        if change is None or name not in curves or not words.known(brought.mean):
            continue
        part = 1.0
        if now > 0:
            x, y = (curves[name][column].to_numpy(float) for column in ("multiplier", "response"))
            then = float(np.interp(moves.planned[name] / now, x, y))
            part = 1 - float(np.interp(1.0, x, y)) / then if then > 0 else float("nan")
        ends = sorted((part * brought.lower, part * brought.upper)) if change else [0.0, 0.0]
        if words.known(part):
            parts[name] = Between(part * brought.mean, *ends) if change else Between(0.0, 0.0, 0.0)
    return parts
