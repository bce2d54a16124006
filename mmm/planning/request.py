"""The budget request: what a user asks of the planner, checked wholly before anything is computed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from mmm.config import Spec
from mmm.config.files import read_yaml
from mmm.config.problems import Location, nearest, spec_problems
from mmm.errors import Problem, RequestError, SpecError
from mmm.planning.ahead import ControlPaths
from mmm.planning.fields import (
    MAX_HORIZON,
    Amount,
    Chance,
    Change,
    ChannelName,
    Part,
    Ratio,
    Share,
    Target,
    UnitCost,
    check_budget,
    check_fixed,
    check_flighting,
    check_frequency,
    check_risk,
    refuse_bool,
    refuse_crossed,
    show,
)
from mmm.planning.plan import RiskChoice
from mmm.planning.prices.stated import Prices
from mmm.planning.prices.treatment_cost import TreatmentCosts, lines_of
from mmm.planning.wait import Meanwhile

MAX_FRONTIER = 11
"""Most plans of a frontier."""


class Bounds(Spec):
    """Limits of one channel over the horizon; each side absolute or relative, a side left out is open."""

    min: Amount | None = None
    """Least amount over the horizon."""
    max: Amount | None = None
    """Largest amount over the horizon."""
    min_change: Change | None = None
    """Least change against the current amount: -0.3 allows 30 % less."""
    max_change: Change | None = None
    """Largest change against the current amount: 0.3 allows 30 % more."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for low, high in (("min", "max"), ("min_change", "max_change")):
            refuse_crossed(self, low, high)
        for absolute, relative in (("min", "min_change"), ("max", "max_change")):
            if getattr(self, absolute) is not None and getattr(self, relative) is not None:
                raise PydanticCustomError(
                    "two_limits", "sets both {a} and {b}; give one of them", {"a": absolute, "b": relative}
                )
        return self


class Group(Spec):
    """Limits of a sum of channels."""

    channels: tuple[ChannelName, ...]
    """Channels whose amounts are added up."""
    min: Amount | None = None
    """Least sum over the horizon."""
    max: Amount | None = None
    """Largest sum over the horizon."""
    min_share: Share | None = None
    """Least share of the whole spend."""
    max_share: Share | None = None
    """Largest share of the whole spend."""
    relative_to: tuple[ChannelName, ...] | None = None
    """Channels whose sum the ratios refer to."""
    min_ratio: Ratio | None = None
    """The sum is at least this many times the sum of ``relative_to``."""
    max_ratio: Ratio | None = None
    """The sum is at most this many times the sum of ``relative_to``."""

    @field_validator("channels", "relative_to")
    @classmethod
    def _distinct(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if names is not None and not names:
            raise PydanticCustomError("no_channel", "names no channel", {})
        if names is not None and len(set(names)) < len(names):
            raise PydanticCustomError("repeated", "names a channel twice", {})
        return names

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for low, high in (("min", "max"), ("min_share", "max_share"), ("min_ratio", "max_ratio")):
            refuse_crossed(self, low, high)
        has_ratio = self.min_ratio is not None or self.max_ratio is not None
        if has_ratio != bool(self.relative_to):
            raise PydanticCustomError("ratio", "min_ratio or max_ratio and relative_to go together", {})
        limits = (self.min, self.max, self.min_share, self.max_share, self.min_ratio, self.max_ratio)
        if all(limit is None for limit in limits):
            raise PydanticCustomError("no_limit", "limits nothing; give min, max, a share or a ratio", {})
        return self


class BudgetRequest(Spec):
    """A budget question: how much, over which horizon, to what end, within which limits."""

    budget: Annotated[float | Literal["current"] | None, BeforeValidator(check_budget)] = None
    """Total over the horizon: an amount, or ``current`` for what was spent in the last ``horizon``
    periods. Spent wholly for objective ``kpi``; an upper limit, and optional, for the others."""
    mode: Literal["whole", "increment"] = "whole"
    """``whole``: the budget is all there is. ``increment``: it comes on top of what was spent in the last
    ``horizon`` periods, and no channel falls below that."""
    horizon: Annotated[int, BeforeValidator(refuse_bool), Field(ge=1, le=MAX_HORIZON)] = 13
    """Periods to plan, from the end of the data, or from ``start``."""
    start: dt.date | None = None
    """First day of the first period planned; None is the period after the data."""
    meanwhile: Meanwhile = "current"
    """What runs between the data and ``start``: as in the last periods, or nothing (``none``)."""
    objective: Literal["kpi", "profit", "target_roi", "kpi_target"] = "kpi"
    """``kpi``: most KPI for the budget. ``profit``: largest value of KPI less spend. ``target_roi``:
    most KPI while the return per unit of spend stays at or above ``target``. ``kpi_target``: least
    spend that brings the KPI of the horizon to ``target``."""
    target: Target | None = None
    """ROI (value of incremental KPI per unit of spend) or KPI to reach."""
    chance: Chance | None = None
    """Of ``kpi_target``: share of the model's draws in which the expected KPI reaches the target; without it
    the mean does."""
    bounds: dict[ChannelName, Bounds] = Field(default_factory=dict)
    """Limits by channel; they replace ``default_bounds`` for that channel."""
    default_bounds: Bounds | None = None
    """Limits of every channel without its own; none leaves them open."""
    region_bounds: Bounds | None = None
    """Relative limits of each channel in each region for a plan by region; without them a channel's
    relative bounds hold in every region and its absolute bounds hold for its total."""
    fixed: Annotated[tuple[str, ...] | dict[str, float], BeforeValidator(check_fixed)] = ()
    """Channels held where they are, or at an amount."""
    groups: tuple[Group, ...] = ()
    """Limits of sums of channels, of their shares and of ratios between them."""
    unit_costs: dict[ChannelName, UnitCost] = Field(default_factory=dict)
    """Currency per exposure unit, for channels that have exposure but no spend."""
    by_region: bool = False
    """Plan every channel in every region."""
    flighting: Annotated[
        Literal["history", "even"] | tuple[float, ...] | dict[str, tuple[float, ...]],
        BeforeValidator(check_flighting),
    ] = "history"
    """How an amount falls on the periods: the pattern of the last ``horizon`` periods, evenly, or
    weights by period (one list for all channels or one per channel), which are normalised."""
    frequency: Annotated[Literal["keep", "best"] | dict[str, float], BeforeValidator(check_frequency)] = (
        "keep"
    )
    """Contacts per person reached of channels with reach: as in the last ``horizon`` periods (``keep``), the
    ``best`` by the model, or by channel, others as they were. The same money reaches more people or fewer."""
    reach_ceiling: dict[ChannelName, Part] = Field(default_factory=dict)
    """Share of the population that a channel with reach can reach in a period at most: the more of them an
    amount reaches, the fewer are new. Without it, people reached are in proportion to money."""
    effects: Literal["direct", "total"] = "direct"
    """Each channel's own effect, or with what it does through the channels it moves."""
    risk: Annotated[RiskChoice, BeforeValidator(check_risk)] = "mean"
    """Judge a plan by its mean gain over draws, by this lower quantile of it (0.1 or ``{quantile: 0.1}``), by
    the mean of its worst share (``{cvar: 0.1}``), by the mean less so many standard deviations
    (``{mean_sd: 1}``), or by the largest regret over draws (``{regret: max}``): what the best plan for a draw
    would bring beyond it there."""
    frontier: Annotated[int, BeforeValidator(refuse_bool), Field(ge=2, le=MAX_FRONTIER)] | None = None
    """So many more plans, from the most cautious (best in the worst tenth of draws) to the boldest (best in
    the mean)."""
    method: Literal["slsqp", "trust-constr", "differential_evolution", "hybrid"] = "slsqp"
    """Solver of the last stage. ``slsqp`` and ``trust-constr`` start from a global search;
    ``differential_evolution`` searches by itself; ``hybrid`` refines what it finds."""
    prices: Prices = Field(default_factory=dict)
    """What exposure costs by how much is bought, for channels with spend and exposure: ``constant`` as in the
    last year, ``estimated`` as it moved with spend in the panel, or by channel: one of these words,
    ``{elasticity: 0.25}`` or ``{tiers: [{up_to: 1000000, price: 0.01}, {price: 0.012}]}`` (currency per unit,
    steps in units per period)."""
    treatment_costs: TreatmentCosts = Field(default_factory=dict)
    """What treatments cost, by name: those named are lines of the plan beside channels, to which limits,
    groups and flighting apply as well. ``{promotion: {cost: 2.5, per: kpi}}``: currency for one unit above
    the reference and for each KPI unit (``per: kpi``) or for each region and period (``per: period``)."""
    controls: ControlPaths = Field(default_factory=dict)
    """Controls and events over the horizon where they are known: a value, one for each period, or either by
    region. Others are at their mean of the last year; holidays follow the calendar."""
    level: Annotated[float, BeforeValidator(refuse_bool), Field(ge=0.5, lt=1)] = 0.9
    """Coverage of the intervals in the plan."""
    seed: Annotated[int, BeforeValidator(refuse_bool), Field(ge=0, lt=2**31)] = 0
    """Seed of random starts."""

    @field_validator("horizon")
    @classmethod
    def _within_history(cls, horizon: int, info: ValidationInfo) -> int:
        periods = (info.context or {}).get("history_periods")
        if periods is not None and horizon > periods:
            raise PydanticCustomError(
                "horizon_beyond_history",
                "is {horizon}; it must not exceed the {periods} periods of history, since the status quo is "
                "what ran in the last {horizon} periods",
                {"horizon": horizon, "periods": periods},
            )
        return horizon

    @field_validator("region_bounds")
    @classmethod
    def _only_relative(cls, value: Bounds | None) -> Bounds | None:
        if value is not None and (value.min is not None or value.max is not None):
            raise PydanticCustomError("absolute", "takes min_change and max_change only", {})
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        complaints = list(self._contradictions())
        if complaints:
            raise PydanticCustomError("contradiction", "{text}", {"text": "; ".join(complaints)})
        return self

    def _contradictions(self) -> Iterable[str]:
        if self.objective == "kpi" and self.budget is None:
            yield "budget is missing; objective kpi needs an amount or 'current'"
        needs_target = self.objective in ("target_roi", "kpi_target")
        if needs_target and self.target is None:
            yield f"target is missing; objective {self.objective} needs it"
        if not needs_target and self.target is not None:
            yield f"target is set but objective {self.objective} has none; use target_roi or kpi_target"
        yield from self._risk_contradictions()
        if self.region_bounds is not None and not self.by_region:
            yield "region_bounds is set but by_region is false"
        for channel in sorted(set(self.fixed) & set(self.bounds)):
            yield f"{channel} is in both fixed and bounds; give one of them"

    def _risk_contradictions(self) -> Iterable[str]:
        gains = self.objective in ("kpi", "profit")
        if self.mode == "increment" and not isinstance(self.budget, float):
            yield "budget is no amount; mode increment needs what is added to the current spend"
        if self.mode == "increment" and not gains:
            yield f"mode is increment but objective {self.objective} finds its own total; use kpi or profit"
        if self.chance is not None and self.objective != "kpi_target":
            yield f"chance is set but objective {self.objective} has no KPI to reach; use kpi_target"
        if self.chance is not None and self.risk != "mean":
            yield "chance and risk are both set; chance says by itself how sure the target is to be reached"
        if self.frontier is not None and not gains:
            yield f"frontier is set but objective {self.objective} finds its own total; use kpi or profit"
        if isinstance(self.risk, dict) and "regret" in self.risk and not gains:
            yield f"risk is regret but objective {self.objective} finds its own total; use kpi or profit"


class PortfolioTerms(Spec):
    """In which currency a portfolio is planned, and what a KPI unit of each model is worth."""

    currency: str | None = Field(default=None, min_length=1, max_length=20)
    """Currency of the budget and of every amount; needed only where models differ in theirs."""
    exchange_rates: dict[str, UnitCost] = Field(default_factory=dict)
    """Units of ``currency`` for one unit of each other currency, by its name."""
    kpi_values: dict[str, UnitCost] = Field(default_factory=dict)
    """Value of a KPI unit by model, in the model's own currency; left out, that of its data."""

    def rate(self, currency: str) -> float:
        """Units of the portfolio's currency for one of another."""
        return 1.0 if self.currency in (None, currency) else self.exchange_rates[currency]

    def check(self, currencies: Mapping[str, str]) -> None:
        """Whether the terms say all that models need.

        Args:
            currencies: Currency of each model by its name.

        Raises:
            RequestError: An unknown model, or a currency without rate.
        """
        problems = []
        for name in sorted(set(self.kpi_values) - set(currencies)):
            close = nearest(name, currencies, count=1)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            text = f"unknown model '{name}'.{hint} Known: {', '.join(currencies)}"
            problems.append(Problem("unknown_model", f"kpi_values.{name}", text))
        others = set(currencies.values()) - {self.currency} if self.currency else set()
        for currency in sorted(others - set(self.exchange_rates)):
            named = next(name for name, own in currencies.items() if own == currency)
            text = f"{named} is in {currency}; give how many {self.currency} one {currency} is"
            problems.append(Problem("no_rate", f"exchange_rates.{currency}", text))
        if self.exchange_rates and self.currency is None:
            text = "is missing; exchange_rates are units of it"
            problems.append(Problem("missing_key", "currency", text))
        if problems:
            raise RequestError("portfolio request", problems)


def parse_request(
    data: object,
    *,
    channels: Sequence[str] | None = None,
    history_periods: int | None = None,
    source: str = "budget request",
    lines: Mapping[Location, int] | None = None,
) -> BudgetRequest:
    """Check a request and everything in it at once.

    Args:
        data: Mapping as read from YAML or JSON.
        channels: Names the model knows; None leaves names unchecked.
        history_periods: Periods of the model's data; None leaves the horizon unchecked.
        source: What the data are called in the error.
        lines: Line of each location in a file.

    Raises:
        RequestError: With every problem and its path.
    """
    if not isinstance(data, Mapping):
        text = f"is {show(data)}; a request is a mapping of fields such as budget and horizon"
        raise RequestError(source, [Problem("wrong_type", "", text)])
    context = {"channels": lines_of(data, channels), "history_periods": history_periods}
    try:
        return BudgetRequest.model_validate(data, context=context)
    except ValidationError as error:
        raise RequestError(source, spec_problems(error, BudgetRequest, data, lines or {})) from None


def read_request(
    path: str | Path, *, channels: Sequence[str] | None = None, history_periods: int | None = None
) -> BudgetRequest:
    """Read a request from a YAML or JSON file and check it.

    Raises:
        RequestError: The file is missing, is no YAML, or breaks the schema.
    """
    try:
        document = read_yaml(str(path))
    except SpecError as error:
        raise RequestError(error.source, error.problems) from error
    return parse_request(
        document.values,
        channels=channels,
        history_periods=history_periods,
        source=document.source,
        lines=document.lines,
    )
