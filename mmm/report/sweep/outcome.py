"""What a sweep came to: the window that no trial saw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.sweep.record import Sweep, score_text
from mmm.report.tables import MissingTableError
from mmm.report.views.fit import NAIVE


def test_window(sweep: Sweep) -> go.Figure:
    """Score of the untouched window: settings found, the spec's own, and what needs no model."""
    known = {name: score for name, score in sweep.test.items() if score.get("r2") is not None}
    if not sweep.changed:
        known.pop("tuned", None)
    if not known:
        raise MissingTableError("the spec keeps no test window (splits.test is 0), or it has no known KPI")
    rows = _predictors(known)
    names, scores = [row[0] for row in rows], [row[1] for row in rows]
    style: theme.Layout = {"mode": "markers+text", "textposition": "middle right", "cliponaxis": False}
    style |= {"text": [score_text(score) for score in scores]}
    colours = [theme.ACCENT if row[3] else theme.BASELINE for row in rows]
    dots = marks.dots(scores, names, colours, 14, hover="%{y}: R² %{x:.4f}", **style)
    room = max(max(scores) - min(scores), 1e-4)
    ends = [min(scores) - 0.05 * room, max(scores) + 0.2 * room]
    return theme.finish(
        [dots],
        {"xaxis": axes.linear("R² of the test window", range=ends), "yaxis": axes.names(names)},
        title=_test_title(known, rows),
        height=90 + 34 * len(rows),
        table=marks.table(
            rows,
            {
                "Predictor": lambda row: str(row[0]),
                "R²": lambda row: score_text(row[1]),
                "Mean absolute error": lambda row: words.number(row[2], 4),
            },
        ),
        reading="Periods that no trial saw, predicted after training on everything before them, by one "
        "member each.",
    )


Predictor = tuple[str, float, float, bool]
"""Name, R², mean absolute error, and whether it is a model."""
SETTINGS = {"default": "The spec's own settings", "tuned": "The settings chosen"}


def _predictors(known: Mapping[str, Mapping[str, Any]]) -> list[Predictor]:
    """Models and the rules anyone could use, best first."""
    naive = next(iter(known.values())).get("naive", {})
    rows = [(SETTINGS.get(n, n), float(v["r2"]), float(v["mae"]), True) for n, v in known.items()]
    for name, v in naive.items():
        if v.get("r2") is not None:
            rows.append((words.capital(NAIVE.get(name, name)), float(v["r2"]), float(v["mae"]), False))
    return sorted(rows, key=lambda row: -row[1])


def _test_title(known: Mapping[str, Mapping[str, Any]], rows: list[Predictor]) -> str:
    told = {
        SETTINGS.get(name, name).lower(): float(known[name]["r2"]) for name in sorted(known, reverse=True)
    }
    title = " and ".join(f"{label} score {score_text(score)}" for label, score in told.items())
    best = max((row[1] for row in rows if not row[3]), default=None)
    return words.capital(
        title + (f"; the best rule without a model {score_text(best)}" if best is not None else "")
    )
