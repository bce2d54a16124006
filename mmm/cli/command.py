"""The console script ``mmm``: one small function for each command; each loads only what it needs.

Exit status: 0 done, 1 the work failed, 2 the input must be corrected (said on stderr), 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmm.cli.check import add_check, run_check
from mmm.cli.design import add_design, with_step
from mmm.cli.files import add_export, add_report, run_export, run_report
from mmm.cli.plans import (
    add_compare,
    add_optimize,
    add_scenario,
    run_compare,
    run_optimize,
    run_scenario,
)
from mmm.cli.record import add_commit, add_variance, run_commit, run_variance
from mmm.errors import FullError, MMMError, ProblemsError, TrainingError
from mmm.stopping import INTERRUPTED, sigterm_interrupts

if TYPE_CHECKING:
    from mmm.config import MarketSpec
    from mmm.data.panel import Panel
    from mmm.data.read import PanelRead

DONE, FAILED, BAD_INPUT = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Words after ``mmm``; by default those of the process.

    Returns:
        The exit status.
    """
    try:
        parser = _parser()
        words = list(sys.argv[1:] if arguments is None else arguments)
        options = parser.parse_args(with_step(words))
        if options.run is None:
            _say(parser.format_help().rstrip())
            return DONE
        with sigterm_interrupts():
            return int(options.run(options))
    except MMMError as error:
        _complain(f"error: {error}")
        return FAILED if isinstance(error, (TrainingError, FullError)) else BAD_INPUT
    except KeyboardInterrupt:
        _complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return DONE


def _silence_stdout() -> None:
    """Let the interpreter flush into nothing when the reader of a pipe has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")


# --- commands ------------------------------------------------------------------------------------


def run_init(options: argparse.Namespace) -> int:
    """Print, or write, a commented spec guessed from a panel's columns; done only if it is valid."""
    from mmm.data.starter import draft_spec
    from mmm.output import check_output, write_text
    from mmm.storage import is_uri

    path = options.panel
    if options.out is not None:
        check_output(options.out, force=options.force)
        if not is_uri(path) and not Path(path).is_absolute():
            path = os.path.relpath(path, Path(options.out).absolute().parent)
    draft = draft_spec(options.panel, brand=options.brand, market=options.market, path=path)
    if options.out is None:
        sys.stdout.write(draft.text)
    else:
        written = write_text(options.out, draft.text, force=options.force)
        _say(f"{written}: check it, then run mmm validate on it")
    if draft.doubts:
        _complain(f"{_count(draft.doubts, 'line')} marked UNCLEAR, to be decided by you")
    return _draft_status(draft.text, options.out or str(Path("spec.yaml").absolute()))


def _draft_status(text: str, source: str) -> int:
    """Whether a drafted spec is one that ``mmm validate`` accepts; what it would say if not."""
    from mmm.config import MarketSpec
    from mmm.config.files import locate_data, parse_yaml, validate
    from mmm.market import read_market

    try:
        document = parse_yaml(text, source)
        read_market(locate_data(validate(MarketSpec, document.values, source, document.lines), source))
    except ProblemsError as error:
        _complain(f"the draft is not valid yet: {error}")
        return BAD_INPUT
    return DONE


def run_validate(options: argparse.Namespace) -> int:
    """Check a market's or a portfolio's spec and data; tell everything that is wrong at once."""
    from mmm.config.files import load_market
    from mmm.portfolio import is_portfolio, load_portfolio

    reports = []
    if is_portfolio(options.spec):
        for entry in load_portfolio(options.spec, options.set).entries:
            name = f"{entry.brand} / {entry.market}"
            reports.append(_validated(name, partial(_spec_or_error, entry.spec, entry.error)))
    else:
        reports.append(_validated(options.spec, partial(load_market, options.spec, options.set)))
    bad = sum(not report["valid"] for report in reports)
    if options.json:
        _say(json.dumps({"valid": not bad, "markets": reports}, indent=2, ensure_ascii=False))
    else:
        for report in reports:
            (_say if report["valid"] else _complain)(report["text"])
    return BAD_INPUT if bad else DONE


def _spec_or_error(spec: MarketSpec | None, error: ProblemsError | None) -> MarketSpec:
    if error is not None:
        raise error
    assert spec is not None
    return spec


def _validated(name: str, load: Callable[[], MarketSpec]) -> dict[str, Any]:
    """One market's outcome as plain data, with a text for people."""
    from mmm.data.panel import data_fingerprint
    from mmm.market import read_market

    try:
        spec = load()
        read = read_market(spec)
    except ProblemsError as error:
        problems = [vars(problem) for problem in error.problems]
        return {"name": name, "valid": False, "problems": problems, "text": f"error: {error}"}
    findings = [finding.as_row() for finding in read.findings]
    return {
        "name": f"{spec.brand} / {spec.market}",
        "valid": True,
        "problems": [],
        "findings": findings,
        "fingerprint": data_fingerprint(read.panel),
        "text": _described(spec, read),
    }


def _count(amount: int, noun: str) -> str:
    return f"{amount} {noun}{'' if amount == 1 else 's'}"


def _drivers(panel: Panel) -> str:
    """What moves the KPI, by kind; kinds that the panel does not have are left out."""
    contacts_GTC, size = panel.contacts_GTC, len(panel.channels)
    reached_C = [contacts_GTC is not None and bool((contacts_GTC[..., c] > 0).any()) for c in range(size)]

    def media(kind: str, noun: str) -> str:
        own = [reached for one, reached in zip(panel.kind_C, reached_C, strict=True) if one == kind]
        return _count(len(own), noun) + (f" ({sum(own)} with reach)" if any(own) else "")

    held = (
        (len(panel.organic), media("organic", "organic channel")),
        (len(panel.mediators), media("mediator", "mediator")),
        (len(panel.treatments), _count(len(panel.treatments), "treatment")),
    )
    plain = _count(len(panel.controls) - len(panel.treatments), "control")
    return ", ".join([media("channel", "channel"), *(told for amount, told in held if amount), plain])


def _described(spec: MarketSpec, read: PanelRead) -> str:
    from mmm import words

    panel, split = read.panel, read.split
    lines = [
        f"{spec.brand} / {spec.market}: valid",
        (
            f"  {_count(len(panel.regions), 'region')} x {len(panel.dates)} {panel.frequency} periods, "
            f"{words.day(panel.dates[0])} to {words.day(panel.dates[-1])}; KPI known in "
            f"{int(panel.observed_GT.sum())} of {panel.present_GT.size} cells"
        ),
        (
            f"  {_drivers(panel)}; train {split.n_train}, "
            f"holdout {split.n_holdout}, test {split.n_test} periods"
        ),
    ]
    lines += [f"  {finding.severity}: {finding}" for finding in read.findings]
    return "\n".join(lines)


def run_simulate(options: argparse.Namespace) -> int:
    """Write a simulated portfolio with its truth."""
    from mmm.simulate.portfolio import write_portfolio

    path = write_portfolio(
        Path(options.out),
        brands=options.brands,
        markets=options.markets,
        regions=options.regions,
        weeks=options.weeks,
        seed=options.seed,
        reach=options.reach,
        drivers=options.drivers,
        organic_reach=options.organic_reach,
        force=options.force,
    )
    _say(str(path))
    return DONE


def run_fit(options: argparse.Namespace) -> int:
    """Fit one market and write everything about it.

    PyTorch has one thread unless the user asks for more: most tensors are small and threads get in each
    other's way. Parts of a large panel are computed side by side, on every core this process may use.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from rich.console import Console

    from mmm.cli.progress import FitProgress
    from mmm.cli.summary import summarise
    from mmm.config.files import load_market
    from mmm.pipeline import fit_market
    from mmm.train.posterior.side_by_side import usable_cores

    settings = list(options.set)
    if options.members is not None:
        settings.append(f"train.members={options.members}")
    spec = load_market(options.spec, settings)
    with FitProgress() as progress:
        result = fit_market(
            spec,
            options.out,
            force=options.force,
            resume=options.resume,
            report=options.report,
            progress=progress,
            start_from=options.start_from,
            threads=spec.train.threads or usable_cores(),
        )
    Console().print(summarise(result, Path(options.out)), soft_wrap=True)
    return DONE


# --- options -------------------------------------------------------------------------------------


def _add_init(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("panel", metavar="PANEL", help="CSV or Parquet file, or a folder; path or URI")
    parser.add_argument("--out", metavar="FILE", help="write the spec there instead of printing it")
    parser.add_argument("--brand", help="brand to name in the spec")
    parser.add_argument("--market", help="market to name in the spec")
    _add_force(parser)


def _add_validate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC", help="spec of a market or a portfolio (YAML)")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    _add_settings(parser)


def _add_simulate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", metavar="DIR", required=True, help="folder to write the portfolio to")
    for name, default, about in (
        ("brands", 3, "number of brands"),
        ("markets", 2, "markets of each brand"),
        ("regions", 12, "regions of each market"),
        ("weeks", 156, "weeks of history"),
        ("seed", 0, "seed of every draw"),
        ("reach", 0, "channels of each market of which reach and frequency are known"),
    ):
        parser.add_argument(f"--{name}", type=int, default=default, help=f"{about} (default {default})")
    parser.add_argument(
        "--organic-reach",
        type=int,
        default=0,
        help="of --drivers: organic media of which reach and frequency are known (default 0)",
    )
    parser.add_argument(
        "--drivers",
        action="store_true",
        help="add email, organic social and brand searches; make price and promotions treatments",
    )
    _add_force(parser)


def _add_fit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC", help="spec of a market (YAML)")
    parser.add_argument("--out", metavar="DIR", required=True, help="folder of the fitted model")
    parser.add_argument("--members", type=int, help="members of an ensemble; 1 fits once, without intervals")
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted fit")
    parser.add_argument("--no-report", dest="report", action="store_false", help="leave report.html out")
    parser.add_argument(
        "--from",
        dest="start_from",
        metavar="DIR_OLD",
        help="start from an older model of the market: its scaling is kept, its channels are expected",
    )
    _add_settings(parser)
    _add_force(parser)


def _add_force(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="replace what is there")


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        metavar="PATH=VALUE",
        action="append",
        default=[],
        help="replace a setting of the spec, e.g. model.graph.mode=notears; may be repeated",
    )


COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None], Callable[..., int] | None]] = {
    "simulate": ("simulate a portfolio whose truth is known", _add_simulate, run_simulate),
    "init": ("guess a spec from the columns of a panel", _add_init, run_init),
    "validate": ("check a spec and its data, every problem at once", _add_validate, run_validate),
    "fit": ("fit a market: attribution, curves, intervals, report", _add_fit, run_fit),
    "optimize": ("split a budget, reach a target, or say why not", add_optimize, run_optimize),
    "scenario": ("predict the KPI of spend plans against the status quo", add_scenario, run_scenario),
    "design": ("find which test next, freeze it, read what it found", add_design, None),
    "commit": ("freeze a plan with the model behind it, as the plan of record", add_commit, run_commit),
    "variance": ("explain actual against a plan of record", add_variance, run_variance),
    "check": ("count how often a model's intervals hold the truth", add_check, run_check),
    "compare": ("tell what changed between two fitted models", add_compare, run_compare),
    "report": ("write a fitted model's report as one HTML file", add_report, run_report),
    "export": ("write the tables of fitted models for a spreadsheet", add_export, run_export),
}
"""Command to what it does, its options and the function that runs it."""


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        from importlib.metadata import version

        _say(f"ray-mmm {version('ray-mmm')}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mmm",
        description="What each marketing channel adds, and where the next unit of budget should go.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(metavar="COMMAND")
    parser.set_defaults(run=None)
    for name, (about, add_options, run) in COMMANDS.items():
        command = commands.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
        command.set_defaults(run=run)
        add_options(command)
    return parser
