"""Commands that ask a fitted model about the future: ``optimize`` and ``scenario``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mmm.errors import RequestError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mmm.config import Spec

DONE, INFEASIBLE = 0, 1


def run_optimize(options: argparse.Namespace) -> int:
    """Answer a budget request; an infeasible one is written too and ends with status 1."""
    from mmm.analysis.planning import plan_budget
    from mmm.analysis.request import read_request
    from mmm.answers import plan_table
    from mmm.fitted import load_fitted

    fitted = load_fitted(options.model)
    request = read_request(
        options.request, channels=fitted.panel.channels, history_periods=len(fitted.panel.dates)
    )
    try:
        plan = plan_budget(fitted, request)
    except RequestError as error:
        raise RequestError(options.request, error.problems) from None
    _answer(options, plan, plan_table(plan), failed=not plan.feasible)
    return DONE if plan.feasible else INFEASIBLE


def run_scenario(options: argparse.Namespace) -> int:
    """Predict the KPI of spend plans."""
    from mmm.analysis.scenario import evaluate_scenario
    from mmm.analysis.scenario_request import read_scenario
    from mmm.answers import scenario_table
    from mmm.fitted import load_fitted
    from mmm.storage import parent

    fitted = load_fitted(options.model)
    request = read_scenario(options.plan, channels=fitted.panel.channels)
    try:
        scenario = evaluate_scenario(fitted, request, base=parent(options.plan))
    except RequestError as error:
        raise RequestError(options.plan, error.problems) from None
    _answer(options, scenario, scenario_table(scenario))
    return DONE


def _answer(
    options: argparse.Namespace, answer: Spec, shown: RenderableType, *, failed: bool = False
) -> None:
    """Write the answer where it was asked for and show it: as JSON, or as tables."""
    from rich.console import Console

    from mmm.data.output import write_text

    text = answer.model_dump_json(indent=2) + "\n"
    path = None if options.out is None else write_text(options.out, text, force=options.force)
    if options.json:
        Console(soft_wrap=True).out(text, end="", highlight=False)
        return
    console = Console(stderr=failed, highlight=False)
    console.print(shown)
    if path is not None:
        console.print(f"Written to {path}", soft_wrap=True)


def add_optimize(parser: argparse.ArgumentParser) -> None:
    """Options of ``optimize``."""
    _add_model(parser)
    parser.add_argument("request", metavar="REQUEST", help="budget request (YAML or JSON)")
    _add_answer(parser, "plan.json")


def add_scenario(parser: argparse.ArgumentParser) -> None:
    """Options of ``scenario``."""
    _add_model(parser)
    parser.add_argument("plan", metavar="PLAN", help="spend plans (YAML or JSON), or one plan (CSV, Parquet)")
    _add_answer(parser, "scenario.json")


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="DIR", help="folder of a fitted model")


def _add_answer(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument("--out", metavar="FILE", help=f"write the whole answer there, e.g. {name}")
    parser.add_argument("--json", action="store_true", help="print the whole answer as JSON")
    parser.add_argument("--force", action="store_true", help="replace what is there")
