"""What money returned: ROI and marginal ROI."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.about import About
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import interval_note

MOST_NAMED = 3
"""Channels that a title names; the rest are counted."""


def roi(tables: Tables) -> go.Figure:
    """ROI and marginal ROI of every channel with spend, with intervals."""
    rows = tables.frame("effects")
    rows = rows[rows["roi"].notna() & (rows["spend"] > 0)].sort_values("roi", ascending=False).copy()
    if rows.empty:
        raise MissingTableError("no channel has spend, so there is no return on it")
    names = rows["channel"].astype(str).tolist()
    palette, about = theme.channel_colours(tables.channels), tables.about
    colours = [palette[name] for name in names]
    what = "ROI" if about.priced else "return"
    for column in [c for c in rows if str(c).startswith(("roi", "marginal_roi"))]:
        rows[column] = rows[column] * about.per
    traces = _roi_dots(rows, "roi", f"{what}: all spend", "circle", -0.16, colours)
    one = about.unit_of_money if about.priced else words.money(about.per, about.currency)
    next_unit = f"marginal {what}: the next {one}"
    traces += _roi_dots(rows, "marginal_roi", next_unit, "diamond-open", 0.16, colours)
    texts = [theme.wrapped(name) for name in names]
    layout = {
        "xaxis": axes.linear(_roi_axis(about), rangemode="tozero"),
        "yaxis": axes.rows(texts, tickfont=axes.row_font(texts)),
    }
    return theme.finish(
        traces,
        layout | (axes.break_even() if about.priced else {}),
        title=_roi_title(rows, about),
        height=94 + 42 * len(names) + 66,
        legend=True,
        reading="Filled: what all spend returned. Open: what the next unit would return; move money "
        "towards the right-most open marks whose lines do not overlap. Lines are intervals.",
        notes=[interval_note(rows, "roi_lower", "roi_upper")],
        table=_roi_table(rows, what),
    )


def _roi_table(rows: pd.DataFrame, what: str) -> theme.Layout:
    return marks.table(
        marks.records(rows),
        {
            "Channel": lambda row: str(row["channel"]),
            "Spend": lambda row: words.number(float(row["spend"]), 3),
            words.capital(what): marks.estimate("roi"),
            f"Marginal {what}": marks.estimate("marginal_roi"),
        },
    )


def _roi_dots(
    rows: pd.DataFrame, column: str, label: str, symbol: str, shift: float, colours: list[str]
) -> list[theme.Trace]:
    """One kind of return, a little above or below the middle of its row, and its key."""
    low, high = marks.bounds(rows, column)
    dots = marks.dots(
        rows[column],
        np.arange(len(rows)) + shift,
        colours,
        symbol=symbol,
        rim=(2, colours),
        hover="%{text}<br>" + label + " %{x:.2f} (%{customdata})",
        text=rows["channel"].astype(str).tolist(),
        customdata=[words.span(a, b) for a, b in zip(low, high, strict=True)],
        error_x=marks.whiskers(rows[column], low, high, theme.SOFT),
    )
    return [dots, marks.key(label, theme.SOFT, 11, symbol)]


def _roi_axis(about: About) -> str:
    whole = f"{about.currency} of KPI value per {about.unit_of_money} of spend"
    return whole if about.priced else words.capital(about.return_unit)


def _roi_title(rows: pd.DataFrame, about: About) -> str:
    best = rows.iloc[0]
    low, high = marks.bounds(rows, "roi")
    name, value = words.label(str(best["channel"])), words.number(float(best["roi"]))
    unit, currency = f"{value} {about.return_unit}", about.unit_of_money
    known = words.known(low[0], high[0])
    told = words.span(low[0], high[0]) if known else "uncertainty not known"
    if len(rows) == 1:
        return f"{words.capital(name)} returns {unit} ({told})"
    rivals = int((high[1:] > low[0]).sum())
    if not known or not rivals:
        return f"{words.capital(name)} returns most: {unit} ({told})" + _next(rows, currency)
    doubt = (
        f"{name} leads with {unit} ({told}), but {words.count(rivals, 'other channel')} may return as much"
    )
    sure = [words.label(str(c)) for c, floor in zip(rows["channel"], low, strict=True) if floor > 1]
    if not about.priced:
        return words.capital(doubt)
    if sure:
        verb = "is" if len(sure) == 1 else "are"
        if len(sure) > MOST_NAMED + 1:
            sure = [*sure[:MOST_NAMED], words.count(len(sure) - MOST_NAMED, "other channel")]
        return f"{words.capital(words.listing(sure))} {verb} all but sure to pay; {doubt}"
    return f"No channel is sure to pay: {doubt}"


def _next(rows: pd.DataFrame, currency: str) -> str:
    """Where the next unit of money returns most."""
    marginal = rows["marginal_roi"].astype(float)
    if not marginal.notna().any():
        return ""
    top = rows.iloc[int(np.nanargmax(marginal.to_numpy(float)))]
    same = top["channel"] == rows["channel"].iloc[0]
    which = "there too" if same else f"in {words.label(str(top['channel']))}"
    return f"; the next {currency} returns most {which} ({words.number(float(top['marginal_roi']))})"
