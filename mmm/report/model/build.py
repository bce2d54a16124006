"""From a fitted model's directory to its report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmm.output import write_text
from mmm.report import sections
from mmm.report.model.page import page
from mmm.report.tables import Tables, load_tables
from mmm.report.views import SECTIONS


def build_report(directory: Path, out: Path | None = None, regions: Sequence[str] = ()) -> Path:
    """Write the report of a fitted model: one HTML file that needs nothing else.

    Args:
        directory: Output of ``mmm fit``. Views whose files are missing are left out with a note.
        out: Where to write; ``report.html`` in the directory by default.
        regions: A report of these alone, with the views that are told by region.

    Returns:
        The file written.

    Raises:
        MissingTableError: The directory does not exist, or a region is none of the model's.
        OutputError: The file cannot be written.
    """
    directory = Path(directory)
    target = Path(out) if out is not None else directory / "report.html"
    text = render(load_tables(directory, regions))
    return write_text(target, text, force=True)


def render(tables: Tables) -> str:
    """The report as HTML text."""
    drawn, left_out = sections.drawn(SECTIONS, tables, priced=tables.about.priced)
    return page(tables, drawn, left_out)
