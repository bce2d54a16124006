"""Current against optimised budget."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from mmm.report import theme, words
from mmm.report.tables import MissingTableError, Tables


def plan(tables: Tables) -> go.Figure:
    """Spend of each channel now and in the optimised plan, and what the change would gain."""
    found = tables.record("plan")
    if found.get("status") != "optimal":
        raise MissingTableError(
            f"plan.json is {found.get('status', 'without a status')}: there is no plan to draw"
        )
    current, spend = _amounts(found.get("current_spend")), _amounts(found.get("spend"))
    names = sorted(set(current) & set(spend), key=lambda name: current[name] - spend[name])
    if not names:
        raise MissingTableError("plan.json has no spend per channel")
    palette = theme.channel_colours({*tables.channels, *names})
    divisor, suffix = words.scale_of(max(*current.values(), *spend.values()))
    old, new = [current[n] / divisor for n in names], [spend[n] / divisor for n in names]
    colours = [palette[n] for n in names]
    traces: list[theme.Trace] = [
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
        "xaxis": theme.axis(f"Spend over the plan's horizon, {tables.about.currency}", suffix=suffix,
                            range=[0, 1.16 * max(right)]),
        "yaxis": theme.category_axis(names),
        "annotations": [
            theme.note(words.signed(words.percent(change)) if words.known(change) else "new", x=edge, y=name,
                       xanchor="left", xshift=12, font={"color": theme.INK})
            for name, change, edge in zip(names, changes, right, strict=True)
        ],
    }  # fmt: skip
    beyond = [str(name) for name in found.get("extrapolated") or []]
    limits = [_limit(item) for item in found.get("binding") or []]
    return theme.finish(
        traces, layout, title=_title(found, current, spend, tables.about.kpi),
        height=60 + 38 * len(names) + 66,
        reading="Open mark: spend now. Filled: spend in the plan. The longer the line, the more moves.",
        legend=True,
        notes=[
            f"Beyond what the data have seen: {words.listing([words.label(name) for name in beyond])}."
            if beyond else "",
            f"Limits that bind: {words.listing(limits)}." if limits else "",
        ],
        table={"columns": ["Channel", "Now", "Optimised", "Change"],
               "rows": [[n, words.number(current[n], 3), words.number(spend[n], 3),
                         words.signed(words.percent(c)) if words.known(c) else "new"]
                        for n, c in zip(names, changes, strict=True)]},
    )  # fmt: skip


def _amounts(value: Any) -> dict[str, float]:
    """Spend per channel, each a number or ``{mean, …}``, flat or under ``by_channel``."""
    if not isinstance(value, dict):
        return {}
    value = value.get("by_channel", value)
    found = {}
    for name, given in value.items():
        amount = given.get("mean") if isinstance(given, dict) else given
        if isinstance(amount, (int, float)) and words.known(float(amount)):
            found[str(name)] = float(amount)
    return found


def _limit(item: Any) -> str:
    if isinstance(item, dict):
        return " ".join(str(part) for part in item.values())
    return str(item)


def _title(found: dict[str, Any], current: dict[str, float], spend: dict[str, float], kpi: str) -> str:
    """What moving the money would gain; uncertain where the interval holds zero."""
    total = sum(current.values())
    moved = sum(max(0.0, spend[name] - current.get(name, 0.0)) for name in spend)
    start = f"Moving {words.percent(moved / total)} of the budget" if total > 0 else "The plan"
    gain = found.get("gain")
    gain = gain if isinstance(gain, dict) else {"mean": gain}
    mean, low, high = (float(v) if isinstance(v := gain.get(key), (int, float)) else float("nan")
                       for key in ("mean", "lower", "upper"))  # fmt: skip
    if not words.known(mean):
        return f"{start}: what it gains is not said"
    if not words.known(low, high):
        return f"{start} may bring {words.number(mean)} more {kpi}; how certain that is is not known"
    if low <= 0 <= high:
        return f"{start} may bring {words.number(mean)} more {kpi}, or nothing ({words.span(low, high)})"
    return f"{start} would bring {words.number(mean)} more {kpi} ({words.span(low, high)})"
