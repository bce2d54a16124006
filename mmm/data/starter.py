"""A first spec for a panel that nobody has described yet: YAML with comments around guessed roles.

What is not sure is marked UNCLEAR in its line, and counted at the end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from mmm.data.guess.names import plain
from mmm.data.guess.roles import Guess, guess_roles
from mmm.data.guess.words import TOTALS
from mmm.data.source import PORTFOLIO_KEYS, Source, open_source, read_columns
from mmm.errors import PanelError, Problem
from mmm.tabular.dates import parse_dates
from mmm.tabular.numbers import is_text, parse_numbers, parse_regions

UNCLEAR = "UNCLEAR"
CURRENCIES = {"€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "$": "USD"}
CODES = frozenset(("USD", "EUR", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "JPY", "INR", "AUD", "CAD"))
LEAST_HOLDOUT = 4
"""Periods below which a holdout says nothing."""


@dataclass(frozen=True)
class Draft:
    """A first spec.

    Attributes:
        text: YAML.
        doubts: Lines that a person must decide.
    """

    text: str
    doubts: int


def draft_spec(
    place: str, *, brand: str | None = None, market: str | None = None, path: str | None = None
) -> Draft:
    """A commented market spec for a panel, and how much of it is in doubt.

    Args:
        place: A CSV or Parquet file or a folder, path or URI.
        brand: Name of the brand; by default that of the first partition, if there are any.
        market: Name of the market, likewise.
        path: How the spec shall call the place; by default as given.

    Raises:
        PanelError: The file cannot be read, its numbers or dates cannot, or no column looks like a date, a
            KPI or media.
    """
    source = open_source(place, brand, market)
    partition = source.files[0].keys
    brand = brand or partition.get("brand", "brand")
    market = market or partition.get("market", "market")
    if partition:
        source = open_source(place, brand, market)
    names = [name for name in source.columns if name not in PORTFOLIO_KEYS]
    table = read_columns(source, names, text=names)
    numbers = _numbers(source, names, table)
    guess = guess_roles({name: table[name] for name in names}, numbers)
    problems = _unreadable(guess, names, table, numbers) or _missing(guess, names)
    if problems:
        raise PanelError(place, problems)
    return _render(guess, table, path or place, brand, market)


def _numbers(source: Source, names: list[str], table: pa.Table) -> dict[str, pa.ChunkedArray]:
    """Columns as numbers where the file allows one reading."""
    read = read_columns(source, names)
    return {name: table[name] if pa.types.is_null(read[name].type) else read[name] for name in names}


def _unreadable(
    guess: Guess, names: list[str], table: pa.Table, numbers: Mapping[str, pa.ChunkedArray]
) -> list[Problem]:
    """Columns of figures that cannot be read as numbers, and dates that cannot be read."""
    problems = []
    if guess.date is not None and (dates := parse_dates(table[guess.date], guess.date_format)).bad_N.any():
        message = f"{int(dates.bad_N.sum())} dates cannot be read, e.g. {dates.samples[0]!r}: {dates.hint}."
        problems.append(Problem("bad_date", guess.date, message))
    for name in names:
        if name in (guess.date, guess.region, *guess.events) or not is_text(table[name].type):
            continue
        parsed = parse_numbers(numbers[name])
        if not parsed.bad_N.any():
            continue
        figures = pc.match_substring_regex(table[name].combine_chunks(), r"^[^\pL]*\d[\d., '\x{a0}]*[^\pL]*$")
        if pc.mean(figures.cast(pa.int8())).as_py() > 0.5:
            message = (
                f"is not a number in {int(parsed.bad_N.sum())} of {len(parsed.bad_N)} rows, e.g. "
                f"{parsed.samples[0]!r}: {parsed.hint}."
            )
            problems.append(Problem("bad_number", name, message))
    return problems


def _missing(guess: Guess, names: list[str]) -> list[Problem]:
    return [
        Problem(
            "no_role", role, f"no column looks like the {role}; there are {', '.join(names)}. Rename one."
        )
        for role, found in (("date", guess.date), ("KPI", guess.kpi), ("media", guess.channels))
        if not found
    ]


def _holdout(dates: pa.ChunkedArray, date_format: str | None) -> int:
    """13 periods, or an eighth of a short panel, never so few that they say nothing."""
    days = parse_dates(dates, date_format).values_N
    return int(min(13, max(LEAST_HOLDOUT, len(np.unique(days[~np.isnat(days)])) // 8)))


def _currency(names: list[str]) -> str | None:
    """The currency that names of columns state, if they state one."""
    found = {code for sign, code in CURRENCIES.items() if any(sign in name for name in names)}
    found |= {code for code in CODES for name in names if code.casefold() in plain(name).split("_")}
    return found.pop() if len(found) == 1 else None


def _totals(guess: Guess, table: pa.Table) -> list[str]:
    """Regions that sum up all others, by their names."""
    if guess.region is None:
        return []
    regions, _ = parse_regions(table[guess.region])
    return [name for name in regions if " ".join(name.split()).casefold() in TOTALS]


def _quoted(value: object) -> str:
    return (
        yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
        .split("\n...")[0]
        .strip()
    )


def _render(guess: Guess, table: pa.Table, place: str, brand: str, market: str) -> Draft:
    lines = [
        "# Guessed from the column names: check every line, then run `mmm validate` on this file.",
        f"brand: {_quoted(brand)}",
        f"market: {_quoted(market)}",
        "data:",
        f"  path: {_quoted(place)}                # relative to this file, or any URI",
    ]
    if guess.date_format:
        lines.append(f"  date_format: {_quoted(guess.date_format)}  # check day and month")
    lines.append("  # fill: {media: zero, controls: previous}   # what empty cells mean; refused by default")
    if totals := _totals(guess, table):
        lines.append(f"regions: {{exclude: {_quoted(totals)}}}   # sums of the others, by their names")
    holdout = _holdout(table[guess.date], guess.date_format)
    lines += _column_lines(guess)
    lines += _money_lines(guess, list(table.column_names))
    lines += [
        "# holidays: {country: US}         # public holidays as controls",
        "splits:",
        f"  holdout: {holdout}                     # trailing periods scored after training",
        "  test: 0                         # last periods that nothing sees before the end",
        "model: {}",
        "train: {}",
        "# Every column, and why:",
        *(f"#   {_quoted(name)}: {_why(name, guess)}" for name in table.column_names),
    ]
    doubts = sum(UNCLEAR in line for line in lines)
    lines.append(f"# Lines above that are unclear: {doubts}")
    return Draft("\n".join(lines) + "\n", doubts)


def _why(name: str, guess: Guess) -> str:
    """What a column was taken for, and the reason."""
    single = {
        guess.date: "date",
        guess.region: "region",
        guess.kpi: "KPI",
        guess.kpi_value: "value of the KPI",
    }
    single |= {guess.population: "population"}
    role = single.get(name)
    for channel, sides in {**guess.channels, **guess.organic, **guess.mediators}.items():
        role = next((f"{kind} of {channel!r}" for kind, own in sides.items() if own == name), role)
    if name in guess.treatments:
        role = "treatment"
    if role is None:
        role = "control" if name in guess.controls else "event" if name in guess.events else "not used"
    if name in guess.doubts:
        return f"{role}, {UNCLEAR}: {guess.doubts[name]}"
    usual = "no name or content of media: nothing else known" if role == "control" else "by its name"
    return f"{role}: {guess.reasons.get(name, usual)}"


NOT_BOUGHT = {
    "organic": "media that nobody buys: exposure, or reach and how often",
    "mediators": "what channels move and nobody buys",
    "treatments": "levers that are no media: the value their effect is counted against, and its sign",
}
"""Sections of columns for what is not bought, and what they are."""


def _column_lines(guess: Guess) -> list[str]:
    lines = [
        "columns:",
        f"  region: {_quoted(guess.region)}"
        if guess.region
        else "  # region: …   # no region column found: national",
        f"  date: {_quoted(guess.date)}",
        f"  kpi: {_quoted(guess.kpi)}                  # what media are to move",
        f"  population: {_quoted(guess.population)}"
        if guess.population
        else "  # population: …   # size of a region",
        "  channels:                       # name: {spend: column, exposure: column}; at least one of them",
    ]
    lines += [f"    {_quoted(name)}: {_quoted(columns)}" for name, columns in guess.channels.items()]
    for kind, why in NOT_BOUGHT.items():
        if own := getattr(guess, kind):
            lines.append(f"  {kind}:{' ' * (32 - len(kind))}# {why}")
            lines += [f"    {_quoted(name)}: {_quoted(columns)}" for name, columns in own.items()]
    lines.append(f"  controls: {_quoted(guess.controls)}   # moves the KPI and is not media")
    if guess.events:
        lines.append(f"  events: {_quoted(guess.events)}")
    if guess.unused:
        lines.append(f"  # not used: {', '.join(guess.unused)}")
    return lines


def _money_lines(guess: Guess, names: list[str]) -> list[str]:
    """Currency and value of the KPI, stated only where columns state them."""
    currency = _currency(names)
    is_money = re.search(r"revenue|sales_value|turnover|umsatz|gmv|fatturato|omzet", plain(guess.kpi or ""))
    return [
        f"currency: {currency}   # by the names of the columns"
        if currency
        else f"# currency: EUR   # {UNCLEAR}: no column states it; write that of spend",
        f"kpi_value: {_quoted(guess.kpi_value)}   # currency per KPI unit: a number or a column"
        if guess.kpi_value
        else "kpi_value: 1.0   # the KPI is money by its name"
        if is_money
        else f"# kpi_value: 1.0   # {UNCLEAR}: currency per KPI unit; 1 if the KPI is money",
    ]
