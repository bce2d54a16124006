"""How well the model predicts each region: a selector of all, the largest side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.marks import Unit
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import has_intervals, interval_note, judged, observed, window_words, windows
from mmm.report.views.fit import fit_traces

MAX_REGIONS = 250
"""Regions in the selector, the largest first."""
MULTIPLES = 12
"""Regions drawn side by side."""
PICKER: theme.Layout = {"name": "Region", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom"}
PICKER |= {"pad": {"b": 8}, "bgcolor": "#ffffff", "bordercolor": "#c9d0d8", "font": {"size": 12}}


def by_region(tables: Tables) -> go.Figure:
    """Actual against predicted of one region, with a selector of regions."""
    cells, about = tables.judged_cells, tables.about
    if tables.is_national:
        raise MissingTableError("the model is national: there is one region only, drawn above")
    where, rows = judged(tables)
    errors = _region_errors(rows)
    if errors.empty:
        raise MissingTableError(f"the KPI is zero throughout {window_words(where)}")
    order = _largest(cells)
    chosen = order[:MAX_REGIONS]
    first, buttons, size = _series(cells, chosen, errors)
    unit = Unit.of(first["actual"])
    cut = f"The {len(chosen)} largest of {len(order)} regions can be chosen."
    choose = "Choose a region. " if len(chosen) > 1 else ""
    return theme.finish(
        fit_traces(first, unit, about.kpi),
        _layout(cells, unit, buttons, f"{words.capital(about.kpi)} per {about.period}"),
        legend=True,
        height=420,
        title=_regions_title(errors, where),
        reading=f"{choose}Dots are what happened, the line is the model, the band its interval.",
        notes=[
            tables.refitted,
            interval_note(cells),
            cut if len(order) > len(chosen) else "",
            marks.thin_note(size, about.period),
        ],
    )


def _layout(cells: pd.DataFrame, unit: Unit, buttons: list[theme.Layout], title: str) -> theme.Layout:
    """Axes, the windows that were kept back, and the selector where there is a choice."""
    span = cells.drop_duplicates("date").sort_values("date")[["date", "split"]]
    return {
        "xaxis": axes.time(span["date"]),
        "yaxis": axes.linear(title, suffix=unit.suffix, rangemode="tozero"),
        "hovermode": "x unified",
        "margin": {"t": 44},
        "updatemenus": [{**PICKER, "buttons": buttons}] if len(buttons) > 1 else [],
    } | axes.split_shading(windows(span))


def _series(
    cells: pd.DataFrame, chosen: list[str], errors: pd.Series
) -> tuple[pd.DataFrame, list[theme.Layout], int]:
    """The first region's series, what each choice in the selector changes, and periods in a point."""
    dates = pd.Index(np.sort(cells["date"].unique()))
    grids = {
        name: cells.pivot(index="region", columns="date", values=name).reindex(index=chosen, columns=dates)
        for name in ("actual", "predicted", "lower", "upper")
    }
    size = -(-len(dates) // marks.MAX_POINTS)
    intervals = has_intervals(cells)
    buttons = [_region_button(name, at, grids, size, errors, intervals) for at, name in enumerate(chosen)]
    first = pd.DataFrame({name: grid.iloc[0].to_numpy() for name, grid in grids.items()})
    first.insert(0, "date", dates.to_numpy())
    first, _ = marks.thin(first)
    if intervals:
        first = first.fillna({"lower": first["predicted"], "upper": first["predicted"]})
    return first, buttons, size


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
    cells = rows.assign(error=(rows["actual"] - rows["predicted"]).abs(), kpi=rows["actual"].abs())
    sums = cells.groupby(cells["region"].astype(str))[["error", "kpi"]].sum()
    sums = sums[sums["kpi"] > 0]
    return sums["error"] / sums["kpi"]


def _largest(cells: pd.DataFrame) -> list[str]:
    """Regions by KPI, largest first."""
    sums = cells.groupby("region", observed=True)["actual"].sum().sort_values(ascending=False)
    return [str(name) for name in sums.index]


def _region_button(
    name: str, place: int, grids: dict[str, pd.DataFrame], size: int, errors: pd.Series, intervals: bool
) -> theme.Layout:
    """What a choice in the selector changes: the lines, and the unit of the axis."""
    values = {key: grid.iloc[place].to_numpy(dtype=float) for key, grid in grids.items()}
    if size > 1:
        block = np.arange(len(values["actual"])) // size
        values = {key: pd.Series(v).groupby(block).mean().to_numpy() for key, v in values.items()}
    unit = Unit.of(values["actual"])
    shown = (["lower", "upper"] if intervals else []) + ["predicted", "actual"]
    data = [[float(f"{v:.4g}") if np.isfinite(v) else None for v in unit(values[key])] for key in shown]
    error = f" \u00b7 off by {words.percent(float(errors[name]))}" if name in errors else ""
    changes = {"y": data, "hovertemplate": unit.hover()}, {"yaxis.ticksuffix": unit.suffix}
    label = f"{theme.short(name, 40, verbatim=True)}{error}"
    return {"label": label, "method": "update", "args": list(changes)}


def region_multiples(tables: Tables) -> go.Figure:
    """Actual against predicted of the largest regions, side by side."""
    cells, about = observed(tables), tables.about
    order = _largest(cells)
    if len(order) < 2:
        raise MissingTableError("the model is national: there is one region only")
    chosen = order[:MULTIPLES]
    columns = ["date", "actual", "predicted", "lower", "upper"]
    own = {name: cells.loc[cells["region"] == name, columns].sort_values("date") for name in chosen}
    frames = {name: marks.thin(rows.reset_index(drop=True)) for name, rows in own.items()}
    units = {name: Unit.of(frame["actual"]) for name, (frame, _) in frames.items()}
    grid = axes.panels(
        chosen,
        columns=3,
        row_height=130,
        y=[axes.linear(suffix=unit.suffix, rangemode="tozero", nticks=4) for unit in units.values()],
        x=axes.small_time(4),
        gap=(0.085, 64),
        verbatim=True,
    )
    traces: list[theme.Trace] = []
    for (name, (frame, _)), panel in zip(frames.items(), grid.each, strict=True):
        lines = fit_traces(frame, units[name], about.kpi, width=1.6, size=3, opacity=0.6)
        first = not traces
        grouped = [t | panel.at | {"legendgroup": t.get("name", "")} for t in lines]
        traces += [t | {"showlegend": first and "name" in t} for t in grouped]
    return theme.finish(
        traces,
        grid.layout | {"hovermode": "x", "margin": {"b": 84}},
        title=_multiples_title(cells, chosen, order, about.goal),
        height=grid.height + 30 + 84,
        legend=True,
        reading=f"One small chart a region, each with its own scale ({about.kpi} per {about.period}).",
        notes=[tables.refitted, interval_note(cells), marks.thin_note(frames[chosen[-1]][1], about.period)],
    )


def _multiples_title(cells: pd.DataFrame, chosen: list[str], order: list[str], goal: str) -> str:
    if len(chosen) == len(order):
        return f"All {len(chosen)} regions: actual and predicted side by side"
    total, shown = (float(rows["actual"].sum()) for rows in (cells, cells[cells["region"].isin(chosen)]))
    part = shown / total if total else float("nan")
    return f"The {len(chosen)} largest of {len(order)} regions make up {words.percent(part)} of {goal}"
