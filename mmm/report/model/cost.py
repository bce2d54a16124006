"""What a report costs: time to draw it and bytes to keep it."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from mmm.report.model.build import build_report


@dataclass(frozen=True)
class ReportCost:
    """Cost of one report.

    Attributes:
        seconds: Wall time from the model's files to the page, on one core.
        cpu_seconds: Processor time of it.
        bytes: Size of the page.
    """

    seconds: float
    cpu_seconds: float
    bytes: int


def report_cost(directory: Path) -> ReportCost:
    """Draw the report of a fitted model once, elsewhere, and measure it.

    Args:
        directory: Output of ``mmm fit``.

    Raises:
        MissingTableError: The directory does not exist.
    """
    with tempfile.TemporaryDirectory() as folder:
        wall, cpu = time.perf_counter(), time.process_time()
        page = build_report(directory, Path(folder) / "report.html")
        return ReportCost(
            seconds=time.perf_counter() - wall,
            cpu_seconds=time.process_time() - cpu,
            bytes=page.stat().st_size,
        )
