"""Tables of a benchmark: plain text cells from rows, medians over cases, for Markdown, terminal and page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

MARKS = {"extrapolated": "†", "recorded": "‡", "quoted": "§"}
"""Marks of figures that were not measured whole in this run."""
LEGEND = {
    "extrapolated": "† extrapolated from a part run here",
    "recorded": "‡ recorded by an earlier run on this machine",
    "quoted": "§ quoted from a publication, not run here",
}


@dataclass(frozen=True)
class Table:
    """A table for people.

    Attributes:
        title: Heading.
        text: What it shows, in a sentence or two.
        header: Column names.
        rows: Cells as text.
    """

    title: str
    text: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Column:
    """A metric as it is shown.

    Attributes:
        metric: Name in the rows.
        title: Heading; the metric's name if empty.
        digits: Decimals.
        percent: Show as per cent.
        mean: Show the mean over the cases instead of the median.
    """

    metric: str
    title: str = ""
    digits: int = 2
    percent: bool = False
    mean: bool = False

    @property
    def heading(self) -> str:
        """Heading of the column."""
        return self.title or self.metric

    def cell(self, found: pd.DataFrame) -> str:
        """Median or mean over the cases, marked if not measured whole; a dash where nothing is known."""
        known = found[(found["metric"] == self.metric) & found["value"].notna()]
        if known.empty:
            return "-"
        value = float((np.mean if self.mean else np.median)(known["value"]))
        marks = "".join(mark for status, mark in MARKS.items() if (known["status"] == status).any())
        return self.text(value) + marks

    def text(self, value: float) -> str:
        """A figure."""
        return f"{100 * value:.{self.digits}f} %" if self.percent else f"{value:,.{self.digits}f}"


TRUTH = (
    Column("attribution error", digits=2),
    Column("rank correlation", digits=2),
    Column("ROI error", digits=2),
    Column("curve error", digits=2),
    Column("lift earned", "best lift earned", 0, percent=True),
    Column("coverage", "90 % intervals cover", 0, percent=True),
    Column("interval width", digits=2),
    Column("change with 13 weeks more", "moves with 13 weeks more", 3),
    Column("change with another seed", "moves with another seed", 3),
    Column("graph AUROC", digits=2),
    Column("holdout R²", digits=3),
    Column("seconds per fit", "s per fit", 1),
)
KINDS = (
    Column("attribution error", "error, median", 3),
    Column("attribution error", "error, mean", 3, mean=True),
    Column("rank correlation", digits=2, mean=True),
    Column("lift earned", "best lift earned", 0, percent=True),
    Column("coverage", "90 % intervals cover", 0, percent=True, mean=True),
    Column("interval width", digits=2),
    Column("holdout coverage", "holdout intervals cover", 0, percent=True, mean=True),
    Column("seconds per fit", "s per fit", 1),
)
RECOVERY = (
    Column("attribution error", digits=3),
    Column("coverage", "90 % intervals cover", 0, percent=True),
    Column("interval width", digits=2),
    Column("seconds per fit", "s per fit", 1),
)
METHODS = ("ray-mmm", "deepcausalmmm", "pymc-marketing", "ridge")
"""RunOptions of methods by the start of their name; others follow, published figures come last."""
REAL = (
    Column("R²", digits=4),
    Column("within-region R²", digits=2),
    Column("RMSE", digits=0),
    Column("skill", digits=2),
    Column("seconds per fit", "s per fit", 1),
)


def tables_of(rows: pd.DataFrame) -> list[Table]:
    """Every table the rows allow, in the order of the suites."""
    makers = (_truth, _kinds, _recovery, _odds, _real, _graph, _speed, _growth, _train, _portfolio, _serve)
    found: list[Table] = []
    for make in makers:
        found += make(rows)
    return [*found, *_unfinished(rows)]


def by_method(rows: pd.DataFrame, columns: Sequence[Column]) -> tuple[tuple[str, ...], ...]:
    """A line for each method, in order of appearance, with its medians."""
    lines = []
    for method in sorted(dict.fromkeys(rows["method"]), key=_place):
        cells = tuple(column.cell(rows[rows["method"] == method]) for column in columns)
        if any(cell != "-" for cell in cells):
            lines.append((str(method), *cells))
    return tuple(lines)


def _plain(
    rows: pd.DataFrame, title: str, text: str, columns: Sequence[Column], first: str = ""
) -> list[Table]:
    """A table of medians; columns that nobody fills are left out."""
    filled = [column for column in columns if (rows["metric"] == column.metric).any()]
    lines = by_method(rows, filled)
    if not lines:
        return []
    return [Table(title, text, (first, *(column.heading for column in filled)), lines)]


def _truth(rows: pd.DataFrame) -> list[Table]:
    own = rows[rows["suite"] == "truth"]
    worlds = own["case"].nunique()
    text = (
        f"Medians over {worlds} simulated {'world' if worlds == 1 else 'worlds'} with known effects. "
        "Last touch and spend share only split and are handed the true total."
    )
    return [turned(table) for table in _plain(own, "Against the truth", text, TRUTH)]


def _kinds(rows: pd.DataFrame) -> list[Table]:
    own = rows[rows["suite"] == "kinds"]
    text = (
        f"Simulated worlds of each kind, {own['case'].nunique()} in all: medians; means of rank correlation "
        "and of the shares that intervals hold."
    )
    return _plain(own, "Kinds of worlds", text, KINDS)


def _recovery(rows: pd.DataFrame) -> list[Table]:
    own = rows[rows["suite"] == "recovery"]
    tables = []
    by_draw = own[own["metric"] == "error by draw"]
    if not by_draw.empty:
        columns = [Column(str(case)) for case in dict.fromkeys(by_draw["case"])]
        text = (
            "Root mean squared error over weeks over the mean true contribution: mean over draws, regions "
            "and channels of businesses that others simulated."
        )
        tables = _plain(by_draw.assign(metric=by_draw["case"]), "Published recovery benchmark", text, columns)
    ours = own[own["status"] == "measured"]
    return tables + _plain(
        ours.assign(method=ours["case"]), "Published recovery benchmark, channel totals", "", RECOVERY
    )


def _odds(rows: pd.DataFrame) -> list[Table]:
    own = rows[(rows["suite"] == "odds") & rows["seed"].isna()]
    text = "Chance of a gain as plans state it, and the share that truly gains. Thirds by range and by rank."
    return _long(own, "odds", "Odds of plans", text)


def turned(table: Table) -> Table:
    """Rows as columns, for tables with more figures than methods."""
    whole = (table.header, *table.rows)
    header, *rows = zip(*whole, strict=True)
    return Table(table.title, table.text, header, tuple(rows))


def _real(rows: pd.DataFrame) -> list[Table]:
    own, tables = rows[rows["suite"] == "real"], []
    for case in dict.fromkeys(own["case"]):
        if not str(case).startswith("origin"):
            text = (
                "Weeks that no fit of ours saw, observed cells only; skill is against the best rule of thumb."
            )
            tables += _plain(own[own["case"] == case], f"Real panel, {case}", text, REAL)
    origins = own[own["case"].str.startswith("origin")]
    if not origins.empty:
        text = f"Medians over {origins['case'].nunique()} origins, 8 weeks ahead each."
        tables += _plain(origins, "Real panel, rolling origins", text, REAL)
    return tables


def _place(method: str) -> int:
    if method.endswith("published"):
        return len(METHODS) + 1
    return next((i for i, start in enumerate(METHODS) if method.startswith(start)), len(METHODS))


def _graph(rows: pd.DataFrame) -> list[Table]:
    own = rows[rows["suite"] == "graph"]
    linear = own[own["metric"] == "SHD"]
    tables = []
    if not linear.empty:
        pivot = linear.pivot_table("value", "method", "case", "mean", sort=False)
        lines = tuple(
            (str(method), *(f"{value:.1f}" for value in line))
            for method, line in zip(pivot.index, pivot.to_numpy(), strict=True)
        )
        text = "Mean structural Hamming distance, 1 000 rows of equal Gaussian noise; 0 is perfect."
        tables.append(Table("Linear graphs", text, ("", *map(str, pivot.columns)), lines))
    text = "Medians over simulated worlds: pairs of channels ranked by evidence for an edge."
    lagged = own[own["case"] == "lagged media"]
    return tables + _plain(
        lagged, "Lagged media", text, (Column("AUROC", digits=3), Column("precision", digits=2))
    )


def _speed(rows: pd.DataFrame) -> list[Table]:
    own = rows[(rows["suite"] == "speed") & ~rows["case"].str.contains(r"^\d|^growth", regex=True)]
    own = own[own["metric"] != "growth exponent"]
    case = own["case"].iloc[0] if len(own) else ""
    columns = (
        Column("seconds per fit", "s per fit", 1),
        Column("peak memory", "peak memory, MiB", 0),
        Column("times faster than deepcausalmmm", digits=1),
    )
    return _plain(own, "Speed", f"One fit alone on the machine, one thread, {case}.", columns)


def _growth(rows: pd.DataFrame) -> list[Table]:
    own = rows[(rows["suite"] == "speed") & (rows["metric"] == "growth exponent")]
    if own.empty:
        return []
    lines = tuple((str(row["case"]), f"{row['value']:.2f}", str(row["note"])) for _, row in own.iterrows())
    text = "Seconds of a fit of a fixed number of epochs grow as size to this power."
    return [Table("Growth of cost", text, ("", "exponent", "measured on"), lines)]


def _long(rows: pd.DataFrame, suite: str, title: str, text: str) -> list[Table]:
    """A line for each figure, for suites whose cases have figures of their own."""
    own = rows[(rows["suite"] == suite) & rows["value"].notna()]
    if own.empty:
        return []
    lines = tuple(
        (str(row["case"]), str(row["metric"]), f"{_number(row['value'])} {row['unit']}".strip())
        for _, row in own.iterrows()
    )
    return [Table(title, text, ("", "figure", "value"), lines)]


def _number(value: float) -> str:
    """Three significant digits, never scientific."""
    if value == 0 or not np.isfinite(value):
        return f"{value:g}"
    digits = max(2 - int(np.floor(np.log10(abs(value)))), 0)
    return f"{value:,.{digits}f}"


def _train(rows: pd.DataFrame) -> list[Table]:
    return _long(rows, "train", "One large panel", "Time of a training step by workers, on this machine.")


def _portfolio(rows: pd.DataFrame) -> list[Table]:
    return _long(rows, "portfolio", "Portfolio", "Refits of many brand-markets on Ray.")


def _serve(rows: pd.DataFrame) -> list[Table]:
    return _long(rows, "serve", "Serving", "Planner's questions over HTTP, server and load on this machine.")


def _unfinished(rows: pd.DataFrame) -> list[Table]:
    own = rows[rows["status"].isin(("failed", "skipped"))]
    if own.empty:
        return []
    lines = tuple(
        (str(row["suite"]), str(row["method"]), str(row["case"]), str(row["status"]), str(row["note"]))
        for _, row in own.iterrows()
    )
    return [Table("Not done", "", ("suite", "method", "case", "status", "why"), lines)]


def legend(tables: Iterable[Table]) -> str:
    """What the marks in these tables mean; empty without marks."""
    cells = "".join(cell for table in tables for row in table.rows for cell in row)
    return "; ".join(LEGEND[status] for status, mark in MARKS.items() if mark in cells)


def markdown(table: Table) -> str:
    """A table in Markdown, without its heading."""
    lines = [table.header, tuple("---" for _ in table.header), *table.rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def about_run(rows: pd.DataFrame) -> str:
    """Machine, commit, versions and time of the rows."""
    if rows.empty:
        return "no rows"
    last = rows.iloc[-1]
    quick = "quick sizes, which show that it runs and claim nothing · " if last["sizes"] == "quick" else ""
    return f"{quick}{last['machine']} · commit {last['commit']} · {last['versions']} · {last['written']}"
