"""Views of a sweep: trials, origins, the test window, channel shares, score against stability."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm.report import theme, words
from mmm.report.sweep.record import Sweep, score_text, setting_text
from mmm.report.tables import MissingTableError
from mmm.report.views.fit import NAIVE

COLOURS = {"done": theme.ACCENT, "stopped": theme.BASELINE, "failed": theme.HIGHLIGHT}
TOP = 10
"""Trials whose attribution is compared."""


def trials(sweep: Sweep) -> go.Figure:
    """Score of every trial in order, and the best so far."""
    frame, done = sweep.trials, sweep.done
    traces: list[theme.Trace] = []
    for state, colour in COLOURS.items():
        rows = frame[(frame["state"] == state) & frame["level"].notna()]
        if rows.empty:
            continue
        traces.append({
            "type": "scatter", "mode": "markers", "x": rows["number"], "y": rows["level"],
            "name": {"done": "scored on every window", "stopped": "given up early"}.get(state, state),
            "marker": {"size": 10, "color": colour, "symbol": "circle" if state == "done" else "circle-open"},
            "text": [_hover(sweep, int(number)) for number in rows["number"]],
            "hovertemplate": "%{text}<extra></extra>",
        })  # fmt: skip
    traces.append({
        "type": "scatter", "mode": "lines", "x": done["number"], "y": done["score"].cummax(),
        "name": "best so far", "line": {"color": theme.INK, "width": 1.6, "shape": "hv"}, "hoverinfo": "skip",
    })  # fmt: skip
    own, best = _own(sweep), float(done["score"].max())
    failed = int((frame["state"] == "failed").sum())
    title = f"The best of {words.count(len(frame), 'trial')} scores {score_text(best)}"
    title += f", the spec's own settings {score_text(own)}" if own is not None else ""
    return theme.finish(
        traces,
        {
            "xaxis": theme.axis("trial", grid=False, rangemode="nonnegative"),
            "yaxis": theme.axis(sweep.score_name),
            **_line(own, "the spec's own settings"),
        },
        title=title, height=380, legend=True,
        reading=f"One dot a trial: its mean {sweep.score_name} over the held-out windows. Trials given up "
                "early are placed by how they compared on the windows they had.",
        notes=[f"{words.count(failed, 'trial')} failed and {'has' if failed == 1 else 'have'} no score."
               if failed else ""],
        table=_trials_table(sweep),
    )  # fmt: skip


def _own(sweep: Sweep) -> float | None:
    own = sweep.done[sweep.done["number"] == 0]["score"]
    return float(own.iloc[0]) if len(own) else None


def _line(value: float | None, text: str) -> theme.Layout:
    """A level across the chart, with its name."""
    if value is None:
        return {}
    line = {"type": "line", "x0": 0, "x1": 1, "xref": "paper", "y0": value, "y1": value,
            "line": {"color": theme.HIGHLIGHT, "width": 1.2, "dash": "dot"}}  # fmt: skip
    label = theme.note(text, x=1, y=value, xref="paper", xanchor="right", yanchor="bottom",
                       font={"size": 11.5, "color": theme.HIGHLIGHT})  # fmt: skip
    return {"shapes": [line], "annotations": [label]}


def _hover(sweep: Sweep, number: int) -> str:
    row = sweep.trials[sweep.trials["number"] == number].iloc[0]
    lines = [f"trial {number}, {row['state']}: {score_text(float(row['score']))}"]
    if number == 0:
        return f"{lines[0]}<br>the spec's own settings"
    lines += [
        f"{str(path).rpartition('.')[2]}: {setting_text(value)}"
        for path, value in sweep.settings.loc[number].items()
        if value is not None and not (isinstance(value, float) and np.isnan(value))
    ]
    return "<br>".join(lines)


def _trials_table(sweep: Sweep) -> theme.Layout:
    rows = [
        [
            str(row["number"]),
            str(row["state"]),
            score_text(float(row["score"])) if words.known(float(row["score"])) else "none",
            str(row["origins"]),
            f"{row['seconds']:.1f}",
            str(row["reason"]),
        ]
        for row in sweep.trials.sort_values("number").to_dict("records")
    ]
    return {"columns": ["Trial", "State", "Score", "Windows", "Seconds", "Reason"], "rows": rows}


def origins(sweep: Sweep) -> go.Figure:
    """Score of every finished trial on every held-out window: how much windows differ, how much trials."""
    frame = sweep.origins[sweep.origins["number"].isin(sweep.done["number"])].sort_values("origin")
    if frame["origin"].nunique() < 2:
        raise MissingTableError("there is one held-out window only")
    dates = sorted(frame["origin"].unique())
    traces: list[theme.Trace] = []
    for number, rows in frame.groupby("number"):
        kind = "chosen" if number == sweep.chosen else "own" if number == 0 else "other"
        style = {"chosen": (theme.ACCENT, 3.0), "own": (theme.HIGHLIGHT, 2.4), "other": (theme.BASELINE, 1.1)}
        colour, width = style[kind]
        traces.append({
            "type": "scatter", "mode": "lines+markers", "x": rows["origin"], "y": rows["score"],
            "name": {"chosen": "the settings chosen", "own": "the spec's own settings"}.get(kind, "others"),
            "legendgroup": kind, "showlegend": not any(t["legendgroup"] == kind for t in traces),
            "line": {"color": colour, "width": width}, "marker": {"size": 6, "color": colour},
            "hovertemplate": f"trial {number}, %{{x|%d %b %Y}}: %{{y:.4f}}<extra></extra>",
        })  # fmt: skip
    traces.sort(key=lambda trace: float(trace["line"]["width"]))
    wide = frame.pivot(index="number", columns="origin", values="score")
    between = float(wide.mean().max() - wide.mean().min())
    among = float(wide.sub(wide.mean(), axis=1).std(ddof=0).mean())
    return theme.finish(
        traces,
        {"xaxis": theme.axis(grid=False, type="date", tickvals=dates), "yaxis": theme.axis(sweep.score_name)},
        title=f"Windows differ by {score_text(between)}, trials within a window by {score_text(among)}",
        height=360, legend=True,
        reading="One line a trial, one point a held-out window, named by its first date. Settings are better "
                "for certain only if their line lies above in every window.",
    )  # fmt: skip


def test_window(sweep: Sweep) -> go.Figure:
    """Score of the untouched window: settings found, the spec's own, and what needs no model."""
    known = {name: score for name, score in sweep.test.items() if score.get("r2") is not None}
    if not sweep.changed:
        known.pop("tuned", None)
    if not known:
        raise MissingTableError("the spec keeps no test window (splits.test is 0), or it has no known KPI")
    labels = {"default": "The spec's own settings", "tuned": "The settings chosen"}
    rows = [(labels.get(name, name), float(score["r2"]), float(score["mae"]), True)
            for name, score in known.items()]  # fmt: skip
    naive = next(iter(known.values())).get("naive", {})
    rows += [(words.capital(NAIVE.get(name, name)), float(v["r2"]), float(v["mae"]), False)
             for name, v in naive.items() if v.get("r2") is not None]  # fmt: skip
    rows.sort(key=lambda row: -row[1])
    names = [row[0] for row in rows]
    traces = [{
        "type": "scatter", "mode": "markers+text", "y": names, "x": [row[1] for row in rows],
        "marker": {"size": 14, "color": [theme.ACCENT if row[3] else theme.BASELINE for row in rows]},
        "text": [score_text(row[1]) for row in rows], "textposition": "middle right", "cliponaxis": False,
        "showlegend": False, "hovertemplate": "%{y}: R² %{x:.4f}<extra></extra>",
    }]  # fmt: skip
    best_naive = max((row[1] for row in rows if not row[3]), default=None)
    title = " and ".join(
        f"{labels.get(name, name).lower()} score {score_text(float(score['r2']))}"
        for name, score in sorted(known.items(), reverse=True)
    )
    title += f"; the best rule without a model {score_text(best_naive)}" if best_naive is not None else ""
    low, high = min(row[1] for row in rows), max(row[1] for row in rows)
    room = max(high - low, 1e-4)
    table = {
        "columns": ["Predictor", "R²", "Mean absolute error"],
        "rows": [[row[0], score_text(row[1]), words.number(row[2], 4)] for row in rows],
    }
    return theme.finish(
        traces,
        {
            "xaxis": theme.axis("R² of the test window", range=[low - 0.05 * room, high + 0.2 * room]),
            "yaxis": theme.category_axis(names),
        },
        title=words.capital(title), height=90 + 34 * len(rows), table=table,
        reading="Periods that no trial saw, predicted after training on everything before them, by one "
                "member each.",
    )  # fmt: skip


def channel_shares(sweep: Sweep) -> go.Figure:
    """How far each channel's share moves among the trials that forecast best."""
    top = sweep.top(TOP)
    frame = sweep.shares[sweep.shares["number"].isin({*top, 0})]
    if len(top) < 2 or frame.empty:
        raise MissingTableError("fewer than two trials were scored on every window")
    best = frame[frame["number"].isin(top)]
    spread = best.groupby("channel")["share"].agg(lambda s: s.max() - s.min()).sort_values(ascending=False)
    names = [str(name) for name in spread.index]
    traces: list[theme.Trace] = []
    styles: dict[str, tuple[list[int], dict[str, Any]]] = {
        f"the {len(top)} best trials": (top, {"size": 9, "color": theme.fade(theme.SOFT, 0.45)}),
        "the spec's own settings": ([0], {"size": 13, "color": theme.HIGHLIGHT, "symbol": "line-ns-open",
                                          "line": {"width": 3, "color": theme.HIGHLIGHT}}),
        "the settings chosen": ([sweep.chosen], {"size": 12, "color": theme.ACCENT, "symbol": "diamond"}),
    }  # fmt: skip
    for label, (numbers, marker) in styles.items():
        rows = frame[frame["number"].isin(numbers)]
        traces.append({
            "type": "scatter", "mode": "markers", "x": 100 * rows["share"], "y": rows["channel"],
            "name": label, "marker": marker, "text": [f"trial {n}" for n in rows["number"]],
            "hovertemplate": f"%{{y}}, %{{text}}: %{{x:.1f}}{words.NBSP}%<extra></extra>",
        })  # fmt: skip
    media = best.groupby("number")["share"].sum()
    return theme.finish(
        traces,
        {"xaxis": theme.axis("share of the KPI", suffix=f"{words.NBSP}%", rangemode="tozero"),
         "yaxis": theme.category_axis(names)},
        title=_shares_title(spread, len(top), media),
        height=110 + 30 * len(names), legend=True,
        reading="Each dot is a trial that forecasts well. Where dots lie far apart, forecasting does not "
                "decide what the channel brings: priors or a lift test must.",
    )  # fmt: skip


def _shares_title(spread: pd.Series, count: int, media: pd.Series) -> str:
    points = f"{100 * float(spread.iloc[0]):.1f} points"
    low, high = words.percent(float(media.min())), words.percent(float(media.max()))
    return (
        f"Among the {count} best trials the share of {words.label(str(spread.index[0]))} moves by {points}, "
        f"that of all media from {low} to {high}"
    )


def pareto(sweep: Sweep) -> go.Figure:
    """Score against how much shares move between origins, and the trials no other beats in both."""
    frame = sweep.done.dropna(subset=["score", "instability"])
    if len(frame) < 2:
        raise MissingTableError("stability needs two held-out windows and two trials scored on them")
    front = frame[frame["front"]].sort_values("instability")
    marked = [("others", frame[~frame["front"]], theme.BASELINE, "circle"),
              ("no trial is better in both", front, theme.ACCENT, "circle"),
              ("the spec's own settings", frame[frame["number"] == 0], theme.HIGHLIGHT, "circle-open"),
              ("the settings chosen", frame[frame["chosen"]], theme.INK, "diamond-open")]  # fmt: skip
    traces: list[theme.Trace] = [{
        "type": "scatter", "mode": "lines", "x": 100 * front["instability"], "y": front["score"],
        "line": {"color": theme.ACCENT, "width": 1.2, "dash": "dot"}, "showlegend": False,
        "hoverinfo": "skip",
    }]  # fmt: skip
    for place, (label, rows, colour, symbol) in enumerate(marked):
        traces.append({
            "type": "scatter", "mode": "markers", "x": 100 * rows["instability"], "y": rows["score"],
            "name": label, "marker": {"size": 10 if place < 2 else 17, "color": colour, "symbol": symbol,
                                      "line": {"width": 2 if place > 1 else 0, "color": colour}},
            "text": [_hover(sweep, int(number)) for number in rows["number"]],
            "hovertemplate": "%{text}<extra></extra>",
        })  # fmt: skip
    percent = f"{words.NBSP}%"
    return theme.finish(
        traces,
        {"xaxis": theme.axis("effect that changes channel from one origin to the next", suffix=percent),
         "yaxis": theme.axis(sweep.score_name)},
        title=f"{words.count(len(front), 'trial')} of {len(frame)} are beaten by no other in both score and "
              "stability",
        height=400, legend=True,
        reading="Up is a better forecast, left is attribution that holds still when a few periods are added.",
    )  # fmt: skip
