"""What the planner knows of a model when it answers: its responses to amounts, and the status quo.

Shapes: M members, X decision variables (channels, or channel x region with the channel outermost), P grid
points, C channels, G regions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from mmm.data.panel import Floats, Ints
from mmm.model.future import Response, SeparateCurves
from mmm.planning.amounts import usual
from mmm.planning.prices.schedule import Schedule


class Term(NamedTuple):
    """One response of a sum: ``value * response(amount / rate)``.

    Attributes:
        response: The response to its own amounts.
        rate_X: Units in which amounts are given for one of its own.
        value: What one of its KPI units counts in the sum.
    """

    response: Response
    rate_X: Floats
    value: float = 1.0


class JoinedResponse:
    """The sum of responses, each to its own part of the amounts and in its own units.

    Members of different models are independent draws, so any pairing of them is a draw of the sum; the
    shorter ensembles are gone through again.

    Args:
        terms: The responses, in the order of their amounts.
        members: Members of the largest ensemble.
    """

    def __init__(self, terms: Sequence[Term], members: int) -> None:
        self._terms = tuple(terms)
        self._curves = [term.response.curves for term in terms]
        self._ends = np.cumsum([len(term.rate_X) for term in terms])[:-1]
        self._member = np.arange(members)

    def per_term(self, amount_X: Floats) -> list[Floats]:
        """Amounts of each response in its own units; leading axes are kept."""
        parts = np.split(amount_X, self._ends, axis=-1)
        return [part / term.rate_X for term, part in zip(self._terms, parts, strict=True)]

    def weighed(self, values: Sequence[Floats]) -> list[Floats]:
        """What each response says, members first, in the units of the sum."""
        return [
            term.value * value[self._member % len(value)]
            for term, value in zip(self._terms, values, strict=True)
        ]

    @property
    def curves(self) -> JoinedResponse | None:
        """See ``Response.curves``: a sum of sums of curves is one."""
        return None if None in self._curves else self

    def kpi_M(self, amount_X: Floats) -> Floats:
        """See ``Response.kpi_M``."""
        pairs = zip(self._terms, self.per_term(amount_X), strict=True)
        return np.asarray(np.sum(self.weighed([term.response.kpi_M(part) for term, part in pairs]), axis=0))

    def gradient_MX(self, amount_X: Floats) -> Floats:
        """See ``Response.gradient_MX``."""
        pairs = zip(self._terms, self.per_term(amount_X), strict=True)
        own = [term.response.gradient_MX(part) / term.rate_X for term, part in pairs]
        return np.concatenate(self.weighed(own), axis=-1)

    def values_MX(self, amount_X: Floats) -> Floats:
        """See ``SeparateCurves.values_MX``."""
        return self._each(amount_X, lambda curves, part: curves.values_MX(part))

    def table_MPX(self, grid_PX: Floats) -> Floats:
        """See ``SeparateCurves.table_MPX``."""
        return self._each(grid_PX, lambda curves, part: curves.table_MPX(part))

    def _each(self, amount_X: Floats, ask: Callable[[SeparateCurves, Floats], Floats]) -> Floats:
        pairs = zip(self._curves, self.per_term(amount_X), strict=True)
        return np.concatenate(
            self.weighed([ask(curves, part) for curves, part in pairs if curves is not None]), axis=-1
        )


@dataclass(frozen=True, eq=False)
class StatusQuo:
    """What runs if nothing changes, and everything about the model that a plan states.

    Attributes:
        channels: C names.
        current_X: Amounts of the last ``horizon`` periods, in each channel's own unit.
        supported_X: Largest amount over such a horizon that the data support; beyond is extrapolation.
        baseline_M: KPI of the horizon and after it without any planned amount, carry-over from
            history included, per member.
        regions: G names for a plan by region, else empty.
        kpi_value: Currency per KPI unit; None where nobody stated it.
        currency: Label of money.
        units: Unit of every channel that has exposure but no spend, by channel.
        not_bought: Channels that nobody buys, organic media and mediators; plans hold them.
        history_periods: Periods of the data; None leaves the horizon unchecked.
        after_horizon: The part of the response that falls after the horizon, KPI units per member.
        unknown: Channels whose effect nothing but the prior tells.
        remarks: What the model does not know of channels, or learned long ago; each begins with a channel.
        rate_X: Exposure per unit of amount at last year's price, NaN where one of them is not known; None
            where nobody says.
        buying: What money buys where prices move; None where they stay.
        nest_X: Coarser parts than channels, within which every limit of a sum weighs all alike; None
            for channels.
        model: Provenance, copied into the plan.
        most_X: Amounts that nothing exceeds, those of treatments at their largest values; None without any.
        values_of: Values of treatments in the cells of a plan by their amounts, which are the last; leading
            axes are variables, then regions and periods. None without any.
        current_kpi_M: What current amounts bring where the plan's response is not that of what ran; None
            where the response says it.
        stated_current_M: What current amounts bring by the exact response, which states plans; None where it
            is not known yet.
    """

    channels: tuple[str, ...]
    current_X: Floats
    supported_X: Floats
    baseline_M: Floats
    regions: tuple[str, ...] = ()
    kpi_value: float | None = 1.0
    currency: str = "USD"
    units: Mapping[str, str] = field(default_factory=dict)
    not_bought: tuple[str, ...] = ()
    history_periods: int | None = None
    after_horizon: Callable[[Floats], Floats] | None = None
    unknown: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    rate_X: Floats | None = None
    buying: Schedule | None = None
    nest_X: Ints | None = None
    model: Mapping[str, object] = field(default_factory=dict)
    most_X: Floats | None = None
    values_of: Callable[[Floats], Floats] | None = None
    current_kpi_M: Floats | None = None
    stated_current_M: Floats | None = None

    @cached_property
    def value(self) -> float:
        """What a KPI unit counts beside money: 1 where nobody stated it."""
        return 1.0 if self.kpi_value is None else self.kpi_value

    @cached_property
    def channel_X(self) -> Ints:
        """Index of each variable's channel."""
        return np.repeat(np.arange(len(self.channels)), max(len(self.regions), 1))

    @cached_property
    def block_X(self) -> Ints:
        """Parts in which large plans are solved, one after the other."""
        return self.channel_X if self.nest_X is None else self.nest_X

    @cached_property
    def usual_X(self) -> Floats:
        """Amounts around which curves are tabulated: what was ever spent; where nothing, the typical most."""
        return usual(self.supported_X)
