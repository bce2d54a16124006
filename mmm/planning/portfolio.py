"""One budget over several models: brands and markets compete for the same money.

KPI units differ between models, so the joint plan is in value: each model's KPI times its value.

Shapes: M members, P grid points, X decision variables of all models, one model after the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from mmm.config import Spec
from mmm.errors import Problem, RequestError
from mmm.planning.budget import best_plan
from mmm.planning.constraints import LimitsBuilder, amount_range, decisions
from mmm.planning.outcome import Outcome
from mmm.planning.plan import Plan
from mmm.planning.report_plan import stated_plan
from mmm.planning.request import Bounds, BudgetRequest, Group, parse_request
from mmm.planning.response import AnyResponse, Floats, PlanContext, Response, SeparableResponse

SEPARATOR = "/"
"""Between the name of a model and the name of its channel."""


class PortfolioPlan(Spec):
    """One budget over several models."""

    plan: Plan
    """The joint plan; its KPI is value in currency, its channels are ``model/channel``."""
    models: dict[str, Plan]
    """Each model's part of it, in the model's own KPI; empty if infeasible."""


class JoinedResponse:
    """The sum of several models' responses, in value.

    Members of different models are independent draws, so any pairing of them is a draw of the sum; the
    shorter ensembles are gone through again.
    """

    def __init__(self, parts: Sequence[tuple[AnyResponse, PlanContext]]) -> None:
        self._contexts = [context for _, context in parts]
        self._responses = [response for response, _ in parts]
        self._ends = np.cumsum([context.variables for context in self._contexts])[:-1]
        self._member = np.arange(max(len(context.baseline_M) for context in self._contexts))

    def joined(self, values: Sequence[Floats], axis: int | None) -> Floats:
        """Values of the models, members first, joined along an axis, or added up if it is None."""
        scaled = [
            context.kpi_value * value[self._member % len(value)]
            for context, value in zip(self._contexts, values, strict=True)
        ]
        return np.asarray(np.sum(scaled, axis=0) if axis is None else np.concatenate(scaled, axis=axis))

    def split(self, amount_X: Floats) -> list[Floats]:
        """Amounts by model; leading axes are kept."""
        return np.split(amount_X, self._ends, axis=-1)

    def value(self, amount_X: Floats) -> Floats:
        """See ``Response.value``."""
        parts = zip(cast("list[Response]", self._responses), self.split(amount_X), strict=True)
        return self.joined([response.value(part) for response, part in parts], None)

    def value_and_gradient(self, amount_X: Floats) -> tuple[Floats, Floats]:
        """See ``Response.value_and_gradient``."""
        parts = zip(cast("list[Response]", self._responses), self.split(amount_X), strict=True)
        both = [response.value_and_gradient(part) for response, part in parts]
        return self.joined([v for v, _ in both], None), self.joined([g for _, g in both], 1)


class JoinedCurves:
    """The same for separable responses."""

    def __init__(self, parts: Sequence[tuple[AnyResponse, PlanContext]]) -> None:
        self._joint = JoinedResponse(parts)
        self._curves = cast("list[SeparableResponse]", [response for response, _ in parts])

    def values(self, amount_X: Floats) -> Floats:
        """See ``SeparableResponse.values``."""
        parts = zip(self._curves, self._joint.split(amount_X), strict=True)
        return self._joint.joined([curves.values(part) for curves, part in parts], -1)

    def marginals(self, amount_X: Floats) -> Floats:
        """See ``SeparableResponse.marginals``."""
        parts = zip(self._curves, self._joint.split(amount_X), strict=True)
        return self._joint.joined([curves.marginals(part) for curves, part in parts], -1)

    def table(self, grid_PX: Floats) -> Floats:
        """See ``SeparableResponse.table``."""
        parts = zip(self._curves, self._joint.split(grid_PX), strict=True)
        return self._joint.joined([curves.table(part) for curves, part in parts], -1)


def plan_portfolio(
    models: Mapping[str, tuple[AnyResponse, PlanContext]], request: BudgetRequest | Mapping[str, object]
) -> PortfolioPlan:
    """Answer a budget request over several models.

    Names in ``bounds``, ``fixed`` and ``groups`` are ``model/channel`` for a channel or ``model`` for
    all of its channels; bounds of a model hold for its total, ``default_bounds`` for every channel.

    Args:
        models: Name (such as ``brand/market``) to response and context; contexts without regions.
        request: What is asked; ``kpi`` stands for value.

    Raises:
        RequestError: The request is wrong, or the models do not share a currency.
    """
    joint_context = _joint_context(models)
    known = [*joint_context.channels, *models]
    request = parse_request(request, channels=known, history_periods=joint_context.history_periods)
    problems = _problems(models, request)
    if problems:
        raise RequestError("portfolio request", problems)
    parts = list(models.values())
    separable = all(isinstance(response, SeparableResponse) for response, _ in parts)
    response = JoinedCurves(parts) if separable else JoinedResponse([(_whole(r), c) for r, c in parts])
    plan = best_plan(response, _expanded(request, models, joint_context), joint_context)
    if not plan.feasible:
        return PortfolioPlan(plan=plan, models={})
    return PortfolioPlan(
        plan=plan, models={name: _part(name, models[name], request, plan) for name in models}
    )


class _Summed:
    """A separable response as a plain one."""

    def __init__(self, curves: SeparableResponse) -> None:
        self._curves = curves

    def value(self, amount_X: Floats) -> Floats:
        return np.asarray(self._curves.values(amount_X).sum(axis=1))

    def value_and_gradient(self, amount_X: Floats) -> tuple[Floats, Floats]:
        return self.value(amount_X), self._curves.marginals(amount_X)


def _whole(response: AnyResponse) -> Response:
    return _Summed(response) if isinstance(response, SeparableResponse) else response


def _problems(models: Mapping[str, tuple[AnyResponse, PlanContext]], request: BudgetRequest) -> list[Problem]:
    problems = []
    currencies = sorted({context.currency for _, context in models.values()})
    if len(currencies) > 1:
        text = f"the models are in {', '.join(currencies)}; plan those of one currency together"
        problems.append(Problem("currencies", "models", text))
    if request.by_region:
        problems.append(
            Problem("by_region", "by_region", "a portfolio is planned by channel; set it to false")
        )
    for name, (_, context) in models.items():
        unpriced = set(context.channels) <= set(context.units)
        priced = {channel.removeprefix(name + SEPARATOR) for channel in request.unit_costs}
        if unpriced and not priced & set(context.channels):
            text = f"{name} has no spend; give unit_costs of its channels to plan it in money"
            problems.append(Problem("no_spend", f"models.{name}", text))
    return problems


def _joint_context(models: Mapping[str, tuple[AnyResponse, PlanContext]]) -> PlanContext:
    """One context with all channels, KPI in value."""
    if not models:
        raise RequestError("portfolio request", [Problem("no_models", "models", "names no model")])
    contexts = [context for _, context in models.values()]
    joint = JoinedResponse(list(models.values()))
    names = [[f"{name}{SEPARATOR}{c}" for c in context.channels] for name, (_, context) in models.items()]
    sizes = [context.variables for context in contexts]
    periods = [context.history_periods for context in contexts if context.history_periods is not None]
    after = [context.after_horizon for context in contexts if context.after_horizon is not None]

    def after_horizon(amount_X: Floats) -> Floats:
        return joint.joined([f(part) for f, part in zip(after, joint.split(amount_X), strict=True)], None)

    return PlanContext(
        channels=tuple(channel for channels in names for channel in channels),
        current_X=np.concatenate([context.current_X for context in contexts]),
        supported_X=np.concatenate([context.supported_X for context in contexts]),
        baseline_M=joint.joined([context.baseline_M for context in contexts], None),
        currency=contexts[0].currency,
        units={
            f"{name}{SEPARATOR}{channel}": unit
            for name, (_, context) in models.items()
            for channel, unit in context.units.items()
        },
        history_periods=min(periods) if periods else None,
        after_horizon=after_horizon if len(after) == len(contexts) else None,
        nest_X=cast("npt.NDArray[np.int64]", np.repeat(np.arange(len(contexts)), sizes)),
        model={name: dict(context.model) for name, (_, context) in models.items()},
    )


def _expanded(
    request: BudgetRequest,
    models: Mapping[str, tuple[AnyResponse, PlanContext]],
    context: PlanContext,
) -> BudgetRequest:
    """The request with every model's name replaced by its channels."""
    channels_of = {
        name: tuple(c for c in context.channels if c.startswith(name + SEPARATOR)) for name in models
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
            mine = np.isin(context.channels, channels_of[name])
            groups.append(_model_group(channels_of[name], bounds, float(context.current_X[mine].sum())))
    fixed = request.fixed if isinstance(request.fixed, dict) else spread(request.fixed)
    bounds_left = {name: bounds for name, bounds in request.bounds.items() if name not in models}
    return request.model_copy(update={"groups": tuple(groups), "fixed": fixed, "bounds": bounds_left})


def _model_group(channels: tuple[str, ...], bounds: Bounds, current: float) -> Group:
    lower, upper = amount_range(bounds, np.array([current]))
    most = float(upper[0])
    return Group(channels=channels, min=float(lower[0]), max=most if np.isfinite(most) else None)


def _part(name: str, model: tuple[AnyResponse, PlanContext], request: BudgetRequest, plan: Plan) -> Plan:
    """One model's plan within the joint one."""
    response, context = model
    own = {
        field: {
            channel.removeprefix(name + SEPARATOR): value
            for channel, value in getattr(request, field).items()
            if channel.startswith(name + SEPARATOR)
        }
        for field in ("bounds", "unit_costs")
    }
    spend_C = np.array([plan.spend[f"{name}{SEPARATOR}{channel}"] for channel in context.channels])
    mine = request.model_copy(update={"groups": (), "fixed": (), "objective": "kpi", **own})
    chosen = decisions(mine, context)
    money_Y = spend_C[chosen.moved_Y]
    amount_X = spend_C.copy()
    amount_X[chosen.moved_Y] = money_Y / chosen.cost_Y
    total = float(money_Y.sum())
    outcome = Outcome(
        response=response,
        request=mine,
        context=context,
        chosen=chosen,
        amount_X=amount_X,
        money_Y=money_Y,
        stated=LimitsBuilder(mine, context, chosen).build(total, total),
        proven=plan.status == "optimal",
    )
    return stated_plan(outcome)
