"""Drivers that are not bought, told by their names among guessed channels and controls."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from mmm.data.guess.names import plain
from mmm.data.guess.words import COMPETITION, DEPTH, DISTRIBUTION, MEDIATED, PRICE, PROMOTION, UNPAID
from mmm.data.panel import Floats

PAUSES = 0.5
"""Share of zeros from which a column of promotions holds their depth, and not how many ran."""

Channels = dict[str, dict[str, str]]


def not_bought(channels: Channels) -> tuple[Channels, Channels, Channels]:
    """Channels apart: those that are bought, organic media, and mediators.

    Only channels without spend can be organic, and those with exposure alone mediators.
    """
    bought, organic, mediators = Channels(), Channels(), Channels()
    for name, columns in channels.items():
        words = plain(name)
        if set(columns) == {"exposure"} and MEDIATED.search(words):
            mediators[name] = columns
        elif "spend" not in columns and re.search(rf"(^|_)({UNPAID})(_|$)", words):
            organic[name] = columns
        else:
            bought[name] = columns
    return (bought, organic, mediators) if bought else (channels, Channels(), Channels())


def treatment(name: str, values: Mapping[str, Floats]) -> dict[str, str] | None:
    """Reference and sign of a control that is a lever by its name and moves; None if it is none."""
    words, own = plain(name), values.get(name)
    if COMPETITION.search(name) or own is None or len(np.unique(own[np.isfinite(own)])) < 3:
        return None
    if DEPTH.search(words) or (PROMOTION.search(words) and (own[np.isfinite(own)] == 0).mean() >= PAUSES):
        return {"reference": "min", "sign": "positive"}
    if PRICE.search(words):
        return {"reference": "max", "sign": "negative"}
    return {"reference": "median", "sign": "positive"} if DISTRIBUTION.search(words) else None
