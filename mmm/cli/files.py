"""Commands that write what others read: ``report`` and ``export``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

DONE = 0


def run_report(options: argparse.Namespace) -> int:
    """Write the report of a fitted model."""
    from mmm.output import model_folder
    from mmm.report.model.build import build_report

    model_folder(options.model)
    out = None if options.out is None else Path(options.out)
    if options.regions and out is None:
        out = Path(options.model) / "report_regions.html"
    written = build_report(Path(options.model), out, options.regions)
    sys.stdout.write(f"{written}\n")
    return DONE


def run_export(options: argparse.Namespace) -> int:
    """Write the tables of fitted models as a workbook, or as a file each."""
    from mmm.export import Format, exported, models_below, write_tables
    from mmm.words import count

    folder = Path(options.models)
    out = None if options.out is None else Path(options.out)
    form: Format = options.format or ("xlsx" if out is None or out.suffix == ".xlsx" else "csv")
    directories = models_below(folder)
    tables = exported(directories, None if options.window is None else tuple(options.window))
    default = folder / ("tables.xlsx" if form == "xlsx" else "tables")
    written = write_tables(tables, out or default, form, force=options.force)
    sys.stdout.write(f"{written}: {count(len(tables), 'table')} of {count(len(directories), 'model')}\n")
    return DONE


def add_report(parser: argparse.ArgumentParser) -> None:
    """Options of ``report``."""
    parser.add_argument("model", metavar="DIR", help="folder of a fitted model")
    parser.add_argument("--out", metavar="FILE", help="where to write; report.html in DIR by default")
    parser.add_argument(
        "--regions",
        nargs="+",
        metavar="REGION",
        default=(),
        help="of these alone, what is told by region; report_regions.html in DIR by default",
    )


def add_export(parser: argparse.ArgumentParser) -> None:
    """Options of ``export``."""
    parser.add_argument("models", metavar="DIR", help="folder of a fitted model, of a refit, or of models")
    parser.add_argument("--format", choices=("xlsx", "csv", "parquet"), help="xlsx (a workbook) by default")
    parser.add_argument("--out", metavar="PATH", help="workbook or folder; in DIR by default")
    parser.add_argument(
        "--window",
        nargs=2,
        metavar=("START", "END"),
        help="also outcome, spend and ROI of the periods that begin between these days, e.g. 2024-03-01",
    )
    parser.add_argument("--force", action="store_true", help="replace what is there")
