"""Commands about plans of record: ``commit`` freezes a plan, ``variance`` says what became of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Group

    from mmm.planning.record.result import Variance

DONE = 0


def run_commit(options: argparse.Namespace) -> int:
    """Freeze a plan with the model and draws that it stood on."""
    from mmm.fitted import load_fitted
    from mmm.planning.record.commit import commit_plan, read_plan
    from mmm.planning.record.kept import read_record
    from mmm.storage import parent

    plan = read_plan(options.plan)
    model = options.model or str(Path(options.plan).absolute().parent)
    out = options.out or str(Path(options.plan).with_suffix(".record"))
    path, digest = commit_plan(plan, load_fitted(model), out, force=options.force, base=parent(options.plan))
    kept = read_record(path).promise.plan
    sys.stdout.write(f"{path}: plan of {kept.horizon} periods, {kept.draws} draws, digest {digest[:16]}\n")
    return DONE


def run_variance(options: argparse.Namespace) -> int:
    """Explain actual against plan by delivery, price, baseline and the rest."""
    from mmm.cli.plans import answer
    from mmm.planning.record.kept import read_record
    from mmm.planning.record.read import read_actuals
    from mmm.planning.record.variance import explain

    record = read_record(options.record)
    found = explain(record, read_actuals(record, options.actual))
    answer(options, found.model_dump_json(indent=2), variance_table(found))
    return DONE


def variance_table(found: Variance) -> Group:
    """From plan to actual, then channel by channel."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from mmm import words

    def amount(value: float) -> str:
        return words.number(value, 4)

    bridge = Table(f"{words.day(found.first_date)} to {words.day(found.last_date)}")
    for name in ("KPI", f"{words.percent(found.level)} interval"):
        bridge.add_column(name, justify="right")
    baseline = "baseline (controls)" if found.baseline_from == "controls" else "baseline (newer model)"
    steps = (("planned", found.planned_kpi), ("delivery", found.delivery), ("price", found.price))
    for name, part in (*steps, (baseline, found.baseline), ("rest", found.rest)):
        held = part.lower is not None and part.upper is not None
        span = f"{amount(part.lower or 0.0)} to {amount(part.upper or 0.0)}" if held else "unknown"
        bridge.add_row(name, amount(part.mean), span, end_section=name == "rest")
    bridge.add_row("actual", amount(found.actual_kpi), "")
    table = Table("channel")
    for name in ("planned", "ran", "delivery", "price planned", "came", "price"):
        table.add_column(name, justify="right")
    for row in found.channels:
        prices = (row.planned_price, row.actual_price)
        paid = ("-" if price is None else words.number(price, 3) for price in prices)
        spent = (amount(row.planned_spend), amount(row.actual_spend))
        table.add_row(row.channel, *spent, amount(row.delivery.mean), *paid, amount(row.price.mean))
    beyond = abs(found.rest.mean) > found.rest_expected
    verdict = "more than chance allows" if beyond else "no more than chance allows"
    chance = f"If the model is right the rest lies within {amount(found.rest_expected)} of 0: {verdict}."
    remarks = (Text(f"note: {remark}") for remark in found.remarks)
    return Group(bridge, table, Text(chance), *remarks, Text(f"plan of record {found.digest[:16]}"))


def add_commit(parser: argparse.ArgumentParser) -> None:
    """Options of ``commit``."""
    parser.add_argument(
        "plan",
        metavar="PLAN",
        help="plan as `mmm optimize` or the service wrote it (JSON), or spend as `mmm scenario` takes it",
    )
    parser.add_argument("--model", metavar="DIR", help="the model that made it; the plan's folder by default")
    parser.add_argument("--out", metavar="FILE", help="the file to write; PLAN with .record by default")
    parser.add_argument("--force", action="store_true", help="replace what is there")


def add_variance(parser: argparse.ArgumentParser) -> None:
    """Options of ``variance``."""
    from mmm.cli.plans import add_answer

    parser.add_argument("record", metavar="RECORD", help="plan of record, by `mmm commit`")
    parser.add_argument(
        "actual", metavar="ACTUAL", help="newer data of the market, its spec, or the folder of a newer model"
    )
    add_answer(parser, "variance.json")
