"""How well the model predicts: scores beside naive predictors, national, scatter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm.report import theme, words
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import (
    interval_note,
    judged,
    national_fit,
    summed_note,
    window_words,
    windows,
)

NAIVE = {
    "region_mean": "each region's mean", "last_value": "last value", "recent_mean": "recent mean",
    "seasonal": "same season last year",
}  # fmt: skip


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
    naive_names = NAIVE | ({"region_mean": "mean of training"} if tables.is_national else {})
    rows += [(words.capital(naive_names.get(name, name.replace("_", " "))), v["mae"], v.get("r2"), False)
             for name, v in naive.items()]  # fmt: skip
    rows.sort(key=lambda row: row[1])
    names = [row[0] for row in rows]
    colours = [theme.ACCENT if row[3] else theme.BASELINE for row in rows]
    unit = _per_cell(tables)
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
        traces, layout, title=_verdict(score, naive, window, naive_names), height=114 + 46 * len(rows),
        table=table,
        reading="The dark bar is the model; grey bars are guesses anyone could make without one. A model "
                "worth using beats them.",
        notes=["Scored on the data it was fitted to: this says nothing of new data." if window == "train"
               else ""],
    )  # fmt: skip


def _per_cell(tables: Tables) -> str:
    """What one cell counts: the KPI of a region and a period, or of a period."""
    where = "" if tables.is_national else "region and "
    return f"{tables.about.kpi} per {where}{tables.about.period}"


def _number(value: Any) -> float | None:
    """A finite number, or None."""
    return float(value) if isinstance(value, (int, float)) and np.isfinite(value) else None


def _scored(score: Any) -> bool:
    return isinstance(score, dict) and _number(score.get("mae")) is not None


def _r2(value: Any) -> str:
    number = _number(value)
    return "" if number is None else f"{number:.3f}".replace("-", "\u2212")


def _verdict(score: dict[str, Any], naive: dict[str, Any], window: str, names: dict[str, str]) -> str:
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
    name = names.get(best, best.replace("_", " "))
    if float(naive[best]["mae"]) <= 0:
        return f"{start}; the best naive guess ({name}) misses by nothing"
    change = float(score["mae"]) / float(naive[best]["mae"]) - 1
    if abs(change) < 0.01:
        return f"{start}, level with the best naive guess ({name})"
    word = "less" if change < 0 else "more"
    return f"{start}, {words.percent(abs(change))} {word} than the best naive guess ({name})"


def national(tables: Tables) -> go.Figure:
    """Actual against predicted KPI, summed over regions, with interval and windows."""
    full = national_fit(tables)
    where, judged_rows = _judged_national(full)
    if not judged_rows["actual"].abs().sum() > 0:
        raise MissingTableError(f"the KPI is zero throughout {window_words(where)}")
    error = float(
        (judged_rows["actual"] - judged_rows["predicted"]).abs().sum() / judged_rows["actual"].abs().sum()
    )
    frame, size = theme.thin(full.drop(columns="split"))
    divisor, suffix = words.scale_of(float(full["actual"].abs().max()))
    traces = fit_traces(frame, divisor, suffix, tables.about.kpi)
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
        title=f"In {window_words(where)} the prediction of {about.national} is off by "
              f"{words.percent(error)} a {about.period}{tail}",
        reading="Dots are what happened, the line is the model, the band its interval. Shaded: weeks the "
                "model was not fitted to.".replace("weeks", f"{about.period}s"),
        notes=[tables.refitted, interval_note(full) or summed_note(full, tables),
               theme.thin_note(size, about.period)],
    )  # fmt: skip


def _judged_national(frame: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    for name in ("test", "holdout", "train"):
        rows = frame[frame["split"] == name]
        if len(rows):
            return name, rows
    return "data", frame


def fit_traces(frame: pd.DataFrame, divisor: float, suffix: str, kpi: str) -> list[theme.Trace]:
    """Interval, prediction and observations of one series, in that order."""
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
    label = _per_cell(tables)
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
        notes=[tables.refitted,
               f"{words.number(len(shown), 4)} of {words.count(len(drawn), 'dot')} are drawn."
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
