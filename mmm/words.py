"""Numbers, intervals, dates and lists as people write them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

NBSP = "\u00a0"
"""No-break space between a number and its unit."""

AMOUNT = ",.15g"
"""How an exact amount is written: ``1,209,833`` or ``12.5``, its thousands apart."""
DUST = 1e-6
"""What is smaller is rounding, not a figure: it reads 0."""

_SCALES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def scale_of(largest: float) -> tuple[float, str]:
    """Divisor and suffix in which values up to ``largest`` read well: 3 400 000 gives ``(1e6, " M")``."""
    for divisor, letter in _SCALES:
        if math.isfinite(largest) and abs(largest) >= divisor:
            return divisor, NBSP + letter
    return 1.0, ""


def number(value: float, digits: int = 2) -> str:
    """``1 234 567`` as ``1.2 M``: ``digits`` significant digits, never fewer than the integer part has."""
    if not math.isfinite(value):
        return "unknown"
    if abs(value) < DUST:
        return "0"
    rounded = float(f"{value:.{max(digits, 1)}g}")
    divisor, suffix = scale_of(rounded)
    return _plain(value / divisor, digits) + suffix


def _plain(value: float, digits: int) -> str:
    """Significant digits without an exponent, with a true minus sign."""
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{round(value, decimals):.{min(decimals, 9)}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text.replace("-", "\u2212")


def percent(fraction: float, digits: int = 2) -> str:
    """``0.1234`` as ``12 %``, small ones with a decimal; what is not all of it never reads 100 %."""
    if not math.isfinite(fraction):
        return "unknown"
    points = fraction * 100
    if 0 < abs(points) < 0.1:
        return f"{'under' if points > 0 else 'over'}{NBSP}{'' if points > 0 else chr(0x2212)}0.1{NBSP}%"
    if 99 < abs(points) < 100:
        return _plain(math.copysign(math.floor(abs(points) * 10) / 10, points), 3) + f"{NBSP}%"
    decimals = 0 if abs(points) >= 9.95 or points == 0 else max(0, digits - 1)
    return _plain(round(points, decimals), max(digits, len(str(int(abs(points)))))) + f"{NBSP}%"


def chance(value: float) -> str:
    """A chance in whole per cent, never certain."""
    return f"{min(99, max(1, round(100 * value)))}{NBSP}%"


def signed(text: str) -> str:
    """A formatted number with its plus sign."""
    nothing = text in ("0", f"0{NBSP}%")
    return text if nothing or text.startswith(("\u2212", "under", "over", "unknown")) else f"+{text}"


def money(value: float, currency: str) -> str:
    """``1.2 M USD``: an amount at a glance."""
    return NBSP.join((number(value), currency))


def amount(value: float, unit: str = "") -> str:
    """``1,209,833.5 USD``: an amount that somebody acts on, to the cent."""
    return f"{round(value, 2):{AMOUNT}} {unit}".strip()


def real(value: Any) -> float:
    """A cell of a frame as a float; NaN where there is none."""
    return float("nan") if value is None else float(value)


def known(*values: float) -> bool:
    """Every value is a finite number: there is an interval to speak of."""
    return all(value is not None and math.isfinite(value) for value in values)


def span(lower: float, upper: float, digits: int = 2) -> str:
    """``1.2 to 3.4``, or that there is no interval."""
    if not known(lower, upper):
        return "no interval"
    return f"{number(lower, digits)} to {number(upper, digits)}"


def give_or_take(lower: float, upper: float) -> str:
    """Half the width of an interval of shares, in words; empty without an interval."""
    if not known(lower, upper):
        return ""
    points = 100 * (upper - lower) / 2
    if points < 0.05:
        return ", give or take less than 0.1 points"
    shown = _plain(points, 2) if points < 2 else f"{points:.0f}"
    return f", give or take {shown} point{'' if shown == '1' else 's'}"


def day(date: object) -> str:
    """``4 Mar 2024``."""
    stamp = pd.Timestamp(date)  # type: ignore[arg-type]
    return f"{stamp.day} {stamp:%b %Y}".replace(" ", NBSP)


def count(amount: int, noun: str) -> str:
    """``1 week``, ``13 weeks``, ``2 categories``."""
    if amount == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in "aeou" else f"{noun}s"
    return f"{whole(amount)} {plural}"


def whole(amount: int) -> str:
    """A whole number with its thousands apart, e.g. ``2,000``."""
    return f"{amount:,}"


def listing(names: Sequence[str]) -> str:
    """``a, b and c``."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def capital(text: str) -> str:
    """First letter upper case, the rest as it is."""
    return text[:1].upper() + text[1:]


def label(name: str) -> str:
    """A column's name inside a sentence: ``direct_mail`` as ``direct mail``, ``tv`` as ``TV``."""
    text = name.replace("_", " ").strip()
    return text.upper() if len(text) <= 3 and text.isalpha() else text


def subject(name: str) -> str:
    """A column's name at the start of a sentence or on an axis."""
    return capital(label(name))


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` characters, broken at spaces (no-break spaces hold)."""
    lines = [""]
    for word in text.split(" "):
        candidate = f"{lines[-1]} {word}".strip(" ")
        if len(candidate) > width and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = candidate
    return lines
