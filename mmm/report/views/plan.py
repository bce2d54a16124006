"""Current against optimised budget."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from mmm.report import theme, words
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
    palette = theme.channel_colours({*tables.channels, *names})
    divisor, suffix = words.scale_of(max(*current.values(), *spend.values()))
    old, new = [current[n] / divisor for n in names], [spend[n] / divisor for n in names]
    colours = [palette[n] for n in names]
    traces = _limits(found, divisor, suffix)
    traces += [
        {"type": "scatter", "mode": "lines", "x": [a, b], "y": [n, n], "hoverinfo": "skip",
         "showlegend": False,
         "line": {"color": theme.fade(palette[n], 0.4), "width": 6}}
        for n, a, b in zip(names, old, new, strict=True)
    ]  # fmt: skip
    for label, values, symbol in (("now", old, "circle-open"), ("optimised", new, "circle")):
        traces.append({"type": "scatter", "mode": "markers", "x": values, "y": names, "showlegend": False,
                       "marker": {"symbol": symbol, "size": 13, "color": colours,
                                  "line": {"width": 2.5, "color": colours}},
                       "hovertemplate": f"%{{y}}, {label}: %{{x:,.3~f}}{suffix}<extra></extra>"})  # fmt: skip
        traces.append({"type": "scatter", "mode": "markers", "x": [None], "y": [None], "name": label,
                       "showlegend": True, "marker": {"symbol": symbol, "size": 12, "color": theme.SOFT,
                                                      "line": {"width": 2.5,
                                                               "color": theme.SOFT}}})  # fmt: skip
    changes = [spend[n] / current[n] - 1 if current[n] > 0 else float("nan") for n in names]
    right = [max(a, b) for a, b in zip(old, new, strict=True)]
    layout = {
        "xaxis": theme.axis(_unit(found, tables), suffix=suffix,
                            range=[0, 1.2 * max(right)]),
        "yaxis": theme.category_axis(names),
        "annotations": [
            theme.note(words.signed(words.percent(change)) if words.known(change) else "new", x=edge, y=name,
                       xanchor="left", xshift=12, font={"color": theme.INK})
            for name, change, edge in zip(names, changes, right, strict=True)
        ],
    }  # fmt: skip
    beyond = [words.label(str(name)) for name in found.get("extrapolated") or []]
    binding = [f"{words.label(str(name))} ({side})" for name, side in (found.get("binding") or {}).items()]
    return theme.finish(
        traces, layout, title=_title(found, current, spend, tables.about.kpi),
        height=60 + 38 * len(names) + 66,
        reading="Open mark: spend now. Filled: spend in the plan. Grey: the range the request allows.",
        legend=True,
        notes=[
            f"Beyond what the data have seen: {words.listing(beyond)}." if beyond else "",
            f"Limits that bind: {words.listing(binding)}." if binding else "",
            LOCAL if found["status"] == "feasible" else "",
            *(str(warning) for warning in found.get("warnings") or []),
        ],
        table={"columns": ["Channel", "Now", "Optimised", "Change"],
               "rows": [[n, words.number(current[n], 3), words.number(spend[n], 3),
                         words.signed(words.percent(c)) if words.known(c) else "new"]
                        for n, c in zip(names, changes, strict=True)]},
    )  # fmt: skip


def _unit(found: dict[str, Any], tables: Tables) -> str:
    """Title of the axis of spend."""
    horizon = found.get("horizon")
    over = words.count(horizon, tables.about.period) if isinstance(horizon, int) else "the plan's horizon"
    return f"Spend over {over}, {found.get('unit') or tables.about.currency}"


def _limits(found: dict[str, Any], divisor: float, suffix: str) -> list[theme.Trace]:
    """The range in which the request lets each channel move, where it is closed."""
    rows = [row for row in found.get("channels") or [] if row.get("upper_limit") is not None]
    look = {"type": "scatter", "mode": "lines", "name": LIMIT, "legendgroup": LIMIT,
            "line": {"color": theme.GRID, "width": 14}}  # fmt: skip
    return [
        look | {
            "x": [row["lower_limit"] / divisor, row["upper_limit"] / divisor], "y": [row["channel"]] * 2,
            "showlegend": place == 0,
            "hovertemplate": f"%{{y}} may be %{{x:,.3~f}}{suffix}<extra></extra>",
        }
        for place, row in enumerate(rows)
    ]  # fmt: skip


def _amounts(value: Any) -> dict[str, float]:
    """Spend per channel: the finite numbers of a mapping."""
    if not isinstance(value, dict):
        return {}
    return {
        str(name): float(amount) for name, amount in value.items()
        if isinstance(amount, (int, float)) and words.known(float(amount))
    }  # fmt: skip


def _title(found: dict[str, Any], current: dict[str, float], spend: dict[str, float], kpi: str) -> str:
    """What moving the money would gain; uncertain where the interval holds zero."""
    total = sum(current.values())
    moved = sum(max(0.0, spend[name] - current.get(name, 0.0)) for name in spend)
    planned = sum(spend.values())
    if total <= 0:
        start = "The plan"
    elif abs(planned / total - 1) > 0.005:
        start = f"A budget of {words.number(planned)} instead of {words.number(total)}"
    else:
        start = f"Moving {words.percent(moved / total)} of the budget"
    gain = found.get("gain")
    gain = gain if isinstance(gain, dict) else {"mean": gain}
    mean, low, high = (float(v) if isinstance(v := gain.get(key), (int, float)) else float("nan")
                       for key in ("mean", "lower", "upper"))  # fmt: skip
    if not words.known(mean):
        return f"{start}: what it gains is not said"
    if not words.known(low, high):
        return f"{start} may bring {words.number(mean)} more {kpi}; its uncertainty is not known"
    if low <= 0 <= high:
        return f"{start} may bring {words.number(mean)} more {kpi}, or nothing ({words.span(low, high)})"
    return f"{start} would bring {words.number(mean)} more {kpi} ({words.span(low, high)})"
