"""Lift tests: the ``experiments:`` section of a spec."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import combinations
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from mmm.config.base import Positive, Region, Spec, as_code

Amount = Annotated[float, Field(ge=-1e15, le=1e15, allow_inf_nan=False)]
SIGN_ERRORS = 2.0
"""Standard errors of lift on the wrong side of 0 from which it contradicts the change of spend."""


class Experiment(Spec):
    """One lift test: what a change of one channel's spend was measured to bring."""

    channel: Annotated[str, Field(min_length=1)]
    """The channel whose spend was changed."""
    regions: Annotated[tuple[Region, ...], Field(min_length=1)] | None = None
    """Treated regions (``region: NAME`` for one); omit if the whole market was treated."""
    start: date
    """First day of the test; periods that begin from then on are treated."""
    end: date
    """Last day of the test; periods that begin until then are treated and measured."""
    lift: Amount
    """KPI with the change less KPI without it, over the treated regions and periods, KPI units."""
    standard_error: Positive
    """Standard error of ``lift``, KPI units."""
    spend_change: Amount
    """Spend with the change less spend without it, over the same cells, currency (exposure for a channel
    without spend). Negative where spend was cut."""
    in_panel: bool | None = None
    """Whether the panel's spend of these cells has the change in it. More spend always has; for a cut None
    looks whether the panel shows it."""
    effect: Literal["total", "direct"] = "total"
    """What was measured: the channel's ``total`` effect, what it does through other channels included, or
    its ``direct`` effect, those held as they were."""

    @model_validator(mode="before")
    @classmethod
    def _one_region(cls, values: Any) -> Any:
        if isinstance(values, dict) and "region" in values and "regions" not in values:
            values = {("regions" if key == "region" else key): value for key, value in values.items()}
        if isinstance(values, dict) and isinstance(values.get("regions"), str | int):
            values = {**values, "regions": [as_code(values["regions"])]}
        return values

    @model_validator(mode="after")
    def _makes_sense(self) -> Experiment:
        if self.end < self.start:
            raise ValueError(f"the test ends on {self.end}, before it starts on {self.start}; swap them")
        if self.spend_change == 0:
            raise ValueError(
                "spend_change is 0: a test in which nothing changed says nothing. State the change"
            )
        if self.lift * self.spend_change < 0 and abs(self.lift) > SIGN_ERRORS * self.standard_error:
            raise ValueError(
                f"lift {self.lift:g} and spend_change {self.spend_change:g} have opposite signs; both are "
                "with the change less without it, so that a cut that cost sales has two negative numbers. "
                "Turn one of them, or remove the test"
            )
        return self

    def overlaps(self, other: Experiment) -> bool:
        """Whether both are on the same channel, in a common region, at the same time."""
        apart = self.end < other.start or other.end < self.start
        shared = self.regions is None or other.regions is None or bool(set(self.regions) & set(other.regions))
        return self.channel == other.channel and shared and not apart


def overlapping(experiments: Sequence[Experiment]) -> list[tuple[int, int]]:
    """Positions of every two tests that measure the same cells of the same channel."""
    pairs = combinations(range(len(experiments)), 2)
    return [(one, two) for one, two in pairs if experiments[one].overlaps(experiments[two])]
