"""Plain data compared: structure and words exactly, numbers, those in a text too, to a tolerance by place."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

Place = tuple[str, ...]
"""Keys and positions that lead to a value."""

Tolerance = Callable[[Place], tuple[float, float]]
"""Relative and absolute tolerance of a number by its place."""


def differences(found: Any, expected: Any, tolerance: Tolerance, place: Place = ()) -> list[str]:
    """What differs, one line each; empty if nothing does."""
    if isinstance(expected, dict) and isinstance(found, dict):
        if list(found) != list(expected):
            return [f"{'.'.join(place)}: has keys {list(found)}, had {list(expected)}"]
        pairs = [(key, found[key], expected[key]) for key in expected]
    elif isinstance(expected, list) and isinstance(found, list):
        if len(found) != len(expected):
            return [f"{'.'.join(place)}: has {len(found)} items, had {len(expected)}"]
        pairs = [(str(i), *both) for i, both in enumerate(zip(found, expected, strict=True))]
    else:
        return _unlike(found, expected, tolerance, place)
    return [line for key, now, was in pairs for line in differences(now, was, tolerance, (*place, key))]


def _unlike(found: Any, expected: Any, tolerance: Tolerance, place: Place) -> list[str]:
    same = type(found) is type(expected)
    if same and found == expected:
        return []
    if same and _words(found) == _words(expected):
        relative, absolute = tolerance(place)
        pairs = zip(_numbers(found), _numbers(expected), strict=True)
        if all(math.isclose(one, two, rel_tol=relative, abs_tol=absolute) for one, two in pairs):
            return []
    return [f"{'.'.join(place)}: is {found!r}, was {expected!r}"]


_NUMBER = re.compile(r"\d+\.\d+(?:e[-+]?\d+)?|\d+e[-+]?\d+|\d+(?=%)")
"""Numbers with a decimal point or an exponent, and percentages; dates and counts are words."""


def _numbers(value: Any) -> list[float]:
    if isinstance(value, str):
        return [float(number) for number in _NUMBER.findall(value)]
    return [value] if isinstance(value, float) else []


def _words(value: Any) -> object:
    """A text without its numbers; of any other value that is no decimal number, the value."""
    if isinstance(value, str):
        return _NUMBER.sub("#", value)
    return float if isinstance(value, float) else value
