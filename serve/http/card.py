"""What is told of a model without asking it: its row, its page, curves and contributions, with units."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from mmm.config import Spec


class Window(Spec):
    """Periods that something is about."""

    first_date: str = Field(examples=["2023-01-02"])
    """Start of the first period."""
    last_date: str = Field(examples=["2025-09-22"])
    """Start of the last period."""
    periods: int
    """Number of periods."""


class ModelSummary(BaseModel):
    """A served model."""

    model_config = {"use_attribute_docstrings": True}

    brand: str = Field(examples=["acme"])
    """Brand."""
    market: str = Field(examples=["us"])
    """Market."""
    version: str = Field(examples=["3"])
    """Version in the registry, or key of the fit."""
    kpi: str = Field(examples=["sales"])
    """Name of the KPI."""
    kpi_label: str = Field(examples=["Sales"])
    """What pages call it."""
    kpi_unit: str | None = Field(examples=["orders"])
    """What it is counted in, where the spec says so."""
    currency: str = Field(examples=["USD"])
    """Currency of spend."""
    priced: bool
    """Somebody said what a KPI unit is worth; without it returns and values in money mean nothing."""
    first_date: str = Field(examples=["2023-01-02"])
    """Start of the first period of its data."""
    last_date: str = Field(examples=["2025-12-22"])
    """Start of the last period of its data; plans begin after it."""
    trained_until: str = Field(examples=["2025-12-22"])
    """Start of the last period that entered the fit."""
    members: int = Field(examples=[8])
    """Ensemble members behind the intervals."""


class ModelList(BaseModel):
    """Served models that the token may see."""

    model_config = {"use_attribute_docstrings": True}

    models: list[ModelSummary]
    """One for each brand and market."""


class BestFrequency(Spec):
    """How often people are reached in a period, and how often they are best reached."""

    today: float
    """Contacts per person reached in the last year of the data."""
    best: float
    """At which the same contacts bring most, on average over draws."""
    best_lower: float | None
    """Lower bound of the draws' own best, 90 %."""
    best_upper: float | None
    """Upper bound."""
    chance_higher: float | None
    """Share of draws whose best is above today's."""
    gain: float
    """KPI over the training window at the best frequency less that at today's, at the same spend."""
    gain_lower: float | None
    """Lower bound, 90 %."""
    gain_upper: float | None
    """Upper bound."""
    band_lower: float
    """From here to ``band_upper`` the mean is within 2 % of the best: no advice where today lies within."""
    band_upper: float
    """Upper end of that band."""
    advice: Literal["none", "higher", "lower"]
    """Where today's should move."""


class DesignedTest(Spec):
    """The test of a channel that pays best, as `mmm design` found it."""

    what: str = Field(examples=["go dark for 8 weeks in 5 regions"])
    """The test in words."""
    recommended: bool
    """It is the one to run."""
    power: float | None
    """Chance that it sees the effect that the model expects."""
    width_now: float | None
    """Width of the 90 % interval of the channel's effect over the training window, KPI units."""
    width_after: float | None
    """The same as expected after the test."""
    value: float | None
    """What decisions gain by it, in the currency; null where a KPI unit has no stated value."""
    cost: float | None
    """What it loses, in the currency."""
    net: float | None
    """Value less cost."""
    why_not: str
    """What speaks against it; empty if nothing."""


class Treatment(Spec):
    """A lever that is no medium, among the controls."""

    name: str
    """Name, as ``controls`` of a request gives its path."""
    reference: float
    """Value against which its effect is counted, mean over regions."""
    usual: float
    """Its mean of the last year over regions, which plans take where no path is stated."""


class ChannelDetail(Spec):
    """A channel of a model."""

    name: str
    """Name, as requests give it."""
    label: str
    """What pages call it."""
    unit: str
    """Unit of its amounts: currency, or exposure for a channel without spend."""
    current_spend: float
    """Amount of the last ``horizon`` periods."""
    supported_max: float
    """Largest amount of any ``horizon`` periods in the data."""
    kind: Literal["channel", "organic", "mediator"]
    """Bought, or organic media or a mediator: those are held in budgets and free in scenarios."""
    has_price: bool
    """Spend and exposure are known, so that ``prices`` may say what a unit costs."""
    elasticity: float | None
    """Per cent by which its price rose in the data with one per cent more spend; null where not known."""
    frequency: BestFrequency | None
    """How often people are best reached; null for channels without reach and frequency."""
    test: DesignedTest | None
    """What would settle what it brings; null where no design found a test, or none was made."""


class ModelDetail(ModelSummary):
    """A served model with its data window, channels, scores and remarks."""

    period: str = Field(examples=["week"])
    """Length of a period: day, week, month or quarter."""
    periods: int
    """Periods of its data."""
    horizon: int
    """Periods that ``current_spend`` and ``supported_max`` are over."""
    regions: list[str]
    """Regions."""
    controls: list[str]
    """Controls, treatments among them."""
    treatments: list[Treatment]
    """Those of the controls that are treatments."""
    designed: bool
    """A design of tests lies beside the model (``mmm design DIR REQUEST --out DIR/tests.parquet``)."""
    kpi_value: float | None
    """Currency per KPI unit over the last periods; null where the spec does not state it."""
    channels: list[ChannelDetail]
    """Channels."""
    has_graph: bool
    """Channels move each other, so that ``effects: total`` differs from ``direct``."""
    scores: dict[str, dict[str, float | None]]
    """Scores by window: r2, r2_within (within regions), wape, skill over the best naive forecast."""
    warnings: list[dict[str, Any]]
    """Remarks of the diagnostics: severity, code, where, what, why, what_to_do."""
    model: dict[str, Any]
    """Provenance."""


class Curve(Spec):
    """Response of one channel over the training window, national."""

    multiplier: list[float]
    """Times its own history; 1 is as it ran."""
    spend: list[float | None]
    """Currency over the window; null for a channel without spend."""
    response: list[float]
    """KPI units it brings, mean over members."""
    lower: list[float | None]
    """Lower bound, 90 %."""
    upper: list[float | None]
    """Upper bound, 90 %."""
    marginal: list[float | None]
    """KPI units per further unit of spend."""
    supported: list[bool]
    """Whether it ever ran at such a level."""


class Curves(BaseModel):
    """Response curves of a model."""

    model_config = {"use_attribute_docstrings": True}

    brand: str
    """Brand."""
    market: str
    """Market."""
    kpi: str
    """Name of the KPI."""
    currency: str
    """Currency of spend."""
    kpi_value: float | None
    """Currency per KPI unit; null where the spec does not state it."""
    period: str
    """Length of a period."""
    window: Window
    """Periods the curves are over."""
    curves: dict[str, Curve]
    """By channel."""
    hill: dict[str, dict[str, Any]]
    """Hill equation through each curve: top, half_saturation, slope, r2, saturation_point, unit."""
    model: dict[str, Any]
    """Provenance and version."""


class Component(Spec):
    """One component of the KPI by period."""

    component: str
    """Name: a channel, a control, baseline or seasonality."""
    kind: str
    """baseline, seasonality, control or channel."""
    value: list[float | None]
    """KPI units by period, mean over members."""
    lower: list[float | None]
    """Lower bound, 90 %."""
    upper: list[float | None]
    """Upper bound, 90 %."""


class Contributions(BaseModel):
    """What brought the KPI, by period; components of a period add up to ``predicted``."""

    model_config = {"use_attribute_docstrings": True}

    brand: str
    """Brand."""
    market: str
    """Market."""
    region: str | None
    """Region; null for the sum of all."""
    dates: list[str]
    """Starts of the periods."""
    predicted: list[float | None]
    """Predicted KPI."""
    actual: list[float | None]
    """Observed KPI; null where it is not known of every region."""
    components: list[Component]
    """What it is made of."""
    model: dict[str, Any]
    """Version and data window."""
