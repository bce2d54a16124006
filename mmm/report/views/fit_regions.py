"""How well the model predicts each region: a selector of all, the largest side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm.report import theme, words
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import has_intervals, interval_note, judged, observed, window_words, windows
from mmm.report.views.fit import fit_traces

MAX_REGIONS = 250
"""Regions in the selector, the largest first."""
MULTIPLES = 12
"""Regions drawn side by side."""


def by_region(tables: Tables) -> go.Figure:
    """Actual against predicted of one region, with a selector of regions."""
    cells = tables.judged_cells
    if tables.is_national:
        raise MissingTableError("the model is national: there is one region only, drawn above")
    where, rows = judged(tables)
    errors = _region_errors(rows)
    if errors.empty:
        raise MissingTableError(f"the KPI is zero throughout {window_words(where)}")
    order = _largest(cells)
    chosen = order[:MAX_REGIONS]
    dates = pd.Index(np.sort(cells["date"].unique()))
    grids = {
        name: cells.pivot(index="region", columns="date", values=name).reindex(index=chosen, columns=dates)
        for name in ("actual", "predicted", "lower", "upper")
    }
    size = -(-len(dates) // theme.MAX_POINTS)
    intervals = has_intervals(cells)
    buttons = [
        _region_button(name, place, grids, size, errors, intervals=intervals)
        for place, name in enumerate(chosen)
    ]
    first = pd.DataFrame({name: grid.iloc[0].to_numpy() for name, grid in grids.items()})
    first.insert(0, "date", dates.to_numpy())
    first, _ = theme.thin(first)
    divisor, suffix = words.scale_of(float(first["actual"].abs().max()))
    if intervals:
        first = first.fillna({"lower": first["predicted"], "upper": first["predicted"]})
    traces = fit_traces(first, divisor, suffix, tables.about.kpi)
    about = tables.about
    span = cells.drop_duplicates("date").sort_values("date")[["date", "split"]]
    layout = {
        "xaxis": theme.time_axis(dates),
        "yaxis": theme.axis(f"{words.capital(about.kpi)} per {about.period}", suffix=suffix,
                            rangemode="tozero"),
        "hovermode": "x unified",
        "margin": {"t": 44},
        "updatemenus": [] if len(chosen) < 2 else [{
            "buttons": buttons, "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom", "pad": {"b": 8},
            "bgcolor": "#ffffff", "bordercolor": "#c9d0d8", "font": {"size": 12}, "name": "Region",
        }],
    } | theme.split_shading(windows(span))  # fmt: skip
    cut = (
        f"The {len(chosen)} largest of {len(order)} regions can be chosen."
        if len(order) > len(chosen)
        else ""
    )
    return theme.finish(
        traces, layout, legend=True, height=420, title=_regions_title(errors, where),
        reading=("Choose a region. " if len(chosen) > 1
                 else "") + "Dots are what happened, the line is the model, the band its interval.",
        notes=[tables.refitted, interval_note(cells), cut, theme.thin_note(size, about.period)],
    )  # fmt: skip


def _regions_title(errors: pd.Series, where: str) -> str:
    if len(errors) == 1:
        return f"In {window_words(where)} {errors.index[0]} is off by {words.percent(float(errors.iloc[0]))}"
    return (
        f"Half of the {len(errors)} regions are predicted within {words.percent(float(errors.median()))} in "
        f"{window_words(where)}; the hardest, {errors.idxmax()}, is off by "
        f"{words.percent(float(errors.max()))}"
    )


def _region_errors(rows: pd.DataFrame) -> pd.Series:
    """Absolute error as a fraction of the KPI, per region; regions without KPI are left out."""
    sums = pd.DataFrame({
        "error": (rows["actual"] - rows["predicted"]).abs(), "kpi": rows["actual"].abs(),
        "region": rows["region"].astype(str),
    }).groupby("region").sum()  # fmt: skip
    sums = sums[sums["kpi"] > 0]
    return sums["error"] / sums["kpi"]


def _largest(cells: pd.DataFrame) -> list[str]:
    """Regions by KPI, largest first."""
    return [str(name) for name in
            cells.groupby("region",
                          observed=True)["actual"].sum().sort_values(ascending=False).index]  # fmt: skip


def _region_button(
    name: str,
    place: int,
    grids: dict[str, pd.DataFrame],
    size: int,
    errors: pd.Series,
    *,
    intervals: bool,
) -> theme.Layout:
    """What a choice in the selector changes: the lines, and the unit of the axis."""
    values = {key: grid.iloc[place].to_numpy(dtype=float) for key, grid in grids.items()}
    if size > 1:
        block = np.arange(len(values["actual"])) // size
        values = {key: pd.Series(v).groupby(block).mean().to_numpy() for key, v in values.items()}
    top = np.nanmax(np.abs(values["actual"])) if np.isfinite(values["actual"]).any() else 1.0
    divisor, suffix = words.scale_of(float(top))
    lines = [values["predicted"], values["actual"]]
    if intervals:
        lines = [values["lower"], values["upper"], *lines]
    data = [[None if not np.isfinite(v) else float(f"{v / divisor:.4g}") for v in line] for line in lines]
    error = f" \u00b7 off by {words.percent(float(errors[name]))}" if name in errors else ""
    return {
        "label": f"{theme.short(name, 40, verbatim=True)}{error}", "method": "update",
        "args": [{"y": data, "hovertemplate": "%{y:,.3~f}" + suffix}, {"yaxis.ticksuffix": suffix}],
    }  # fmt: skip


def region_multiples(tables: Tables) -> go.Figure:
    """Actual against predicted of the largest regions, side by side."""
    cells = observed(tables)
    order = _largest(cells)
    if len(order) < 2:
        raise MissingTableError("the model is national: there is one region only")
    chosen = order[:MULTIPLES]
    total = float(cells["actual"].sum())
    traces: list[theme.Trace] = []
    axes, frames = [], []
    about = tables.about
    for name in chosen:
        frame = cells.loc[cells["region"] == name, ["date", "actual", "predicted", "lower", "upper"]]
        frame, size = theme.thin(frame.sort_values("date").reset_index(drop=True))
        divisor, suffix = words.scale_of(float(frame["actual"].abs().max()))
        axes.append(theme.axis(suffix=suffix, rangemode="tozero", nticks=4))
        frames.append((frame, divisor, suffix))
    grid = theme.panels(
        chosen, columns=3, row_height=130, y=axes,
        x=theme.axis(grid=False, type="date", nticks=4, tickformat="%b\n%Y", tickfont={"size": 10.5}),
        gap=(0.085, 64), verbatim=True,
    )  # fmt: skip
    for (frame, divisor, suffix), (x, y) in zip(frames, grid.axes, strict=True):
        own = fit_traces(frame, divisor, suffix, about.kpi)
        own[-1]["marker"] = {"color": theme.INK, "size": 3, "opacity": 0.6}
        own[-2]["line"] = {"color": theme.ACCENT, "width": 1.6}
        first = not traces
        traces += [t | {"xaxis": x, "yaxis": y, "showlegend": first and "name" in t,
                        "legendgroup": t.get("name", "")}
                   for t in own]  # fmt: skip
    part = float(cells.loc[cells["region"].isin(chosen), "actual"].sum()) / total if total else float("nan")
    subject = f"All {len(chosen)} regions" if len(chosen) == len(order) else (
        f"The {len(chosen)} largest of {len(order)} regions make up {words.percent(part)} of "
        f"{about.goal}")  # fmt: skip
    title = f"{subject}: actual and predicted side by side" if len(chosen) == len(order) else subject
    return theme.finish(
        traces, grid.layout | {"hovermode": "x", "margin": {"b": 84}}, title=title,
        height=grid.height + 30 + 84, legend=True,
        reading=f"One small chart a region, each with its own scale ({about.kpi} per {about.period}).",
        notes=[tables.refitted, interval_note(cells), theme.thin_note(size, about.period)],
    )  # fmt: skip
