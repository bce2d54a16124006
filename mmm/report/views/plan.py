"""Current against optimised budget."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from mmm.report import axes, marks, theme, words
from mmm.report.marks import Unit
from mmm.report.tables import MissingTableError, Tables

LIMIT = "allowed"
LOCAL = "The best of several local optima; a better plan may exist."


def plan(tables: Tables) -> go.Figure:
    """Spend of each channel now and in the optimised plan, and what the change would gain."""
    found = tables.record("plan")
    if found.get("status") not in ("optimal", "feasible"):
        raise MissingTableError(f"plan.json holds no plan ({found.get('message') or found.get('status')})")
    current, spend = _amounts(found.get("current_spend")), _amounts(found.get("spend"))
    names = sorted(set(current) & set(spend), key=lambda name: current[name] - spend[name])
    if not names:
        raise MissingTableError("plan.json has no spend per channel")
    unit = Unit.of(*current.values(), *spend.values())
    right = [float(unit(max(current[n], spend[n]))) for n in names]
    texts = {n: _change(current[n], spend[n]) for n in names}
    layout = {
        "xaxis": axes.linear(_unit(found, tables), suffix=unit.suffix, range=[0, 1.2 * max(right)]),
        "yaxis": axes.names(names),
        "annotations": axes.beside(texts, right),
    }
    moves = _moves(names, current, spend, unit, theme.channel_colours({*tables.channels, *names}))
    return theme.finish(
        _limits(found, unit) + moves,
        layout,
        title=_title(found, current, spend, tables.about.kpi),
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
    return words.signed(words.percent(after / before - 1)) if before > 0 else "new"


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
        f"Beyond what the data have seen: {words.listing(beyond)}." if beyond else "",
        f"Limits that bind: {words.listing(binding)}." if binding else "",
        LOCAL if found["status"] == "feasible" else "",
        *(str(warning) for warning in found.get("warnings") or []),
    ]


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


def _amounts(value: Any) -> dict[str, float]:
    """Spend per channel: the finite numbers of a mapping."""
    pairs = value.items() if isinstance(value, dict) else ()
    known = {str(name): float(amount) for name, amount in pairs if isinstance(amount, (int, float))}
    return {name: amount for name, amount in known.items() if words.known(amount)}


def _title(found: dict[str, Any], current: dict[str, float], spend: dict[str, float], kpi: str) -> str:
    """What moving the money would gain; uncertain where the interval holds zero."""
    total, planned = sum(current.values()), sum(spend.values())
    moved = sum(max(0.0, spend[name] - current.get(name, 0.0)) for name in spend)
    if total <= 0:
        start = "The plan"
    elif abs(planned / total - 1) > 0.005:
        start = f"A budget of {words.number(planned)} instead of {words.number(total)}"
    else:
        start = f"Moving {words.percent(moved / total)} of the budget"
    gain = found.get("gain")
    gain = gain if isinstance(gain, dict) else {"mean": gain}
    numbers = (gain.get(key) for key in ("mean", "lower", "upper"))
    mean, low, high = (float(v) if isinstance(v, (int, float)) else float("nan") for v in numbers)
    if not words.known(mean):
        return f"{start}: what it gains is not said"
    more = f"bring {words.number(mean)} more {kpi}"
    if not words.known(low, high):
        return f"{start} may {more}; its uncertainty is not known"
    if low <= 0 <= high:
        return f"{start} may {more}, or nothing ({words.span(low, high)})"
    return f"{start} would {more} ({words.span(low, high)})"
