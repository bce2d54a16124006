"""Field types of the budget request and the checks they share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from mmm.config import Spec
from mmm.config.problems import nearest

MAX_AMOUNT = 1e13
"""Largest amount of a request: above it cents are no longer exact in double precision."""

MAX_FREQUENCY = 20.0
"""Most contacts of a person in a period that a plan may ask for."""

MAX_HORIZON = 520
"""Longest horizon in periods: ten years of weeks."""


def refuse_bool(value: object) -> object:
    """YAML's ``true`` is no number, though Python would take it for 1."""
    if isinstance(value, bool):
        raise PydanticCustomError(
            "not_a_number", "is {value}; expected a number", {"value": str(value).lower()}
        )
    return value


def as_number(value: object) -> float | None:
    """The number a value stands for, None if it is not a number; YAML reads ``1e6`` as text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def check_budget(value: object) -> object:
    """An amount, ``current`` or nothing."""
    if value is None or value == "current":
        return value
    number = as_number(value)
    if number is None or not math.isfinite(number) or not 0 < number <= MAX_AMOUNT:
        raise PydanticCustomError(
            "bad_budget",
            "is {value}; a budget is an amount above 0 and at most 1e13, or 'current'",
            {"value": show(value)},
        )
    return number


RISKS = {"quantile": 0.5, "cvar": 0.5, "mean_sd": 10.0}
"""Measures of risk that take a number above 0, and the largest one."""


def check_risk(value: object) -> object:
    """``mean``, a lower quantile, or one measure by name; a quantile is the same in both of its forms."""
    if isinstance(value, Mapping):
        return _named_risk(value)
    number = as_number(value)
    if value != "mean" and (number is None or not 0 < number <= RISKS["quantile"]):
        raise PydanticCustomError(
            "bad_risk",
            "is {value}; expected 'mean', a lower quantile above 0 and at most 0.5, or one of {measures}",
            {"value": show(value), "measures": "{cvar: 0.1}, {mean_sd: 1} and {regret: max}"},
        )
    return value if value == "mean" else number


def _named_risk(value: Mapping[object, object]) -> object:
    known = (*RISKS, "regret")
    if len(value) != 1 or next(iter(value)) not in known:
        raise PydanticCustomError(
            "bad_risk",
            "names {given}; name one of {known}",
            {"given": ", ".join(map(str, value)) or "nothing", "known": ", ".join(known)},
        )
    ((name, given),) = value.items()
    if name == "regret":
        if given != "max":
            text = "regret is {value}; it can only be 'max': the largest over the draws is made small"
            raise PydanticCustomError("bad_risk", text, {"value": show(given)})
        return {"regret": "max"}
    number, most = as_number(given), RISKS[str(name)]
    if number is None or not 0 < number <= most:
        raise PydanticCustomError(
            "bad_risk",
            "{name} is {value}; expected a number above 0 and at most {most}",
            {"name": str(name), "value": show(given), "most": f"{most:g}"},
        )
    return number if name == "quantile" else {name: number}


def check_flighting(value: object, info: ValidationInfo) -> object:
    """A named pattern, or weights for every period of the horizon that can be normalised."""
    if isinstance(value, str) and value in ("history", "even"):
        return value
    if isinstance(value, Mapping):
        refuse_unknown(value, info)
    tables = list(value.values()) if isinstance(value, Mapping) else [value]
    for table in tables:
        if isinstance(table, str) or not isinstance(table, Sequence):
            raise PydanticCustomError(
                "bad_flighting",
                "is {value}; expected 'history', 'even', a list of weights or such a list per channel",
                {"value": show(table)},
            )
        weights = [as_number(weight) for weight in table]
        usable = all(weight is not None and 0 <= weight < math.inf for weight in weights)
        if not usable or not sum(weight or 0 for weight in weights) > 0:
            raise PydanticCustomError(
                "bad_flighting", "weights must be numbers >= 0 and add up to more than 0", {}
            )
        horizon = info.data.get("horizon")
        if horizon is not None and len(table) != horizon:
            raise PydanticCustomError(
                "flighting_length",
                "has {count} weights; expected one for each of the {horizon} periods of the horizon",
                {"count": len(table), "horizon": horizon},
            )
    return value


def check_fixed(value: object, info: ValidationInfo) -> object:
    """A list of channels, or usable amounts by channel."""
    if isinstance(value, str) or not isinstance(value, Mapping | Sequence):
        raise PydanticCustomError(
            "bad_fixed",
            "is {value}; expected a list of channels or amounts by channel",
            {"value": show(value)},
        )
    refuse_unknown(value, info)
    for channel, amount in value.items() if isinstance(value, Mapping) else ():
        number = as_number(amount)
        if number is None or not 0 <= number <= MAX_AMOUNT:
            raise PydanticCustomError(
                "bad_fixed",
                "{channel} is {value}; a fixed amount is a number from 0 to 1e13",
                {"channel": str(channel), "value": show(amount)},
            )
    return value


def check_frequency(value: object, info: ValidationInfo) -> object:
    """``keep``, ``best``, or contacts per person by channel."""
    if value in ("keep", "best"):
        return value
    if not isinstance(value, Mapping):
        raise PydanticCustomError(
            "bad_frequency",
            "is {value}; expected 'keep', 'best' or contacts per person by channel",
            {"value": show(value)},
        )
    refuse_unknown(value, info)
    for channel, contacts in value.items():
        number = as_number(contacts)
        if number is None or not 1 <= number <= MAX_FREQUENCY:
            raise PydanticCustomError(
                "bad_frequency",
                "{channel} is {value}; whoever is reached has from 1 to 20 contacts in a period",
                {"channel": str(channel), "value": show(contacts)},
            )
    return value


def refuse_unknown(names: Iterable[object], info: ValidationInfo) -> None:
    """Raise for anything among the names that is no channel of the validation context."""
    for name in names:
        if not isinstance(name, str):
            raise PydanticCustomError(
                "not_a_name", "holds {value}; expected a channel", {"value": show(name)}
            )
        known_channel(name, info)


def show(value: object) -> str:
    """A value as it stands in a message, cut short."""
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


Amount = Annotated[float, BeforeValidator(refuse_bool), Field(ge=0, le=MAX_AMOUNT, allow_inf_nan=False)]
Change = Annotated[float, BeforeValidator(refuse_bool), Field(ge=-1, le=1e6, allow_inf_nan=False)]
Share = Annotated[float, BeforeValidator(refuse_bool), Field(ge=0, le=1, allow_inf_nan=False)]
Part = Annotated[float, BeforeValidator(refuse_bool), Field(gt=0, le=1, allow_inf_nan=False)]
Target = Annotated[float, BeforeValidator(refuse_bool), Field(gt=0, le=1e18, allow_inf_nan=False)]
Chance = Annotated[float, BeforeValidator(refuse_bool), Field(ge=0.5, lt=1, allow_inf_nan=False)]
UnitCost = Annotated[float, BeforeValidator(refuse_bool), Field(gt=0, le=1e9, allow_inf_nan=False)]
Ratio = Annotated[float, BeforeValidator(refuse_bool), Field(ge=0, le=1e9, allow_inf_nan=False)]


def unknown_name(name: str, known: Sequence[str]) -> str:
    """Message for a channel the model does not have, with the nearest name."""
    close = nearest(name, known, count=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return f"unknown channel '{name}'.{hint} Known: {', '.join(known)}"


def known_channel(name: str, info: ValidationInfo) -> str:
    """The name, if the validation context has such a channel or names none."""
    known: Sequence[str] | None = (info.context or {}).get("channels")
    if known is not None and name not in known:
        raise PydanticCustomError("unknown_channel", "{text}", {"text": unknown_name(name, known)})
    return name


ChannelName = Annotated[str, AfterValidator(known_channel)]
"""Name of a channel; checked against the validation context's ``channels`` where it has them."""


def refuse_crossed(spec: Spec, low: str, high: str) -> None:
    """Raise if the lower of two fields exceeds the higher."""
    least, most = getattr(spec, low), getattr(spec, high)
    if least is not None and most is not None and least > most:
        raise PydanticCustomError(
            "crossed",
            "{low} {least} exceeds {high} {most}; swap them or widen the limits",
            {"low": low, "least": f"{least:g}", "high": high, "most": f"{most:g}"},
        )
