"""What a refit is to do: which brand-markets of a portfolio, with which settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from jobs.record.identity import upgraded
from jobs.record.ledger import Ledger
from jobs.record.rows import Row
from jobs.refit.task import Work
from mmm.config import MarketSpec, PoolSpec
from mmm.config.files import unknown_name
from mmm.config.pool import OFF
from mmm.errors import Problem, SpecError
from mmm.portfolio import Portfolio, PortfolioEntry, load_portfolio

KEYS = ("brand", "market")


@dataclass(frozen=True)
class Selection:
    """The brand-markets of one refit.

    Attributes:
        work: Those to bring up to date.
        broken: Those whose spec is wrong, as failed rows.
        names: Brand and market of every entry of the portfolio, asked for or not.
        pool: What brands learn from one another.
        verticals: What every entry's brand is in, where it is stated.
    """

    work: tuple[Work, ...]
    broken: tuple[Row, ...]
    names: tuple[tuple[str, str], ...]
    pool: PoolSpec = OFF
    verticals: Mapping[tuple[str, str], str] = field(default_factory=dict)


def select_markets(
    source: str,
    out: str,
    *,
    overrides: Iterable[str] = (),
    only: Mapping[str, frozenset[str]] | None = None,
    report: bool = False,
    timeout: float | None = None,
    threads: int = 1,
    trials: int = 0,
    fresh: bool = False,
) -> Selection:
    """Read a portfolio and pick what was asked for.

    A market's production model is fitted on every period after scoring (``train.refit_on_all``) unless its
    spec or an override says otherwise.

    Args:
        source: Path or URI of the portfolio's YAML.
        out: Absolute place of the results.
        overrides: Settings of the form ``train.members=8`` for every market.
        only: Brands and markets to keep, by ``brand`` and ``market``; None keeps all.
        report: Also write each market's report.
        timeout: Seconds a market may take.
        threads: CPUs of a task.
        trials: Settings tried for each market before its fit; 0 takes those of its spec.
        fresh: Begin every fit anew instead of at the champion.

    Raises:
        SpecError: The portfolio itself is wrong, or ``only`` names what it has not.
    """
    portfolio = load_portfolio(source, overrides)
    chosen = choose_entries(portfolio, only or {})
    return Selection(
        work=tuple(
            Work(
                for_production(entry.spec),
                out,
                report,
                timeout,
                threads,
                trials,
                pools=portfolio.pool.pools,
                fresh=fresh,
            )
            for entry in chosen
            if entry.spec is not None
        ),
        broken=tuple(
            Row(entry.brand, entry.market, "failed", str(entry.error))
            for entry in chosen
            if entry.spec is None
        ),
        names=tuple((entry.brand, entry.market) for entry in portfolio.entries),
        pool=portfolio.pool,
        verticals={
            (entry.brand, entry.market): entry.spec.vertical
            for entry in portfolio.entries
            if entry.spec is not None and entry.spec.vertical is not None
        },
    )


def with_previous(
    selection: Selection, before: Mapping[tuple[str, str], Row], ledger: Ledger
) -> tuple[Selection, dict[tuple[str, str], Row]]:
    """Markets that know their last models and what the ledger has of them; rows as they are written today."""
    rows, work = dict(before), []
    for market in selection.work:
        key = (market.spec.brand, market.spec.market)
        if (row := rows.get(key)) is not None:
            rows[key] = row = upgraded(row, market.spec, trials=market.trials)
        previous = "" if row is None else row.directory
        standings, judged = ledger.standings(*key), ledger.judged(*key)
        work.append(replace(market, previous=previous, standings=standings, judged=judged))
    return replace(selection, work=tuple(work)), rows


def for_production(spec: MarketSpec) -> MarketSpec:
    """The spec with ``train.refit_on_all`` true where nobody set it."""
    if "refit_on_all" in spec.train.model_fields_set:
        return spec
    train = spec.train.model_copy(update={"refit_on_all": True})
    return spec.model_copy(update={"train": train})


def parse_only(words: Iterable[str]) -> dict[str, frozenset[str]]:
    """``["brand=acme", "market=de,us"]`` as names to keep.

    Raises:
        SpecError: A word that is not ``brand=…`` or ``market=…``.
    """
    only: dict[str, frozenset[str]] = {}
    for word in words:
        key, equals, values = word.partition("=")
        names = frozenset(filter(None, (name.strip() for name in values.split(","))))
        if key not in KEYS or not equals or not names:
            message = f"{word!r} is not brand=NAME[,NAME] or market=NAME[,NAME]."
            raise SpecError("--only", [Problem("bad_filter", "", message)])
        only[key] = only.get(key, frozenset()) | names
    return only


def parse_tune(word: str | None) -> int:
    """``"trials=20"`` as a number of trials; None is 0, no search.

    Raises:
        SpecError: Not of that form.
    """
    if word is None:
        return 0
    key, _, number = word.partition("=")
    if key != "trials" or not number.isdecimal() or int(number) < 1:
        message = f"{word!r} is not trials=N with N of at least 1, e.g. trials=20."
        raise SpecError("--tune", [Problem("bad_tune", "", message)])
    return int(number)


def choose_entries(portfolio: Portfolio, only: Mapping[str, frozenset[str]]) -> tuple[PortfolioEntry, ...]:
    """Entries with the brands and markets asked for.

    Raises:
        SpecError: A brand or market that no entry has, or none that has both.
    """
    problems = []
    for key, wanted in only.items():
        known = dict.fromkeys(getattr(entry, key) for entry in portfolio.entries)
        problems += [
            Problem(
                "unknown_name", key, f"{name!r} is not in {portfolio.source}; {unknown_name(name, known)}"
            )
            for name in sorted(wanted - set(known))
        ]
    chosen = tuple(
        entry
        for entry in portfolio.entries
        if all(getattr(entry, key) in wanted for key, wanted in only.items())
    )
    if not chosen and not problems:
        asked = " and ".join(f"{key}={','.join(sorted(names))}" for key, names in only.items())
        problems = [Problem("nothing_selected", "", f"no entry of {portfolio.source} has {asked}.")]
    if problems:
        raise SpecError("--only", problems)
    return chosen
