"""Reach and frequency of channels: what their cells may hold beside one another, and what they can tell.

Shapes: N rows, G regions, T periods, C channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mmm.config import MarketSpec
from mmm.config.columns import MediaColumns
from mmm.data.panel import Bools, Floats, Panel
from mmm.data.scale import CONSTANT_CONTACTS
from mmm.data.schema import Finding, LongTable, Role
from mmm.errors import Problem
from mmm.words import percent

BEYOND_POPULATION = 5.0
"""Reach over population from which the two are in different units; below it they are counted unlike."""
MOST_CONTACTS = 100.0
"""Contacts of a person in a period beyond which reach and impressions are in different units."""
FLAT = 0.05
"""Relative spread of frequency below which its effect is hardly told from that of reach: with a slope of 2
what a person does then moves by a tenth at most, in which a panel of three years finds no shape."""


def reach_problems(table: LongTable, spec: MarketSpec, roles: Sequence[Role]) -> list[Problem]:
    """Rows whose reach, frequency, impressions and population contradict each other.

    Args:
        table: Parsed rows.
        spec: Roles of the columns.
        roles: Columns that could be read; channels that lack one are left out.
    """
    read = {role.column for role in roles}
    problems: list[Problem] = []
    for name, channel in spec.columns.media.items():
        columns = [own for own in (channel.reach, channel.frequency, channel.impressions) if own is not None]
        if channel.reach is not None and read.issuperset(columns):
            problems += _of_channel(table, name, channel)
            if spec.columns.population in read:
                problems += _beyond(table, name, channel.reach, spec.columns.population)
    return problems


def _of_channel(table: LongTable, name: str, channel: MediaColumns) -> Iterator[Problem]:
    reach_N = np.nan_to_num(table.numbers[channel.reach or ""], nan=0.0)
    given = channel.frequency or channel.impressions or ""
    given_N = table.numbers[given]
    each_N = given_N if channel.frequency is not None else _each(given_N, reach_N)
    runs_N = reach_N > 0
    with np.errstate(invalid="ignore"):
        checks: list[tuple[str, Bools, str, str]] = [
            (
                "frequency_below_one",
                runs_N & ~(each_N >= 1.0 - 1e-9),
                "is below 1, or empty, where somebody is reached",
                "Whoever is reached has a contact: correct the cell, or give both of the same people",
            ),
            (
                "frequency_without_reach",
                ~runs_N & (given_N > 0),
                "is above 0 where nobody is reached",
                "Contacts are contacts of somebody: fill in the reach, or write 0",
            ),
            (
                "frequency_too_high",
                runs_N & (each_N > MOST_CONTACTS),
                f"is above {MOST_CONTACTS:g} contacts per person and period",
                "Check the units: is reach in thousands, or impressions those of a longer time?",
            ),
        ]
    for code, bad_N, what, advice in checks:
        if bad_N.any():
            rows = _counted(int(bad_N.sum()), "row")
            message = f"frequency of {name!r} {what} in {rows}: {table.cells(bad_N, given)}. {advice}."
            yield Problem(code, given, message)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" + ("s" if count != 1 else "")


def _each(all_N: Floats, reach_N: Floats) -> Floats:
    """Contacts per person reached, from contacts in all."""
    return np.divide(all_N, reach_N, out=np.zeros_like(reach_N), where=reach_N > 0)


def _beyond(table: LongTable, name: str, reach: str, population: str) -> Iterator[Problem]:
    with np.errstate(invalid="ignore"):
        beyond_N = table.numbers[reach] > BEYOND_POPULATION * table.numbers[population]
    if beyond_N.any():
        count = int(beyond_N.sum())
        message = (
            f"reach of {name!r} is more than {BEYOND_POPULATION:g} times the population in {count} of "
            f"{len(beyond_N)} rows: {table.cells(beyond_N, reach)}. Nobody is reached for the first time "
            "twice: give both in persons, or impressions as `exposure`."
        )
        yield Problem("reach_beyond_population", reach, message)


def reach_findings(panel: Panel) -> list[Finding]:
    """What is remarkable about the reach and frequency of a panel's channels."""
    found: list[Finding] = []
    for c in np.flatnonzero(panel.has_reach_C):
        found += _above_population(panel, int(c))
        found += _flat(panel, int(c))
    return found


def _above_population(panel: Panel, c: int) -> Iterator[Finding]:
    if panel.population_G is None:
        return
    above_GT = panel.media_GTC[:, :, c] > panel.population_G[:, None] * (1 + 1e-9)
    if above_GT.any():
        g, t = (int(index[0]) for index in np.nonzero(above_GT))
        cells = _counted(int(above_GT.sum()), "cell")
        most = float((panel.media_GTC[:, :, c] / panel.population_G[:, None]).max())
        yield Finding(
            "warning",
            "reach_above_population",
            f"channel {panel.channels[c]!r}",
            f"reach is above the population in {cells}, by {percent(most - 1.0)} at most, "
            f"first in region {panel.regions[g]!r}, {panel.dates[t]}.",
            "People are then counted more than once, and frequency is too low: its best is off by as much.",
            "Give reach in persons of the same area as the population, or a population that holds them.",
        )


def contacts_spread(panel: Panel, c: int, periods: slice = slice(None)) -> tuple[float, float]:
    """Mean and relative spread of the contacts of the people a channel reached; of no reach, 1 and 0."""
    assert panel.contacts_GTC is not None
    reach_GT, each_GT = panel.media_GTC[:, periods, c], panel.contacts_GTC[:, periods, c]
    total = float(reach_GT.sum())
    if total <= 0:
        return 1.0, 0.0
    mean = float((reach_GT * each_GT).sum()) / total
    variance = float((reach_GT * (each_GT - mean) ** 2).sum()) / total
    return mean, float(np.sqrt(variance)) / mean


def _flat(panel: Panel, c: int) -> Iterator[Finding]:
    mean, spread = contacts_spread(panel, c)
    if spread >= FLAT:
        return
    constant = spread <= CONSTANT_CONTACTS
    yield Finding(
        "warning",
        "frequency_flat",
        f"channel {panel.channels[c]!r}",
        f"frequency is {mean:.3g} throughout."
        if constant
        else f"frequency hardly varies: {mean:.3g}, with a spread of {percent(spread)}.",
        "What more contacts per person would bring cannot be told: "
        + (
            "the channel is fitted as one of exposure, and no best frequency is given."
            if constant
            else "the best frequency is the prior's word."
        ),
        "Vary frequency between regions or flights, e.g. by caps, if it is to be learned.",
    )
