"""``make demo``: simulate a portfolio whose truth is known, fit it, and show what was found.

Everything lies in ``./demo``; a second run uses what is there. Steps run in order, each a function; a later
part of the product adds its own to ``STEPS``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from jobs.record.store import absolute
from jobs.record.tracking import DATABASE, FOLDER
from jobs.refit.command import report
from jobs.refit.run import refit
from jobs.refit.select import select_markets
from mmm.analysis.shares import SHARE_COLUMNS, saved_shares
from mmm.config import MarketSpec
from mmm.config.files import load_market
from mmm.errors import MMMError
from mmm.pipeline import Result, fit_market
from mmm.simulate.portfolio import write_portfolio
from mmm.simulate.truth import true_shares
from mmm.train.progress import figure_words

BRANDS, MARKETS, REGIONS, WEEKS, SEED = 3, 2, 6, 156, 0
SHOWN = ("acme", "us")
"""The market that is fitted on its own and looked at closely."""
LEFT = ("brand", "market", "status", "best ROI", "role", "window", "channel", "")
"""Headings of columns of text."""


class DemoError(MMMError, RuntimeError):
    """A step that did not do all it should."""


@dataclass(frozen=True)
class Demo:
    """Where the demo lies and where it speaks.

    Attributes:
        home: Folder of everything it writes.
        console: Terminal or log.
        address: Ray cluster for the portfolio; None starts one on this machine.
    """

    home: Path
    console: Console
    address: str | None

    def say(self, text: str) -> None:
        """One line as it is, however long."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    @property
    def portfolio(self) -> Path:
        """The simulated portfolio's spec."""
        return self.home / "portfolio" / "portfolio.yaml"

    @property
    def fit(self) -> Path:
        """Fitted model of the market shown."""
        return self.home / "fit" / "_".join(SHOWN)

    @property
    def refit(self) -> Path:
        """Fitted models of the whole portfolio."""
        return self.home / "refit"


def simulate(demo: Demo) -> None:
    """Write panels, specs and truth, unless they lie there already."""
    design: dict[str, Any] = {
        "brands": BRANDS,
        "markets": MARKETS,
        "regions": REGIONS,
        "weeks": WEEKS,
        "seed": SEED,
    }
    folder, stamp = demo.portfolio.parent, demo.portfolio.parent / "design.json"
    if stamp.exists() and json.loads(stamp.read_text(encoding="utf-8")) == design:
        demo.say(f"The portfolio of an earlier run is used again: {demo.portfolio}")
        return
    write_portfolio(folder, **design, force=True)
    stamp.write_text(json.dumps(design) + "\n", encoding="utf-8")
    demo.say(
        f"{BRANDS} brands x {MARKETS} markets, each {REGIONS} regions x {WEEKS} weeks x 8 channels: "
        f"{demo.portfolio}"
    )


class _Bar:
    """Training shown as one bar for each stage."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def update(self, stage: str, done: int, total: int, **figures: float) -> None:
        """See ``mmm.train.progress.Progress``."""
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, told="")
        told = ", ".join(figure_words(figures))
        self._progress.update(self._tasks[stage], completed=done, total=total, told=told)


def fit_one(demo: Demo) -> None:
    """Fit one market as ``mmm fit`` does, and lay what was found beside the truth."""
    spec = load_market(str(demo.portfolio.parent / "specs" / f"{'_'.join(SHOWN)}.yaml"))
    columns = (TextColumn("{task.description:>16}"), BarColumn(), TextColumn("{task.completed:>4} steps"))
    with Progress(
        *columns, TextColumn("{task.fields[told]}"), TimeElapsedColumn(), console=demo.console
    ) as bar:
        result = fit_market(spec, demo.fit, force=True, progress=_Bar(bar))
    _show_scores(demo, result)
    _show_shares(demo, spec)
    demo.say(f"Fitted model: {demo.fit}")
    demo.say(f"Report, opens offline: {demo.fit / 'report.html'}")


def _show_scores(demo: Demo, result: Result) -> None:
    fitted = result.fitted
    name = f"{fitted.spec.brand} / {fitted.spec.market}"
    table = Table(title=f"{name}: {fitted.members} draws in {result.seconds:.1f} s", title_justify="left")
    for heading in ("window", "cells", "R²", "R² within regions", "best naive R²", "skill over it"):
        table.add_column(heading, justify="left" if heading in LEFT else "right")
    for window, scores in result.metrics.items():
        naive = max((rule["r2"] for rule in scores["naive"].values() if rule["r2"] is not None), default=None)
        numbers = (scores["r2"], scores["r2_within"], naive, scores["skill"])
        table.add_row(window, str(scores["n"]), *(_number(value) for value in numbers))
    demo.console.print(table)


def _show_shares(demo: Demo, spec: MarketSpec) -> None:
    predictions = pd.read_parquet(demo.fit / "predictions.parquet", columns=["date", "split"])
    until = predictions.loc[predictions["split"] == "train", "date"].max()
    truth = true_shares(demo.portfolio.parent / "truth" / f"{spec.brand}_{spec.market}", until)
    table = Table(title="Share of the KPI that each channel brought", title_justify="left")
    for heading in ("channel", "true", "estimated", "90 % interval", ""):
        table.add_column(heading, justify="left" if heading in LEFT else "right")
    found = saved_shares(demo.fit).set_index("channel")
    for channel, share, lower, upper in found[list(SHARE_COLUMNS)].itertuples(name=None):
        true = float(truth[channel])
        inside = "covers the truth" if lower <= true <= upper else "misses the truth"
        table.add_row(channel, f"{true:.1%}", f"{share:.1%}", f"{lower:.1%} to {upper:.1%}", inside)
    demo.console.print(table)


def refit_portfolio(demo: Demo) -> None:
    """Refit the whole portfolio on Ray as ``python -m jobs.refit`` does; what is up to date stays."""
    out = absolute(str(demo.refit))
    selection = select_markets(str(demo.portfolio), out, report=True)
    result = refit(selection, out, address=demo.address, say=demo.say)
    table = Table(title=f"Portfolio, {result.seconds:.0f} s", title_justify="left")
    for heading in (
        "brand",
        "market",
        "status",
        "holdout R²",
        "skill",
        "media share",
        "best ROI",
        "role",
        "s",
    ):
        table.add_column(heading, justify="left" if heading in LEFT else "right")
    for row in result.rows:
        best = max(row.roi.items(), key=lambda item: item[1], default=("-", 0.0))
        table.add_row(
            row.brand,
            row.market,
            row.status,
            _number(row.scores.get("holdout_r2")),
            _number(row.scores.get("holdout_skill")),
            f"{sum(row.shares.values()):.1%}",
            f"{best[0]} {best[1]:.2f}",
            f"{row.role} v{row.version}",
            f"{row.seconds:.1f}",
        )
    demo.console.print(table)
    if report(result, demo.say):
        raise DemoError("The refit of the portfolio is not complete; see above.")
    demo.say(f"Fitted models: {demo.refit / 'models'}")
    demo.say(f"Registry: mlflow ui --backend-store-uri sqlite:///{demo.refit / FOLDER / DATABASE}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


STEPS: tuple[tuple[str, Callable[[Demo], None]], ...] = (
    ("Simulate a portfolio", simulate),
    ("Fit one market", fit_one),
    ("Refit the portfolio", refit_portfolio),
)
"""What the demo does, in order."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every step; exit status 1 if one fails."""
    parser = argparse.ArgumentParser(prog="python -m jobs.demo", description=__doc__)
    parser.add_argument("--out", default="demo", help="folder of everything the demo writes (default demo)")
    parser.add_argument("--address", help="Ray cluster; by default one is started on this machine")
    options = parser.parse_args(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    demo = Demo(
        home=Path(options.out).absolute(),
        console=Console(),
        address=options.address,
    )
    started = time.perf_counter()
    for number, (title, step) in enumerate(STEPS, start=1):
        demo.console.rule(f"{number}/{len(STEPS)} {title}", align="left")
        try:
            step(demo)
        except MMMError as error:
            demo.console.print(f"error: {error}", style="red", markup=False)
            return 1
    demo.say(f"Done in {time.perf_counter() - started:.0f} s; everything lies in {demo.home}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
