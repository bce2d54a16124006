"""Budget plans of a fitted model: what a request means for its media, and the answer.

Estimand: KPI over the horizon and after it (carry-over) under the planned amounts, less the KPI if the
amounts of the last ``horizon`` periods ran again, all else as it is: the last level, the season, controls
as in the last year, and what history still brings. With ``effects: total`` also through the channels that
a change moves.

Shapes: G regions, H periods of the horizon, C channels, X decision variables (channels, or channel x
region with the channel outermost).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from mmm.data.panel import Floats, Panel
from mmm.fitted import Fitted
from mmm.model.future import FutureResponse, TotalResponse
from mmm.planning.amounts import Exchange
from mmm.planning.budget import SEARCHED, best_plan
from mmm.planning.conversion import PortfolioTerms
from mmm.planning.flighting import Flighting
from mmm.planning.forecast import outlook_of
from mmm.planning.plan import Plan
from mmm.planning.portfolio import SEPARATOR, PortfolioPlan, plan_portfolio
from mmm.planning.request import Bounds, BudgetRequest, parse_request
from mmm.planning.response import AnyResponse, PlanContext, TabulatedResponse

KEPT = 8
"""Responses a planner keeps: one for each horizon, flighting and granularity asked for."""

MOST_DOUBLINGS = 10
"""Tables reach at most this many doublings beyond what the data support; further out the model is asked."""


def plan_budget(fitted: Fitted, request: BudgetRequest | Mapping[str, object]) -> Plan:
    """Answer a budget request; a second one on the same model takes milliseconds.

    Args:
        fitted: The model.
        request: What is asked, see ``BudgetRequest``.

    Returns:
        A plan; ``status`` is ``infeasible`` where limits clash or a target is out of reach.

    Raises:
        RequestError: The request is wrong in itself or for this model, with every problem.
    """
    return planner_of(fitted).plan(request)


def plan_budgets(
    fitted: Mapping[str, Fitted],
    request: BudgetRequest | Mapping[str, object],
    terms: PortfolioTerms | None = None,
) -> PortfolioPlan:
    """One budget over several models, which compete for it.

    Args:
        fitted: Models by name, such as ``brand/market``.
        request: What is asked; channels are named ``model/channel``, see ``plan_portfolio``.
        terms: Currency, exchange rates and values of KPI units; by default those of the models.

    Raises:
        RequestError: The request is wrong, or the models do not share a currency and no rates are given.
    """
    terms = terms or PortfolioTerms()
    terms.check({name: one.panel.currency for name, one in fitted.items()})
    channels = [
        f"{name}{SEPARATOR}{channel}" for name, one in fitted.items() for channel in one.panel.channels
    ]
    periods = min((len(one.panel.dates) for one in fitted.values()), default=None)
    request = parse_request(request, channels=[*channels, *fitted], history_periods=periods)
    parts = {}
    for name, one in fitted.items():
        own = _own(request, name, terms.rate(one.panel.currency))
        parts[name] = terms.applied(name, planner_of(one).prepared(own))
    return plan_portfolio(parts, request)


def _own(request: BudgetRequest, name: str, rate: float) -> BudgetRequest:
    """What a portfolio's request asks of one model; limits are the portfolio's."""
    flighting: Flighting = request.flighting
    if isinstance(flighting, Mapping):
        start = f"{name}{SEPARATOR}"
        flighting = {
            key.removeprefix(start): table for key, table in flighting.items() if key.startswith(start)
        }
    budget = request.budget / rate if isinstance(request.budget, float) else request.budget
    update = {
        "budget": budget,
        "bounds": {},
        "fixed": (),
        "groups": (),
        "unit_costs": {},
        "flighting": flighting,
    }
    return request.model_copy(update=update)


def planner_of(fitted: Fitted) -> Planner:
    """The planner of a model, made once and kept with it."""
    planner = fitted.kept.get("planner")
    if planner is None:
        planner = fitted.kept["planner"] = Planner(fitted)
    assert isinstance(planner, Planner)
    return planner


class Planner:
    """Answers about the future of one model; keeps what answers share.

    Args:
        fitted: The model.
    """

    def __init__(self, fitted: Fitted) -> None:
        self.fitted, self.panel = fitted, fitted.panel
        self.exchange = Exchange(fitted.panel, fitted.scaling.size_G)
        self.outlook = lru_cache(KEPT)(partial(outlook_of, fitted))
        self._response = lru_cache(KEPT)(self._response_of)
        self._context = lru_cache(KEPT)(self._context_of)
        self._table = lru_cache(KEPT)(self._table_of)

    def plan(self, request: BudgetRequest | Mapping[str, object]) -> Plan:
        """See ``plan_budget``."""
        request = self.parsed(request)
        response, context = self.prepared(request)
        return best_plan(response, request, context)

    def parsed(self, request: BudgetRequest | Mapping[str, object]) -> BudgetRequest:
        """The request, checked against the model.

        Raises:
            RequestError: With every problem.
        """
        return parse_request(request, channels=self.panel.channels, history_periods=len(self.panel.dates))

    def prepared(self, request: BudgetRequest) -> tuple[AnyResponse, PlanContext]:
        """What the solver needs to answer a checked request."""
        total = request.effects == "total" and bool(self.fitted.graph.edges_CC.any())
        asked = _Asked(request.horizon, _frozen(request.flighting), request.by_region, total)
        context = self._context(asked)
        table = self._table(asked.direct, _doublings(request, context))
        if not total:
            return table, context
        return self._response(asked), replace(context, proxy=table)

    def _response_of(self, asked: _Asked) -> FutureResponse | TotalResponse:
        predictor, by_region = self.fitted.predictor, self._regional(asked)
        unit_GHC = self.exchange.unit_GHC(asked.horizon, asked.thawed, by_region=by_region)
        if not asked.total:
            return FutureResponse(predictor, unit_GHC, by_region=by_region)
        current_X = self.exchange.current(asked.horizon, by_region=by_region)
        usual_CG = current_X.reshape(len(self.panel.channels), -1)
        usual_GHC = unit_GHC * usual_CG.T[:, None, :]
        return TotalResponse(predictor, unit_GHC, self.fitted.graph, usual_GHC, by_region=by_region)

    def _context_of(self, asked: _Asked) -> PlanContext:
        panel, horizon, by_region = self.panel, asked.horizon, self._regional(asked)
        response = self._response(asked)
        units = zip(panel.channels, self.exchange.unit_C, panel.has_spend_C, strict=True)
        return PlanContext(
            channels=panel.channels,
            current_X=self.exchange.current(horizon, by_region=by_region),
            supported_X=self.exchange.supported(horizon, by_region=by_region),
            baseline_M=self.outlook(horizon).baseline_MH.sum(1) + response.idle_kpi(),
            regions=panel.regions if by_region else (),
            kpi_value=kpi_value(panel, horizon),
            currency=panel.currency,
            units={channel: unit for channel, unit, has_spend in units if not has_spend},
            history_periods=len(panel.dates),
            after_horizon=response.after_horizon,
            exact=response,
            model=provenance(self.fitted),
        )

    def _table_of(self, asked: _Asked, doublings: int) -> TabulatedResponse:
        """The direct response read off a table that reaches ``2 ** doublings`` times what was ever spent."""
        exact = self._response(asked)
        assert isinstance(exact, FutureResponse)
        upper_X = reach(self._context(asked).supported_X) * 2.0**doublings
        return TabulatedResponse(exact, upper_X, power=float(max(doublings, 2)))

    def _regional(self, asked: _Asked) -> bool:
        """By region, as far as there are any."""
        return asked.by_region and len(self.panel.regions) > 1


@dataclass(frozen=True)
class _Asked:
    """What of a request decides the response.

    Attributes:
        horizon: Periods.
        flighting: As in the request, with lists and mappings as tuples.
        by_region: Amounts per channel and region.
        total: With effects through other channels.
    """

    horizon: int
    flighting: str | tuple[Any, ...]
    by_region: bool
    total: bool

    @property
    def direct(self) -> _Asked:
        """The same of direct effects."""
        return replace(self, total=False)

    @property
    def thawed(self) -> Flighting:
        """The flighting as the request has it."""
        if isinstance(self.flighting, tuple) and isinstance(self.flighting[0], tuple):
            return dict(self.flighting)
        return self.flighting


def _frozen(flighting: Flighting) -> str | tuple[Any, ...]:
    if isinstance(flighting, str):
        return flighting
    if isinstance(flighting, Mapping):
        return tuple((channel, tuple(weights)) for channel, weights in sorted(flighting.items())) or "history"
    return tuple(flighting)


def reach(supported_X: Floats) -> Floats:
    """Amounts around which curves are tabulated: what was ever spent; where nothing, the typical most."""
    seen = supported_X[supported_X > 0]
    return np.where(supported_X > 0, supported_X, float(np.median(seen)) if len(seen) else 1.0)


def _doublings(request: BudgetRequest, context: PlanContext) -> int:
    """How far beyond the data a table must reach to hold every amount that the request allows."""
    current_X, usual_X = context.current_X, reach(context.supported_X)
    regional = bool(context.regions)
    budget = request.budget if isinstance(request.budget, float) else float(current_X.sum())
    widest = 1.0
    for c, channel in enumerate(context.channels):
        mine = context.channel_X == c
        bounds = request.bounds.get(channel) or request.default_bounds or Bounds()
        change = bounds.max_change if bounds.max is None else None
        change = request.region_bounds.max_change if regional and request.region_bounds else change
        usual = float(usual_X[mine].sum())
        top = bounds.max if bounds.max is not None else budget / request.unit_costs.get(channel, 1.0)
        if request.budget is None and bounds.max is None:
            top = SEARCHED * usual
        if isinstance(request.fixed, dict) and channel in request.fixed:
            top = request.fixed[channel]
        if change is not None:
            widest = max(widest, float(((1.0 + change) * current_X[mine] / usual_X[mine]).max()))
        elif regional:
            widest = max(widest, SEARCHED)
        else:
            widest = max(widest, top / usual)
    return min(math.ceil(math.log2(widest)), MOST_DOUBLINGS)


def kpi_value(panel: Panel, horizon: int) -> float:
    """Currency per KPI unit over the last ``horizon`` periods, weighted by the KPI."""
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
