"""What one fitted model gives to plans: its responses, tables of them, and the status quo; each made once.

Shapes: M members, G regions, H periods of the horizon, C channels, X decision variables (channels, or
channel x region with the channel outermost).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from mmm.data.panel import Floats
from mmm.errors import RequestError
from mmm.fitted import Fitted
from mmm.model.future import FutureResponse, Response, TabulatedResponse, TotalResponse
from mmm.planning.ahead import control_problems
from mmm.planning.amounts import Flighting, amounts_of
from mmm.planning.fields import MAX_HORIZON
from mmm.planning.forecast import Forecast, forecast_of
from mmm.planning.newcomers import with_newcomers
from mmm.planning.prices.elasticity import Elasticity, elasticities
from mmm.planning.prices.schedule import PricedResponse, Schedule
from mmm.planning.prices.schedules import schedule_of
from mmm.planning.prices.stated import ChannelPrice, price_of, prices_of
from mmm.planning.reaching import KEEP, ReachKey, reach_remarks, reaching_of
from mmm.planning.response import StatusQuo
from mmm.planning.wait import Wait
from mmm.words import percent

FrozenFlighting = str | tuple[float, ...] | tuple[tuple[str, tuple[float, ...]], ...]
"""A flighting as a key: tables by channel as pairs."""

KEPT = 8
"""Responses a planner keeps: one for each horizon, flighting and granularity asked for."""

PLANNERS = 8
"""Planners that the library keeps, those of the models asked last; a service keeps its own."""

MOST_DOUBLINGS = 10
"""Tables reach at most this many doublings beyond what the data support; further out the model is asked."""

SEEN_LEAST = 3
"""Periods with media from which the fit knows something of a channel: an effect and how it carries over."""

LEAST_DRAWS, MOST_DRAWS = 50, 200
"""Members that plans are made with, of large models and of small ones; see ``planning_draws``."""

CELLS = 20_000
"""Members x regions x channels that a planner holds by choice."""


@dataclass(frozen=True)
class ResponseKey:
    """What of a request decides the response.

    Attributes:
        horizon: Periods.
        flighting: As in the request.
        by_region: Amounts per channel and region.
        total: With effects through other channels.
        wait: What lies between the data and the plan.
        prices: What is stated of prices, as JSON; empty where they stay.
        reach: How often people are reached, and how many can be.
    """

    horizon: int
    flighting: FrozenFlighting
    by_region: bool
    total: bool = False
    wait: Wait = Wait()
    prices: str = ""
    reach: ReachKey = KEEP


class Planned:
    """The response of a plan.

    Attributes:
        to_bought: To amounts at last year's price.
        rate_X: Exposure per unit of amount at that price; NaN where exposure or money is not known.
        buying: What money buys; None where prices stay.
        to_money: The response to money; prices that stay leave it as it is.
    """

    def __init__(
        self, to_bought: FutureResponse | TotalResponse, rate_X: Floats, buying: Schedule | None
    ) -> None:
        self.to_bought, self.rate_X, self.buying = to_bought, rate_X, buying
        self.to_money: Response = to_bought if buying is None else PricedResponse(to_bought, buying)

    def after_horizon(self, amount_X: Floats) -> Floats:
        """The part of the KPI that comes after the horizon, shape M."""
        return self.to_bought.after_horizon(amount_X if self.buying is None else self.buying.bought(amount_X))


class Planner:
    """A fitted model as plans ask it.

    Args:
        fitted: The model.
        draws: Members that it asks at most; by default as many as suit its size.

    Attributes:
        fitted: The model.
        drawn: The model with the members that plan, regions that opened too late among the others.
    """

    def __init__(self, fitted: Fitted, draws: int | None = None) -> None:
        self.fitted = fitted
        self.drawn = with_newcomers(planning_draws(fitted, draws))
        self.panel = self.drawn.panel
        self.predictor, self.graph = self.drawn.predictor, self.drawn.graph
        self.to_media = amounts_of(self.drawn)
        self.has_regions = len(self.panel.regions) > 1
        self.has_edges = bool(fitted.graph.edges_CC.any())
        self.forecast = lru_cache(KEPT)(self._forecast_of)
        self.kpi_value = lru_cache(KEPT)(self._kpi_value_of)
        self.remarks = lru_cache(KEPT)(self._remarks_of)
        self.response = lru_cache(KEPT)(self._response_of)
        self.status_quo = lru_cache(KEPT)(self._status_quo_of)
        self.table = lru_cache(KEPT)(self._table_of)

    @cached_property
    def provenance(self) -> dict[str, object]:
        """What an answer says of the model it came from."""
        return provenance(self.fitted)

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """Channels of which the fit saw next to nothing, no experiment was made and no prior was stated."""
        spec = self.fitted.spec
        informed = {one.channel for one in spec.experiments} | set(spec.model.priors.channels)
        ran_C = (self.panel.media_GTC[:, : self.fitted.trained_until].sum(0) > 0).sum(0)
        return tuple(
            channel
            for channel, periods in zip(self.panel.channels, ran_C, strict=True)
            if periods < SEEN_LEAST and channel not in informed
        )

    @cached_property
    def _longest(self) -> Forecast:
        """The periods ahead as far as a request may look; shorter horizons are its beginning."""
        return forecast_of(self.drawn, min(len(self.panel.dates), MAX_HORIZON))

    def _forecast_of(self, horizon: int, wait: int = 0) -> Forecast:
        whole, own = self._longest, slice(wait, wait + horizon)
        return Forecast(whole.dates[own], whole.baseline_MH[:, own], whole.noise_HH[own, own])

    def before(self, wait: Wait) -> Floats | None:
        """Media that run between the data and a plan, shape GPC; None where it begins at once."""
        if not wait.periods:
            return None
        regions, _, channels = self.panel.media_GTC.shape
        if wait.meanwhile == "none":
            return np.zeros((regions, wait.periods, channels))
        return self.to_media.unit_GHC(wait.periods) * self.to_media.current(wait.periods)

    def forecast_with(self, horizon: int, controls: Mapping[str, Any], wait: int = 0) -> Forecast:
        """``forecast`` with some controls as stated.

        Raises:
            RequestError: The model has no such control, or values are missing.
        """
        problems = list(control_problems(self.panel, controls, horizon))
        if problems:
            raise RequestError("request", problems)
        return forecast_of(self.drawn, horizon, controls, wait)

    @cached_property
    def elasticities(self) -> tuple[Elasticity, ...]:
        """How the price of each channel moved with its spend in the data."""
        return elasticities(self.panel)

    def rates(self, unit_GHC: Floats, *, by_region: bool = False) -> Floats:
        """Exposure per unit of amount, shape X; NaN where exposure or money is not known."""
        rate_X = unit_GHC.sum(1).T.ravel() if by_region else unit_GHC.sum((0, 1))
        priced_C = self.panel.has_spend_C & self.panel.has_exposure_C
        return np.where(np.repeat(priced_C, len(rate_X) // len(priced_C)), rate_X, np.nan)

    def buying(self, prices: str, unit_GHC: Floats, *, by_region: bool = False) -> Schedule | None:
        """What money buys in cells whose media per unit of amount are given; None where prices stay."""
        if not prices:
            return None
        stated = prices_of(prices)
        estimated = any(one.source == "estimated" for one in stated.values())
        found = self.elasticities if estimated else (Elasticity(),) * len(self.panel.channels)
        rate_X = self.rates(unit_GHC, by_region=by_region)
        schedule = schedule_of(stated, found, self.to_media, unit_GHC, rate_X)
        return schedule if schedule.moves else None

    @cached_property
    def _steep(self) -> dict[str, str]:
        """Channels whose price clearly rose with spend in the data, and what to say of it."""
        told = zip(self.panel.channels, self.elasticities, strict=True)
        return {
            name: f"{name}: in the data its price rose by {percent(1.1**found.value - 1.0)} with 10 % more "
            "spend; this plan holds it at last year's. `prices: estimated` plans with it."
            for name, found in told
            if found.is_clear
        }

    def price_remarks(self, prices: Mapping[str, ChannelPrice]) -> tuple[str, ...]:
        """Channels whose price rose with spend in the data, and is taken to stay."""
        if not prices:
            return tuple(self._steep.values())
        steep = (text for name, text in self._steep.items() if price_of(prices, name).source == "constant")
        return (*steep, *self._unknown_prices(prices))

    def _unknown_prices(self, prices: Mapping[str, ChannelPrice]) -> Iterator[str]:
        """Channels whose price is to be estimated and whose data tell nothing of it."""
        priced_C = self.panel.has_spend_C & self.panel.has_exposure_C
        for name, priced, found in zip(self.panel.channels, priced_C, self.elasticities, strict=True):
            if priced and not found.cells and price_of(prices, name).source == "estimated":
                yield (
                    f"{name}: its price was seen too seldom, or at too even a spend, to be estimated, so "
                    "that it stays at last year's; state an elasticity if you know one."
                )

    def _kpi_value_of(self, horizon: int) -> float | None:
        return kpi_value(self.fitted, horizon)

    def _remarks_of(self, horizon: int) -> tuple[str, ...]:
        """What to keep in mind of channels whatever is planned: next to no evidence, or old one."""
        learned = "ran too little in the data that the model learned from; what it brings is the prior's word"
        never = [f"{channel}: {learned}." for channel in self.unknown]
        rests = self.to_media.rests_since(horizon).items()
        return (
            *self._newcomers(),
            *never,
            *(
                f"{channel}: last ran in the period of {date}; what it brings is as it was then."
                for channel, date in rests
            ),
            *(
                f"{channel}: a test changed its spend in the last {horizon} periods. What it costs now has "
                "that change in it; planned money falls on regions and periods as without."
                for channel in self.to_media.tested_within(horizon)
            ),
        )

    def _newcomers(self) -> tuple[str, ...]:
        """Which regions were not fitted, in words."""
        new = [name for name in self.panel.regions if name not in self.fitted.panel.regions]
        if not new:
            return ()
        opened = "opened too late to be fitted; their response is that of the average region"
        return (f"region {', '.join(new)}: {opened}, at their own level.",)

    def _response_of(self, key: ResponseKey) -> Planned:
        unit_GHC = self.to_media.unit_GHC(key.horizon, _flighting(key), by_region=key.by_region)
        buying = self.buying(key.prices, unit_GHC, by_region=key.by_region)
        if key.prices and not key.total:
            flat = self.response(replace(key, prices=""))
            return Planned(flat.to_bought, flat.rate_X, buying)
        before_GPC, usual_GHC = self.before(key.wait), unit_GHC
        rate_X = self.rates(unit_GHC, by_region=key.by_region)
        reaching = None
        if self.panel.contacts_GTC is not None:
            unit_GHC, reaching = reaching_of(
                self.to_media, unit_GHC, key.horizon, _flighting(key), key.reach, key.wait.periods
            )
        if not key.total:
            direct = FutureResponse(
                self.predictor, unit_GHC, by_region=key.by_region, before_GPC=before_GPC, reaching=reaching
            )
            return Planned(direct, rate_X, buying)
        current_X = self.to_media.current(key.horizon, by_region=key.by_region)
        if buying is not None:
            current_X = buying.bought(current_X)
        usual_GHC = usual_GHC * current_X.reshape(len(self.panel.channels), -1).T[:, None, :]
        total = TotalResponse(
            self.predictor,
            unit_GHC,
            self.graph,
            usual_GHC,
            by_region=key.by_region,
            before_GPC=before_GPC,
            reaching=reaching,
        )
        return Planned(total, rate_X, buying)

    def _status_quo_of(self, key: ResponseKey) -> StatusQuo:
        panel, to_media, response = self.panel, self.to_media, self.response(key)
        current_X = to_media.current(key.horizon, by_region=key.by_region)
        kept_M = None if key.reach == KEEP else self._kept_kpi_M(key)
        units = zip(panel.channels, to_media.unit_C, panel.has_spend_C, strict=True)
        return StatusQuo(
            channels=panel.channels,
            current_X=current_X,
            supported_X=to_media.supported(key.horizon, by_region=key.by_region),
            baseline_M=self.forecast(key.horizon, key.wait.periods).baseline_MH.sum(1)
            + response.to_bought.idle_kpi(),
            regions=panel.regions if key.by_region else (),
            kpi_value=self.kpi_value(key.horizon),
            currency=panel.currency,
            units={channel: unit for channel, unit, has_spend in units if not has_spend},
            not_bought=(*panel.organic, *panel.mediators),
            history_periods=len(panel.dates),
            after_horizon=response.after_horizon,
            unknown=self.unknown,
            remarks=(
                *self.remarks(key.horizon),
                *self.price_remarks(prices_of(key.prices) if key.prices else {}),
                *(() if key.reach == KEEP else reach_remarks(self.fitted, key.reach)),
            ),
            rate_X=response.rate_X,
            buying=response.buying,
            current_kpi_M=kept_M,
            stated_current_M=response.to_money.kpi_M(current_X) if kept_M is None else kept_M,
            model=self.provenance,
        )

    def _kept_kpi_M(self, key: ResponseKey) -> Floats:
        """What current amounts bring at the frequencies at which they ran."""
        current_X = self.to_media.current(key.horizon, by_region=key.by_region)
        return self.response(replace(key, reach=KEEP)).to_money.kpi_M(current_X)

    def _table_of(self, key: ResponseKey, doublings: int) -> TabulatedResponse | PricedResponse:
        """A direct response read off a table that reaches ``2 ** doublings`` times what was ever spent.

        What is bought is tabulated, so that every wording of prices reads the same table.
        """
        upper_X = self.status_quo(key).usual_X * 2.0**doublings
        planned = self.response(key)
        if planned.buying is None:
            return TabulatedResponse(planned.to_bought, upper_X, power=float(max(doublings, 2)))
        times = max(1.0, float((planned.buying.bought(upper_X) / upper_X).max()))
        doublings = max(doublings, min(doublings + math.ceil(math.log2(times)), MOST_DOUBLINGS))
        return PricedResponse(self.table(replace(key, prices=""), doublings), planned.buying)


planner_of = lru_cache(PLANNERS)(Planner)
"""The planner of a model, made once while it is among those asked last."""


def planning_draws(fitted: Fitted, most: int | None = None) -> Fitted:
    """The model with at most so many members, evenly spaced; itself if it has no more.

    Every member has its own table of every curve, and every step of a search asks all of them, so that time
    and memory of plans grow with their number: as many as fit into ``CELLS``, from ``LEAST_DRAWS`` to
    ``MOST_DRAWS``. Of fifty normal draws the standard error of a mean is 4 % of the width of the 90 %
    interval, that of its bounds 9 %, that of an even chance 7 points, and the worst tenth are five; of two
    hundred it is half of each, and they are twenty. Plan and status quo are compared draw by draw.

    Args:
        fitted: The model.
        most: Members at most; by default by its size.
    """
    if most is None:
        size = len(fitted.panel.regions) * len(fitted.panel.channels)
        most = min(max(CELLS // size, LEAST_DRAWS), MOST_DRAWS)
    if fitted.members <= most:
        return fitted
    chosen_M = np.linspace(0, fitted.members - 1, most).round().astype(np.int64)
    parameters = {name: value[chosen_M] for name, value in fitted.parameters.items()}
    graph = fitted.graph
    if graph.members:
        graph = replace(graph, coefficient_MKCC=graph.coefficient_MKCC[chosen_M % graph.members])
    return replace(fitted, parameters=parameters, graph=graph)


def _flighting(key: ResponseKey) -> Flighting:
    """The flighting as the request has it."""
    if isinstance(key.flighting, str):
        return key.flighting
    by_channel = {pair[0]: pair[1] for pair in key.flighting if isinstance(pair, tuple)}
    return by_channel or [weight for weight in key.flighting if isinstance(weight, float)]


def kpi_value(fitted: Fitted, horizon: int) -> float | None:
    """Currency per KPI unit over the last ``horizon`` periods, weighted by the KPI; None if not stated."""
    if fitted.spec.kpi_value is None:
        return None
    panel = fitted.panel
    recent_GT = np.nan_to_num(panel.kpi_GT[:, -horizon:])
    value_GT = panel.kpi_value_GT[:, -horizon:]
    if recent_GT.sum() > 0:
        return float((value_GT * recent_GT).sum() / recent_GT.sum())
    return float(value_GT.mean())


def provenance(fitted: Fitted) -> dict[str, object]:
    """What an answer says of the model it came from."""
    dates, kept = fitted.panel.dates, ("data_fingerprint", "spec_digest", "seed")
    return {
        "brand": fitted.spec.brand,
        "market": fitted.spec.market,
        "first_date": str(dates[0]),
        "last_date": str(dates[-1]),
        "trained_until": str(dates[fitted.trained_until - 1]),
        "members": fitted.members,
        **{name: fitted.provenance[name] for name in kept if name in fitted.provenance},
    }
