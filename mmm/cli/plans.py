"""Commands that ask fitted models: ``optimize``, ``scenario`` and ``compare``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from mmm.errors import RequestError

if TYPE_CHECKING:
    from rich.console import RenderableType

DONE, INFEASIBLE, MOVED = 0, 1, 1


def run_optimize(options: argparse.Namespace) -> int:
    """Answer a budget request; an infeasible one is written too and ends with status 1."""
    from mmm.cli.answers import plan_table
    from mmm.fitted import load_fitted
    from mmm.planning.budget import plan_budget
    from mmm.planning.request import read_request

    fitted = load_fitted(options.model)
    request = read_request(
        options.request, channels=fitted.panel.channels, history_periods=len(fitted.panel.dates)
    )
    try:
        plan = plan_budget(fitted, request)
    except RequestError as error:
        raise RequestError(options.request, error.problems) from None
    answer(options, plan.model_dump_json(indent=2), plan_table(plan), failed=not plan.feasible)
    return DONE if plan.feasible else INFEASIBLE


def run_scenario(options: argparse.Namespace) -> int:
    """Predict the KPI of spend plans."""
    from mmm.cli.answers import scenario_table
    from mmm.fitted import load_fitted
    from mmm.planning.scenario.evaluate import evaluate_scenario
    from mmm.planning.scenario.request import read_scenario
    from mmm.storage import parent

    fitted = load_fitted(options.model)
    request = read_scenario(options.plan, channels=fitted.panel.channels)
    try:
        scenario = evaluate_scenario(fitted, request, base=parent(options.plan))
    except RequestError as error:
        raise RequestError(options.plan, error.problems) from None
    answer(options, scenario.model_dump_json(indent=2), scenario_table(scenario))
    return DONE


def run_compare(options: argparse.Namespace) -> int:
    """Tell what changed between two models; ends with status 1 if more than the tolerance."""
    from mmm.analysis.compare import TOLERANCE, compare_models
    from mmm.cli.answers import comparison_table

    tolerance = TOLERANCE if options.tolerance is None else options.tolerance
    comparison = compare_models(Path(options.old), Path(options.new), tolerance=tolerance)
    text = json.dumps(comparison.as_dict(), indent=2, allow_nan=False, default=float)
    answer(options, text, comparison_table(comparison))
    return DONE if comparison.within_tolerance else MOVED


def answer(options: argparse.Namespace, text: str, shown: RenderableType, *, failed: bool = False) -> None:
    """Write the answer where it was asked for and show it: as JSON, or as tables."""
    from rich.console import Console

    from mmm.output import write_text

    path = None if options.out is None else write_text(options.out, f"{text}\n", force=options.force)
    if options.json:
        Console(soft_wrap=True).out(text, highlight=False)
        return
    console = Console(stderr=failed, highlight=False)
    console.print(shown)
    if path is not None:
        console.print(f"Written to {path}", soft_wrap=True)


def add_optimize(parser: argparse.ArgumentParser) -> None:
    """Options of ``optimize``."""
    _add_model(parser)
    parser.add_argument("request", metavar="REQUEST", help="budget request (YAML or JSON)")
    add_answer(parser, "plan.json")


def add_scenario(parser: argparse.ArgumentParser) -> None:
    """Options of ``scenario``."""
    _add_model(parser)
    parser.add_argument("plan", metavar="PLAN", help="spend plans (YAML or JSON), or one plan (CSV, Parquet)")
    add_answer(parser, "scenario.json")


def add_compare(parser: argparse.ArgumentParser) -> None:
    """Options of ``compare``."""
    parser.add_argument("old", metavar="DIR_OLD", help="folder of the model before")
    parser.add_argument("new", metavar="DIR_NEW", help="folder of the model after")
    parser.add_argument(
        "--tolerance",
        type=_share,
        metavar="SHARE",
        help="largest part of all media's effect that may go elsewhere (default 0.1)",
    )
    add_answer(parser, "comparison.json")


def _share(text: str) -> float:
    number = float(text)
    if not 0.0 <= number <= 2.0:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to 2")
    return number


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="DIR", help="folder of a fitted model")


def add_answer(parser: argparse.ArgumentParser, name: str) -> None:
    """Options of a command that answers: where to write, and in which form to show."""
    parser.add_argument("--out", metavar="FILE", help=f"write the whole answer there, e.g. {name}")
    parser.add_argument("--json", action="store_true", help="print the whole answer as JSON")
    parser.add_argument("--force", action="store_true", help="replace what is there")
