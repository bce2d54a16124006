"""``mmm design``: which test next, the chosen one frozen, and what it found."""

from __future__ import annotations

import argparse
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType

    from mmm.design.registration import Registration
    from mmm.design.result import Result

DONE = 0
STEPS = ("tests", "freeze", "result")
"""What follows ``mmm design``; the first is meant where none is named."""
SHOWN = 10
"""Tests that the terminal shows; the file has all."""


def with_step(arguments: list[str]) -> list[str]:
    """The words of a command with the step of a design that is meant where none is named."""
    named = arguments[1:2]
    if arguments[:1] != ["design"] or not named or named[0] in (*STEPS, "-h", "--help"):
        return arguments
    return ["design", STEPS[0], *arguments[1:]]


def run_tests(options: argparse.Namespace) -> int:
    """Every candidate test of a model."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from rich.console import Console

    from mmm.design.designer import design_tests
    from mmm.design.request import read_design
    from mmm.fitted import load_fitted
    from mmm.output import check_output, write_bytes

    request = read_design(options.request)
    fitted = load_fitted(options.model)
    if options.out is not None:
        check_output(options.out, force=options.force)
    table = design_tests(fitted, request)
    console = Console(highlight=False)
    console.print(tests_shown(table, fitted.members))
    if options.out is not None:
        write_bytes(options.out, table.to_parquet(index=False), force=options.force)
        console.print(f"All {len(table)} tests are in {options.out}", soft_wrap=True)
    return DONE


def run_freeze(options: argparse.Namespace) -> int:
    """Write a chosen test as it is to be run."""
    from mmm.design.designer import Designer
    from mmm.design.registration import freeze, registration_text
    from mmm.design.request import read_design
    from mmm.errors import Problem, RequestError
    from mmm.fitted import load_fitted
    from mmm.output import check_output, write_text

    request = read_design(options.request)
    check_output(options.out, force=options.force)
    designer = Designer(load_fitted(options.model), request)
    proposal = designer.named(options.test)
    if proposal is None:
        names = ", ".join(designer.names()[:SHOWN])
        text = f"{options.test!r} is no test of this request; known: {names}, … (see the column `test`)."
        raise RequestError(options.request, [Problem("unknown_test", "--test", text)])
    registration = freeze(designer, proposal)
    written = write_text(options.out, registration_text(registration), force=options.force)
    sys.stdout.write(f"{frozen_shown(registration)}\nWritten to {written}\n")
    return DONE


def run_result(options: argparse.Namespace) -> int:
    """What a test found, from its readout."""
    from mmm.design.registration import read_registration
    from mmm.design.result import entries_csv, entries_yaml, read_result
    from mmm.output import check_output, write_text

    registration = read_registration(options.file)
    if options.out is not None:
        check_output(options.out, force=options.force)
    found = read_result(registration, options.readout)
    as_csv = options.out is not None and Path(options.out).suffix == ".csv"
    text = entries_csv(found) if as_csv else entries_yaml(found, registration)
    sys.stdout.write(f"{result_shown(found, registration)}\n")
    if options.out is None:
        sys.stdout.write(text)
    else:
        written = write_text(options.out, text, force=options.force)
        sys.stdout.write(f"Written to {written}: name it under experiments: in the spec, and fit\n")
    return DONE


def tests_shown(table: pd.DataFrame, members: int) -> RenderableType:
    """The best tests, what is recommended, and why not."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from mmm import words

    valued = bool(table["net"].notna().any())
    grid = Table(padding=(0, 0))
    grid.add_column(f"{len(table)} tests, the best", no_wrap=True)
    money = ("value", "cost", "net", "pays") if valued else ("gain in KPI",)
    for name in ("lift", "seen from", "power", "width", *money):
        grid.add_column(Text(name), justify="right", no_wrap=True)
    for row in table.head(SHOWN).to_dict("records"):
        left = float(row["effect_sd_after"] / row["effect_sd"]) if row["effect_sd"] else math.nan
        shares = (row["relative_lift"], row["relative_detectable"], row["power"], left)
        cells = [words.percent(float(share)) for share in shares]
        if valued:
            cells += [words.number(float(row[name]), 3) for name in ("value", "cost", "net")]
            chance = float(row["chance_pays"])
            cells.append(words.chance(chance) if words.known(chance) else "-")
        else:
            cells.append(words.number(float(row["value_kpi"]), 3))
        grid.add_row(f"{row['test']}{' *' if row['recommended'] else ''}", *cells)
    currency = str(table["currency"].iloc[0])
    legend = (
        "lift, seen from: of the KPI of the regions treated; width: of the channel's interval that is left"
    )
    if valued:
        legend += f"; value, cost, net: {currency} over {table['horizon'].iloc[0]} periods; pays: its chance"
    return Group(grid, Text(f"{legend}."), *(Text(line) for line in _verdict(table, members, valued=valued)))


def _verdict(table: pd.DataFrame, members: int, *, valued: bool) -> list[str]:
    from mmm import words
    from mmm.design.designer import ROUGH

    lines = []
    if not valued:
        lines.append(
            "What a KPI unit is worth is not stated (kpi_value in the spec), so nothing here is in money: "
            "values are KPI units, and no test can be held against its cost."
        )
    chosen = table[table["recommended"]]
    if chosen.empty:
        lines.append("No test is worth its cost." if valued else "No test would change the budget.")
        best = table.iloc[0]
        objection = best["why_not"] or "gains next to nothing"
        lines.append(f"The nearest is {best['test']}. What speaks against it: {objection}.")
        if table["told"].notna().any():
            most = table.sort_values("told", ascending=False).iloc[0]
            cost = f", and costs {words.money(float(most['cost']), str(most['currency']))}" if valued else ""
            lines.append(
                f"To know rather than to earn: {most['test']} closes most of what is open of all channels, "
                f"{words.percent(float(most['told']))} of it{cost}."
            )
    else:
        row = chosen.iloc[0]
        gain = f"{words.money(float(row['net']), str(row['currency']))} net" if valued else "most"
        lines.append(f"* {row['test']} is expected to gain {gain} over {row['horizon']} periods.")
        if row["why_not"]:
            lines.append(f"Mind that it {row['why_not']}.")
    if members < ROUGH:
        lines.append(f"The model has {members} draws only; values and widths are rough.")
    return lines


def frozen_shown(registration: Registration) -> str:
    """What is to be done, in words."""
    from mmm import words
    from mmm.design.registration import SHORT

    where = words.listing(list(registration.treated))
    change = words.signed(words.percent(registration.change))
    lines = [
        f"{registration.test}: {registration.channel} {change} in {where},",
        f"{words.day(registration.start)} to {words.day(registration.end)}"
        + (
            f", {registration.blocks} blocks of {registration.periods} periods"
            if registration.national
            else ""
        )
        + f"; then {registration.cooldown} periods as usual.",
    ]
    if not registration.national:
        lines.append(f"Held as usual: {words.listing(list(registration.control))}.")
    lines.append(
        f"An effect of {words.percent(registration.relative_detectable)} of the KPI is seen with the chance "
        f"asked for. Pre-registration {registration.digest[:SHORT]}"
    )
    return "\n".join(lines)


def result_shown(found: Result, registration: Registration) -> str:
    """What was found, in words."""
    from mmm import words

    lower, upper = found.interval
    verdict = "an effect is seen" if found.seen else "no effect is seen"
    return (
        f"{registration.test}: lift {words.number(found.lift, 3)} ({words.span(lower, upper, 3)}), "
        f"{words.signed(words.percent(found.lift / found.expected))} of the KPI, for "
        f"{words.number(found.spend_change, 3)} of {registration.columns['amount']}; {verdict} at "
        f"{words.percent(registration.level)}"
    )


# --- options -------------------------------------------------------------------------------------


def add_design(parser: argparse.ArgumentParser) -> None:
    """Options of ``design``."""
    steps = parser.add_subparsers(
        metavar="STEP",
        title="steps",
        description="`mmm design DIR REQUEST` means `mmm design tests DIR REQUEST`",
    )
    parser.set_defaults(run=None)
    for name, about, add, run in (
        ("tests", "find candidate tests, their value and their cost", _add_tests, run_tests),
        ("freeze", "write a chosen test as it is to be run: its pre-registration", _add_freeze, run_freeze),
        ("result", "compute what a frozen test found, as an entry for a fit", _add_result, run_result),
    ):
        step = steps.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
        add(step)
        step.set_defaults(run=run)


def _add_tests(parser: argparse.ArgumentParser) -> None:
    _add_asked(parser)
    parser.add_argument("--out", metavar="FILE", help="write all tests there, e.g. tests.parquet")
    _add_force(parser)


def _add_freeze(parser: argparse.ArgumentParser) -> None:
    _add_asked(parser)
    parser.add_argument("--test", metavar="NAME", required=True, help="column `test` of the tests")
    parser.add_argument("--out", metavar="FILE", required=True, help="the frozen test, e.g. test.yaml")
    _add_force(parser)


def _add_result(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the frozen test (YAML)")
    parser.add_argument(
        "readout", metavar="READOUT", help="CSV of rows by region and period, columns as the data"
    )
    parser.add_argument(
        "--out", metavar="FILE", help="write the entry there (YAML, or .csv) instead of printing it"
    )
    _add_force(parser)


def _add_asked(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="DIR", help="folder of a fitted model")
    parser.add_argument(
        "request", metavar="REQUEST", help="what may be tested, for which budget (YAML or JSON)"
    )


def _add_force(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="replace what is there")
