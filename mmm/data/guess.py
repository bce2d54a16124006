"""Roles of a panel's columns guessed from their names and contents, to be corrected by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from mmm.data.panel import Floats
from mmm.tabular.dates import CANDIDATE_FORMATS, parse_dates
from mmm.tabular.numbers import parse_numbers, parse_regions

DATE = (
    "date",
    "time",
    "week",
    "month",
    "day",
    "period",
    "ds",
    "week_start",
    "date_week",
    "weekid",
    "timestamp",
)
REGION = (
    "region",
    "geo",
    "dma",
    "state",
    "market_area",
    "area",
    "store",
    "postcode",
    "zip",
    "territory",
    "city",
)
KPI = (
    "kpi", "revenue", "sales", "conversions", "visits", "y", "target", "orders", "units", "volume",
    "subscriptions", "signups", "leads", "new_customers", "installs", "transactions", "response", "outcome",
)  # fmt: skip
POPULATION = ("population", "pop", "inhabitants", "households", "residents")
VALUE = ("revenue_per_conversion", "revenue_per_kpi", "kpi_value", "value_per_kpi", "margin_per_unit")
EVENTS = ("event", "events", "holiday", "promo_flag", "is_holiday")
IGNORED = ("index", "unnamed", "id", "row", "brand", "market", "dma_name", "country")
SPEND = r"spend|spends|cost|costs|investment|budget|expenditure|s"
EXPOSURE = r"impressions|impression|impr|imps|clicks|grps|grp|trps|views|exposure|reach|opens|sends|i|p|o"
CONTROL = r"control|ctrl"
MEDIA_WORDS = (
    "tv|ctv|ott|radio|print|ooh|dooh|billboard|search|facebook|fb|meta|instagram|google|youtube|tiktok|"
    "snapchat|pinterest|linkedin|twitter|display|video|social|newsletter|email|affiliate|direct_mail|"
    "influencer|podcast|cinema|sem|ppc|programmatic|media|channel"
)
UNPAID = "newsletter|email|organic|crm|push"
COMPETITION = re.compile(r"competitor|competition|rival", re.IGNORECASE)


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
    controls: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)


def guess_roles(columns: Mapping[str, pa.ChunkedArray]) -> Guess:
    """Roles from names first, and from contents where names say nothing.

    Knows the names of Meridian's (``geo``, ``time``, ``Channel0_spend``, ``…_impression``, ``…_control``),
    Robyn's (``DATE``, ``tv_S``, ``facebook_I``, ``search_clicks_P``, ``competitor_sales_B``, ``newsletter``),
    PyMC-Marketing's (``date_week``, ``x1``, ``y``, ``event_1``) and DeepCausalMMM's files.
    """
    guess = Guess()
    left = [name for name in columns if not _is_ignored(name)]
    guess.unused = [name for name in columns if name not in left]
    guess.date, guess.date_format = _find_date(left, columns)
    left = [name for name in left if name != guess.date]
    for role, words in (("region", REGION), ("population", POPULATION), ("kpi_value", VALUE)):
        found = _named_like(left, words)
        setattr(guess, role, found)
        left = [name for name in left if name != found]
    numbers = {name: parse_numbers(columns[name]) for name in left}
    for name in [name for name in left if _mostly_bad(numbers[name].bad_N)]:
        if (
            guess.region is None
            and guess.date is not None
            and _identifies(columns[name], columns[guess.date])
        ):
            guess.region = name
        else:
            guess.unused.append(name)
        left.remove(name)
    values = {name: np.asarray(numbers[name].values_N, dtype=np.float64) for name in left}
    guess.kpi = _find_kpi(left)
    left = [name for name in left if name != guess.kpi]
    _share_out(left, values, guess)
    return guess


def _is_ignored(name: str) -> bool:
    plain = name.strip().casefold()
    return plain in IGNORED or plain == "" or plain.startswith("unnamed")


def _named_like(names: Sequence[str], words: Sequence[str]) -> str | None:
    """The name that is one of the words, else the first that has one as a part; earlier words win."""
    folded = {name: name.strip().casefold().replace(" ", "_") for name in names}
    for word in words:
        for name, plain in folded.items():
            if plain == word:
                return name
    for word in (word for word in words if len(word) > 2):
        for name, plain in folded.items():
            if word in plain.split("_"):
                return name
    return None


def _find_date(names: Sequence[str], columns: Mapping[str, pa.ChunkedArray]) -> tuple[str | None, str | None]:
    """The column of dates and, if it is not ISO, the only format that reads all of it."""
    first = _named_like(names, DATE)
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


def _mostly_bad(bad_N: np.ndarray) -> bool:
    return bool(bad_N.mean() > 0.5)


def _identifies(region: pa.ChunkedArray, date: pa.ChunkedArray) -> bool:
    """Whether a text column and the date together tell all rows apart, and the date alone does not."""
    regions, region_N = parse_regions(region)
    _, date_N = parse_regions(date)
    pairs = np.unique(region_N * (int(date_N.max()) + 1) + date_N)
    return len(regions) > 1 and len(pairs) == len(date_N) > len(np.unique(date_N))


def _find_kpi(names: Sequence[str]) -> str | None:
    candidates = [
        name
        for name in names
        if not COMPETITION.search(name) and not _suffix(name, f"{SPEND}|{EXPOSURE}|{CONTROL}")
    ]
    return _named_like(candidates, KPI)


def _suffix(name: str, words: str) -> tuple[str, str] | None:
    """A name as (stem, ending) if it ends, or starts, with one of the words set off by _ , space or dot."""
    if found := re.fullmatch(rf"(.+?)[_ .-]({words})(?:[_ .-](?:s|i|p))?", name.strip(), re.IGNORECASE):
        return found[1], found[2]
    if found := re.fullmatch(rf"((?:{words}))[_ .-](.+)", name.strip(), re.IGNORECASE):
        return (found[2], found[1]) if len(found[1]) > 1 else None
    return None


def sounds_like(name: str) -> str | None:
    """``spend`` or ``exposure`` if the name of a column says so in a whole word, else None."""
    for kind, words in (("spend", SPEND), ("exposure", EXPOSURE)):
        if (match := _suffix(name, words)) and len(match[1]) > 1:
            return kind
    return None


def _share_out(names: Sequence[str], values: Mapping[str, Floats], guess: Guess) -> None:
    unclear: list[str] = []
    for name in names:
        if COMPETITION.search(name) or _suffix(name, CONTROL):
            guess.controls.append(name)
        elif (match := _suffix(name, SPEND)) and not _exists(guess, match[0], "spend"):
            guess.channels.setdefault(_stem(match[0]), {})["spend"] = name
        elif (match := _suffix(name, EXPOSURE)) and not _exists(guess, match[0], "exposure"):
            guess.channels.setdefault(_stem(match[0]), {})["exposure"] = name
        elif any(name.casefold().split("_")[0] == word for word in EVENTS):
            (guess.events if _is_flag(values[name]) else guess.controls).append(name)
        else:
            unclear.append(name)
    named_media = bool(guess.channels)
    for name in unclear:
        looks_media = re.search(rf"(^|[_ .-])({MEDIA_WORDS})\d*([_ .-]|$)", name, re.IGNORECASE)
        bare_x = re.fullmatch(r"x_?\d+", name, re.IGNORECASE) and not named_media
        if (looks_media or bare_x) and _stem(name) in guess.channels:
            guess.unused.append(name)
        elif (looks_media or bare_x) and (values[name] >= 0).all():
            unpaid = named_media and re.search(rf"(^|[_ .-])({UNPAID})([_ .-]|$)", name, re.IGNORECASE)
            guess.channels[_stem(name)] = {"exposure" if unpaid else "spend": name}
        else:
            guess.controls.append(name)


def _stem(text: str) -> str:
    """The channel's name; ``search_clicks`` of ``search_clicks_P`` belongs to ``search``."""
    if found := re.fullmatch(rf"(.+?)[_ .-]({EXPOSURE})", text.strip(), re.IGNORECASE):
        return found[1] if len(found[2]) > 1 else text.strip()
    return text.strip()


def _exists(guess: Guess, stem: str, kind: str) -> bool:
    return kind in guess.channels.get(_stem(stem), {})


def _is_flag(values: Floats) -> bool:
    return bool(np.isin(values[np.isfinite(values)], (0.0, 1.0)).all())
