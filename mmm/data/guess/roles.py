"""Roles of a panel's columns guessed from their names and contents, to be corrected by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mmm.data.guess.contents import identifies, is_constant_within, is_flag, repeats
from mmm.data.guess.drivers import not_bought, treatment
from mmm.data.guess.names import is_ignored, named_like, plain, stem, suffix
from mmm.data.guess.words import (
    COMPETITION,
    CONTROL,
    DATE,
    DEMAND,
    EVENTS,
    EXPOSURE,
    FREQUENCY,
    KPI,
    MEDIA_WORDS,
    OUTDOOR,
    PAID_PREFIX,
    PART_OF_DATE,
    PER_UNIT,
    PLATFORMS,
    POPULATION,
    PRICE_OF_MEDIA,
    RATE,
    REACH,
    REGION,
    SEEN_PREFIX,
    SIZE,
    SPEND,
    UNPAID,
    VALUE,
    VALUE_OF_UNIT,
)
from mmm.data.panel import Floats
from mmm.tabular.dates import CANDIDATE_FORMATS, parse_dates
from mmm.tabular.events import event_names
from mmm.tabular.numbers import is_plain_kind, parse_numbers, parse_regions


@dataclass
class Guess:
    """Roles guessed so far; what nobody recognised stays in ``unused``."""

    date: str | None = None
    region: str | None = None
    kpi: str | None = None
    population: str | None = None
    kpi_value: str | None = None
    date_format: str | None = None
    channels: dict[str, dict[str, str]] = field(default_factory=dict)
    organic: dict[str, dict[str, str]] = field(default_factory=dict)
    mediators: dict[str, dict[str, str]] = field(default_factory=dict)
    treatments: dict[str, dict[str, str]] = field(default_factory=dict)
    controls: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    doubts: dict[str, str] = field(default_factory=dict)

    def leave(self, name: str, why: str, *, doubt: bool = False) -> None:
        """Put a column away, with the reason."""
        self.unused.append(name)
        (self.doubts if doubt else self.reasons)[name] = why


def guess_roles(
    columns: Mapping[str, pa.ChunkedArray], numbers: Mapping[str, pa.ChunkedArray] | None = None
) -> Guess:
    """Roles from names first, and from contents where names say nothing.

    Knows the names of Meridian's (``geo``, ``time``, ``Channel0_spend``, ``…_impression``, ``…_control``),
    Robyn's (``DATE``, ``tv_S``, ``facebook_I``, ``search_clicks_P``, ``competitor_sales_B``, ``newsletter``),
    PyMC-Marketing's (``date_week``, ``x1``, ``y``, ``event_1``) and DeepCausalMMM's files.

    Args:
        columns: Cells as text.
        numbers: The same cells, as numbers where the file allows one reading.
    """
    guess = Guess()
    left = [name for name in columns if not is_ignored(name)]
    for name in [name for name in columns if name not in left]:
        guess.leave(name, "an index or a name of the market")
    for name in [name for name in left if not is_plain_kind(columns[name].type)]:
        guess.leave(name, f"its values are of type {columns[name].type}", doubt=True)
        left.remove(name)
    guess.date, guess.date_format = _find_date(left, columns)
    left = [name for name in left if name != guess.date]
    for role, words in (("region", REGION), ("population", POPULATION), ("kpi_value", VALUE)):
        possible = [name for name in left if role != "region" or repeats(columns[name])]
        found = named_like(possible, words)
        setattr(guess, role, found)
        left = [name for name in left if name != found]
    parsed = {name: parse_numbers((numbers or columns)[name]) for name in left}
    for name in [name for name in left if parsed[name].bad_N.any()]:
        events, mostly = event_names(columns[name]), bool(parsed[name].bad_N.mean() > 0.5)
        dated = mostly and guess.region is None and guess.date is not None
        if dated and identifies(columns[name], columns[guess.date or ""]):
            guess.region = name
        elif 0 < len(events) <= len(columns[name]) / 10:
            guess.events.append(name)
            guess.doubts[name] = f"text with {len(events)} names, taken for events"
        elif mostly:
            guess.leave(name, "text, but neither a region nor events", doubt=True)
        else:
            continue
        left.remove(name)
    values = {name: np.asarray(parsed[name].values_N, dtype=np.float64) for name in left}
    if guess.kpi_value is None:
        guess.kpi_value = next((name for name in left if VALUE_OF_UNIT.search(plain(name))), None)
    left = [name for name in left if name != guess.kpi_value]
    codes = parse_regions(columns[guess.region])[1] if guess.region else None
    left = _put_away(left, values, codes, guess)
    guess.kpi = _find_kpi([name for name in left if not (values[name] < 0).mean() > 0.01])
    left = [name for name in left if name != guess.kpi]
    left = _outcomes(left, values, guess)
    left = _families(left, values, guess)
    for name in [one for one in left if PRICE_OF_MEDIA.search(plain(one)) and _sounds_like_media(one)]:
        guess.leave(name, "a price or a rate of media: no amount of it", doubt=True)
        left.remove(name)
    _share_out(left, values, guess)
    _in_doubt(values, guess)
    guess.channels, guess.organic, guess.mediators = not_bought(guess.channels)
    levers = {name: treatment(name, values) for name in guess.controls}
    guess.treatments = {name: own for name, own in levers.items() if own is not None}
    guess.controls = [name for name in guess.controls if name not in guess.treatments]
    return guess


def _put_away(
    names: Sequence[str], values: Mapping[str, Floats], codes: npt.NDArray[np.int64] | None, guess: Guess
) -> list[str]:
    """Numbers of weeks and years, and what is constant in every region, taken out."""
    kept = []
    for name in names:
        known = values[name][np.isfinite(values[name])]
        whole = len(known) and (known == np.round(known)).all()
        if (
            whole
            and not is_flag(known)
            and PART_OF_DATE.search(plain(name))
            and not suffix(name, f"{SPEND}|{EXPOSURE}")
        ):
            guess.leave(name, "a number of the calendar")
        elif codes is not None and is_constant_within(values[name], codes):
            if guess.population is None and SIZE.search(plain(name)):
                guess.population = name
                guess.doubts[name] = "constant in each region: its size?"
            else:
                guess.leave(name, "constant in each region: its size, or nothing", doubt=True)
        else:
            kept.append(name)
    return kept


def _outcomes(names: Sequence[str], values: Mapping[str, Floats], guess: Guess) -> list[str]:
    """Other outcomes than the KPI, and parts of it, taken out: they cause nothing."""
    if guess.kpi is None:
        return list(names)
    parts: set[str] = set()
    for index, first in enumerate(names):
        for second in names[:index]:
            if np.allclose(values[first] + values[second], values[guess.kpi], rtol=1e-6, equal_nan=False):
                parts |= {first, second}
    kept = []
    for name in names:
        outcome = not COMPETITION.search(name) and not PER_UNIT.search(plain(name)) and _find_kpi([name])
        if name in parts:
            guess.leave(name, f"a part of {guess.kpi!r}: it is moved by what moves the KPI", doubt=True)
        elif outcome and not suffix(name, CONTROL):
            guess.leave(name, f"an outcome like {guess.kpi!r}: another KPI, or a part of it?", doubt=True)
        else:
            kept.append(name)
    return kept


def _families(names: Sequence[str], values: Mapping[str, Floats], guess: Guess) -> list[str]:
    """Two prefixes with the same endings, spend and exposure of the same channels, taken as such."""
    groups: dict[str, dict[str, str]] = {}
    for name in names:
        prefix, mark, ending = plain(name).partition("_")
        if (
            mark
            and ending
            and (values[name] >= 0).all()
            and not suffix(name, f"{SPEND}|{EXPOSURE}|{CONTROL}")
        ):
            groups.setdefault(prefix, {})[ending] = name
    pairs = [
        (one, two)
        for one in groups
        for two in groups
        if one < two and len(set(groups[one]) & set(groups[two])) >= 2
    ]
    taken: set[str] = set()
    for one, two in pairs:
        paid, sure = _paid_prefix(one, two, groups, values)
        seen = two if paid == one else one
        for ending in dict.fromkeys((*groups[paid], *groups[seen])):
            sides = {"spend": groups[paid].get(ending), "exposure": groups[seen].get(ending)}
            guess.channels[ending] = {kind: name for kind, name in sides.items() if name is not None}
            for name in guess.channels[ending].values():
                taken.add(name)
                why = f"{paid}_ and {seen}_ have the same endings"
                (guess.reasons if sure else guess.doubts)[name] = why
    return [name for name in names if name not in taken]


def _paid_prefix(
    one: str, two: str, groups: Mapping[str, Mapping[str, str]], values: Mapping[str, Floats]
) -> tuple[str, bool]:
    """Which of two prefixes marks spend, and whether their names say so."""
    for paid, seen in ((one, two), (two, one)):
        if PAID_PREFIX.search(paid) and not PAID_PREFIX.search(seen):
            return paid, True
        if SEEN_PREFIX.search(seen) and not SEEN_PREFIX.search(paid):
            return paid, True
    sums = {
        prefix: sum(float(values[name].sum()) for name in groups[prefix].values()) for prefix in (one, two)
    }
    return min(sums, key=lambda prefix: sums[prefix]), False


def _in_doubt(values: Mapping[str, Floats], guess: Guess) -> None:
    """Controls that look like spend: never negative, 0 at times, of the size of the channels."""
    media = [values[name] for sides in guess.channels.values() for name in sides.values() if name in values]
    if not media:
        return
    low, high = min(float(each.mean()) for each in media), max(float(each.mean()) for each in media)
    for name in list(guess.controls):
        own = values[name]
        if COMPETITION.search(name) or suffix(name, CONTROL) or is_flag(own) or (own < 0).any():
            continue
        if (own == 0).mean() >= 0.1 and low / 5 <= own.mean() <= 5 * high:
            guess.controls.remove(name)
            guess.leave(
                name, "media or control? It is 0 at times and of the size of the channels", doubt=True
            )


def _find_date(names: Sequence[str], columns: Mapping[str, pa.ChunkedArray]) -> tuple[str | None, str | None]:
    """The column of dates and, if it is not ISO, the only format that reads all of it."""
    first = named_like(names, DATE)
    for name in ([first] if first else []) + [name for name in names if name != first]:
        column = columns[name]
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            continue
        if not parse_dates(column, None).bad_N.any():
            return name, None
        for form in CANDIDATE_FORMATS:
            if not parse_dates(column, form).bad_N.any():
                return name, form
    return first, None


def _find_kpi(names: Sequence[str]) -> str | None:
    candidates = [
        name
        for name in names
        if not COMPETITION.search(name)
        and not PER_UNIT.search(plain(name))
        and not DEMAND.search(plain(name))
        and not suffix(name, f"{SPEND}|{EXPOSURE}|{CONTROL}")
    ]
    return named_like(candidates, KPI)


def _share_out(names: Sequence[str], values: Mapping[str, Floats], guess: Guess) -> None:
    unclear: list[str] = []
    names = _reach_and_frequency(names, guess)
    for name in names:
        if COMPETITION.search(name) or suffix(name, CONTROL):
            guess.controls.append(name)
        elif (match := suffix(name, SPEND)) and not _exists(guess, match[0], "spend"):
            guess.channels.setdefault(stem(match[0]), {})["spend"] = name
        elif (match := suffix(name, EXPOSURE)) and not _exists(guess, match[0], "exposure"):
            guess.channels.setdefault(stem(match[0]), {})["exposure"] = name
        elif any(name.casefold().split("_")[0] == word for word in EVENTS):
            (guess.events if is_flag(values[name]) else guess.controls).append(name)
        else:
            unclear.append(name)
    named_media = bool(guess.channels)
    for name in unclear:
        looks_media = _sounds_like_media(name)
        bare_x = re.fullmatch(r"x_?\d+", name, re.IGNORECASE) and not named_media
        if (looks_media or bare_x) and stem(name) in guess.channels:
            guess.leave(name, f"another column of {stem(name)!r}", doubt=True)
        elif (looks_media or bare_x) and (values[name] >= 0).all():
            unpaid = named_media and re.search(rf"(^|[_ .-])({UNPAID})([_ .-]|$)", name, re.IGNORECASE)
            guess.channels[stem(name)] = {"exposure" if unpaid else "spend": name}
        else:
            guess.controls.append(name)
            if RATE.search(plain(name)):
                guess.doubts[name] = "a rate or a mean: made of the KPI it is an outcome and no cause"


def _reach_and_frequency(names: Sequence[str], guess: Guess) -> list[str]:
    """Channels of which somebody counted reach and how often; returns the names that are left."""
    reach = {stem(match[0]): name for name in names if (match := suffix(name, REACH))}
    often = {stem(match[0]): name for name in names if (match := suffix(name, FREQUENCY))}
    seen = {
        stem(match[0]): name
        for name in names
        if (match := suffix(name, EXPOSURE)) and match[1].casefold().startswith("imp")
    }
    taken: set[str] = set()
    for channel, column in reach.items():
        if channel not in often and channel not in seen:
            continue
        kind, other = ("frequency", often[channel]) if channel in often else ("impressions", seen[channel])
        guess.channels.setdefault(channel, {}).update({"reach": column, kind: other})
        taken |= {column, other}
        if kind == "frequency" and channel in seen:
            guess.leave(seen[channel], "reach times frequency, which are columns of their own")
            taken.add(seen[channel])
    return [name for name in names if name not in taken]


def _sounds_like_media(name: str) -> bool:
    """Whether a name has a word of media or is that of a platform."""
    word = re.search(rf"(^|_)({MEDIA_WORDS}|{OUTDOOR})\d*(_|$)", plain(name))
    return bool(word or re.search(PLATFORMS, plain(name).replace("_", "")))


def _exists(guess: Guess, name: str, kind: str) -> bool:
    return kind in guess.channels.get(stem(name), {})
