"""How well the model predicts: scores beside naive predictors, national, scatter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.marks import Unit
from mmm.report.tables import MissingTableError, Tables
from mmm.report.totals import (
    interval_note,
    judged,
    national_fit,
    summed_note,
    window_words,
    windows,
)
from mmm.report.trust import outside

NAIVE = {
    "region_mean": "each region's mean",
    "last_value": "last value",
    "recent_mean": "recent mean",
    "seasonal": "same season last year",
}
DOTS = 4000
"""Cells drawn in the scatter."""


def headline(tables: Tables) -> go.Figure:
    """Error and R² of the model beside those of naive predictors, in the most honest window scored."""
    metrics = tables.record("metrics")
    window = next((name for name in ("test", "holdout", "train") if _scored(metrics.get(name))), None)
    if window is None:
        raise MissingTableError("metrics.json has no scored window")
    score, names = metrics[window], NAIVE
    names = names | ({"region_mean": "mean of training"} if tables.is_national else {})
    naive = naive_errors(score)
    rows = [("This model", float(score["rmse"]), score["r2"], True)]
    for rule, error in naive.items():
        label = words.capital(names.get(rule, rule.replace("_", " ")))
        rows.append((label, error, score["naive"][rule].get("r2"), False))
    rows.sort(key=lambda row: row[1])
    traces, layout = _score_marks(rows, _per_cell(tables))
    seen = "Scored on the data it was fitted to: this says nothing of new data."
    return theme.finish(
        traces,
        layout,
        title=_verdict(score, naive, window, names),
        height=114 + 46 * len(rows),
        table=marks.table(
            rows,
            {
                "Predictor": lambda row: str(row[0]),
                "RMSE": lambda row: words.number(row[1], 3),
                "R²": lambda row: _r2(row[2]),
            },
        ),
        reading="Root mean squared error. The dark bar is the model; grey bars are guesses anyone could make "
        "without one. A model worth using beats them.",
        notes=[seen if window == "train" else "", outside(metrics)],
    )


def naive_errors(score: Mapping[str, Any]) -> dict[str, float]:
    """RMSE of the rules anyone could use, which follows from their R²: it is of the same cells."""
    r2, rmse = _number(score.get("r2")), _number(score.get("rmse"))
    if r2 is None or rmse is None or r2 >= 1:
        return {}
    known = {rule: _number(v.get("r2")) for rule, v in score.get("naive", {}).items()}
    return {rule: rmse * float(np.sqrt((1 - v) / (1 - r2))) for rule, v in known.items() if v is not None}


Score = tuple[str, float, Any, bool]
"""Name, RMSE, R², and whether it is the model."""


def _score_marks(rows: list[Score], what: str) -> tuple[list[theme.Trace], theme.Layout]:
    """Bars of the errors, and dots of R² right of them."""
    names, errors = [row[0] for row in rows], [row[1] for row in rows]
    colours = [theme.ACCENT if row[3] else theme.BASELINE for row in rows]
    unit = Unit.of(errors)
    outside: theme.Layout = {
        "textposition": "outside",
        "cliponaxis": False,
        "text": [words.number(e, 3) for e in errors],
    }
    bars = marks.bars(names, unit(errors), colours, hover="%{y}: RMSE %{text}", **outside)
    known = [_number(row[2]) for row in rows]
    text: theme.Layout = {"mode": "markers+text", "textposition": "top center", "textfont": {"size": 11.5}}
    text |= {"cliponaxis": False, "text": [_r2(row[2]) for row in rows], "xaxis": "x2", "yaxis": "y2"}
    dots = marks.dots(known, names, colours, 13, hover="%{y}: R² %{text}", **text)
    low = min([*(value for value in known if value is not None), 1.0])
    room = 1.02 - low
    layout = {
        "xaxis": axes.linear(
            f"RMSE, {what} (less is better)",
            suffix=unit.suffix,
            domain=[0, 0.52],
            rangemode="tozero",
            range=[0, 1.16 * float(unit(max(errors)))],
        ),
        "yaxis": axes.names(names),
        "xaxis2": axes.linear(
            "R² (1 is perfect)", domain=[0.62, 1], anchor="y2", range=[low - 0.12 * room, 1 + 0.1 * room]
        ),
        "yaxis2": axes.names(names, anchor="x2", showticklabels=False),
    }
    return [bars, dots], layout


def _per_cell(tables: Tables) -> str:
    """What one cell counts: the KPI of a region and a period, or of a period."""
    where = "" if tables.is_national else "region and "
    return f"{tables.about.kpi} per {where}{tables.about.period}"


def _number(value: Any) -> float | None:
    """A finite number, or None."""
    return float(value) if isinstance(value, (int, float)) and np.isfinite(value) else None


def _scored(score: Any) -> bool:
    return isinstance(score, dict) and _number(score.get("rmse")) is not None


def _r2(value: Any) -> str:
    number = _number(value)
    return "" if number is None else f"{number:.3f}".replace("-", "\u2212")


def _verdict(score: Mapping[str, Any], naive: dict[str, float], window: str, names: dict[str, str]) -> str:
    """The headline's statement: the squared error against that of the best guess, as everywhere."""
    relative = _number(score.get("wape"))
    size = f"{words.number(score['rmse'])} per cell"
    size = size if relative is None else f"{words.percent(relative)} of the KPI"
    start = f"In {window_words(window)} the model misses by {size}"
    if not naive:
        return f"{start}; no naive predictor was scored beside it"
    best = min(naive, key=lambda rule: naive[rule])
    name = names.get(best, best.replace("_", " "))
    if naive[best] <= 0:
        return f"{start}; the best naive guess ({name}) misses by nothing"
    skill = _number(score.get("skill"))
    change = (float(score["rmse"]) / naive[best]) ** 2 - 1 if skill is None else -skill
    if abs(change) < 0.01:
        return f"{start}, level with the best naive guess ({name})"
    word = "less" if change < 0 else "more"
    return (
        f"{start}, with {words.percent(abs(change))} {word} squared error than the best naive guess ({name})"
    )


def national(tables: Tables) -> go.Figure:
    """Actual against predicted KPI, summed over regions, with interval and windows."""
    full, about = national_fit(tables), tables.about
    where, rows = _judged_national(full)
    if not rows["actual"].abs().sum() > 0:
        raise MissingTableError(f"the KPI is zero throughout {window_words(where)}")
    error = float((rows["actual"] - rows["predicted"]).abs().sum() / rows["actual"].abs().sum())
    frame, size = marks.thin(full.drop(columns="split"))
    unit = Unit.of(full["actual"])
    layout: theme.Layout = {
        "xaxis": axes.time(frame["date"]),
        "yaxis": axes.linear(f"{words.capital(about.kpi)} per {about.period}", suffix=unit.suffix),
        "hovermode": "x unified",
    } | axes.split_shading(windows(full))
    inside = int(rows["actual"].between(rows["lower"], rows["upper"]).sum())
    tail = f"; {inside} of {words.count(len(rows), about.period)} lie inside the interval"
    return theme.finish(
        fit_traces(frame, unit, about.kpi),
        layout,
        legend=True,
        height=430,
        title=f"In {window_words(where)} the prediction of {about.national} is off by "
        f"{words.percent(error)} a {about.period}{tail if rows['lower'].notna().all() else ''}",
        reading="Dots are what happened, the line is the model, the band its interval. Shaded: "
        f"{about.period}s the model was not fitted to.",
        notes=[
            tables.refitted,
            interval_note(full) or summed_note(full, tables),
            marks.thin_note(size, about.period),
        ],
    )


def _judged_national(frame: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    for name in ("test", "holdout", "train"):
        rows = frame[frame["split"] == name]
        if len(rows):
            return name, rows
    return "data", frame


def fit_traces(
    frame: pd.DataFrame, unit: Unit, kpi: str, *, width: float = 2.2, size: float = 5, opacity: float = 0.75
) -> list[theme.Trace]:
    """Interval, prediction and observations of one series, in that order."""
    x = frame["date"]
    said: theme.Layout = {"hovertemplate": unit.hover()}
    line = marks.line(x, theme.fmt(unit(frame["predicted"])), theme.ACCENT, width, name="predicted", **said)
    actual = theme.fmt(unit(frame["actual"]))
    dots = marks.dots(x, actual, theme.INK, size, opacity=opacity, name=f"actual {kpi}", **said)
    band = marks.band(x, unit(frame["lower"]), unit(frame["upper"]), theme.ACCENT)
    if band:
        band[1] |= {"name": "interval", "showlegend": True}
    return [*band, line, dots]


def holdout_scatter(tables: Tables) -> go.Figure:
    """Predicted against actual, one dot a region and period of the most honest window."""
    where, rows = judged(tables)
    positive = rows[(rows["actual"] > 0) & (rows["predicted"] > 0)]
    wide = len(positive) > 0 and positive["actual"].max() > 30 * positive["actual"].min()
    logarithmic = bool(len(positive) > 0.95 * len(rows) and wide)
    drawn = positive if logarithmic else rows
    shown = drawn.sample(DOTS, random_state=0) if len(drawn) > DOTS else drawn
    traces, layout = _scatter(shown, logarithmic, _per_cell(tables))
    many = rows["region"].nunique() > 1
    reading = "On the dashed line prediction equals reality."
    within = " Most differences lie between regions; those within a region are the harder test."
    part = f"{words.number(len(shown), 4)} of {words.count(len(drawn), 'dot')} are drawn."
    lost = len(rows) - len(drawn)
    return theme.finish(
        traces,
        layout,
        title=_scatter_title(rows, where),
        height=460,
        reading=reading + within if many else reading,
        notes=[
            tables.refitted,
            part if len(shown) < len(drawn) else "",
            "Both axes are logarithmic." if logarithmic else "",
            f"{words.count(lost, 'dot')} at or below zero are not drawn." if lost else "",
        ],
    )


def _scatter(shown: pd.DataFrame, logarithmic: bool, what: str) -> tuple[list[theme.Trace], theme.Layout]:
    """Dots and the line on which prediction equals reality."""
    both = shown[["actual", "predicted"]].to_numpy(float)
    ends = [float(both.min()), float(both.max())]
    unit = Unit() if logarithmic else Unit.of(ends[1])
    said = [f"{name} %{{{axis}:,.3~s}}{unit.suffix}" for name, axis in (("actual", "x"), ("predicted", "y"))]
    style: theme.Layout = {"opacity": 0.4, "hover": "<br>".join(["%{text}", *said]), "rim": (0, theme.ACCENT)}
    dots = marks.dots(
        theme.fmt(unit(shown["actual"])), theme.fmt(unit(shown["predicted"])), theme.ACCENT, 6, **style
    )
    diagonal = marks.line(unit(ends), unit(ends), theme.FAINT, 1.4, dash="dash")
    layout = {
        f"{side}axis": axes.log(f"{name} {what}", ends)
        if logarithmic
        else axes.linear(f"{name} {what}", suffix=unit.suffix)
        for side, name in (("x", "Actual"), ("y", "Predicted"))
    }
    return [diagonal, dots | {"text": shown["region"].astype(str).tolist()}], layout


def _scatter_title(rows: pd.DataFrame, where: str) -> str:
    actual, predicted = rows["actual"].to_numpy(float), rows["predicted"].to_numpy(float)
    overall = words.percent(max(0.0, _r2_of(actual, predicted)))
    title = f"In {window_words(where)} the model explains {overall} of all differences"
    if rows["region"].nunique() < 2:
        return title
    within = _within_r2(rows)
    inner = "none" if within <= 0.005 else words.percent(within)
    return f"{title}, and {inner} of those within a region over time"


def _r2_of(actual: Any, predicted: Any) -> float:
    spread = float(((actual - actual.mean()) ** 2).sum())
    return 1 - float(((actual - predicted) ** 2).sum()) / spread if spread > 0 else 0.0


def _within_r2(rows: pd.DataFrame) -> float:
    """Share explained of the deviations from each region's own mean in this window."""
    region = rows["region"].astype(str)
    centred = rows["actual"] - rows["actual"].groupby(region).transform("mean")
    spread = float((centred**2).sum())
    return 1 - float(((rows["actual"] - rows["predicted"]) ** 2).sum()) / spread if spread > 0 else 0.0
