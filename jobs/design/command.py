"""``python -m jobs.design PORTFOLIO``: a yearly budget of tests over the models of a refit.

Looks at every brand-market that ``python -m jobs.refit PORTFOLIO`` left a model of below ``--out``, and
writes ``tests.parquet`` there: every candidate test, and in which order the budget takes which. What a test
teaches sister markets counts where the portfolio has ``pool:``.

Exit status: 0 every brand-market of the portfolio was looked at, 1 some were not (named), 2 the input must be
corrected, 130 interrupted.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from jobs.cluster import connect, results
from jobs.command import DONE, FAILED, Say, run_command, say
from jobs.design.markets import Designed, Model, design_markets
from jobs.design.spend import classes_of, joined_tests, market_rates, spend
from jobs.options import add_address, add_cpus, add_set, job_parser, positive
from jobs.record.rows import read_table
from jobs.record.store import absolute, check_place
from jobs.refit.pool import read_pool
from mmm import words
from mmm.config.files import override, read_yaml
from mmm.design.request import DesignRequest, parse_design
from mmm.errors import Problem, SpecError
from mmm.portfolio import load_portfolio
from mmm.storage import parent, write_parquet

TABLE = "tests.parquet"
TOGETHER = 4
"""Markets of a task at most: each takes seconds."""
PLAIN: dict[str, Any] = {
    "budget": {
        "budget": "current",
        "horizon": 13,
        "default_bounds": {"min_change": -0.3, "max_change": 0.3},
    }
}
"""What is asked where no request is named: what the last quarter cost, each channel within 30 %."""
SHOWN = 20


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a design of a portfolio came to.

    Attributes:
        tests: Content of ``tests.parquet``.
        failed: Markets that were not looked at, and why.
        looked: Markets that were.
    """

    tests: pd.DataFrame
    failed: tuple[tuple[str, str], ...]
    looked: int


def design(
    portfolio: str,
    out: str,
    request: DesignRequest,
    *,
    budget: float | None = None,
    rates: Mapping[str, float] | None = None,
    address: str | None = None,
    cpus: int | None = None,
    say: Say = say,
) -> Outcome:
    """Choose tests for a portfolio and write their table.

    Args:
        portfolio: Its spec.
        out: Absolute place of the refit's results, on storage that every worker sees.
        request: What may be tested, for which decision of each market.
        budget: What tests may cost together in a year; None for any amount.
        rates: Units of the budget's currency for one of each other currency.
        address: Ray cluster; None starts one here unless ``RAY_ADDRESS`` names one.
        cpus: CPUs of a cluster started here.
        say: Told the progress.

    Raises:
        SpecError: The portfolio's spec is wrong, or currencies differ and a rate is missing.
        OutputError: ``out`` cannot be written, or holds no results.
    """
    check_place(out)
    loaded = load_portfolio(portfolio)
    rows, models, failed = read_table(out), [], []
    for entry in loaded.entries:
        row = rows.get((entry.brand, entry.market))
        if row is None or not row.directory:
            failed.append((f"{entry.brand} / {entry.market}", f"no model below {out}; run jobs.refit first"))
        else:
            models.append(Model(entry.brand, entry.market, row.directory))
    markets = _looked_at(models, request, address, cpus, say)
    failed += [(market.model.name, market.problem) for market in markets if market.tests is None]
    named = joined_tests(markets, _rates(markets, rates or {}))
    pool = read_pool(out) if loaded.pool.pools else None
    table = spend(named, classes_of(pool, markets, market_rates(named)), budget)
    write_parquet(f"{out}/{TABLE}", pa.Table.from_pandas(table, preserve_index=False))
    return Outcome(table, tuple(failed), len(markets) - sum(market.tests is None for market in markets))


def _looked_at(
    models: Sequence[Model], request: DesignRequest, address: str | None, cpus: int | None, say: Say
) -> list[Designed]:
    if not models:
        return []
    with connect(address, cpus=cpus) as cluster:
        import ray

        size = max(1, min(TOGETHER, -(-len(models) // max(cluster.cpus, 1))))
        say(f"tests of {words.count(len(models), 'market')} on {words.count(cluster.cpus, 'CPU')}")
        remote = ray.remote(design_markets)
        parts = [models[first : first + size] for first in range(0, len(models), size)]
        answers: list[list[Designed]] = results([remote.remote(part, request) for part in parts])
    return [market for part in answers for market in part]


def _rates(markets: Sequence[Designed], rates: Mapping[str, float]) -> dict[str, float]:
    """A rate for every currency: 1 where there is one currency only.

    Raises:
        SpecError: Currencies differ and one has no rate.
    """
    found = sorted(
        {
            str(name)
            for market in markets
            if market.tests is not None
            for name in market.tests["currency"].unique()
            if name
        }
    )
    if len(found) < 2 and not rates:
        return dict.fromkeys(found, 1.0)
    absent = [name for name in found if name not in rates]
    if absent:
        text = (
            f"markets are in {', '.join(found)}; say how many units of the budget's currency one "
            f"{absent[0]} is: --rate {absent[0]}=1.1 (1 for the budget's own)."
        )
        raise SpecError("jobs.design", [Problem("no_rate", "--rate", text)])
    return dict(rates)


def report(outcome: Outcome, out: str, say: Say) -> int:
    """Say what was chosen; returns the exit status."""
    tests = outcome.tests
    taken = tests[tests["order"] > 0] if len(tests) else tests
    for row in taken.head(SHOWN).to_dict("records"):
        sisters = float(row["sister_value"])
        more = f", of it {words.number(sisters, 3)} in sister markets" if sisters > 0 else ""
        say(
            f"{row['order']}. {row['brand']} / {row['market']} {row['test']}: costs "
            f"{words.number(float(row['cost'] * row['exchange_rate']), 3)}, net "
            f"{words.number(float(row['total_net']), 3)}{more}"
        )
    if len(taken) > SHOWN:
        say(f"and {len(taken) - SHOWN} more")
    unpriced = len(tests) > 0 and not tests["net"].notna().any()
    if unpriced:
        say("No market states kpi_value, so nothing is in money and no test is chosen.")
    elif taken.empty:
        say("No test is worth its cost.")
    else:
        cost = float((taken["cost"] * taken["exchange_rate"]).sum())
        say(
            f"{words.count(len(taken), 'test')} for {words.number(cost, 3)}, net "
            f"{words.number(float(taken['total_net'].sum()), 3)}"
        )
    say(f"{len(tests)} candidates of {words.count(outcome.looked, 'market')}: {out}/{TABLE}")
    for name, reason in outcome.failed:
        say(f"failed: {name}: {reason}")
    return FAILED if outcome.failed else DONE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)

    def work() -> int:
        out = absolute(options.out)
        outcome = design(
            options.portfolio,
            out,
            _request(options.request, options.set),
            budget=options.budget,
            rates=dict(options.rate),
            address=options.address,
            cpus=options.cpus,
        )
        return report(outcome, out, say)

    return run_command(work, "interrupted; run the same command again")


def _request(path: str | None, settings: Sequence[str]) -> DesignRequest:
    """The request of a file, or the plain one, with settings replaced."""
    if path is None:
        return parse_design(override(PLAIN, settings, "jobs.design"), source="jobs.design")
    document = read_yaml(path)
    values = override(document.values, settings, path)
    return parse_design(values, source=path, base=parent(path), lines=document.lines)


def _rate(text: str) -> tuple[str, float]:
    """``EUR=1.1`` as a pair."""
    name, equals, number = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is no rate; write e.g. EUR=1.1")
    return name, positive(number)


def _parser() -> argparse.ArgumentParser:
    parser = job_parser("jobs.design", "Spend a yearly budget of tests over the models of a portfolio.")
    add = parser.add_argument
    add("portfolio", metavar="PORTFOLIO", help="spec of the portfolio (YAML), path or URI")
    add("--out", default="out/refit", help="place of the refit's results, and of tests.parquet (out/refit)")
    add("--request", metavar="FILE", help="design request (YAML); by default the last quarter within 30 %%")
    add(
        "--budget",
        type=positive,
        metavar="AMOUNT",
        help="what tests may cost in a year; any by default",
    )
    add(
        "--rate",
        type=_rate,
        metavar="CURRENCY=UNITS",
        action="append",
        default=[],
        help="units of the budget's currency for one of another, where markets differ; may be repeated",
    )
    add_set(parser, "of the request")
    add_address(parser)
    add_cpus(parser)
    return parser
