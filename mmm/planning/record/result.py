"""Actual against plan: what ``variance.json`` holds."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from mmm.analysis.intervals import Estimate
from mmm.config import Spec


class ChannelVariance(Spec):
    """One channel: what was planned of it, what ran, and what the difference did."""

    channel: str
    """Name of the channel."""
    unit: str
    """Unit of its amounts: currency, or exposure for channels without spend."""
    planned_spend: float
    """Planned amount over the periods that came."""
    actual_spend: float
    """Amount that ran in them."""
    planned_price: float | None
    """Money per unit of exposure as planned; null for a channel without both."""
    actual_price: float | None
    """Money per unit of exposure as it came; null where nothing ran, and for a channel without both."""
    delivery: Estimate
    """KPI because another amount ran, or elsewhere or at another time, at the planned price."""
    price: Estimate
    """KPI because money bought more or less exposure than planned; 0 for a channel without both."""


class Variance(Spec):
    """A plan of record against what came.

    Planned KPI, delivery, price, baseline and rest add up to the actual one.
    """

    brand: str
    """Brand."""
    market: str
    """Market."""
    digest: str
    """Digest of the plan of record."""
    committed: str
    """Day on which it was committed."""
    first_date: str
    """Start of the first period compared."""
    last_date: str
    """Start of the last one."""
    periods: int
    """Periods compared: those of the plan whose KPI is known."""
    horizon: int
    """Periods of the plan."""
    level: float
    """Coverage of the intervals."""
    planned_kpi: Estimate
    """Expected KPI under the plan in the cells compared."""
    actual_kpi: float
    """KPI that came."""
    delivery: Estimate
    """Because other amounts ran than planned, or elsewhere or at another time, at planned prices."""
    price: Estimate
    """Because money bought more or less exposure than planned."""
    baseline: Estimate
    """Because what is not media came otherwise: by controls as they came, or, with a newer model, by its
    baseline, season and controls."""
    baseline_from: str
    """``controls`` or ``newer model``."""
    rest: Estimate
    """What none of these explains: noise, a level that wandered (but with a newer model), and what the model
    got wrong of media."""
    rest_expected: float
    """Half-width within which the rest lies at this level if the model was right."""
    channels: tuple[ChannelVariance, ...]
    """Delivery and price by channel; they add up to the totals."""
    remarks: tuple[str, ...] = ()
    """What to keep in mind."""
    model: dict[str, Any] = Field(default_factory=dict)
    """Provenance of the newer model; empty where only data are given."""
