"""``python -m jobs.benchmark.table DIR [README.md]``: put a run's figures between the README's markers.

Exit status 0 if the file holds them now, 2 if it has no markers or the run claims nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from jobs.benchmark.book import ROWS
from jobs.benchmark.errors import BenchmarkError
from jobs.benchmark.headline import block
from mmm.errors import MMMError

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
