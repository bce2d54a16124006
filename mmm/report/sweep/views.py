"""Views of a sweep: trials, origins, the test window, channel shares, score against stability."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmm import words
from mmm.report import axes, marks, theme
from mmm.report.sweep.record import Sweep, score_text, setting_text
from mmm.report.tables import MissingTableError

COLOURS = {"done": theme.ACCENT, "stopped": theme.BASELINE, "failed": theme.HIGHLIGHT}
KINDS = {
    "chosen": ("the settings chosen", theme.ACCENT, 3.0),
    "own": ("the spec's own settings", theme.HIGHLIGHT, 2.4),
    "other": ("others", theme.BASELINE, 1.1),
}
"""Name, colour and width of a trial's line."""
TOP = 10
"""Trials whose attribution is compared."""


def trials(sweep: Sweep) -> go.Figure:
    """Score of every trial in order, and the best so far."""
    frame, done = sweep.trials, sweep.done
    best = marks.line(done["number"], done["score"].cummax(), theme.INK, 1.6, name="best so far")
    best["line"] |= {"shape": "hv"}
    own, failed = _own(sweep), int((frame["state"] == "failed").sum())
    verb = "has" if failed == 1 else "have"
    title = f"The best of {words.count(len(frame), 'trial')} scores {score_text(float(done['score'].max()))}"
    title += f", the spec's own settings {score_text(own)}" if own is not None else ""
    layout = {
        "xaxis": axes.linear("trial", grid=False, rangemode="nonnegative"),
        "yaxis": axes.linear(sweep.score_name),
    }
    return theme.finish(
        [*_trial_dots(sweep), best],
        layout | _line(own, "the spec's own settings"),
        title=title,
        height=380,
        legend=True,
        reading=f"One dot a trial: its mean {sweep.score_name} over the held-out windows. Trials given up "
        "early are placed by how they compared on the windows they had.",
        notes=[f"{words.count(failed, 'trial')} failed and {verb} no score." if failed else ""],
        table=_trials_table(sweep),
    )


def _trial_dots(sweep: Sweep) -> list[theme.Trace]:
    """Trials by how they ended."""
    names = {"done": "scored on every window", "stopped": "given up early"}
    states = sweep.trials[sweep.trials["level"].notna()]
    found = {state: states[states["state"] == state] for state in COLOURS}
    return [
        marks.dots(
            rows["number"],
            rows["level"],
            COLOURS[state],
            10,
            "circle" if state == "done" else "circle-open",
            hover="%{text}",
            name=names.get(state, state),
            text=[_hover(sweep, int(number)) for number in rows["number"]],
        )
        for state, rows in found.items()
        if len(rows)
    ]


def _own(sweep: Sweep) -> float | None:
    own = sweep.done[sweep.done["number"] == 0]["score"]
    return float(own.iloc[0]) if len(own) else None


def _line(value: float | None, text: str) -> theme.Layout:
    """A level across the chart, with its name."""
    if value is None:
        return {}
    place: theme.Layout = {"x": 1, "y": value, "xref": "paper", "xanchor": "right", "yanchor": "bottom"}
    label = axes.note(text, size=11.5, colour=theme.HIGHLIGHT, **place)
    return {"shapes": [axes.rule(y=value)], "annotations": [label]}


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
    return marks.table(
        marks.records(sweep.trials.sort_values("number")),
        {
            "Trial": lambda row: str(row["number"]),
            "State": lambda row: str(row["state"]),
            "Score": lambda row: score_text(row["score"]) if words.known(float(row["score"])) else "none",
            "Windows": lambda row: str(row["origins"]),
            "Seconds": lambda row: f"{row['seconds']:.1f}",
            "Reason": lambda row: str(row["reason"]),
        },
    )


def origins(sweep: Sweep) -> go.Figure:
    """Score of every finished trial on every held-out window: how much windows differ, how much trials."""
    frame = sweep.origins[sweep.origins["number"].isin(sweep.done["number"])].sort_values("origin")
    if frame["origin"].nunique() < 2:
        raise MissingTableError("there is one held-out window only")
    dates = sorted(frame["origin"].unique())
    wide = frame.pivot(index="number", columns="origin", values="score")
    between = float(wide.mean().max() - wide.mean().min())
    among = float(wide.sub(wide.mean(), axis=1).std(ddof=0).mean())
    return theme.finish(
        _origin_lines(frame, sweep.chosen),
        {"xaxis": axes.time(tickvals=dates), "yaxis": axes.linear(sweep.score_name)},
        title=f"Windows differ by {score_text(between)}, trials within a window by {score_text(among)}",
        height=360,
        legend=True,
        reading="One line a trial, one point a held-out window, named by its first date. Settings are better "
        "for certain only if their line lies above in every window.",
    )


def _origin_lines(frame: pd.DataFrame, chosen: int) -> list[theme.Trace]:
    """A line for every trial, the chosen and the spec's own on top."""
    traces: list[theme.Trace] = []
    for number, rows in frame.groupby("number"):
        kind = "chosen" if number == chosen else "own" if number == 0 else "other"
        name, colour, width = KINDS[kind]
        hover = f"trial {number}, %{{x|%d %b %Y}}: %{{y:.4f}}"
        shown = not any(t["legendgroup"] == kind for t in traces)
        grouped: theme.Layout = {
            "name": name,
            "legendgroup": kind,
            "showlegend": shown,
            "mode": "lines+markers",
        }
        line = marks.line(rows["origin"], rows["score"], colour, width, hover=hover, **grouped)
        traces.append(line | {"marker": {"size": 6, "color": colour}})
    return sorted(traces, key=lambda trace: float(trace["line"]["width"]))


def channel_shares(sweep: Sweep) -> go.Figure:
    """How far each channel's share moves among the trials that forecast best."""
    top = sweep.top(TOP)
    frame = sweep.shares[sweep.shares["number"].isin({*top, 0})]
    if len(top) < 2 or frame.empty:
        raise MissingTableError("fewer than two trials were scored on every window")
    best = frame[frame["number"].isin(top)]
    spread = best.groupby("channel")["share"].agg(lambda s: s.max() - s.min()).sort_values(ascending=False)
    names = [str(name) for name in spread.index]
    media = best.groupby("number")["share"].sum()
    return theme.finish(
        _share_dots(frame, top, sweep.chosen),
        {
            "xaxis": axes.linear("share of the KPI", suffix=axes.PERCENT, rangemode="tozero"),
            "yaxis": axes.names(names),
        },
        title=_shares_title(spread, len(top), media),
        height=110 + 30 * len(names),
        legend=True,
        reading="Each dot is a trial that forecasts well. Where dots lie far apart, forecasting does not "
        "decide what the channel brings: priors or a lift test must.",
    )


def _share_dots(frame: pd.DataFrame, top: list[int], chosen: int) -> list[theme.Trace]:
    """Shares of the best trials, of the spec's own and of the chosen settings."""
    red = theme.HIGHLIGHT
    styles: dict[str, tuple[list[int], theme.Layout]] = {
        f"the {len(top)} best trials": (top, {"size": 9, "colour": theme.fade(theme.SOFT, 0.45)}),
        "the spec's own settings": (
            [0],
            {"size": 13, "colour": red, "symbol": "line-ns-open", "rim": (3, red)},
        ),
        "the settings chosen": ([chosen], {"size": 12, "colour": theme.ACCENT, "symbol": "diamond"}),
    }
    hover = f"%{{y}}, %{{text}}: %{{x:.1f}}{words.NBSP}%"
    traces = []
    for label, (numbers, style) in styles.items():
        rows = frame[frame["number"].isin(numbers)]
        text = [f"trial {n}" for n in rows["number"]]
        traces.append(
            marks.dots(100 * rows["share"], rows["channel"], **style, hover=hover, name=label, text=text)
        )
    return traces


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
    x, y = 100 * front["instability"], front["score"]
    effect = "effect that changes channel from one origin to the next"
    return theme.finish(
        [marks.line(x, y, theme.ACCENT, 1.2, dash="dot"), *_front_dots(sweep, frame, front)],
        {"xaxis": axes.linear(effect, suffix=axes.PERCENT), "yaxis": axes.linear(sweep.score_name)},
        title=f"{words.count(len(front), 'trial')} of {len(frame)} are beaten by no other in both score and "
        "stability",
        height=400,
        legend=True,
        reading="Up is a better forecast, left is attribution that holds still when a few periods are added.",
    )


def _front_dots(sweep: Sweep, frame: pd.DataFrame, front: pd.DataFrame) -> list[theme.Trace]:
    """Trials, those of the front, and rings around the spec's own and the chosen settings."""
    marked = (
        ("others", frame[~frame["front"]], theme.BASELINE, "circle"),
        ("no trial is better in both", front, theme.ACCENT, "circle"),
        ("the spec's own settings", frame[frame["number"] == 0], theme.HIGHLIGHT, "circle-open"),
        ("the settings chosen", frame[frame["chosen"]], theme.INK, "diamond-open"),
    )
    return [
        marks.dots(
            100 * rows["instability"],
            rows["score"],
            colour,
            10 if symbol == "circle" else 17,
            symbol,
            rim=(0 if symbol == "circle" else 2, colour),
            hover="%{text}",
            name=label,
            text=[_hover(sweep, int(number)) for number in rows["number"]],
        )
        for label, rows, colour, symbol in marked
    ]
