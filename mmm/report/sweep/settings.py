"""Views of a sweep's settings: which matter, and where good trials lie."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.sweep.record import Sweep, score_text, setting_text
from mmm.report.tables import MissingTableError

AXES = 12
"""Settings drawn side by side; the most important ones."""
SHORT = 18


def importance(sweep: Sweep) -> go.Figure:
    """Share of the score's variation that each setting explains."""
    if not sweep.importances:
        raise MissingTableError("too few trials, or none that differ, to tell which settings matter")
    names = [_label(sweep, path) for path in sweep.importances]
    values = [100 * value for value in sweep.importances.values()]
    outside: theme.Layout = {"text": [words.percent(v / 100) for v in values], "textposition": "outside"}
    outside |= {"customdata": list(sweep.importances), "cliponaxis": False}
    bars = marks.bars(names, values, theme.ACCENT, hover="%{customdata}: %{text}", **outside)
    room = [0, 1.25 * max(values)]  # for the label of the longest bar, on a phone too
    path, part = next(iter(sweep.importances.items()))
    label = words.subject(_label(sweep, path))
    return theme.finish(
        [bars],
        {
            "xaxis": axes.linear("share of the variation", suffix=axes.PERCENT, range=room),
            "yaxis": axes.names(names),
        },
        title=f"{label} explains {words.percent(part)} of how scores differ",
        height=90 + 26 * len(names),
        reading="Functional analysis of variance over all trials, by their score on the newest window. Few "
        "trials tell little: read the order of the largest, not the digits.",
    )


def _label(sweep: Sweep, path: str) -> str:
    """The last part of a path, with the one before where two settings share it."""
    last = path.rpartition(".")[2]
    same = [other for other in sweep.settings.columns if str(other).rpartition(".")[2] == last]
    return last if len(same) < 2 else ".".join(path.split(".")[-2:])


def parallel(sweep: Sweep) -> go.Figure:
    """Every trial as a line across the settings, coloured by score."""
    scored = sweep.trials[sweep.trials["level"].notna()].sort_values("level")
    paths = [path for path in sweep.importances if path in sweep.settings] or list(sweep.settings.columns)
    axes_of = {path: axis for path in paths[:AXES] if (axis := _axis(sweep.settings[path])) is not None}
    if len(scored) < 2 or len(axes_of) < 2:
        raise MissingTableError("fewer than two trials or settings differ")
    places = {path: axis[0] for path, axis in axes_of.items()}
    labels = [*(theme.short(_label(sweep, path), SHORT) for path in places), f"<b>{sweep.score}</b>"]
    at = list(range(len(labels)))
    ticks: theme.Layout = {"tickmode": "array", "tickvals": at, "tickangle": -35, "ticktext": labels}
    return theme.finish(
        _trial_lines(sweep, scored, places),
        {
            "xaxis": axes.linear(**ticks, range=[-0.3, at[-1] + 0.3]),
            "yaxis": axes.linear(visible=False, grid=False, range=[-0.12, 1.12]),
            "annotations": _ends(axes_of, scored),
            "margin": {"b": 110},
        },
        title=_parallel_title(sweep, places),
        height=430,
        reading="One line a trial, darker for a better score; red has the spec's own settings, black those "
        "chosen. Every axis runs from the lowest to the highest value tried; dotted lines were given "
        "up early.",
        notes=[f"The {AXES} settings that matter most are drawn." if len(paths) > AXES else ""],
    )


def _trial_lines(sweep: Sweep, scored: pd.DataFrame, places: dict[str, pd.Series]) -> list[theme.Trace]:
    """Every trial as a line, darker for a better score."""
    x = list(range(len(places) + 1))
    colours = sample_colorscale(theme.SEQUENTIAL, list(np.linspace(0.15, 1.0, len(scored))))
    rows = scored[["number", "level", "state"]].itertuples(index=False)
    traces = []
    for colour, (number, score, state) in zip(colours, rows, strict=True):
        marked = number in (sweep.chosen, 0)
        tint = theme.HIGHLIGHT if number == 0 else theme.INK if marked else colour
        y = [*(float(place.loc[number]) for place in places.values()), _scaled(scored["level"], score)]
        style: theme.Layout = {
            "dash": "solid" if state == "done" else "dot",
            "opacity": 1.0 if marked else 0.75,
        }
        text: theme.Layout = {
            "text": f"trial {number}: {score_text(score)}",
            "hover": "%{text}",
            "connectgaps": True,
        }
        traces.append(marks.line(x, y, tint, 3 if marked else 1.3, **style, **text))
    return traces


Axis = tuple[pd.Series, str, str]


def _axis(values: pd.Series) -> Axis | None:
    """Places between 0 and 1 of one setting's values and the texts at both ends; None if all are alike."""
    known = values.dropna()
    if known.nunique() < 2:
        return None
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in known):
        numbers = pd.to_numeric(values).astype(float)
        low, high = float(numbers.min()), float(numbers.max())
        if low > 0 and high / low > 8:
            return (np.log(numbers / low) / np.log(high / low), setting_text(low), setting_text(high))
        return ((numbers - low) / (high - low), setting_text(low), setting_text(high))
    names = sorted({setting_text(value) for value in known})
    places = {name: place / (len(names) - 1) for place, name in enumerate(names)}
    return (values.map(lambda value: places.get(setting_text(value), np.nan)), names[0], names[-1])


def _scaled(scores: pd.Series, score: float) -> float:
    low, high = float(scores.min()), float(scores.max())
    return (score - low) / (high - low) if high > low else 0.5


def _ends(ends_of: dict[str, Axis], scored: pd.DataFrame) -> list[theme.Layout]:
    ends = [(low, high) for _, low, high in ends_of.values()]
    ends.append((score_text(float(scored["level"].min())), score_text(float(scored["level"].max()))))
    return [
        axes.note(text, size=11, x=place, y=y, yanchor=anchor)
        for place, (low, high) in enumerate(ends)
        for text, y, anchor in ((low, -0.02, "top"), (high, 1.02, "bottom"))
    ]


def _parallel_title(sweep: Sweep, places: dict[str, pd.Series]) -> str:
    """The setting on which the best third of the trials agree most."""
    top = sweep.top(max(2, len(sweep.done) // 3))
    spread = {path: float(place.loc[place.index.isin(top)].std(ddof=0)) for path, place in places.items()}
    known = {path: value for path, value in spread.items() if np.isfinite(value)}
    if not known or len(top) < 2:
        return "Where good trials lie"
    path = min(known, key=lambda name: known[name])
    return f"The best {len(top)} trials agree most on {words.label(_label(sweep, path))}"
