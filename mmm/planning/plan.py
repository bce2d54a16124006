"""The plan: what ``plan.json`` and the HTTP answer hold."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from mmm.analysis.intervals import Estimate
from mmm.config import Spec

Side = Literal["min", "max", "fixed"]

RiskChoice = Literal["mean"] | float | dict[Literal["cvar", "mean_sd", "regret"], float | Literal["max"]]
"""How gains are judged over draws, as requests have it and plans repeat it."""

BEYOND_DATA = (
    "{channels}: planned beyond what was ever spent over {periods} periods; the response there is the "
    "curve's shape, not data."
)
"""Warning of a plan or scenario outside the data."""


class GainAt(Spec):
    """What is gained at least in 95, 50 and 5 per cent of what the model leaves possible."""

    p5: float
    """5th percentile of the gain over draws."""
    p50: float
    """Median."""
    p95: float
    """95th percentile."""


class ChannelPlan(Spec):
    """One channel of a plan."""

    channel: str
    """Name of the channel."""
    unit: str
    """Unit of its amounts: currency, or exposure for channels without spend."""
    spend: float
    """Planned amount over the horizon."""
    current_spend: float
    """Amount of the last ``horizon`` periods."""
    change: float | None
    """Planned over current amount, less 1; null where nothing was spent."""
    share: float | None
    """Share of the budget; null for channels the budget does not cover."""
    lower_limit: float
    """Least amount the request allows."""
    upper_limit: float | None
    """Largest amount the request allows; null if open."""
    binding: Side | None
    """The limit at which the plan stands, if any."""
    supported_max: float
    """Largest amount over such a horizon that the data support."""
    extrapolated: bool
    """The plan goes beyond what was ever spent: the response there is the curve's shape, not data."""
    units: float | None = None
    """Exposure that the planned amount buys; null for channels without spend or without exposure."""
    price: float | None = None
    """Price of a unit under the plan: amount over units; null where nothing is planned."""
    marginal_price: float | None = None
    """Price of one unit more: above ``price`` where prices rise with spend."""
    current_price: float | None = None
    """Price of a unit at the amounts of the last ``horizon`` periods."""
    value: float | None = None
    """Of a treatment: its mean value over regions and periods under the plan; null for channels."""
    current_value: float | None = None
    """The same at the amounts of the last ``horizon`` periods."""
    kpi: Estimate
    """KPI units the planned amount brings, against none in this channel, all else as planned."""
    roi: Estimate | None
    """Value of these KPI units per unit of planned amount; null if nothing is planned or nobody buys it."""
    marginal_roi: Estimate
    """Value of the KPI that one more unit of amount would bring. Equal across channels that no limit
    binds, since otherwise money would move. Where less than a hundredth of the usual amount is planned: what
    the next sensible amount brings per unit, since the slope at 0 holds for the first cents only."""


class RegionPlan(Spec):
    """One channel in one region of a plan."""

    region: str
    """Name of the region."""
    channel: str
    """Name of the channel."""
    spend: float
    """Planned amount over the horizon."""
    current_spend: float
    """Amount of the last ``horizon`` periods."""
    marginal_roi: float
    """Value of the KPI that one more unit of amount would bring, mean over members."""
    extrapolated: bool
    """The plan goes beyond what was ever spent there."""


class FrontierPlan(Spec):
    """One plan of a frontier from cautious to bold."""

    caution: float
    """Weight of the worst tenth of draws against all draws, by which this plan was chosen: 1 to 0."""
    status: Literal["optimal", "feasible"]
    """As for a plan, at this caution."""
    gap: float | None
    """As for a plan, at this caution."""
    budget: float
    """Total planned."""
    spend: dict[str, float]
    """Planned amount by channel."""
    gain: Estimate
    """KPI under the plan less KPI under the current amounts, draw by draw."""
    chance_of_gain: float | None
    """Chance that ``gain`` is above 0."""
    gain_at: GainAt | None
    """The gain at 5, 50 and 95 per cent."""
    cvar: float | None
    """Mean gain in the worst tenth of draws."""
    regret: Estimate | None
    """As for a plan."""


class Plan(Spec):
    """An answered budget request; amounts over the horizon, KPI over the horizon and after it."""

    status: Literal["optimal", "feasible", "infeasible"]
    """``optimal``: proved that no plan scores better by more than a thousandth of what the planned media
    bring. ``feasible``: the best found; ``gap`` says how much better another could be. ``infeasible``: no
    plan keeps the limits or reaches the target."""
    message: str
    """One sentence on the outcome; for an infeasible request why, and the way out."""
    clashes: tuple[str, ...] = ()
    """Fewest limits that exclude each other; empty unless infeasible."""
    objective: Literal["kpi", "profit", "target_roi", "kpi_target"]
    """What was asked for."""
    method: str
    """Solver of the last stage."""
    risk: RiskChoice
    """How gains were judged over draws."""
    draws: int | None = None
    """Draws of the model by which plan and odds were judged."""
    gap: float | None = None
    """No plan within the limits scores higher by more than this, as ``risk`` judges: KPI units, currency for
    ``profit`` and ``target_roi``. Null where nothing bounds it."""
    effects: Literal["direct", "total"]
    """Effects counted."""
    horizon: int
    """Periods planned."""
    unit: str
    """Unit of the budget."""
    kpi_value: float | None
    """Currency per KPI unit; null where nobody stated it: then ``roi``, ``total_roi`` and ``profit_gain`` are
    null, and ``marginal_roi`` counts KPI units."""
    budget: float | None
    """Total planned."""
    current_budget: float
    """Total of the last ``horizon`` periods."""
    spend: dict[str, float]
    """Planned amount by channel; empty if infeasible."""
    current_spend: dict[str, float]
    """Amount of the last ``horizon`` periods by channel."""
    kpi: Estimate | None
    """KPI under the plan: baseline and what the planned amounts bring, after the horizon included."""
    current_kpi: Estimate
    """KPI if the amounts of the last ``horizon`` periods ran again."""
    gain: Estimate | None
    """KPI under the plan less KPI under the current amounts, member by member."""
    chance_of_gain: float | None = None
    """Chance that ``gain`` is above 0, from the draws; null with one draw."""
    gain_at: GainAt | None = None
    """The gain at 5, 50 and 95 per cent; null with one draw."""
    cvar: float | None = None
    """Mean gain in the worst tenth of draws; null with fewer than three."""
    chance_of_profit: float | None = None
    """Chance that ``profit_gain`` is above 0; null where that is null, and with one draw."""
    chance_of_target: float | None = None
    """Of ``kpi_target``: chance that the expected KPI reaches the target; null with one draw."""
    regret: Estimate | None = None
    """What the best plan in hindsight, that of each draw, would add to this one with the same freedom (limits
    of groups left out): KPI units, currency for ``profit``. At most this much where curves are S-shaped. Null
    where curves do not add up (``effects: total``) or are more than 120."""
    frontier: tuple[FrontierPlan, ...] | None = None
    """Plans from cautious to bold, if asked for."""
    lost_to_prices: Estimate | None = None
    """KPI that the plan would bring besides, if everything cost what it costs at the current amounts: what
    rising prices take of the gain (negative where cheaper units add to it); null where prices stay."""
    profit_gain: Estimate | None
    """Value of the gain less the change of the budget; null for budgets in exposure units."""
    total_roi: Estimate | None
    """Value of all KPI the plan brings against no spend at all, per unit of budget."""
    effect_after_horizon: Estimate | None
    """The part of ``kpi`` that falls after the horizon, by carry-over; null if not known."""
    roi: dict[str, float | None]
    """Mean ROI by channel; see ``channels`` for intervals."""
    marginal_roi: dict[str, float]
    """Mean marginal ROI by channel; see ``channels`` for intervals."""
    binding: dict[str, Side]
    """Limits at which the plan stands: channels, groups by name, ``budget`` where it is a cap."""
    extrapolated: tuple[str, ...]
    """Channels planned beyond what was ever spent."""
    channels: tuple[ChannelPlan, ...]
    """The same by channel, with intervals and limits."""
    regions: tuple[RegionPlan, ...] | None = None
    """By region and channel, if asked for."""
    warnings: tuple[str, ...] = ()
    """What to keep in mind before acting on the plan."""
    request: dict[str, Any] = Field(default_factory=dict)
    """What was asked, as far as it differs from defaults."""
    model: dict[str, Any] = Field(default_factory=dict)
    """Provenance of the model."""

    @property
    def feasible(self) -> bool:
        """There is a plan."""
        return self.status != "infeasible"


class PortfolioPlan(Spec):
    """One budget over several models."""

    plan: Plan
    """The joint plan; its KPI is value in currency, its channels are ``model/channel``."""
    models: dict[str, Plan]
    """Each model's part of it, in the model's own KPI; empty if infeasible."""
