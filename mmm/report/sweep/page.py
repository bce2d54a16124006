"""The page of a sweep: trials, what mattered, how far attribution moves, the test window."""

from __future__ import annotations

from mmm import words
from mmm.report import sections, shell
from mmm.report.paging import escape
from mmm.report.sections import Entry
from mmm.report.shell import Tile
from mmm.report.sweep import outcome, settings, views
from mmm.report.sweep.record import Sweep, score_text, setting_text

SECTIONS: dict[str, tuple[Entry[Sweep], ...]] = {
    "What did it find?": (
        Entry("test", "Test window", outcome.test_window),
        Entry("trials", "Trials", views.trials),
        Entry("origins", "Origins", views.origins),
    ),
    "Which settings matter?": (
        Entry("importance", "Importance", settings.importance),
        Entry("parallel", "Parallel coordinates", settings.parallel),
    ),
    "Does attribution hold still?": (
        Entry("shares", "Channel shares", views.channel_shares),
        Entry("pareto", "Score and stability", views.pareto),
    ),
}
"""Key, label and view of every figure, by heading."""


def sweep_page(sweep: Sweep) -> str:
    """The sweep's report as one self-contained HTML document."""
    drawn, reasons = sections.drawn(SECTIONS, sweep)
    title = f"Which settings predict {words.label(sweep.kpi)} best: {sweep.brand} · {sweep.market}"
    before = shell.cover(title, _extent(sweep)) + shell.tiles(_tiles(sweep)) + _verdict(sweep)
    after = shell.left_out(reasons, f"{words.count(len(reasons), 'view')} left out")
    return shell.document(title, drawn, before, after)


def _extent(sweep: Sweep) -> list[str]:
    counts = sweep.trials["state"].value_counts()
    parts = [f"{int(counts[state])} {state}" for state in ("done", "stopped", "failed") if state in counts]
    origins = sweep.origins["origin"].nunique()
    return [
        f"{words.count(len(sweep.trials), 'trial')} ({', '.join(parts)})",
        words.count(int(origins), "held-out window"),
        words.count(sweep.settings.shape[1], "setting"),
    ]


def _tiles(sweep: Sweep) -> list[Tile]:
    done = sweep.done.set_index("number")["score"]
    tiles = [Tile(score_text(float(done.max())), f"best mean {sweep.score_name} over the held-out windows")]
    if 0 in done.index:
        tiles.append(Tile(score_text(float(done.loc[0])), "with the spec's own settings"))
    words_of = {"default": "the spec's own settings", "tuned": "the settings chosen"}
    for name, text in words_of.items():
        value = sweep.test.get(name, {}).get("r2")
        if value is not None and (name == "default" or sweep.changed):
            tiles.append(Tile(score_text(float(value)), f"R² of the untouched test window, {text}"))
    return tiles


def _verdict(sweep: Sweep) -> str:
    """What was chosen and why, with the settings as a table."""
    rows = [[path, setting_text(value)] for path, value in sweep.changed.items()]
    content = {"columns": ["Setting", "Value chosen"], "rows": rows}
    shown = shell.table(content, "The settings chosen") if rows else ""
    chosen = "The spec's own settings stay" if not rows else f"Trial {sweep.chosen} was chosen"
    return (
        f"<div class='card' id='choice'><p class='kind'>Choice</p><h2>{escape(chosen)}</h2>"
        f"<p>{escape(sweep.reason)}</p>{shown}</div>"
    )
