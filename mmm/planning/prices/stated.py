"""Prices as a request states them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from mmm.config import Spec
from mmm.data.panel import Panel
from mmm.errors import Problem
from mmm.planning.fields import UnitCost, known_channel, show

EVERY = "*"
"""Stands for all channels that are not named."""
MOST_ELASTICITY = 0.6
"""Elasticity from which more money buys so little more that no auction is known to behave so."""


class Tier(Spec):
    """A step of a rate card."""

    up_to: Annotated[float, Field(gt=0, le=1e15)] | None = None
    """Units of exposure per period, over all regions, that this price holds for; the last step is open."""
    price: UnitCost
    """Currency per unit within the step."""


class ChannelPrice(Spec):
    """What a unit of a channel's exposure costs by how much is bought."""

    source: Literal["constant", "estimated"] | None = None
    """``constant``: that of the last year. ``estimated``: as it moved with spend in the panel."""
    elasticity: float | None = None
    """Per cent by which the price rises with one per cent more spend, from 0 to 0.6."""
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1, max_length=20)] | None = None
    """Steps of rising prices."""

    @model_validator(mode="before")
    @classmethod
    def _from_a_word(cls, values: Any) -> Any:
        return {"source": values} if isinstance(values, str) else values

    @model_validator(mode="after")
    def _makes_sense(self) -> ChannelPrice:
        given = [name for name in ("source", "elasticity", "tiers") if getattr(self, name) is not None]
        if len(given) != 1:
            raise _refused("give one of `constant`, `estimated`, `elasticity: 0.2` and `tiers`")
        number = self.elasticity
        if number is not None and not 0 <= number <= MOST_ELASTICITY:
            raise _refused(
                f"elasticity is {number:g}; it must be within 0 (a price that stays) and "
                f"{MOST_ELASTICITY:g}. State steeper prices as tiers"
            )
        if problem := next(_tier_problems(self.tiers or ()), None):
            raise _refused(problem)
        return self


def _refused(text: str) -> PydanticCustomError:
    return PydanticCustomError("bad_price", "{text}", {"text": text})


def _tier_problems(tiers: tuple[Tier, ...]) -> Iterator[str]:
    """What is wrong with steps: they rise in amount and in price, and the last is open."""
    for before, after in pairwise(tiers):
        if after.price < before.price:
            yield (
                f"tiers fall from {before.price:g} to {after.price:g} per unit; prices must rise from step "
                "to step, for a search to be sure of the best plan. State the mean price after rebates"
            )
        if before.up_to is None or (after.up_to is not None and after.up_to <= before.up_to):
            yield "tiers must rise in `up_to`, and only the last leaves it open; put them in order"
    if tiers and tiers[-1].up_to is not None:
        yield "the last of the tiers must leave `up_to` open: its price holds for all that is more"


def _by_channel(value: Any) -> Any:
    """One word for all channels as prices by channel."""
    if value == "constant":
        return {}
    if value == "estimated":
        return {EVERY: value}
    if not isinstance(value, Mapping):
        raise PydanticCustomError(
            "bad_price",
            "is {value}; expected 'constant', 'estimated', or such a word, an elasticity or tiers by channel",
            {"value": show(value)},
        )
    return value


def _known(name: str, info: ValidationInfo) -> str:
    return name if name == EVERY else known_channel(name, info)


Prices = Annotated[
    dict[Annotated[str, AfterValidator(_known)], ChannelPrice],
    BeforeValidator(
        _by_channel, json_schema_input_type=Literal["constant", "estimated"] | dict[str, ChannelPrice]
    ),
]
"""Prices of a request by channel; one word stands for all, and others are constant."""


def price_of(prices: Mapping[str, ChannelPrice], channel: str) -> ChannelPrice:
    """What a request states of one channel."""
    return prices.get(channel) or prices.get(EVERY) or ChannelPrice(source="constant")


def price_key(prices: Mapping[str, ChannelPrice]) -> str:
    """Prices as text, the same for the same meaning; empty where all stay."""
    stated = {name: one.model_dump(exclude_none=True) for name, one in sorted(prices.items())}
    stays = ({"source": "constant"}, {"elasticity": 0.0})
    return json.dumps(stated) if any(one not in stays for one in stated.values()) else ""


def prices_of(key: str) -> dict[str, ChannelPrice]:
    """The inverse of ``price_key``, but for prices that stay."""
    return {name: ChannelPrice.model_validate(one) for name, one in json.loads(key or "{}").items()}


def price_problems(panel: Panel, prices: Mapping[str, ChannelPrice]) -> Iterator[Problem]:
    """Prices that move of channels of which no price is known: nothing would become of them."""
    for name, one in prices.items():
        if name == EVERY or name not in panel.channels or price_key({name: one}) == "":
            continue
        c = panel.channels.index(name)
        missing = {"spend": panel.has_spend_C[c], "exposure": panel.has_exposure_C[c]}
        lacks = [what for what, known in missing.items() if not known]
        if lacks:
            text = (
                f"{name} has no column of {lacks[0]}, so that no unit of it has a price. Leave it out, or "
                f"name `{lacks[0]}` in columns.channels.{name} and refit"
            )
            yield Problem("no_price", f"prices.{name}", text)
