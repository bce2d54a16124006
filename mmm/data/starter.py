"""A first market spec for a panel: YAML with comments around guessed roles."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import yaml

from mmm.data.guess import Guess, guess_roles
from mmm.data.source import PORTFOLIO_KEYS, open_source, read_columns
from mmm.errors import PanelError, Problem
from mmm.tabular.dates import parse_dates


def guess_spec(
    place: str, *, brand: str | None = None, market: str | None = None, path: str | None = None
) -> str:
    """A commented market spec for a panel, as YAML text.

    Args:
        place: A CSV or Parquet file or a folder, path or URI.
        brand: Name of the brand; by default that of the first partition, if there are any.
        market: Name of the market, likewise.
        path: How the spec shall call the place; by default as given.

    Raises:
        PanelError: The file cannot be read, or no column looks like a date or like a KPI.
    """
    source = open_source(place, brand, market)
    partition = source.files[0].keys
    brand = brand or partition.get("brand", "brand")
    market = market or partition.get("market", "market")
    if partition:
        source = open_source(place, brand, market)
    names = [name for name in source.columns if name not in PORTFOLIO_KEYS]
    table = read_columns(source, names, text=names)
    guess = guess_roles({name: table[name] for name in names})
    problems = [
        Problem(
            "no_role", role, f"no column looks like the {role}; there are {', '.join(names)}. Rename one."
        )
        for role, found in (("date", guess.date), ("KPI", guess.kpi), ("media", guess.channels))
        if not found
    ]
    if problems:
        raise PanelError(place, problems)
    holdout = _holdout(table[guess.date], guess.date_format)
    return _render(guess, path or place, brand, market, holdout)


def _holdout(dates: pa.ChunkedArray, date_format: str | None) -> int:
    """13 periods, or an eighth of a short panel."""
    days = parse_dates(dates, date_format).values_N
    return int(min(13, max(1, len(np.unique(days[~np.isnat(days)])) // 8)))


def _quoted(value: object) -> str:
    return (
        yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
        .split("\n...")[0]
        .strip()
    )


def _render(guess: Guess, place: str, brand: str, market: str, holdout: int) -> str:
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
    lines.append("columns:")
    lines.append(
        f"  region: {_quoted(guess.region)}"
        if guess.region
        else "  # region: …   # no region column found: national"
    )
    lines += [
        f"  date: {_quoted(guess.date)}",
        f"  kpi: {_quoted(guess.kpi)}                  # what media are to move",
        f"  population: {_quoted(guess.population)}"
        if guess.population
        else "  # population: …   # size of a region",
        "  channels:                       # name: {spend: column, exposure: column}; at least one of them",
        *(f"    {_quoted(name)}: {_quoted(columns)}" for name, columns in guess.channels.items()),
        f"  controls: {_quoted(guess.controls)}   # moves the KPI and is not media",
    ]
    if guess.events:
        lines.append(f"  events: {_quoted(guess.events)}")
    if guess.unused:
        lines.append(f"  # not used: {', '.join(guess.unused)}")
    lines += [
        "currency: USD",
        f"kpi_value: {_quoted(guess.kpi_value or 1.0)}   # currency per KPI unit: a number or a column",
        "# holidays: {country: US}         # public holidays as controls",
        "splits:",
        f"  holdout: {holdout}                     # trailing periods scored after training",
        "  test: 0                         # last periods that nothing sees before the end",
        "model: {}",
        "train: {}",
    ]
    return "\n".join(lines) + "\n"
