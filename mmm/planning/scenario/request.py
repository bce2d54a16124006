"""The scenario request: spend plans for the periods after the data, checked before anything is computed.

A request names one plan or several::

    horizon: 13                         # periods after the data; by default what the plans cover, else 13
    effects: direct                     # or total
    plans:
      more_tv:
        spend:
          tv: 120000                    # a total, spread as in the last `horizon` periods
          search: [9000, 9000, ...]     # or an amount for each period
          radio: {north: 4000, south: [300, ...]}   # or either of them for each region
        others: current                 # channels not named: current | none; without it all must be named
      from_agency: {file: plan.csv}     # columns date, channel, spend and, for regions, region

``spend``, ``file``, ``rows``, ``others`` and ``flighting`` may stand at the top instead of ``plans``.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from mmm.config import Spec
from mmm.config.data import format_problem
from mmm.config.files import read_yaml
from mmm.config.problems import Location, spec_problems
from mmm.errors import Problem, RequestError, SpecError
from mmm.planning.ahead import ControlPaths
from mmm.planning.fields import (
    MAX_AMOUNT,
    MAX_HORIZON,
    Amount,
    ChannelName,
    Part,
    as_number,
    check_flighting,
    check_frequency,
    refuse_bool,
    show,
)
from mmm.planning.prices.stated import Prices
from mmm.planning.prices.treatment_cost import TreatmentCosts, lines_of
from mmm.planning.wait import Meanwhile

MOST_PLANS = 50
"""Plans in one request."""

ALONE = "plan"
"""Name of a plan that stands alone."""

Periods = tuple[float, ...]
ChannelAmounts = float | Periods | dict[str, float | Periods]
"""Amounts of one channel: a total, one for each period, or either of them for each region."""


def _check_entry(value: object) -> ChannelAmounts:
    """Amounts in any of their forms."""
    if isinstance(value, Mapping):
        if not value:
            raise PydanticCustomError("no_region", "names no region; give an amount for each", {})
        return {_region(region): _check_periods(amounts) for region, amounts in value.items()}
    return _check_periods(value)


def _region(name: object) -> str:
    if isinstance(name, bool) or not isinstance(name, (str, int)):
        raise PydanticCustomError("bad_region", "{name} is no region name", {"name": show(name)})
    return str(name)


def _check_periods(value: object) -> float | Periods:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(_check_amount(amount) for amount in value)
    return _check_amount(value)


def _check_amount(value: object) -> float:
    number = as_number(value)
    if number is None or not math.isfinite(number) or not 0 <= number <= MAX_AMOUNT:
        raise PydanticCustomError(
            "bad_amount",
            "is {value}; expected an amount from 0 to 1e13, a list of them by period, or either by region",
            {"value": show(value)},
        )
    return number


class SpendRow(Spec):
    """Amount of one channel in one period, and region if the plan has regions."""

    date: dt.date
    """Start of the period."""
    channel: ChannelName
    """Name of the channel."""
    region: str | None = None
    """Name of the region; omit it in every row, or in none."""
    spend: Amount
    """Amount in the channel's unit."""


class SpendPlan(Spec):
    """What is spent after the data, in one of three forms."""

    spend: dict[ChannelName, Annotated[ChannelAmounts, BeforeValidator(_check_entry)]] | None = None
    """Amounts by channel: a total over the horizon, a list by period, or either of them by region."""
    file: Annotated[str, Field(min_length=1)] | None = None
    """CSV or Parquet file with columns date, channel, spend and, for a plan by region, region."""
    date_format: str | None = None
    """Format of the file's dates, e.g. ``%d.%m.%Y``; None takes that of the model's data, or ISO."""
    rows: tuple[SpendRow, ...] | None = None
    """The rows of such a file."""
    others: Literal["current", "none"] | None = None
    """Channels that are not named: as in the last periods, or nothing. Without it all must be named."""
    flighting: Annotated[
        Literal["history", "even"] | Periods | dict[str, Periods], BeforeValidator(check_flighting)
    ] = "history"
    """How totals fall on the periods: the pattern of the last ``horizon`` periods, evenly, or weights."""
    frequency: Annotated[Literal["keep", "best"] | dict[str, float], BeforeValidator(check_frequency)] = (
        "keep"
    )
    """Contacts per person reached of channels with reach: as in the last ``horizon`` periods (``keep``), the
    ``best`` by the model, or by channel, others as they were."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        given = [name for name in ("spend", "file", "rows") if getattr(self, name) is not None]
        if len(given) != 1:
            what = f"gives {' and '.join(given)}" if given else "gives no amounts"
            raise PydanticCustomError("form", "{what}; give one of spend, file and rows", {"what": what})
        if self.date_format is not None and (problem := format_problem(self.date_format)):
            text = "date_format {given} cannot be read: {problem}"
            raise PydanticCustomError(
                "date_format", text, {"given": show(self.date_format), "problem": problem}
            )
        return self


class ScenarioRequest(Spec):
    """Spend plans to compare with the status quo, which repeats the last ``horizon`` periods."""

    plans: Annotated[dict[str, SpendPlan], Field(min_length=1, max_length=MOST_PLANS)]
    """Plans by name."""
    horizon: Annotated[int, BeforeValidator(refuse_bool), Field(ge=1, le=MAX_HORIZON)] | None = None
    """Periods after the data, or from ``start``; by default what the plans' periods cover, else 13."""
    start: dt.date | None = None
    """First day of the first period planned; None is that of the first row where all plans are rows, else the
    period after the data."""
    meanwhile: Meanwhile = "current"
    """What runs between the data and ``start``: as in the last periods, or nothing (``none``)."""
    effects: Literal["direct", "total"] = "direct"
    """Each channel's own effect, or with what it does through the channels it moves."""
    prices: Prices = Field(default_factory=dict)
    """What exposure costs by how much is bought, as in a budget request."""
    reach_ceiling: dict[ChannelName, Part] = Field(default_factory=dict)
    """Share of the population that a channel with reach can reach in a period at most, as in a budget
    request."""
    treatment_costs: TreatmentCosts = Field(default_factory=dict)
    """What treatments cost, as in a budget request: plans may then name totals for them in ``spend``."""
    controls: ControlPaths = Field(default_factory=dict)
    """Controls and events over the horizon where they are known: a value, one for each period, or either by
    region. Others are at their mean of the last year; holidays follow the calendar."""
    level: Annotated[float, BeforeValidator(refuse_bool), Field(ge=0.5, lt=1)] = 0.9
    """Coverage of the intervals."""


def parse_scenario(
    data: object,
    *,
    channels: Sequence[str] | None = None,
    source: str = "scenario request",
    lines: Mapping[Location, int] | None = None,
    files: bool = False,
) -> ScenarioRequest:
    """Check a request and everything in it at once.

    Args:
        data: Mapping as read from YAML or JSON.
        channels: Names the model knows; None leaves names unchecked.
        source: What the data are called in the error.
        lines: Line of each location in a file.
        files: Whether plans may name files: not those of a request from afar.

    Raises:
        RequestError: With every problem and its path.
    """
    if not isinstance(data, Mapping):
        text = f"is {show(data)}; a scenario is a mapping of fields such as horizon and plans"
        raise RequestError(source, [Problem("wrong_type", "", text)])
    values, prefix = _with_plans(data)
    context = {"channels": lines_of(data, channels)}
    try:
        request = ScenarioRequest.model_validate(values, context=context)
    except ValidationError as error:
        raise RequestError(source, spec_problems(error, ScenarioRequest, values, lines or {})) from None
    named = [name for name, plan in request.plans.items() if plan.file is not None]
    if named and not files:
        text = "files are not read here; send their rows"
        raise RequestError(source, [Problem("no_files", f"{prefix}{name}.file", text) for name in named])
    return request


def _with_plans(data: Mapping[Any, Any]) -> tuple[dict[Any, Any], str]:
    """A request whose only plan stands at the top, with the plan in its place."""
    inner = {key: value for key, value in data.items() if key in SpendPlan.model_fields}
    if not inner or "plans" in data:
        return dict(data), "plans."
    outer = {key: value for key, value in data.items() if key not in inner}
    return {**outer, "plans": {ALONE: inner}}, "plans."


def read_scenario(path: str, *, channels: Sequence[str] | None = None) -> ScenarioRequest:
    """Read a request from a YAML or JSON file, or a plan from a CSV or Parquet file, and check it.

    Raises:
        RequestError: The file is missing, is none of these, or breaks the schema.
    """
    name = PurePosixPath(path).name
    if PurePosixPath(name).suffix.lower() not in (".yaml", ".yml", ".json"):
        stem = name.split(".")[0] or ALONE
        return parse_scenario({"plans": {stem: {"file": path}}}, channels=channels, files=True)
    try:
        document = read_yaml(path)
    except SpecError as error:
        raise RequestError(error.source, error.problems) from error
    return parse_scenario(
        document.values, channels=channels, source=document.source, lines=document.lines, files=True
    )


def is_spend(said: object) -> bool:
    """Whether plain data are spend plans, as a scenario takes them, and no answered budget request."""
    return isinstance(said, dict) and "plans" in said and "status" not in said
