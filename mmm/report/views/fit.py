"""How well the model predicts: scores beside naive predictors, national, by region, scatter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm.report import theme, words
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import (
    SUMMED_NOTE,
    has_intervals,
    interval_note,
    judged,
    national_fit,
    observed,
    window_words,
    windows,
)

NAIVE = {
    "region_mean": "each region's mean", "last_value": "last value", "recent_mean": "recent mean",
    "seasonal": "same season last year",
}  # fmt: skip
MAX_REGIONS = 250
MULTIPLES = 12


def headline(tables: Tables) -> go.Figure:
    """Error and R² of the model beside those of naive predictors, in the most honest window scored."""
    metrics = tables.record("metrics")
    window = next((name for name in ("test", "holdout", "train") if _scored(metrics.get(name))), None)
    if window is None:
        raise MissingTableError("metrics.json has no scored window")
    score = metrics[window]
    naive = {
        name: values
        for name, values in score.get("naive", {}).items()
        if _number(values.get("mae")) is not None
    }
    rows = [("This model", score["mae"], score["r2"], True)]
    rows += [(words.capital(NAIVE.get(name, name.replace("_", " "))), v["mae"], v.get("r2"), False)
             for name, v in naive.items()]  # fmt: skip
    rows.sort(key=lambda row: row[1])
    names = [row[0] for row in rows]
    colours = [theme.ACCENT if row[3] else theme.BASELINE for row in rows]
    unit = f"{tables.about.kpi} per region and {tables.about.period}"
    divisor, suffix = words.scale_of(max(row[1] for row in rows))
    traces = [
        {"type": "bar", "orientation": "h", "y": names, "x": [row[1] / divisor for row in rows],
         "marker": {"color": colours, "cornerradius": 3}, "text": [words.number(row[1], 3) for row in rows],
         "textposition": "outside", "cliponaxis": False, "showlegend": False,
         "hovertemplate": "%{y}: mean absolute error %{text}<extra></extra>"},
        {"type": "scatter", "mode": "markers+text", "y": names, "x": [_number(row[2]) for row in rows],
         "marker": {"color": colours, "size": 13}, "text": [_r2(row[2]) for row in rows], "xaxis": "x2",
         "yaxis": "y2", "textposition": "top center", "textfont": {"size": 11.5}, "cliponaxis": False,
         "showlegend": False, "hovertemplate": "%{y}: R² %{text}<extra></extra>"},
    ]  # fmt: skip
    known_r2 = [value for row in rows if (value := _number(row[2])) is not None]
    low = min([*known_r2, 1.0])
    layout = {
        "xaxis": theme.axis(f"Mean absolute error, {unit} (less is better)", suffix=suffix, domain=[0, 0.52],
                            rangemode="tozero", range=[0, 1.16 * max(row[1] for row in rows) / divisor]),
        "yaxis": theme.category_axis(names),
        "xaxis2": theme.axis("R² (1 is perfect)", domain=[0.62, 1], anchor="y2",
                             range=[low - 0.12 * (1.02 - low), 1 + 0.1 * (1.02 - low)]),
        "yaxis2": theme.category_axis(names, anchor="x2", showticklabels=False),
    }  # fmt: skip
    table = {
        "columns": ["Predictor", "Mean absolute error", "R²"],
        "rows": [[row[0], words.number(row[1], 3), _r2(row[2])] for row in rows],
    }
    return theme.finish(
        traces, layout, title=_verdict(score, naive, window), height=74 + 46 * len(rows) + 40, table=table,
        reading="The dark bar is the model; grey bars are guesses anyone could make without one. A model "
                "worth using beats them.",
        notes=["Scored on the data it was fitted to: this says nothing of new data." if window == "train"
               else ""],
    )  # fmt: skip


def _number(value: Any) -> float | None:
    """A finite number, or None."""
    return float(value) if isinstance(value, (int, float)) and np.isfinite(value) else None


def _scored(score: Any) -> bool:
    return isinstance(score, dict) and _number(score.get("mae")) is not None


def _r2(value: Any) -> str:
    number = _number(value)
    return "" if number is None else f"{number:.3f}".replace("-", "\u2212")


def _verdict(score: dict[str, Any], naive: dict[str, Any], window: str) -> str:
    """The headline's statement."""
    where = window_words(window)
    relative = _number(score.get("wape"))
    size = (
        f"{words.number(score['mae'])} per cell"
        if relative is None
        else f"{words.percent(relative)} of the KPI"
    )
    start = f"In {where} the model misses by {size}"
    if not naive:
        return f"{start}; no naive predictor was scored beside it"
    best = min(naive, key=lambda name: float(naive[name]["mae"]))
    change = float(score["mae"]) / float(naive[best]["mae"]) - 1
    name = NAIVE.get(best, best.replace("_", " "))
    if abs(change) < 0.01:
        return f"{start}, level with the best naive guess ({name})"
    word = "less" if change < 0 else "more"
    return f"{start}, {words.percent(abs(change))} {word} than the best naive guess ({name})"


def national(tables: Tables) -> go.Figure:
    """Actual against predicted KPI, summed over regions, with interval and windows."""
    full = national_fit(tables)
    where, judged_rows = _judged_national(full)
    error = float(
        (judged_rows["actual"] - judged_rows["predicted"]).abs().sum() / judged_rows["actual"].abs().sum()
    )
    frame, size = theme.thin(full.drop(columns="split"))
    divisor, suffix = words.scale_of(float(full["actual"].abs().max()))
    traces = _fit_traces(frame, divisor, suffix, tables.about.kpi)
    about = tables.about
    layout: theme.Layout = {
        "xaxis": theme.time_axis(frame["date"]),
        "yaxis": theme.axis(f"{words.capital(about.kpi)} per {about.period}", suffix=suffix),
        "hovermode": "x unified",
    } | theme.split_shading(windows(full))
    inside = int(judged_rows["actual"].between(judged_rows["lower"], judged_rows["upper"]).sum())
    known = judged_rows["lower"].notna().all()
    tail = (
        f"; {inside} of {words.count(len(judged_rows), about.period)} lie inside the interval"
        if known
        else ""
    )
    return theme.finish(
        traces, layout, legend=True, height=430,
        title=f"In {window_words(where)} the predicted national {about.kpi} are off by "
              f"{words.percent(error)} a {about.period}{tail}",
        reading="Dots are what happened, the line is the model, the band its interval. Shaded: weeks the "
                "model was not fitted to.".replace("weeks", f"{about.period}s"),
        notes=[interval_note(full) or SUMMED_NOTE, theme.thin_note(size, about.period)],
    )  # fmt: skip


def _judged_national(frame: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    for name in ("test", "holdout", "train"):
        rows = frame[frame["split"] == name]
        if len(rows):
            return name, rows
    return "data", frame


def _fit_traces(frame: pd.DataFrame, divisor: float, suffix: str, kpi: str) -> list[theme.Trace]:
    """Interval, prediction, observations."""
    x = frame["date"]
    hover = "%{y:,.3~f}" + suffix
    line = {"type": "scatter", "mode": "lines", "x": x, "y": theme.fmt(frame["predicted"] / divisor),
            "name": "predicted", "line": {"color": theme.ACCENT, "width": 2.2},
            "hovertemplate": hover}  # fmt: skip
    dots = {"type": "scatter", "mode": "markers", "x": x, "y": theme.fmt(frame["actual"] / divisor),
            "name": f"actual {kpi}", "hovertemplate": hover,
            "marker": {"color": theme.INK, "size": 5, "opacity": 0.75}}  # fmt: skip
    band = theme.band(x, frame["lower"] / divisor, frame["upper"] / divisor, theme.ACCENT)
    if band:
        band[1] |= {"name": "interval", "showlegend": True}
    return [*band, line, dots]


def by_region(tables: Tables) -> go.Figure:
    """Actual against predicted of one region, with a selector of regions."""
    cells = tables.frame("predictions")
    where, rows = judged(tables)
    errors = _region_errors(rows)
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
    traces = _fit_traces(first, divisor, suffix, tables.about.kpi)
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
        notes=[interval_note(cells), cut, theme.thin_note(size, about.period)],
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
        "label": f"{theme.short(name, 40)}{error}", "method": "update",
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
        gap=(0.085, 64),
    )  # fmt: skip
    for (frame, divisor, suffix), (x, y) in zip(frames, grid.axes, strict=True):
        own = _fit_traces(frame, divisor, suffix, about.kpi)
        own[-1]["marker"] = {"color": theme.INK, "size": 3, "opacity": 0.6}
        own[-2]["line"] = {"color": theme.ACCENT, "width": 1.6}
        first = not traces
        traces += [t | {"xaxis": x, "yaxis": y, "showlegend": first and "name" in t,
                        "legendgroup": t.get("name", "")}
                   for t in own]  # fmt: skip
    part = float(cells.loc[cells["region"].isin(chosen), "actual"].sum()) / total if total else float("nan")
    subject = f"All {len(chosen)} regions" if len(chosen) == len(order) else (
        f"The {len(chosen)} largest of {len(order)} regions make up {words.percent(part)} of "
        f"{about.kpi}")  # fmt: skip
    title = f"{subject}: actual and predicted side by side" if len(chosen) == len(order) else subject
    return theme.finish(
        traces, grid.layout | {"hovermode": "x", "margin": {"b": 84}}, title=title,
        height=grid.height + 30 + 84, legend=True,
        reading=f"One small chart a region, each with its own scale ({about.kpi} per {about.period}).",
        notes=[interval_note(cells), theme.thin_note(size, about.period)],
    )  # fmt: skip


def holdout_scatter(tables: Tables) -> go.Figure:
    """Predicted against actual, one dot a region and period of the most honest window."""
    where, rows = judged(tables)
    actual, predicted = rows["actual"].to_numpy(float), rows["predicted"].to_numpy(float)
    usable = (actual > 0) & (predicted > 0)
    positive = bool(usable.mean() > 0.95 and actual[usable].max() > 30 * actual[usable].min())
    drawn = rows[usable] if positive else rows
    shown = drawn.sample(4000, random_state=0) if len(drawn) > 4000 else drawn
    both = shown[["actual", "predicted"]].to_numpy(float)
    low, high = float(both.min()), float(both.max())
    divisor, suffix = (1.0, "") if positive else words.scale_of(high)
    about = tables.about
    label = f"{about.kpi} per region and {about.period}"
    traces = [
        {"type": "scatter", "mode": "lines", "x": [low / divisor, high / divisor],
         "y": [low / divisor, high / divisor],
         "line": {"color": theme.FAINT, "width": 1.4, "dash": "dash"}, "hoverinfo": "skip",
         "showlegend": False},
        {"type": "scatter", "mode": "markers", "x": theme.fmt(shown["actual"] / divisor),
         "y": theme.fmt(shown["predicted"] / divisor), "text": shown["region"].astype(str).tolist(),
         "marker": {"size": 6, "color": theme.ACCENT, "opacity": 0.4, "line": {"width": 0}},
         "showlegend": False,
         "hovertemplate": "%{text}<br>actual %{x:,.3~s}" + suffix + "<br>predicted %{y:,.3~s}" + suffix
                          + "<extra></extra>"},
    ]  # fmt: skip
    layout = {
        f"{side}axis": theme.log_axis(f"{name} {label}", [low, high])
        if positive
        else theme.axis(f"{name} {label}", suffix=suffix)
        for side, name in (("x", "Actual"), ("y", "Predicted"))
    }
    within = _within_r2(rows)
    inner = "none" if within <= 0.005 else words.percent(within)
    overall = words.percent(max(0.0, _r2_of(actual, predicted)))
    title = f"In {window_words(where)} the model explains {overall} of all differences"
    if rows["region"].nunique() > 1:
        title += f", and {inner} of those within a region over time"
    return theme.finish(
        traces, layout, title=title, height=460,
        reading="On the dashed line prediction equals reality. Most differences lie between regions; those "
                "within a region are the harder test." if rows["region"].nunique() > 1 else
                "On the dashed line prediction equals reality.",
        notes=[f"{words.number(len(shown), 4)} of {words.count(len(drawn), 'dot')} are drawn."
               if len(shown) < len(drawn) else "",
               "Both axes are logarithmic." if positive else "",
               f"{words.count(len(rows) - len(drawn), 'dot')} at or below zero are not drawn."
               if len(drawn) < len(rows) else ""],
    )  # fmt: skip


def _r2_of(actual: Any, predicted: Any) -> float:
    spread = float(((actual - actual.mean()) ** 2).sum())
    return 1 - float(((actual - predicted) ** 2).sum()) / spread if spread > 0 else 0.0


def _within_r2(rows: pd.DataFrame) -> float:
    """Share explained of the deviations from each region's own mean in this window."""
    region = rows["region"].astype(str)
    centred = rows["actual"] - rows["actual"].groupby(region).transform("mean")
    spread = float((centred**2).sum())
    return 1 - float(((rows["actual"] - rows["predicted"]) ** 2).sum()) / spread if spread > 0 else 0.0
