"""How fast a channel works: at once against later, and the time to half and to nearly all of its effect."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.tables import Tables
from mmm.report.totals import interval_note

PARTS = (0.5, 0.9)
"""Parts of the effect whose time is told."""
MOST = words.percent(PARTS[-1])


def realisation(tables: Tables) -> go.Figure:
    """Part of the effect in the period of the spend, and periods until half and 90 % of it are there."""
    frame, period = tables.frame("adstock").sort_values(["channel", "lag"]), tables.about.period
    frame = frame.assign(channel=frame["channel"].astype(str))
    times = {str(name): _times(rows) for name, rows in frame.groupby("channel")}
    names = sorted(times, key=lambda name: times[name])
    now = frame[frame["lag"] == 0].set_index("channel").reindex(names)
    palette = theme.channel_colours(tables.channels)
    at_once = dict(zip(names, now["weight"].astype(float).tolist(), strict=True))
    return theme.finish(
        [*_parts(now, names, palette), *_spans(names, times, palette)],
        _layout(names, period),
        title=_title(names, times, period),
        height=70 + 34 * len(names) + 66,
        legend=True,
        reading=f"Left: how much works in the {period} of the spend itself, and how much is carried over. "
        f"Right: after how many {period}s half (dot) and {MOST} (tick) of the effect are there.",
        notes=[interval_note(frame)],
        table=marks.table(
            names,
            {
                "Channel": str,
                "At once": lambda name: words.percent(at_once[name]),
                "Half within": lambda name: words.count(times[name][0], period),
                f"{MOST} within": lambda name: words.count(times[name][1], period),
            },
        ),
    )


def _layout(names: list[str], period: str) -> theme.Layout:
    """Parts of the effect on the left, periods on the right."""
    return {
        "xaxis": axes.linear("Part of the effect", suffix=axes.PERCENT, domain=[0, 0.46], range=[0, 100]),
        "yaxis": axes.names(names),
        "xaxis2": axes.linear(f"{words.capital(period)}s from the spend", domain=[0.56, 1], anchor="y2")
        | {"rangemode": "tozero"},
        "yaxis2": axes.names(names, anchor="x2", showticklabels=False),
        "barmode": "stack",
        "legend": {"traceorder": "normal"},
    }


def _title(names: list[str], times: dict[str, tuple[int, int]], period: str) -> str:
    slow, fast = names[-1], names[0]
    ends = [words.count(times[slow][at], period) for at in (0, 1)]
    title = f"{words.subject(slow)} has half of its effect within {ends[0]} and {MOST} within {ends[1]}"
    soon = words.count(times[fast][1], period)
    return title + (f"; {words.label(fast)} is soonest: {MOST} within {soon}" if len(names) > 1 else "")


def _times(rows: pd.DataFrame) -> tuple[int, int]:
    """Periods, that of the spend being the first, until each of ``PARTS`` of the effect is there."""
    weight = rows["weight"].to_numpy(float)
    reached = np.cumsum(weight) / max(float(weight.sum()), 1e-12)
    half, most = (int(np.argmax(reached >= part - 1e-9)) + 1 for part in PARTS)
    return half, most


def _parts(now: pd.DataFrame, names: list[str], palette: dict[str, str]) -> list[theme.Trace]:
    """What works at once and what is carried over, as one bar."""
    first = 100 * now["weight"].to_numpy(float)
    colours = [palette[name] for name in names]
    whiskers = marks.whiskers(first, 100 * now["lower"], 100 * now["upper"], theme.SOFT)
    at_once = marks.bars(names, first, colours, corner=0, hover="%{y}, at once: %{x:.0f} %", error_x=whiskers)
    pale = [theme.fade(colour, 0.3) for colour in colours]
    later = marks.bars(names, 100 - first, pale, corner=0, hover="%{y}, carried over: %{x:.0f} %")
    keys = (("at once", theme.SOFT), ("carried over", theme.fade(theme.SOFT, 0.3)))
    return [at_once, later, *(marks.key(name, colour, 12, "square") for name, colour in keys)]


def _spans(names: list[str], times: dict[str, tuple[int, int]], palette: dict[str, str]) -> list[theme.Trace]:
    """From half to nearly all, in periods."""
    at: theme.Layout = {"xaxis": "x2", "yaxis": "y2"}
    traces = [marks.link(n, times[n][0], times[n][1], theme.fade(palette[n], 0.45), 5) | at for n in names]
    colours = [palette[name] for name in names]
    for part, symbol, rim in ((0, "circle", 0), (1, "line-ns", 3)):
        label = f"{words.percent(PARTS[part])} of the effect"
        x, hover = [times[name][part] for name in names], f"%{{y}}: {label} within %{{x}}"
        traces.append(marks.dots(x, names, colours, 12, symbol, rim=(rim, colours), hover=hover, **at))
        traces.append(marks.key(label, theme.SOFT, 11, symbol, 3))
    return traces
