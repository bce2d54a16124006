"""What a portfolio learned: promises held against what came, and every brand against its class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.tables import MissingTableError

MOST_BRANDS, MOST_WEEKS, MOST_CLASSES = 60, 52, 24
"""Rows and columns of a map; those most in need of a look are drawn."""
DAYS = 4
"""Weeks of a map that are named."""
SLANT, LONGEST = 4, 27
"""Pixels of height that a letter of a slanted name takes, and letters after which names are cut."""
FAR = 2.0
"""Spreads of a class from which a brand is far off it, and end of the colours."""


@dataclass(frozen=True, eq=False)
class Learned:
    """Tables beside ``portfolio.parquet``.

    Attributes:
        ledger: ``ledger.parquet``; None if there is none.
        pool: ``pool.parquet``; None if nothing is pooled.
    """

    ledger: pd.DataFrame | None = None
    pool: pd.DataFrame | None = None


def forecast_errors(ledger: pd.DataFrame) -> pd.DataFrame:
    """How far forecasts of champions were off, brand by week.

    Of every market and week the promise of the shortest horizon counts.

    Returns:
        Columns brand, period, error (median over markets of the error as a part of the KPI, without sign),
        covered (part of the markets whose KPI lay in its interval), markets.
    """
    own = ledger[(ledger["role"] == "champion") & (ledger["actual"] > 0)]
    own = own.sort_values("horizon").drop_duplicates(["brand", "market", "period"])
    own = own.assign(relative=(own["error"] / own["actual"]).abs())
    grouped = own.groupby(["brand", "period"], sort=True)
    return grouped.agg(
        error=("relative", "median"), covered=("covered", "mean"), markets=("market", "nunique")
    ).reset_index()


def _bar(height: int, ticks: Mapping[float, str]) -> theme.Layout:
    """The key of the colours, high enough for its ends to stand apart."""
    shown: theme.Layout = {"tickvals": list(ticks), "ticktext": list(ticks.values())}
    return marks.colour_bar(lenmode="pixels", len=min(max(height - 20, 52), 260), **shown)


def forecasts(learned: Learned) -> go.Figure:
    """Errors of forecasts as a map of brands and weeks."""
    if learned.ledger is None or learned.ledger.empty:
        raise MissingTableError("no version of this portfolio is old enough to be judged")
    table = forecast_errors(learned.ledger)
    if table.empty:
        raise MissingTableError("no champion of this portfolio is old enough to be judged")
    weeks = sorted(table["period"].unique())[-MOST_WEEKS:]
    shown = table[table["period"].isin(weeks)]
    worst = shown.groupby("brand")["error"].median().sort_values(ascending=False)
    brands = list(worst.index[:MOST_BRANDS])
    grid = shown.pivot_table(index="brand", columns="period", values="error").reindex(brands)
    inside = float((shown["covered"] * shown["markets"]).sum() / shown["markets"].sum())
    high = max(float(np.nanquantile(grid.to_numpy(), 0.95)), 0.01)
    days = [words.day(week) for week in grid.columns]
    height = 22 * len(brands)
    heat = marks.heat(
        days,
        brands,
        theme.fmt(grid.to_numpy()),
        theme.SEQUENTIAL,
        0.0,
        high,
        hover="%{y}, %{x}: off by %{z:.1%}",
        colorbar=_bar(height, {part * high: words.percent(part * high) for part in (0.0, 0.5, 1.0)}),
    )
    told = days[:: -(-len(days) // DAYS)]
    return theme.finish(
        [heat],
        {"xaxis": axes.matrix(tickvals=told, ticktext=told), "yaxis": axes.names(brands, verbatim=True)},
        title=f"{words.percent(inside)} of weekly KPIs came within the 90 % intervals promised for them",
        reading="What champions forecast for each week, given the media that then ran, against what came: "
        "median error of a brand's markets as a part of the KPI. Dark: far off.",
        height=max(140, 74 + height),
        notes=[marks.cut_note(brands, worst.index, "brands")],
        table=marks.table(
            marks.records(shown),
            {
                "Brand": lambda row: str(row["brand"]),
                "Week": lambda row: words.day(row["period"]),
                "Median error": lambda row: words.percent(row["error"]),
                "Within its interval": lambda row: words.percent(row["covered"]),
            },
        ),
    )


def classes(learned: Learned) -> go.Figure:
    """How far every brand stands from what the others of its class let expect."""
    if learned.pool is None or learned.pool.empty:
        raise MissingTableError("nothing is pooled: `pool: off`, or too few brands are alike")
    returns = learned.pool[learned.pool["quantity"] == "roi"]
    if returns.empty:
        raise MissingTableError("no returns are pooled: markets state no kpi_value, or have no spend")
    returns = returns.assign(name=returns["brand"] + " / " + returns["market"])
    grid = returns.pivot_table(index="name", columns="class", values="against")
    names = grid.abs().max(axis=1).sort_values(ascending=False).index[:MOST_BRANDS]
    kinds = list(grid.notna().sum().sort_values(ascending=False).index[:MOST_CLASSES])
    shown = grid.loc[names, kinds]
    far = int((returns["against"].abs() > FAR).sum())
    labels = [theme.wrapped(name, LONGEST, verbatim=True) for name in names]
    height = (38 if any("<br>" in label for label in labels) else 22) * len(names)
    slanted = 24 + SLANT * min(max(map(len, kinds)), LONGEST)
    heat = marks.heat(
        kinds,
        list(names),
        theme.fmt(shown.to_numpy()),
        theme.DIVERGING,
        -FAR,
        FAR,
        hover="%{y}, %{x}: %{z:+.1f} spreads",
        colorbar=_bar(height, {end: f"{words.signed(words.number(end))} sd" for end in (-FAR, 0.0, FAR)}),
    )
    return theme.finish(
        [heat],
        {
            "xaxis": axes.matrix(kinds, side="top", tickangle=-40),
            "yaxis": axes.names(list(names), ticktext=labels, tickfont=axes.row_font(labels)),
            "margin": {"t": slanted, "b": 12},
        },
        title=f"{words.count(far, 'return')} of {len(returns)} "
        + ("stands" if far == 1 else "stand")
        + f" more than {FAR:g} spreads from what the other brands let expect",
        reading="Return of each brand-market's channels, fitted alone, against the other brands of the same "
        "class, in spreads of the class. Blue: more than they let expect; brown: less.",
        height=slanted + max(72, height),
        notes=[marks.cut_note(list(names), grid.index, "brand-markets")],
        table=marks.table(
            marks.records(returns),
            {
                "Brand-market": lambda row: str(row["name"]),
                "Channel": lambda row: str(row["channel"]),
                "Class": lambda row: str(row["class"]),
                "Return alone": lambda row: words.number(row["value"]),
                "Others expect": lambda row: words.number(row["prior"]),
                "Pooled": lambda row: words.number(row["pooled"]),
            },
        ),
    )
