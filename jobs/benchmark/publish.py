"""Results for people: Markdown, a page and the terminal, from the rows alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table as Grid

from jobs.benchmark.floors import Floor, floors
from jobs.benchmark.tables import Table, legend, markdown, tables_of
from mmm.report.benchmark import Section, write_page

MARKDOWN = "benchmark.md"
PAGE = "benchmark.html"


def publish(rows: pd.DataFrame, folder: Path, console: Console) -> None:
    """Write ``benchmark.md`` and ``benchmark.html`` beside the rows, and print the tables."""
    tables, kept = tables_of(rows), floors(rows)
    everything = [*tables, floor_table(kept)]
    about = about_run(rows)
    (folder / MARKDOWN).write_text(as_markdown(everything, about), encoding="utf-8")
    sections = [Section(table.title, table.text, table.header, table.rows) for table in everything]
    write_page(folder / PAGE, sections, about, legend(tables), rows)
    for table in everything:
        console.print(_grid(table))
    if marks := legend(tables):
        console.print(marks, markup=False, highlight=False, soft_wrap=True)


def about_run(rows: pd.DataFrame) -> str:
    """Machine, commit, versions and time of the rows."""
    if rows.empty:
        return "no rows"
    last = rows.iloc[-1]
    quick = "quick sizes, which show that it runs and claim nothing · " if last["sizes"] == "quick" else ""
    return f"{quick}{last['machine']} · commit {last['commit']} · {last['versions']} · {last['written']}"


def floor_table(kept: list[Floor]) -> Table:
    """Promises as a table."""
    lines = tuple((floor.name, floor.found or "-", floor.verdict) for floor in kept)
    return Table(
        "Floors", "What the product promises, held against this run.", ("promise", "found", ""), lines
    )


def as_markdown(tables: list[Table], about: str) -> str:
    """Everything as one Markdown text."""
    parts = ["# Benchmark", about]
    for table in tables:
        parts += [f"## {table.title}", *([table.text] if table.text else []), markdown(table)]
    if marks := legend(tables):
        parts.append(marks)
    return "\n\n".join(parts) + "\n"


def _grid(table: Table) -> Grid:
    grid = Grid(title=table.title, title_justify="left", caption=table.text, caption_justify="left")
    for place, name in enumerate(table.header):
        grid.add_column(name, justify="left" if place == 0 else "right", overflow="fold")
    for row in table.rows:
        grid.add_row(*row)
    return grid
