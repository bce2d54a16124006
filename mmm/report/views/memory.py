"""How fast channels work: at once against later, time to half and most of the effect, quarter by quarter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import interval_note

PARTS = (0.5, 0.9)
"""Parts of the effect whose time is told."""
MOST = words.percent(PARTS[-1])
MOST_NUMBERS = 13
"""Quarters up to which cells have numbers in them."""
SMALLEST = 0.005
"""Part of the largest cell below which a cell has no number."""


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


def spend_quarters(tables: Tables) -> go.Figure:
    """What all media of a quarter brought in that quarter and in later ones, in KPI units."""
    rows = tables.frame("realised")
    rows = rows.assign(channel=rows["channel"].astype(str))
    of_all = rows[rows["channel"] == ""]
    starts = sorted({*of_all["ran"], *of_all["realised"]})
    if len(starts) < 2:
        raise MissingTableError("the training window has fewer than two quarters with an effect")
    names = [_quarter(start) for start in starts]
    grid, low, high = (
        of_all.pivot(index="ran", columns="realised", values=column).reindex(index=starts, columns=starts)
        for column in ("effect", "lower", "upper")
    )
    kpi = tables.about.kpi
    parts = _by_delay(rows[rows["ran"] < starts[-1]])
    order = [name for name in ("", *tables.channels) if name in parts]
    return theme.finish(
        [_amounts(grid, low, high, names, kpi)],
        {
            "xaxis": axes.matrix(names, side="top", title="Quarter in which it came", tickangle=-40),
            "yaxis": axes.matrix(names, autorange="reversed", title="Quarter of the spend"),
            "margin": {"t": 84, "b": 24},
        },
        height=170 + 30 * len(names),
        title=_later(parts[""], kpi, grid),
        reading=f"Row: quarter in which media ran; column: quarter in which their effect came, in {kpi}. "
        "The effect of a period is told of the media that still acted in it, each by its part. What the last "
        "quarters will bring after training is not in it.",
        notes=[interval_note(of_all)],
        table=marks.table(
            order,
            {
                "Channel": lambda name: words.subject(name) if name else "All media",
                "Same quarter": lambda name: words.percent(parts[name][0]),
                "Next quarter": lambda name: words.percent(parts[name][1]),
                "Later": lambda name: words.percent(parts[name][2]),
            },
        ),
    )


def _quarter(start: pd.Timestamp) -> str:
    return f"{start.year} Q{start.quarter}"


def _by_delay(rows: pd.DataFrame) -> dict[str, tuple[float, float, float]]:
    """Part of each channel's effect that came in the quarter of the spend, in the next one and later."""
    first, came = (pd.PeriodIndex(rows[column], freq="Q") for column in ("ran", "realised"))
    after = np.minimum(came.astype("int64") - first.astype("int64"), 2)
    sums = rows.assign(after=after).pivot_table(
        index="channel", columns="after", values="effect", aggfunc="sum"
    )
    sums = sums.reindex(columns=[0, 1, 2]).fillna(0.0)
    shares = sums.div(sums.sum(axis=1), axis=0)
    return {str(name): (float(a), float(b), float(c)) for name, (a, b, c) in shares.iterrows()}


def _amounts(
    grid: pd.DataFrame, low: pd.DataFrame, high: pd.DataFrame, names: list[str], kpi: str
) -> theme.Trace:
    values = grid.to_numpy(float)
    top = float(np.nanmax(values))
    said = [
        [_said(*cell) for cell in zip(*row, strict=True)]
        for row in zip(values, low.to_numpy(float), high.to_numpy(float), strict=True)
    ]
    told = [
        [words.number(v, 3) if words.known(v) and v >= SMALLEST * top else "" for v in row] for row in values
    ]
    few = len(names) <= MOST_NUMBERS
    style: theme.Layout = {"texttemplate": "%{text}" if few else "", "text": told, "showscale": not few}
    style |= {"textfont": {"size": 11}, "hoverongaps": False, "customdata": said}
    hover = f"Spend of %{{y}}, effect in %{{x}}: %{{customdata}} {kpi}"
    bar = marks.colour_bar(tickfont={"size": 11, "color": theme.SOFT})
    ends = (0, max(top, 1e-9))
    return marks.heat(
        names, names, theme.fmt(values), theme.SEQUENTIAL, *ends, hover=hover, colorbar=bar, **style
    )


def _said(effect: float, low: float, high: float) -> str:
    """``396 k, 310 k to 480 k``; the number alone without an interval."""
    if not words.known(effect):
        return ""
    number = words.number(effect, 3)
    return f"{number}, {words.span(low, high, 3)}" if words.known(low, high) else number


def _later(parts: tuple[float, float, float], kpi: str, grid: pd.DataFrame) -> str:
    """How much of the effect of media comes after the quarter in which they ran."""
    brought = float(np.nansum(grid.to_numpy(float)[:-1]))
    later = parts[1] + parts[2]
    title = f"{words.percent(later)} of what media brought came after the quarter in which they ran"
    return f"{title}: {words.number(later * brought, 3)} {kpi} of {words.number(brought, 3)}"
