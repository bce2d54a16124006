"""The scenario: what ``scenario.json`` and the HTTP answer hold."""

from __future__ import annotations

from typing import Any, Literal

from mmm.analysis.intervals import Estimate
from mmm.config import Spec
from mmm.planning.plan import GainAt


class Expected(Spec):
    """KPI of one or more periods: its expectation, and where the KPI itself will lie."""

    mean: float
    """Expected KPI, mean over the ensemble's members."""
    lower: float | None
    """Lower bound of the expected KPI: spread of the members alone; null if one member leaves it unknown."""
    upper: float | None
    """Upper bound of the expected KPI."""
    observed_lower: float
    """Lower bound of the KPI that will be observed: spread of the members, noise, and how far the level may
    wander. None of these differs between plans, so compare plans by ``gain``."""
    observed_upper: float
    """Upper bound of the KPI that will be observed."""


class ScenarioPeriod(Spec):
    """One period of a plan."""

    date: str
    """Start of the period."""
    kpi: Expected
    """KPI of all regions in the period."""
    baseline: float
    """The part that would come without media, mean over members."""
    spend: dict[str, float]
    """Amount by channel."""


class ScenarioChannel(Spec):
    """One channel of a plan."""

    channel: str
    """Name of the channel."""
    unit: str
    """Unit of its amounts: currency, or exposure for channels without spend."""
    spend: float
    """Planned amount over the horizon."""
    current_spend: float
    """Amount of the status quo."""
    change: float | None
    """Planned over current amount, less 1; null where nothing is spent now."""
    units: float | None = None
    """Exposure that the planned amount buys; null for channels without spend or without exposure."""
    price: float | None = None
    """Price of a unit: amount over units; null where nothing is planned."""
    marginal_price: float | None = None
    """Price of one unit more."""
    value: float | None = None
    """Of a treatment: its mean value over regions and periods under the plan; null for channels."""
    kpi: Estimate
    """KPI units the planned amount brings over the horizon and after it, against none in this channel."""
    roi: Estimate | None
    """Value of these KPI units per unit of planned amount; null where nothing is planned."""
    marginal_roi: Estimate
    """Value of the KPI that one more unit would bring, spread as the planned amount is; where next to nothing
    is planned what the next sensible amount brings per unit, as in a budget plan."""
    supported_max: float
    """Largest amount over such a horizon that the data support."""
    extrapolated: bool
    """The plan goes beyond what was ever spent: the response there is the curve's shape, not data."""


class ScenarioPlan(Spec):
    """One spend plan and what it brings."""

    name: str
    """Name of the plan."""
    budget: float
    """Total in currency, over channels with spend."""
    spend: dict[str, float]
    """Planned amount by channel over the horizon."""
    horizon_kpi: Expected
    """KPI of the horizon."""
    kpi: Estimate
    """KPI of the horizon with what media still bring after it, as in a budget plan."""
    effect_after_horizon: Estimate
    """The part of it that planned amounts bring after the horizon."""
    gain: Estimate
    """``kpi`` less that of the status quo, member by member; exactly 0 for the status quo itself."""
    chance_of_gain: float | None = None
    """Chance that ``gain`` is above 0, from the draws; null with one draw."""
    gain_at: GainAt | None = None
    """The gain at 5, 50 and 95 per cent; null with one draw."""
    cvar: float | None = None
    """Mean gain in the worst tenth of draws; null with fewer than three."""
    chance_of_profit: float | None = None
    """Chance that ``profit_gain`` is above 0; null where that is null, and with one draw."""
    regret: Estimate | None = None
    """What the best of the plans shown, status quo included, would add to this one, draw by draw: currency,
    what it costs more taken off, where a KPI unit has a value; else KPI units."""
    profit_gain: Estimate | None
    """Value of the gain less the change of the budget; null where a KPI unit has no stated value."""
    gain_roi: Estimate | None
    """Value of the gain per unit by which the budget changes; null where it does not."""
    total_roi: Estimate | None
    """Value of what all planned amounts bring per unit of budget, organic media and mediators left out; null
    for a budget of 0, or if channels that are bought and have no spend bring part of it."""
    periods: tuple[ScenarioPeriod, ...]
    """The same by period."""
    channels: tuple[ScenarioChannel, ...]
    """The same by channel."""
    extrapolated: tuple[str, ...]
    """Channels planned beyond what was ever spent over such a horizon."""
    warnings: tuple[str, ...]
    """What to keep in mind."""


class PlanFile(Spec):
    """Amounts out of a plan file, in the forms that a spend plan takes."""

    dates: tuple[str, ...]
    """Starts of the periods that it covers, from the end of the data."""
    channels: tuple[str, ...]
    """Channels that it names."""
    regions: tuple[str, ...]
    """Regions of its amounts; empty if it has none."""
    spend: dict[str, float | tuple[float, ...] | dict[str, float | tuple[float, ...]]]
    """Amount by channel and period, or by channel, region and period."""
    model: dict[str, Any]
    """Provenance of the model."""


class Scenario(Spec):
    """Spend plans side by side with the status quo."""

    horizon: int
    """Periods planned, from the end of the data."""
    dates: tuple[str, ...]
    """Their starts."""
    effects: Literal["direct", "total"]
    """Effects counted."""
    level: float
    """Coverage of the intervals."""
    currency: str
    """Currency of spend."""
    kpi_value: float | None
    """Currency per KPI unit; null where nobody stated it: then ``profit_gain`` and every ROI are null, and
    ``marginal_roi`` counts KPI units."""
    status_quo: ScenarioPlan
    """The amounts of the last ``horizon`` periods again."""
    draws: int | None = None
    """Draws of the model by which gains and odds were judged."""
    plans: tuple[ScenarioPlan, ...]
    """The plans asked for, in their order."""
    assumptions: tuple[str, ...]
    """What is taken for granted about the periods ahead."""
    model: dict[str, Any]
    """Provenance of the model."""
