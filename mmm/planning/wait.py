"""Plans that do not begin where the data end: how many periods lie between, and what runs in them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mmm.data.calendar import Calendar
from mmm.data.panel import Panel
from mmm.errors import Problem, RequestError
from mmm.planning.fields import MAX_HORIZON

Meanwhile = Literal["current", "none"]


@dataclass(frozen=True)
class Wait:
    """Periods between the end of the data and a plan.

    Attributes:
        periods: How many; 0 for a plan that begins where the data end.
        meanwhile: What runs in them: the amounts of the last periods again, or nothing.
    """

    periods: int = 0
    meanwhile: Meanwhile = "current"


def assumed(start: object, meanwhile: Meanwhile) -> str:
    """What is taken for granted about the periods before ``start``, as a sentence."""
    runs = "the amounts of the last periods run again" if meanwhile == "current" else "nothing runs"
    return f"Until {start} {runs}; what they and history still bring afterwards is counted."


def wait_until(panel: Panel, start: dt.date, meanwhile: Meanwhile, horizon: int, source: str) -> Wait:
    """The wait of a plan that begins on a date.

    Args:
        panel: The model's data.
        start: First day of the plan's first period.
        meanwhile: What runs until then.
        horizon: Periods of the plan.
        source: What the request is called in errors.

    Raises:
        RequestError: No period after the data begins then, or the plan lies further ahead than history goes
            back, so that nothing tells what would run until then.
    """
    longest = min(len(panel.dates), MAX_HORIZON)
    ahead = Calendar(panel.dates, panel.frequency).after(longest)
    place = int(np.searchsorted(ahead, np.datetime64(start, "D")))
    if place + horizon > longest:
        text = (
            f"is {start}; with {horizon} periods the plan ends more than the {longest} periods of history "
            "after the data. Begin earlier, or shorten the horizon."
        )
        raise RequestError(source, [Problem("too_far_ahead", "start", text)])
    if ahead[place] != np.datetime64(start, "D"):
        near = sorted({str(ahead[max(place - 1, 0)]), str(ahead[place])})
        text = f"is {start}, on which no period after the data begins. Write {' or '.join(near)}."
        raise RequestError(source, [Problem("no_period", "start", text)])
    return Wait(place, meanwhile)
