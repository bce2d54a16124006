"""What is believed of channels before the data: normal or log-normal, of a window and of regions."""

from __future__ import annotations

import math
from datetime import date
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from mmm.config.base import Positive, Region, Spec

NORMAL_95 = 1.6448536269514722
"""Standard deviations from the middle of a normal to its ends of 5 and 95 %."""

Finite = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Quantity = Literal["share", "roi", "marginal_roi", "cost_per_kpi"]
QUANTITIES: tuple[Quantity, ...] = ("share", "roi", "marginal_roi", "cost_per_kpi")


class Belief(Spec):
    """A normal prior."""

    mean: Finite
    """Expected value."""
    sd: Positive
    """Standard deviation."""


class Window(Spec):
    """Days that a belief is about; also written ``[start, end]``."""

    start: date
    """First day; periods that begin from then on count."""
    end: date
    """Last day; periods that begin until then count."""

    @model_validator(mode="before")
    @classmethod
    def _as_pair(cls, values: Any) -> Any:
        if isinstance(values, list | tuple) and len(values) == 2:
            return {"start": values[0], "end": values[1]}
        return values

    @model_validator(mode="after")
    def _rises(self) -> Window:
        if self.end < self.start:
            raise ValueError(f"the window ends on {self.end}, before it starts on {self.start}; swap them")
        return self


class ChannelBelief(Spec):
    """What is believed of one quantity of a channel: ``mean`` and ``sd``, or a ``range``."""

    family: Literal["normal", "lognormal"] | None = None
    """``normal`` comes on top of what is expected of every channel; ``lognormal`` takes its place. Where
    None, mean and sd are normal, and a range is log-normal if it begins above 0."""
    mean: Finite | None = None
    """Expected value."""
    sd: Positive | None = None
    """Standard deviation, of the quantity itself for both families."""
    range: tuple[Finite, Finite] | None = None
    """Values between which it lies in nine cases of ten: ends of 5 and 95 %."""
    window: Window | None = None
    """Days that it is about; None takes those of the channel, else the training window."""
    regions: Annotated[tuple[Region, ...], Field(min_length=1)] | None = None
    """Regions that it is about; None takes those of the channel, else all."""

    @field_validator("sd", mode="before")
    @classmethod
    def _leaves_room(cls, value: Any) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool) and value <= 0:
            raise ValueError(
                f"is {value:g}, but a standard deviation is above 0: what is held for certain no data can "
                "move. Say how far off the mean may be, or write `range: [low, high]`"
            )
        return value

    @model_validator(mode="before")
    @classmethod
    def _from_a_belief(cls, values: Any) -> Any:
        return {"mean": values.mean, "sd": values.sd} if type(values) is Belief else values

    @model_validator(mode="after")
    def _says_one_thing(self) -> ChannelBelief:
        whole = self.mean is not None and self.sd is not None
        if self.range is None and not whole:
            raise ValueError("a belief needs `mean` and `sd`, or a `range: [low, high]`; give one of the two")
        if self.range is not None:
            low, high = self.range
            if self.mean is not None or self.sd is not None:
                raise ValueError("a belief is either `mean` and `sd` or a `range`; remove one of the two")
            if low >= high:
                raise ValueError(
                    f"range is [{low:g}, {high:g}], but it must rise: its ends are those of 5 and 95 %. Swap "
                    "them, or widen it"
                )
        if self.family == "lognormal" and 0 in (self.mean, *(self.range or ())):
            raise ValueError(
                "a lognormal belief is of a number above 0, and this one holds a 0; raise it, or write "
                "`family: normal`"
            )
        return self

    @property
    def is_lognormal(self) -> bool:
        """Whether centre and width are those of the logarithm."""
        if self.family is not None:
            return self.family == "lognormal"
        return self.range is not None and self.range[0] > 0

    @property
    def normal(self) -> tuple[float, float]:
        """Centre and width of the quantity or, where log-normal, of its logarithm."""
        if self.range is not None:
            low, high = map(math.log, self.range) if self.is_lognormal else self.range
            return 0.5 * (low + high), 0.5 * (high - low) / NORMAL_95
        assert self.mean is not None and self.sd is not None
        if not self.is_lognormal:
            return self.mean, self.sd
        variance = math.log1p((self.sd / self.mean) ** 2)
        return math.log(self.mean) - 0.5 * variance, math.sqrt(variance)

    def quantile(self, deviations: float) -> float:
        """The value so many standard deviations from the middle."""
        centre, width = self.normal
        value = centre + deviations * width
        return math.exp(value) if self.is_lognormal else value

    def away(self, value: float) -> float:
        """How far a value lies from the middle, in standard deviations."""
        centre, width = self.normal
        if self.is_lognormal:
            value = math.log(max(value, 1e-300))
        return (value - centre) / width


class Stated(NamedTuple):
    """One belief with the place it is about.

    Attributes:
        quantity: What it is of.
        belief: What is believed.
        window: Days; None for the training window.
        regions: Regions; None for all.
    """

    quantity: Quantity
    belief: ChannelBelief
    window: Window | None
    regions: tuple[str, ...] | None

    @property
    def is_placed(self) -> bool:
        """Whether it is about some cells only."""
        return self.window is not None or self.regions is not None


class ChannelPriors(Spec):
    """What is believed of one channel before the data."""

    share: ChannelBelief | None = None
    """Share of the KPI that it brings."""
    roi: ChannelBelief | None = None
    """Value of the KPI that it brings per unit of currency spent."""
    marginal_roi: ChannelBelief | None = None
    """Value of the KPI that the last per cent of spend brings per unit of currency."""
    cost_per_kpi: ChannelBelief | None = None
    """Currency spent per KPI unit that it brings."""
    window: Window | None = None
    """Days that these beliefs are about; None takes the training window."""
    regions: Annotated[tuple[Region, ...], Field(min_length=1)] | None = None
    """Regions that these beliefs are about; None takes all."""

    def stated(self) -> tuple[Stated, ...]:
        """Every belief with its place."""
        found = ((quantity, getattr(self, quantity)) for quantity in QUANTITIES)
        return tuple(
            Stated(quantity, belief, belief.window or self.window, belief.regions or self.regions)
            for quantity, belief in found
            if belief is not None
        )

    @property
    def replaces(self) -> bool:
        """Whether what is stated takes the place of what is expected of every channel."""
        return any(one.belief.is_lognormal and one.quantity != "marginal_roi" for one in self.stated())
