"""``python -m jobs.benchmark.table DIR [README.md]``: put a run's figures between the README's markers.

Exit status 0 if the file holds them now, 2 if it has no markers or the run claims nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from jobs.benchmark.figures import ROWS, BenchmarkError
from jobs.benchmark.methods import DEEPCAUSAL, OURS, POINT, RIDGE, SPEND_SHARE
from jobs.benchmark.suites.speed import EXPONENT, RATIO
from jobs.benchmark.tables import Column, Table, about_run, legend, markdown
from mmm.errors import MMMError

LINEAR = 1.0


@dataclass(frozen=True)
class Floor:
    """A promise held against the figures.

    Attributes:
        name: The promise.
        found: What was found, in words; empty if this run cannot tell.
        kept: Whether it is kept; None if this run cannot tell.
    """

    name: str
    found: str = ""
    kept: bool | None = None

    @property
    def verdict(self) -> str:
        """In one word."""
        return {True: "kept", False: "MISSED", None: "not measured"}[self.kept]


def floors(rows: pd.DataFrame) -> list[Floor]:
    """Every promise, with what this run says of it."""
    return [
        _speed(
            rows, POINT, "20 times faster than deepcausalmmm per fit, like for like (one fit, no intervals)"
        ),
        _speed(rows, OURS, "20 times faster than deepcausalmmm per fit, default members with intervals"),
        _higher(rows),
        _attribution(rows),
        *(_growth(rows, axis) for axis in ("regions", "weeks", "members")),
    ]


def _median(rows: pd.DataFrame, **wanted: str) -> float | None:
    for name, value in wanted.items():
        rows = rows[rows[name] == value]
    known = rows["value"].dropna()
    return None if known.empty else float(known.median())


def _speed(rows: pd.DataFrame, method: str, name: str) -> Floor:
    ratio = _median(rows, suite="speed", method=method, metric=RATIO)
    return Floor(name) if ratio is None else Floor(name, f"{ratio:.1f} times", ratio >= 20)


def _higher(rows: pd.DataFrame) -> Floor:
    name = "higher holdout R² than deepcausalmmm on the real panel, 13 weeks"
    at = {"suite": "real", "case": "last 13 weeks", "metric": "R²"}
    own, theirs = _median(rows, method=OURS, **at), _median(rows, method=DEEPCAUSAL.name, **at)
    if own is None or theirs is None:
        return Floor(name)
    return Floor(name, f"{own:.4f} against {theirs:.4f}", own > theirs)


def _attribution(rows: pd.DataFrame) -> Floor:
    name = "attribution error at most half of deepcausalmmm's"
    at = {"suite": "truth", "metric": "attribution error"}
    own, theirs = _median(rows, method=OURS, **at), _median(rows, method=DEEPCAUSAL.name, **at)
    if own is None or theirs is None:
        return Floor(name)
    return Floor(name, f"{own:.2f} against {theirs:.2f}", own <= theirs / 2)


def _growth(rows: pd.DataFrame, axis: str) -> Floor:
    name = f"cost at most linear in {axis}"
    exponent = _median(rows, suite="speed", case=axis, metric=EXPONENT)
    return Floor(name) if exponent is None else Floor(name, f"exponent {exponent:.2f}", exponent <= LINEAR)


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


def floor_table(kept: list[Floor]) -> Table:
    """Promises as a table."""
    lines = tuple((floor.name, floor.found or "-", floor.verdict) for floor in kept)
    return Table(
        "Floors", "What the product promises, held against this run.", ("promise", "found", ""), lines
    )


def block(rows: pd.DataFrame) -> str:
    """What stands between the README's markers."""
    table = headline(rows)
    parts = [markdown(table), *([legend([table])] if legend([table]) else [])]
    if points := further(rows):
        parts.append("\n".join(f"- {point}" for point in points))
    parts.append(f"From one run of `python -m jobs.benchmark`: {about_run(rows)}.")
    return "\n\n".join(parts)


BEGIN, END = "<!-- benchmark:begin -->", "<!-- benchmark:end -->"


def rewrite(text: str, content: str) -> str:
    """The text with ``content`` between the markers.

    Raises:
        BenchmarkError: The markers are not there once each, in order.
    """
    start, end = text.find(BEGIN), text.find(END)
    if text.count(BEGIN) != 1 or text.count(END) != 1 or end < start:
        raise BenchmarkError(f"the file needs one line {BEGIN} and, after it, one line {END}")
    return f"{text[: start + len(BEGIN)]}\n\n{content}\n\n{text[end:]}"


def read_rows(folder: Path) -> pd.DataFrame:
    """A run's rows.

    Raises:
        BenchmarkError: There is no run in the folder, or a quick one.
    """
    path = folder / ROWS
    if not path.exists():
        raise BenchmarkError(f"{folder} holds no {ROWS}; run python -m jobs.benchmark --out {folder}")
    rows = pd.read_parquet(path)
    if rows.empty or (rows["sizes"] != "default").any():
        raise BenchmarkError(f"{path} is empty or of a --quick run, whose figures claim nothing")
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; see the module."""
    parser = argparse.ArgumentParser(prog="python -m jobs.benchmark.table", description=__doc__)
    parser.add_argument("folder", metavar="DIR", type=Path, help="--out of a benchmark")
    parser.add_argument("file", metavar="FILE", type=Path, nargs="?", default=Path("README.md"))
    options = parser.parse_args(arguments)
    try:
        content = block(read_rows(options.folder))
        text = options.file.read_text(encoding="utf-8")
        options.file.write_text(rewrite(text, content), encoding="utf-8")
    except (MMMError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
