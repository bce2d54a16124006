"""One budget over several models: brands and markets compete for the same money.

KPI units differ between models, so the joint plan is in value: each model's KPI times its value.

Shapes: M members, X decision variables of all models, one model after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from mmm.data.panel import UNSTATED, Floats
from mmm.errors import Problem, RequestError
from mmm.planning.amounts import Flighting
from mmm.planning.budget import NEED_A_VALUE, as_read, best_plan, prepared
from mmm.planning.constraints import LimitsBuilder, amount_range, decisions
from mmm.planning.plan import Plan, PortfolioPlan
from mmm.planning.planner import Planner, planner_of
from mmm.planning.prices.stated import EVERY
from mmm.planning.report_plan import SolvedPlan, current_kpi, stated_plan
from mmm.planning.request import Bounds, BudgetRequest, Group, PortfolioTerms
from mmm.planning.response import JoinedResponse, StatusQuo, Term

if TYPE_CHECKING:
    from mmm.fitted import Fitted
    from mmm.model.future import Response

Value = TypeVar("Value")

SEPARATOR = "/"
"""Between the name of a model and the name of its channel."""


def plan_budgets(
    fitted: Mapping[str, Fitted],
    request: BudgetRequest | Mapping[str, object],
    terms: PortfolioTerms | None = None,
) -> PortfolioPlan:
    """One budget over several models, which compete for it.

    Args:
        fitted: Models by name, such as ``brand/market``.
        request: What is asked, see ``plan_portfolio``; one that is read already is not read again.
        terms: Currency, exchange rates and values of KPI units; by default those of the models.

    Raises:
        RequestError: The request is wrong, or the models do not share a currency and no rates are given.
    """
    return answer_budgets({name: planner_of(one) for name, one in fitted.items()}, request, terms)


def answer_budgets(
    planners: Mapping[str, Planner],
    request: BudgetRequest | Mapping[str, object],
    terms: PortfolioTerms | None = None,
) -> PortfolioPlan:
    """``plan_budgets`` for callers that keep planners themselves."""
    terms = terms or PortfolioTerms()
    panels = {name: one.panel for name, one in planners.items()}
    terms.check({name: panel.currency for name, panel in panels.items()})
    channels = [f"{name}{SEPARATOR}{channel}" for name, one in panels.items() for channel in one.channels]
    periods = min((len(panel.dates) for panel in panels.values()), default=None)
    request = as_read(request, [*channels, *planners], periods)
    if problems := list(_of_no_model(request, planners)):
        raise RequestError("portfolio request", problems)
    models = {}
    for name, planner in planners.items():
        own = _own(request, name, terms.rate(planner.panel.currency))
        exact, table, status_quo = prepared(planner, own)
        # The table states plans as well: what runs now is held against them by the same numbers.
        status_quo = replace(status_quo, stated_current_M=None)
        models[name] = in_terms(terms, name, exact if exact.curves is None else table, status_quo)
    return plan_portfolio(models, request)


def _of_no_model(request: BudgetRequest, names: Collection[str]) -> Iterator[Problem]:
    """Treatments that are named without their model."""
    for name in request.treatment_costs:
        if not any(name.startswith(f"{model}{SEPARATOR}") for model in names):
            text = f"names no model; write model{SEPARATOR}treatment, with a model of {', '.join(names)}"
            yield Problem("unknown_treatment", f"treatment_costs.{name}", text)


def _own(request: BudgetRequest, name: str, rate: float) -> BudgetRequest:
    """What a portfolio's request asks of one model; limits are the portfolio's."""
    start = f"{name}{SEPARATOR}"
    flighting: Flighting = request.flighting
    if isinstance(flighting, Mapping):
        flighting = {
            key.removeprefix(start): table for key, table in flighting.items() if key.startswith(start)
        }
    prices = {
        key.removeprefix(start): one
        for key, one in request.prices.items()
        if key.startswith(start) or key == EVERY
    }
    budget = request.budget / rate if isinstance(request.budget, float) else request.budget
    reach: dict[str, Any] = {
        "reach_ceiling": _of_model(request.reach_ceiling, name),
        "treatment_costs": _of_model(request.treatment_costs, name),
    }
    if isinstance(request.frequency, dict):
        reach["frequency"] = _of_model(request.frequency, name)
    nothing: dict[str, Any] = {"bounds": {}, "fixed": (), "groups": (), "unit_costs": {}}
    return request.model_copy(
        update={"budget": budget, "flighting": flighting, "prices": prices, **nothing, **reach}
    )


def _of_model(values: Mapping[str, Value], name: str) -> dict[str, Value]:
    """What is said of the channels or treatments of one model, by their own names."""
    start = f"{name}{SEPARATOR}"
    return {key.removeprefix(start): value for key, value in values.items() if key.startswith(start)}


def in_terms(
    terms: PortfolioTerms, name: str, response: Response, status_quo: StatusQuo
) -> tuple[Response, StatusQuo]:
    """A model's response and status quo in the portfolio's currency and at the value asked for."""
    value, rate = terms.kpi_values.get(name, status_quo.kpi_value), terms.rate(status_quo.currency)
    currency = status_quo.currency if terms.currency is None else terms.currency
    if rate == 1.0:
        return response, replace(status_quo, kpi_value=value, currency=currency)
    paid_C = np.array([channel not in status_quo.units for channel in status_quo.channels])
    rate_X = np.where(paid_C, rate, 1.0)[status_quo.channel_X]
    after = status_quo.after_horizon
    converted = replace(
        status_quo,
        current_X=status_quo.current_X * rate_X,
        supported_X=status_quo.supported_X * rate_X,
        kpi_value=None if value is None else value * rate,
        currency=currency,
        rate_X=None,
        buying=None,
        most_X=None if status_quo.most_X is None else status_quo.most_X * rate_X,
        values_of=None if (values := status_quo.values_of) is None else _at_rate(values, rate),
        after_horizon=None if after is None else lambda amount_X: after(amount_X / rate_X),
    )
    return JoinedResponse([Term(response, rate_X)], len(status_quo.baseline_M)), converted


def _at_rate(values_of: Callable[[Floats], Floats], rate: float) -> Callable[[Floats], Floats]:
    """Values of treatments by amounts in another currency."""
    return lambda amount_V: values_of(amount_V / rate)


def plan_portfolio(models: Mapping[str, tuple[Response, StatusQuo]], request: BudgetRequest) -> PortfolioPlan:
    """Answer a budget request over several models.

    Names in ``bounds``, ``fixed`` and ``groups`` are ``model/channel`` for a channel or ``model`` for
    all of its channels; bounds of a model hold for its total, ``default_bounds`` for every channel.

    Args:
        models: Name (such as ``brand/market``) to response and status quo, without regions.
        request: What is asked, read with the names of all channels and models; ``kpi`` stands for value.

    Raises:
        RequestError: The request is wrong, or the models do not share a currency.
    """
    problems = list(_problems(models, request))
    if problems:
        raise RequestError("portfolio request", problems)
    joint, status_quo = _joined(models)
    plan = best_plan(_expanded(request, models, status_quo), status_quo, joint)
    if not plan.feasible:
        return PortfolioPlan(plan=plan, models={})
    return PortfolioPlan(
        plan=plan, models={name: _part(name, models[name], request, plan) for name in models}
    )


def _problems(models: Mapping[str, tuple[Response, StatusQuo]], request: BudgetRequest) -> Iterator[Problem]:
    if not models:
        yield Problem("no_models", "models", "names no model")
    currencies = sorted({status_quo.currency for _, status_quo in models.values()})
    if UNSTATED in currencies and len(currencies) > 1:
        silent = [name for name, (_, status_quo) in models.items() if status_quo.currency == UNSTATED]
        text = f"{', '.join(silent)} do not say in which currency; state `currency` in their specs"
        yield Problem("currencies", "models", text)
    elif len(currencies) > 1:
        text = f"the models are in {', '.join(currencies)}; plan those of one currency together"
        yield Problem("currencies", "models", text)
    if request.by_region:
        yield Problem("by_region", "by_region", "a portfolio is planned by channel; set it to false")
    needed = len(models) > 1 or request.objective in NEED_A_VALUE
    for name, (_, status_quo) in models.items():
        if needed and status_quo.kpi_value is None:
            text = (
                f"what a KPI unit of {name} is worth is not stated, and models are weighed by it; give it "
                "here, or kpi_value in the spec (1 if the KPI is money)"
            )
            yield Problem("no_value", f"kpi_values.{name}", text)
        unpriced = set(status_quo.channels) <= set(status_quo.units)
        priced = {channel.removeprefix(name + SEPARATOR) for channel in request.unit_costs}
        if unpriced and not priced & set(status_quo.channels):
            text = f"{name} has no spend; give unit_costs of its channels to plan it in money"
            yield Problem("no_spend", f"models.{name}", text)


def _joined(models: Mapping[str, tuple[Response, StatusQuo]]) -> tuple[JoinedResponse, StatusQuo]:
    """All models as one, with all channels and KPI in value."""
    parts = [status_quo for _, status_quo in models.values()]
    terms = [Term(response, np.ones(len(own.current_X)), own.value) for response, own in models.values()]
    joint = JoinedResponse(terms, max(len(own.baseline_M) for own in parts))
    periods = [own.history_periods for own in parts if own.history_periods is not None]
    after = [own.after_horizon for own in parts if own.after_horizon is not None]

    def after_horizon(amount_X: Floats) -> Floats:
        late = [f(part) for f, part in zip(after, joint.per_term(amount_X), strict=True)]
        return np.asarray(np.sum(joint.weighed(late), axis=0))

    named = [(name, own, channel) for name, (_, own) in models.items() for channel in own.channels]
    return joint, StatusQuo(
        channels=tuple(f"{name}{SEPARATOR}{channel}" for name, _, channel in named),
        current_X=np.concatenate([own.current_X for own in parts]),
        supported_X=np.concatenate([own.supported_X for own in parts]),
        baseline_M=np.asarray(np.sum(joint.weighed([own.baseline_M for own in parts]), axis=0)),
        kpi_value=None if any(own.kpi_value is None for own in parts) else 1.0,
        currency=parts[0].currency,
        units={
            f"{name}{SEPARATOR}{channel}": own.units[channel]
            for name, own, channel in named
            if channel in own.units
        },
        not_bought=tuple(
            f"{name}{SEPARATOR}{c}" for name, (_, own) in models.items() for c in own.not_bought
        ),
        history_periods=min(periods) if periods else None,
        after_horizon=after_horizon if len(after) == len(parts) else None,
        unknown=tuple(f"{name}{SEPARATOR}{c}" for name, (_, own) in models.items() for c in own.unknown),
        remarks=tuple(
            f"{name}{SEPARATOR}{text}" for name, (_, own) in models.items() for text in own.remarks
        ),
        most_X=_most(parts),
        nest_X=np.repeat(np.arange(len(parts)), [len(own.current_X) for own in parts]),
        model={name: dict(own.model) for name, (_, own) in models.items()},
        current_kpi_M=None
        if all(own.current_kpi_M is None for own in parts)
        else np.asarray(
            np.sum(joint.weighed([current_kpi(response, own) for response, own in models.values()]), axis=0)
        ),
    )


def _most(parts: list[StatusQuo]) -> Floats | None:
    """Amounts that nothing exceeds; None where no model has such."""
    if all(own.most_X is None for own in parts):
        return None
    return np.concatenate(
        [np.full(len(own.current_X), np.inf) if own.most_X is None else own.most_X for own in parts]
    )


def _expanded(
    request: BudgetRequest,
    models: Mapping[str, tuple[Response, StatusQuo]],
    status_quo: StatusQuo,
) -> BudgetRequest:
    """The request with every model's name replaced by its channels."""
    channels_of = {
        name: tuple(c for c in status_quo.channels if c.startswith(name + SEPARATOR)) for name in models
    }

    def spread(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(channel for name in names for channel in channels_of.get(name, (name,)))

    groups = [
        group.model_copy(
            update={
                "channels": spread(group.channels),
                "relative_to": None if group.relative_to is None else spread(group.relative_to),
            }
        )
        for group in request.groups
    ]
    for name, bounds in request.bounds.items():
        if name in models:
            mine = np.isin(status_quo.channels, channels_of[name])
            groups.append(_model_group(channels_of[name], bounds, float(status_quo.current_X[mine].sum())))
    fixed = request.fixed if isinstance(request.fixed, dict) else spread(request.fixed)
    bounds_left = {name: bounds for name, bounds in request.bounds.items() if name not in models}
    return request.model_copy(update={"groups": tuple(groups), "fixed": fixed, "bounds": bounds_left})


def _model_group(channels: tuple[str, ...], bounds: Bounds, current: float) -> Group:
    lower, upper = amount_range(bounds, np.array([current]))
    most = float(upper[0])
    return Group(channels=channels, min=float(lower[0]), max=most if np.isfinite(most) else None)


def _part(name: str, model: tuple[Response, StatusQuo], request: BudgetRequest, plan: Plan) -> Plan:
    """One model's plan within the joint one."""
    response, status_quo = model
    own = {
        field: {
            channel.removeprefix(name + SEPARATOR): value
            for channel, value in getattr(request, field).items()
            if channel.startswith(name + SEPARATOR)
        }
        for field in ("bounds", "unit_costs")
    }
    spend_C = np.array([plan.spend[f"{name}{SEPARATOR}{channel}"] for channel in status_quo.channels])
    mine = _own(request, name, 1.0).model_copy(update={"objective": "kpi", **own})
    chosen = decisions(mine, status_quo)
    money_Y = spend_C[chosen.moved_Y]
    amount_X = spend_C.copy()
    amount_X[chosen.moved_Y] = money_Y / chosen.cost_Y
    total = float(money_Y.sum())
    solved = SolvedPlan(
        response=response,
        request=mine,
        status_quo=status_quo,
        chosen=chosen,
        amount_X=amount_X,
        money_Y=money_Y,
        stated=LimitsBuilder(mine, status_quo, chosen).build(total, total),
        proven=plan.status == "optimal",
    )
    return stated_plan(solved)
