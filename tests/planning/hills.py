"""A response whose curves are written down: one Hill equation per variable and member.

Shapes: M members, X variables, P grid points.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmm.data.panel import Floats
from mmm.model.future import Response
from mmm.planning.budget import best_plan
from mmm.planning.plan import Plan, PortfolioPlan
from mmm.planning.portfolio import plan_portfolio
from mmm.planning.request import parse_request
from mmm.planning.response import StatusQuo


@dataclass
class Hills:
    """``top · r / (1 + r)`` with ``r = (amount / half)^slope``."""

    top_MX: Floats
    half_MX: Floats
    slope_MX: Floats

    @property
    def curves(self) -> Hills:
        return self

    def kpi_M(self, amount_X: Floats) -> Floats:
        return np.asarray(self.values_MX(amount_X).sum(axis=1))

    def values_MX(self, amount_X: Floats) -> Floats:
        ratio_MX = (amount_X / self.half_MX) ** self.slope_MX
        return np.asarray(self.top_MX * ratio_MX / (1.0 + ratio_MX))

    def gradient_MX(self, amount_X: Floats) -> Floats:
        amount_MX = np.maximum(amount_X, 1e-9 * self.half_MX)
        ratio_MX = (amount_MX / self.half_MX) ** self.slope_MX
        return np.asarray(self.top_MX * self.slope_MX * ratio_MX / amount_MX / (1.0 + ratio_MX) ** 2)

    def table_MPX(self, grid_PX: Floats) -> Floats:
        return np.stack([self.values_MX(amount_X) for amount_X in grid_PX], axis=1)


class Summed:
    """The same as a response that hides its curves, with an interaction of the first two on request."""

    def __init__(self, hills: Hills, interaction: float = 0.0) -> None:
        self.hills, self.interaction = hills, interaction

    @property
    def curves(self) -> None:
        return None

    def kpi_M(self, amount_X: Floats) -> Floats:
        value_MX = self.hills.values_MX(amount_X)
        return np.asarray(value_MX.sum(axis=1) + self.interaction * value_MX[:, 0] * value_MX[:, 1])

    def gradient_MX(self, amount_X: Floats) -> Floats:
        value_MX = self.hills.values_MX(amount_X)
        mixed_MX = self.hills.gradient_MX(amount_X)
        mixed_MX[:, 0] *= 1.0 + self.interaction * value_MX[:, 1]
        mixed_MX[:, 1] *= 1.0 + self.interaction * value_MX[:, 0]
        return mixed_MX


def random_hills(
    rng: np.random.Generator, variables: int, members: int = 4, scale: float = 1e5, spread: float = 0.1
) -> Hills:
    """S-shaped curves with slopes from 1 to 5, members scattered around them."""

    def scattered(centre_X: Floats) -> Floats:
        return centre_X * np.exp(spread * rng.normal(size=(members, variables)))

    return Hills(
        scattered(1000.0 * rng.lognormal(0.0, 1.0, variables)),
        scattered(scale * rng.uniform(0.1, 1.5, variables)),
        np.maximum(scattered(rng.uniform(1.0, 5.0, variables)), 1.0),
    )


def random_context(
    rng: np.random.Generator,
    channels: int,
    *,
    regions: int = 0,
    members: int = 4,
    scale: float = 1e5,
    **settings: Any,
) -> StatusQuo:
    """A status quo around the half-saturations of ``random_hills``."""
    current_X = scale * rng.uniform(0.2, 1.2, channels * max(regions, 1))
    fields: dict[str, Any] = {
        "channels": tuple(f"c{i}" for i in range(channels)),
        "current_X": current_X,
        "supported_X": 1.6 * current_X,
        "baseline_M": np.full(members, 1e4),
        "regions": tuple(f"r{i}" for i in range(regions)),
        "kpi_value": 100.0,
        "history_periods": 150,
        "model": {"version": "1"},
    }
    return StatusQuo(**(fields | settings))


def plan_of(
    response: Response,
    request: Mapping[str, object],
    context: StatusQuo,
    table: Response | None = None,
) -> Plan:
    """The plan of a request as users write it."""
    read = parse_request(request, channels=context.channels, history_periods=context.history_periods)
    return best_plan(read, context, response, table)


def portfolio_of(
    models: Mapping[str, tuple[Response, StatusQuo]], request: Mapping[str, object]
) -> PortfolioPlan:
    """The plan of a request to several models as users write it."""
    channels = [f"{name}/{channel}" for name, (_, context) in models.items() for channel in context.channels]
    return plan_portfolio(models, parse_request(request, channels=[*channels, *models]))
