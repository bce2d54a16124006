"""A portfolio: shared defaults and many markets, of which a broken one fails alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mmm.config import MarketSpec, PoolSpec, PortfolioSpec
from mmm.config.files import Document, locate_data, merge, override, read_yaml, validate, with_experiments
from mmm.config.pool import OFF
from mmm.config.problems import Location, place
from mmm.errors import Problem, SpecError
from mmm.storage import list_files, parent, resolve

FIRST_LEVEL = ("brand", "market")

Raw = Mapping[str, Any] | str
"""A market as written: its spec, or the path of the file that holds it."""


@dataclass(frozen=True)
class PortfolioEntry:
    """One brand-market of a portfolio: a spec, or why there is none.

    Attributes:
        brand: Brand, as far as it is known.
        market: Market, as far as it is known.
        spec: The market's spec with the defaults joined in; None if it is broken.
        error: Everything wrong with it; None if nothing is.
    """

    brand: str
    market: str
    spec: MarketSpec | None
    error: SpecError | None


@dataclass(frozen=True)
class Portfolio:
    """Every brand-market of a portfolio file, in its order.

    Attributes:
        source: Path or URI of the file.
        entries: One for each brand-market, broken ones included.
        pool: What brands learn from one another.
    """

    source: str
    entries: tuple[PortfolioEntry, ...]
    pool: PoolSpec = OFF

    def specs(self) -> tuple[MarketSpec, ...]:
        """Every market's spec.

        Raises:
            SpecError: The problems of all broken markets together.
        """
        broken = [entry.error for entry in self.entries if entry.error is not None]
        if broken:
            raise SpecError(self.source, [problem for error in broken for problem in error.problems])
        return tuple(entry.spec for entry in self.entries if entry.spec is not None)


def is_portfolio(source: str) -> bool:
    """Whether a spec file describes a portfolio rather than one market.

    Raises:
        SpecError: The file cannot be read.
    """
    return "markets" in read_yaml(source).values


def load_portfolio(source: str, overrides: Iterable[str] = ()) -> Portfolio:
    """Read a portfolio and join the defaults into each market.

    Args:
        source: Path or URI of a YAML file.
        overrides: Settings such as ``train.members=8`` for every market, over all else.

    Raises:
        SpecError: The file itself is wrong, names a brand-market twice, or its folder has no
            partitions. What is wrong with one market stays in that market's entry.
    """
    document = read_yaml(str(source))
    spec = validate(PortfolioSpec, document.values, document.source, document.lines)
    overrides = tuple(overrides)
    override({}, overrides, document.source)
    raw: list[tuple[Raw, Location]]
    if isinstance(spec.markets, str):
        raw = _partitions(spec.markets, document)
    else:
        raw = [(market, ("markets", index)) for index, market in enumerate(spec.markets)]
    if not raw:
        message = "lists no market. Name at least one."
        raise SpecError(
            document.source, [Problem("no_markets", place(("markets",), document.lines), message)]
        )
    entries = [_entry(market, location, spec.defaults, overrides, document) for market, location in raw]
    _refuse_duplicates(entries, [location for _, location in raw], document)
    return Portfolio(document.source, tuple(entries), spec.pool)


def _entry(
    market: Raw,
    location: Location,
    defaults: Mapping[str, Any],
    overrides: tuple[str, ...],
    document: Document,
) -> PortfolioEntry:
    own, home, lines, prefix = market, document.source, document.lines, location
    try:
        if isinstance(own, str):
            home, prefix = resolve(own, parent(document.source)), ()
            inner = read_yaml(home)
            own, lines = inner.values, inner.lines
        values = with_experiments(override(merge(defaults, own), overrides, home), home)
    except SpecError as error:
        return PortfolioEntry("", str(market), None, error)
    brand, name = (str(values.get(key, "")) for key in FIRST_LEVEL)
    try:
        found = validate(MarketSpec, values, home, lines, prefix)
    except SpecError as error:
        return PortfolioEntry(brand, name, None, error)
    base = document.source if "data" not in own else home
    return PortfolioEntry(brand, name, locate_data(found, base), None)


def _partitions(folder: str, document: Document) -> list[tuple[Raw, Location]]:
    """A raw market spec for every ``brand=…/market=…`` folder that holds files."""
    root = resolve(folder, parent(document.source))
    where = place(("markets",), document.lines)
    try:
        files = list_files(root)
    except (OSError, ValueError) as error:
        message = f"{root} cannot be listed: {error}. Check the path."
        raise SpecError(document.source, [Problem("unreadable_data", where, message)]) from error
    keys = sorted({tuple(file.keys.get(key, "") for key in FIRST_LEVEL) for file in files})
    keys = [key for key in keys if all(key)]
    if not keys:
        message = f"{root} has no files below brand=…/market=… folders. Name the folder above them."
        raise SpecError(document.source, [Problem("no_partitions", where, message)])
    return [
        ({"brand": brand, "market": market, "data": {"path": root}}, ("markets",)) for brand, market in keys
    ]


def _refuse_duplicates(entries: list[PortfolioEntry], locations: list[Location], document: Document) -> None:
    first: dict[tuple[str, str], Location] = {}
    problems = []
    for entry, location in zip(entries, locations, strict=True):
        key = (entry.brand, entry.market)
        if all(key) and key in first:
            message = (
                f"brand {entry.brand!r} in market {entry.market!r} is already "
                f"{place(first[key], document.lines)}; "
                "each brand-market is one model. Remove or rename one."
            )
            problems.append(Problem("duplicate_market", place(location, document.lines), message))
        first.setdefault(key, location)
    if problems:
        raise SpecError(document.source, problems)
