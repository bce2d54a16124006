"""``mmm check``: whether a model's intervals hold what they say."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

DONE = 0


def run_check(options: argparse.Namespace) -> int:
    """Simulate from a model, fit each world anew and count how often intervals hold the truth."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from rich.console import Console

    from mmm.cli.answers import coverage_lines
    from mmm.config.files import load_market
    from mmm.coverage import coverage_ranks, coverage_table
    from mmm.fitted import load_fitted
    from mmm.market import read_market
    from mmm.output import check_output, write_text
    from mmm.train.fit import fit

    def told(done: int, worlds: int) -> None:
        sys.stderr.write(f"world {done} of {worlds}\n")

    if options.out is not None:
        check_output(options.out, force=options.force)
    if Path(options.source).is_dir():
        fitted = load_fitted(options.source)
    else:
        spec = load_market(options.source, list(options.set))
        read = read_market(spec)
        fitted = fit(spec, read.panel, read.split, with_graph=bool(spec.experiments))
    ranks = coverage_ranks(fitted, options.worlds, options.seed, told)
    Console().print(coverage_lines(coverage_table(ranks), ranks), soft_wrap=True)
    if options.out is not None:
        write_text(options.out, ranks.to_csv(index=False), force=options.force)
    return DONE


def add_check(parser: argparse.ArgumentParser) -> None:
    """Options of ``check``."""
    parser.add_argument("source", metavar="SPEC|DIR", help="spec of a market, or folder of a fitted model")
    parser.add_argument(
        "--coverage",
        action="store_true",
        required=True,
        help="how often intervals hold the truth on worlds simulated from the model",
    )
    parser.add_argument("--worlds", type=int, default=20, help="worlds simulated and fitted (default 20)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the worlds (default 0)")
    parser.add_argument("--out", metavar="FILE", help="also write the rank of every channel's total as CSV")
    parser.add_argument("--force", action="store_true", help="replace what is there")
    parser.add_argument(
        "--set",
        metavar="PATH=VALUE",
        action="append",
        default=[],
        help="replace a setting of the spec; may be repeated",
    )
