"""The figures that the README shows, from a benchmark's rows."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from jobs.benchmark.methods import OURS, POINT, RIDGE, SPEND_SHARE
from jobs.benchmark.peers.venv import DEEPCAUSAL
from jobs.benchmark.publish import about_run
from jobs.benchmark.suites.speed import EXPONENT
from jobs.benchmark.tables import Column, Table, legend, markdown

RECENT = "mean of 8 weeks"
HEADER = ("", OURS, DEEPCAUSAL.steps[1][0].replace("==", " "), RIDGE, "rule of thumb")


@dataclass(frozen=True)
class Line:
    """One measure of the table.

    Attributes:
        text: In words.
        suite: Where its rows are.
        column: Metric and how it is shown.
        rule: Method in the last column.
        case: Only this case; any if empty, all that start so with a trailing ``*``.
        ours: Method in our column.
    """

    text: str
    suite: str
    column: Column
    rule: str = SPEND_SHARE
    case: str = ""
    ours: str = OURS

    def cells(self, rows: pd.DataFrame) -> tuple[str, ...]:
        """Its line of the table."""
        own = rows[rows["suite"] == self.suite]
        if self.case.endswith("*"):
            own = own[own["case"].str.startswith(self.case[:-1])]
        elif self.case:
            own = own[own["case"] == self.case]
        shown = [
            self.column.cell(own[own["method"] == method])
            for method in (self.ours, DEEPCAUSAL.name, RIDGE, self.rule)
        ]
        if shown[-1] != "-":
            shown[-1] += f" ({self.rule})"
        return (self.text, *shown)


R2 = Column("R²", digits=4)
LINES = (
    Line("attribution error, of all that media bring", "truth", Column("attribution error", digits=2)),
    Line("rank correlation of channels", "truth", Column("rank correlation", digits=2)),
    Line("error of response curves", "truth", Column("curve error", digits=2)),
    Line("true lift earned, of the best plan's", "truth", Column("lift earned", digits=0, percent=True)),
    Line("90 % intervals that hold the truth", "truth", Column("coverage", digits=0, percent=True)),
    Line("shares moved by 13 weeks more", "truth", Column("change with 13 weeks more", digits=3)),
    Line("real panel, R² of the last 13 weeks", "real", R2, RECENT, "last 13 weeks"),
    Line("real panel, R² of the last 8 weeks", "real", R2, RECENT, "last 8 weeks"),
    Line("real panel, R² over 6 origins, 8 weeks ahead", "real", R2, RECENT, "origin*", POINT),
    Line("seconds per fit with intervals, real panel", "speed", Column("seconds per fit", digits=1), ""),
    Line("seconds per fit without intervals", "speed", Column("seconds per fit", digits=1), "", "", POINT),
    Line("peak memory, MiB", "speed", Column("peak memory", digits=0), ""),
)


def headline(rows: pd.DataFrame) -> Table:
    """The README's table; lines of which nothing is known are left out."""
    known = tuple(line.cells(rows) for line in LINES)
    return Table("", "", HEADER, tuple(cells for cells in known if cells[1] != "-"))


def further(rows: pd.DataFrame) -> list[str]:
    """What no other method has: growth, portfolio, service."""
    said = []
    grown = rows[rows["metric"] == EXPONENT]
    if len(grown):
        powers = ", ".join(f"{row['case']} {row['value']:.2f}" for _, row in grown.iterrows())
        said.append(f"Seconds of a fit grow as size to the power: {powers} (1 is linear).")
    for suite, title in (("portfolio", "Portfolio"), ("train", "One large panel"), ("serve", "Service")):
        own = rows[(rows["suite"] == suite) & rows["value"].notna()]
        for case, part in own.groupby("case", sort=False):
            figures = ", ".join(
                f"{row['metric']} {_short(row['value'])} {row['unit']}".strip() for _, row in part.iterrows()
            )
            said.append(f"{title}, {case}: {figures}.")
    return said


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def block(rows: pd.DataFrame) -> str:
    """What stands between the README's markers."""
    table = headline(rows)
    parts = [markdown(table), *([legend([table])] if legend([table]) else [])]
    if points := further(rows):
        parts.append("\n".join(f"- {point}" for point in points))
    parts.append(f"From one run of `python -m jobs.benchmark`: {about_run(rows)}.")
    return "\n\n".join(parts)
