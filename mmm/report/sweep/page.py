"""The page of a sweep: trials, what mattered, how far attribution moves, the test window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from mmm.report import shell, words
from mmm.report.shell import Drawn, Tile
from mmm.report.tables import MissingTableError

SCORES = {
    "r2": "R²",
    "r2_within": "R² within regions",
    "skill": "skill over the best naive rule",
    "mase": "1 \u2212 error over that of the last value",
}
"""Names of scores as they read in a sentence."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """A finished sweep as tables.

    Attributes:
        brand: Brand.
        market: Market.
        kpi: Name of the KPI.
        score: What trials were judged by.
        objective: ``score`` or ``score_and_stability``.
        trials: Columns number, state, score, level (the score, for trials given up early brought to what it
            would be on all windows), instability, origins, seconds, front, chosen, reason.
        settings: Index number; a column for each setting, its path as the name.
        origins: Columns number, origin (first date scored), score, naive (R² of the last value).
        shares: Columns number, channel, share of the KPI; finished trials only.
        importances: Share of the score's variation by setting, largest first.
        changed: Settings chosen that differ from the spec's own.
        reason: Why they were chosen.
        test: ``default`` and ``tuned``: scores of the test window as in ``metrics.json``; empty without one.
    """

    brand: str
    market: str
    kpi: str
    score: str
    objective: str
    trials: pd.DataFrame
    settings: pd.DataFrame
    origins: pd.DataFrame
    shares: pd.DataFrame
    importances: Mapping[str, float]
    changed: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    test: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def done(self) -> pd.DataFrame:
        """Trials scored on every origin, by number."""
        return self.trials[self.trials["state"] == "done"].sort_values("number")

    @property
    def chosen(self) -> int:
        """Number of the trial whose settings were chosen."""
        return int(self.trials.loc[self.trials["chosen"], "number"].iloc[0])

    @property
    def score_name(self) -> str:
        """The score as it reads in a sentence."""
        return SCORES.get(self.score, self.score)

    def top(self, count: int = 10) -> list[int]:
        """Numbers of the best finished trials, best first."""
        return [int(n) for n in self.done.sort_values("score", ascending=False)["number"].head(count)]


View = Callable[[Sweep], go.Figure]


def sweep_page(sweep: Sweep) -> str:
    """The sweep's report as one self-contained HTML document."""
    from mmm.report.sweep import settings as sweep_settings
    from mmm.report.sweep import views as sweep_views

    views: dict[str, tuple[tuple[str, str, View], ...]] = {
        "What did it find?": (
            ("test", "Test window", sweep_views.test_window),
            ("trials", "Trials", sweep_views.trials),
            ("origins", "Origins", sweep_views.origins),
        ),
        "Which settings matter?": (
            ("importance", "Importance", sweep_settings.importance),
            ("parallel", "Parallel coordinates", sweep_settings.parallel),
        ),
        "Does attribution hold still?": (
            ("shares", "Channel shares", sweep_views.channel_shares),
            ("pareto", "Score and stability", sweep_views.pareto),
        ),
    }
    sections: dict[str, list[Drawn]] = {}
    reasons: dict[str, str] = {}
    for heading, entries in views.items():
        sections[heading] = []
        for key, label, draw in entries:
            try:
                figure, meta = shell.strip(draw(sweep))
            except MissingTableError as missing:
                reasons[label] = missing.reason
                continue
            sections[heading].append(Drawn(key, label, figure, meta))
    title = f"Which settings predict {words.label(sweep.kpi)} best: {sweep.brand} · {sweep.market}"
    before = shell.cover(title, _extent(sweep)) + shell.tiles(_tiles(sweep)) + _verdict(sweep)
    after = shell.left_out(reasons, f"{words.count(len(reasons), 'view')} left out")
    return shell.document(title, sections, before, after)


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


def score_text(value: float) -> str:
    """A score with four decimals: differences between trials are small."""
    return f"{value:.4f}".replace("-", "\u2212")


def _verdict(sweep: Sweep) -> str:
    """What was chosen and why, with the settings as a table."""
    rows = [[path, setting_text(value)] for path, value in sweep.changed.items()]
    content = {"columns": ["Setting", "Value chosen"], "rows": rows}
    shown = shell.table(content, "The settings chosen") if rows else ""
    chosen = "The spec's own settings stay" if not rows else f"Trial {sweep.chosen} was chosen"
    return (
        f"<div class='card' id='choice'><p class='kind'>Choice</p><h3>{shell.escape(chosen)}</h3>"
        f"<p>{shell.escape(sweep.reason)}</p>{shown}</div>"
    )


def setting_text(value: Any) -> str:
    """A setting's value for people."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (int, float)):
        return words.number(float(value), 3)
    return "left to the data" if value is None else str(value)
