"""What was assumed or stated of each channel beside what the data made of it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.tables import MissingTableError, Tables

NARROWED = 0.7
"""Width of what was learned over that of what was assumed from which the data have said little."""
ASIDE = 0.16
LINE = 30
"""Letters of a row that names a channel, a quantity, a window and regions."""
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
QUANTITIES = {
    "share": "share",
    "roi": "ROI",
    "marginal_roi": "marginal ROI",
    "cost_per_kpi": "cost per KPI unit",
}

ACROSS: theme.Layout = {"suffix": axes.PERCENT, "rangemode": "tozero", "nticks": 5, "tickangle": 0}
"""Level numbers: beside long names on a phone Plotly would turn them up and down without end."""


def priors(tables: Tables) -> go.Figure:
    """Prior and posterior share of the KPI of every channel, with intervals."""
    rows = tables.frame("priors")
    if "quantity" in rows:
        rows = rows[rows["quantity"] == "share"]
    rows = rows.assign(channel=rows["channel"].astype(str)).dropna(subset=["prior", "posterior"])
    rows = rows.sort_values("posterior", ascending=False)
    if rows.empty:
        raise MissingTableError("priors.parquet has no channel with a known prior")
    names = rows["channel"].tolist()
    traces = _pairs(rows, names, theme.channel_colours(tables.channels))
    texts = [theme.wrapped(name) for name in names]
    layout = {
        "xaxis": axes.linear(f"Share of {tables.about.goal}", **ACROSS),
        "yaxis": axes.rows(texts, tickfont=axes.row_font(texts)),
    }
    return theme.finish(
        traces,
        layout,
        title=_title(names, _widths(rows)),
        height=94 + 40 * len(names) + 66,
        legend=True,
        reading="Grey: what was assumed before the data. Colour: what is believed after them. Where the two "
        "lie on each other the data have said little, and the number is mostly the assumption.",
    )


def stated(tables: Tables) -> go.Figure:
    """What users stated and tests made elsewhere say, beside what the data made of it."""
    rows = tables.frame("priors")
    rows = rows[rows["source"] != "default"] if "source" in rows else rows[:0]
    rows = rows[rows["prior"] > 0].reset_index(drop=True)
    if rows.empty:
        raise MissingTableError(
            "priors.parquet: nothing is stated of any channel, no test was made elsewhere"
        )
    columns = [f"{of}{end}" for of in ("prior", "posterior") for end in ("", "_lower", "_upper")]
    over = rows[columns].div(rows["prior"], axis=0)
    colours = [theme.channel_colours(tables.channels)[name] for name in rows["channel"].astype(str)]
    names = [_named(*pair) for pair in zip(rows["channel"], rows["quantity"], strict=True)]
    outside = (over["posterior"] < over["prior_lower"]) | (over["posterior"] > over["prior_upper"])
    texts = [theme.wrapped(name, LINE, 4, verbatim=True) for name in names]
    layout = {
        "xaxis": axes.linear("Of what was stated", **ACROSS),
        "yaxis": axes.rows(texts),
    }
    return theme.finish(
        _pairs(over, names, dict(zip(names, colours, strict=True))),
        layout,
        title=_agreement(names, outside.to_numpy()),
        height=94 + max(40, *(17 * text.count("<br>") + 30 for text in texts)) * len(names) + 66,
        legend=True,
        reading="All numbers are over the middle of what was stated, which is 100 %. Grey: what was stated, "
        "in nine cases of ten. Colour: what is believed after the data. A dot outside the grey bar: data and "
        "statement disagree.",
    )


def _named(channel: str, quantity: str) -> str:
    """A row of what was stated: ``TV: marginal ROI``, with its window and regions behind."""
    what, *place = ISO_DATE.sub(lambda found: words.day(found[0]), str(quantity)).split(", ", 1)
    return ", ".join([f"{words.subject(str(channel))}: {QUANTITIES.get(what, what)}", *place])


def _agreement(names: list[str], outside: np.ndarray) -> str:
    stated = words.count(len(names), "statement")
    if not outside.any():
        return f"The data contradict none of {stated} about channels"
    if outside.sum() == 1:
        return f"The data contradict one of {stated}: {names[int(np.argmax(outside))]}"
    return f"The data contradict {int(outside.sum())} of {stated} about channels"


def _pairs(rows: pd.DataFrame, names: list[str], palette: dict[str, str]) -> list[theme.Trace]:
    """What was assumed above what was learned, in every row, with their keys."""
    place = np.arange(len(rows), dtype=float)
    traces = []
    learned = [palette[name] for name in names]
    styles: tuple[tuple[str, str, float, Any, str], ...] = (
        ("prior", "assumed before", -ASIDE, theme.FAINT, "circle-open"),
        ("posterior", "learned from the data", ASIDE, learned, "circle"),
    )
    for column, label, shift, colour, symbol in styles:
        value, (low, high) = 100 * rows[column], marks.bounds(rows, column)
        spans = [words.span(100 * a, 100 * b) for a, b in zip(low, high, strict=True)]
        tint = colour if isinstance(colour, str) else theme.SOFT
        style: theme.Layout = {"text": names, "customdata": spans, "rim": (2, colour)}
        style["error_x"] = marks.whiskers(value, 100 * low, 100 * high, tint)
        hover = f"%{{text}}, {label}: %{{x:.2f}} % (%{{customdata}})"
        traces.append(marks.dots(value, place + shift, colour, 10, symbol, hover=hover, **style))
        traces.append(marks.key(label, tint, 10, symbol, 2))
    return traces


def _widths(rows: pd.DataFrame) -> np.ndarray:
    """Width of the posterior interval over that of the prior; NaN where unknown."""
    low, high = marks.bounds(rows, "prior")
    after_low, after_high = marks.bounds(rows, "posterior")
    width = np.where(high > low, high - low, np.nan)
    ratio: np.ndarray = (after_high - after_low) / width
    return ratio


def _title(names: list[str], ratio: np.ndarray) -> str:
    if not np.isfinite(ratio).any():
        return f"What was assumed and what was learned of {words.count(len(names), 'channel')}"
    little = [words.label(n) for n, r in zip(names, ratio, strict=True) if r > NARROWED]
    if not little:
        return "The data have narrowed what was assumed of every channel"
    if len(little) > 3:
        return f"Of {len(little)} of {len(names)} channels the data say little more than what was assumed"
    return f"Of {words.listing(little)} the data say little more than what was assumed"
