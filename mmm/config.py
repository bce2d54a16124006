"""Specifications: what a user may set, with its default, its range and its reason.

Every field carries its meaning where it is declared; unknown keys are refused.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mmm.config_problems import nearest

Count = Annotated[int, Field(ge=1, le=256)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]

PLACE_ONLY = {"affects_fit": False}
"""Marks fields that say where or how something runs; they stay out of the digest of a spec."""


class Spec(BaseModel):
    """Base of every specification: immutable, typo-proof, documented by its docstrings."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


# --- model ---------------------------------------------------------------------------------------


class AdstockSpec(Spec):
    """Carry-over of media into later periods."""

    family: Literal["geometric", "weibull"] = "geometric"
    """Shape of the kernel: geometric decay after a delay, or a Weibull survival curve."""
    max_lag: Annotated[int, Field(ge=0, le=104)] | None = None
    """Periods of carry-over after the one in which media ran; None chooses by frequency."""
    delay: bool = True
    """Learn whether the effect peaks after the period in which media ran."""


class SaturationSpec(Spec):
    """Diminishing returns: Hill curves of carried-over media."""

    slope_min: Annotated[float, Field(ge=0.3, le=5)] = 2.0
    """Smallest Hill slope of a person's response; 2 as in the paper, 1 admits concave responses."""
    spread: Annotated[float, Field(ge=0, le=4)] = 1.0
    """Typical spread, in logs, of half-saturation between people: each person's response is S-shaped, that
    of a market of unlike people is flatter. Learned per channel around this value; 0 makes all alike."""
    half_sd: Annotated[float, Field(gt=0, le=3)] = 0.5
    """Prior width, in logs, of half-saturation around the channel's own median volume."""


class GraphSpec(Spec):
    """The channel graph: which channels move which."""

    mode: Literal["triangular", "notears", "none"] = "notears"
    """``triangular`` takes the order given, ``notears`` learns it, ``none`` has no graph."""
    order: tuple[str, ...] | None = None
    """Channels from upstream to downstream, for ``triangular``; None takes the spec's order."""
    l1: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.01
    """Weight of the sum of standardised edge weights; larger gives fewer edges."""
    threshold: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.05
    """Smallest score that counts as an edge; never below what chance gives in so many periods."""
    required: tuple[tuple[str, str], ...] = ()
    """Edges [cause, effect] that must be there; free of ``l1`` and ``threshold``."""
    forbidden: tuple[tuple[str, str], ...] = ()
    """Edges [cause, effect] that must not be there."""


class TemporalSpec(Spec):
    """Effectiveness of channels that varies in time: one GRU shared by all regions."""

    enabled: bool = True
    """Let effectiveness vary in time."""
    hidden: Annotated[int, Field(ge=1, le=128)] = 8
    """Hidden units of the GRU."""
    stride: Annotated[int, Field(ge=1, le=52)] | None = None
    """Periods per step of the GRU; None takes about 16 steps. Effectiveness moves smoothly in between."""
    bound: Annotated[float, Field(gt=0, le=0.9)] = 0.4
    """Largest relative deviation of effectiveness; each channel learns a bound of its own below it."""
    shrinkage: Annotated[float, Field(gt=0, le=10)] = 0.05
    """Prior standard deviation of the relative deviations; small values hold effectiveness constant."""


class BaselineSpec(Spec):
    """What the KPI would be without media: a local level, seasons and controls."""

    national_knots: Annotated[int, Field(ge=1, le=104)] | None = None
    """Periods between knots of the national level; None chooses by frequency."""
    regional_knots: Annotated[int, Field(ge=1, le=104)] | None = None
    """Periods between knots of each region's level; None chooses by frequency."""
    flexibility: Annotated[float, Field(gt=0, le=20)] = 1.5
    """Factor on the volatility that the data suggest; above 1 for demand that also moves media."""
    season_order: Annotated[int, Field(ge=0, le=12)] = 4
    """Yearly Fourier terms; 0 for no yearly season."""


class RegionSpec(Spec):
    """How regions differ."""

    scale_sd: Annotated[float, Field(ge=0, le=2)] = 0.3
    """Prior standard deviation, in logs, of a region's effectiveness around the shared one."""


class LossSpec(Spec):
    """What training minimises, besides the priors."""

    kind: Literal["huber", "mse"] = "huber"
    """Loss of standardised residuals."""
    huber_delta: Annotated[float, Field(gt=0, le=20)] = 1.345
    """Standardised residual beyond which the Huber loss grows linearly."""
    l1: Annotated[float, Field(ge=0, le=10)] = 1e-4
    """Weight of the sum of absolute weights of the network, per observed cell."""
    l2: Annotated[float, Field(ge=0, le=10)] = 1e-3
    """Weight of the sum of squared weights of the network, per observed cell."""


class Belief(Spec):
    """A normal prior."""

    mean: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """Expected value."""
    sd: Positive
    """Standard deviation."""


class ChannelPriors(Spec):
    """What is believed of one channel before the data."""

    share: Belief | None = None
    """Share of the KPI of the training window."""
    roi: Belief | None = None
    """Value of the KPI it brings per unit of currency spent in the training window."""


class PriorSpec(Spec):
    """Shrinkage and attribution priors."""

    share_sd: Annotated[float, Field(gt=0, le=5)] = 0.15
    """Half-normal scale of each channel's share of the KPI at its mean volume."""
    media_share: Belief | None = None
    """Share of the KPI that all media together bring in the training window."""
    channels: dict[str, ChannelPriors] = {}
    """Attribution priors by channel."""
    strength: Annotated[float, Field(ge=0, le=1000)] = 1.0
    """Weight of the attribution priors."""
    dynamic: bool = False
    """Scale attribution priors to the prediction loss, so that they weigh the same on any panel; otherwise
    they count as what they are, normal priors."""


class ModelSpec(Spec):
    """Structure and priors of the model."""

    adstock: AdstockSpec = AdstockSpec()
    """Carry-over of media into later periods."""
    saturation: SaturationSpec = SaturationSpec()
    """Diminishing returns."""
    graph: GraphSpec = GraphSpec()
    """Which channels move which."""
    temporal: TemporalSpec = TemporalSpec()
    """Effectiveness that varies in time."""
    baseline: BaselineSpec = BaselineSpec()
    """The KPI without media."""
    regions: RegionSpec = RegionSpec()
    """How regions differ."""
    loss: LossSpec = LossSpec()
    """What training minimises."""
    priors: PriorSpec = PriorSpec()
    """Shrinkage and attribution priors."""


class TrainSpec(Spec):
    """How the model is fitted."""

    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of every random choice."""
    members: Count = 8
    """Ensemble members; they give every interval."""
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 800
    """Most full-batch steps of a fit; the validation tail may choose fewer."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.05
    """Peak step of Adam; it rises, then falls as a cosine."""
    gradient_clip: Annotated[float, Field(gt=0, le=1e6)] = 10.0
    """Largest norm of a member's gradient."""
    validation: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Last periods of the training window that choose the number of epochs; None takes about a tenth, 0
    trains for all epochs."""
    patience: Annotated[int, Field(ge=1, le=100_000)] = 200
    """Epochs without a better validation loss after which the search for their number stops."""
    refit_on_all: bool = False
    """After scoring, fit once more on every period with the settings and epochs found."""
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$", json_schema_extra=PLACE_ONLY)] = "cpu"
    """Where tensors live: ``cpu``, ``cuda``, ``cuda:1``, or ``auto`` for a GPU where there is one."""
    threads: Annotated[Count | None, Field(json_schema_extra=PLACE_ONLY)] = None
    """Threads of a fit; None leaves the machine's setting."""


# --- market --------------------------------------------------------------------------------------

Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        pattern=r"^[^\s/\\:=?#%]([^/\\:=?#%\n\t]*[^\s/\\:=?#%])?$",
        json_schema_extra=PLACE_ONLY,
    ),
]
"""A key in paths, URLs and registries: none of / \\ : = ? # %, no space at either end."""
Column = Annotated[str, Field(min_length=1)]
Periods = Annotated[int, Field(le=10_000)]


class FillSpec(Spec):
    """What an empty cell means, where the panel's owner knows it. Nothing is filled unless asked."""

    media: Literal["refuse", "zero"] = "refuse"
    """Empty spend or exposure: ``refuse`` the panel, or ``zero``: nothing ran."""
    controls: Literal["refuse", "previous", "mean", "zero"] = "refuse"
    """Empty control: ``refuse``, take the region's ``previous`` value, its ``mean``, or ``zero``."""


class DataSpec(Spec):
    """Where the panel lies and how its cells are read."""

    path: Annotated[str, Field(min_length=1)]
    """CSV, Parquet file or Hive-partitioned directory; relative to the spec's file, or any URI."""
    date_format: str | None = None
    """Format of text dates, e.g. ``%d/%m/%Y``; None expects ISO dates such as 2024-01-31."""
    fill: FillSpec = FillSpec()
    """What empty cells of media and controls mean; by default they are refused."""


class ChannelColumns(Spec):
    """Columns of one channel; at least one of them."""

    spend: Column | None = None
    """Column of spend in currency."""
    exposure: Column | None = None
    """Column of exposure (impressions, GRPs, clicks); drives the response where given."""

    @model_validator(mode="after")
    def _has_a_column(self) -> ChannelColumns:
        if self.spend is None and self.exposure is None:
            raise ValueError("a channel needs a column of `spend` or of `exposure`, or both; name one")
        return self


class ColumnsSpec(Spec):
    """Roles of the panel's columns; a column has one role."""

    region: Column | None = None
    """Region; omit for a national panel."""
    date: Column
    """First day of the period."""
    kpi: Column
    """What media are to move."""
    population: Column | None = None
    """Size of the region, constant within it."""
    channels: Annotated[dict[Column, ChannelColumns], Field(min_length=1)]
    """Channel name to its columns."""
    controls: tuple[Column, ...] = ()
    """Columns that move the KPI and are not media."""
    events: tuple[Column, ...] = ()
    """Columns that mark events (0 or 1, or a strength); they enter the model as controls."""

    def roles(self) -> list[tuple[str, str]]:
        """Every (role, column) named, roles as YAML paths below ``columns``."""
        pairs: list[tuple[str, str | None]] = [
            ("region", self.region),
            ("date", self.date),
            ("kpi", self.kpi),
            ("population", self.population),
        ]
        for name, channel in self.channels.items():
            pairs += [
                (f"channels.{name}.spend", channel.spend),
                (f"channels.{name}.exposure", channel.exposure),
            ]
        pairs += [("controls", column) for column in self.controls]
        pairs += [("events", column) for column in self.events]
        return [(role, column) for role, column in pairs if column is not None]

    @model_validator(mode="after")
    def _one_role_per_column(self) -> ColumnsSpec:
        roles: dict[str, list[str]] = {}
        for role, column in self.roles():
            roles.setdefault(column, []).append(role)
        clashes = [f"{column!r} is {' and '.join(uses)}" for column, uses in roles.items() if len(uses) > 1]
        if clashes:
            raise ValueError(
                f"{'; '.join(clashes)}. A column has one role: used twice, its effect could not be told "
                "apart. Remove all but one"
            )
        others = {column for role, column in self.roles() if role in ("controls", "events")}
        if both := sorted(others & set(self.channels)):
            raise ValueError(
                f"{', '.join(both)} names both a channel and a control; contributions are listed by name. "
                "Rename the channel"
            )
        return self


class HolidaysSpec(Spec):
    """Public holidays, each a control of its own that counts its days in a period."""

    country: Annotated[str, Field(min_length=2, max_length=3)]
    """Country code, e.g. US or DE."""
    subdivision: str | None = None
    """State or province whose holidays are added, e.g. CA or BY."""


class SplitsSpec(Spec):
    """Trailing periods kept from training; test comes after holdout."""

    holdout: Annotated[Periods, Field(ge=1)] = 13
    """Periods scored after training; tuning may look at them. At least 1: nothing else tells a model
    that predicts from one that only fits."""
    test: Annotated[Periods, Field(ge=0)] = 0
    """Last periods, seen by neither training nor tuning."""


class MarketSpec(Spec):
    """One brand in one market."""

    brand: Name
    """Brand, part of the model's key."""
    market: Name
    """Market, part of the model's key."""
    data: Annotated[DataSpec, Field(json_schema_extra=PLACE_ONLY)]
    """Where the panel lies and how its cells are read."""
    columns: ColumnsSpec
    """Roles of the panel's columns."""
    currency: Annotated[str, Field(min_length=1, max_length=20)] = "USD"
    """Currency of spend."""
    kpi_value: Positive | Column = 1.0
    """Currency per KPI unit: a number or a column."""
    holidays: HolidaysSpec | None = None
    """Country whose public holidays join the controls; omit for none."""
    splits: SplitsSpec = SplitsSpec()
    """Trailing periods kept from training."""
    model: ModelSpec = ModelSpec()
    """Structure and priors of the model."""
    train: TrainSpec = TrainSpec()
    """How the model is fitted."""

    def _stranger(self, where: str, name: str) -> ValueError:
        close = nearest(name, self.columns.channels) or self.columns.channels
        return ValueError(
            f"{where} names {name!r}, which is no channel; did you mean "
            f"{' or '.join(map(repr, close))}? Correct the name"
        )

    @model_validator(mode="after")
    def _names_known_channels(self) -> MarketSpec:
        for field in ("required", "forbidden"):
            named = {name for edge in getattr(self.model.graph, field) for name in edge}
            for name in sorted(named - set(self.columns.channels)):
                raise self._stranger(f"model.graph.{field}", name)
        for name, belief in self.model.priors.channels.items():
            if name not in self.columns.channels:
                raise self._stranger("model.priors.channels", name)
            if belief.roi is not None and self.columns.channels[name].spend is None:
                raise ValueError(
                    f"model.priors.channels.{name}.roi is a return on spend, but {name!r} has no column of "
                    "spend. Name one, or state the channel's `share`"
                )
        order = self.model.graph.order
        if order is None or self.model.graph.mode != "triangular":
            return self
        if sorted(order) != sorted(self.columns.channels):
            raise ValueError(
                f"model.graph.order lists {', '.join(order)}, but the channels are "
                f"{', '.join(self.columns.channels)}; a triangular graph needs each channel once. "
                "List them all, or omit the order to take that of columns.channels"
            )
        return self

    @model_validator(mode="after")
    def _value_column_is_free(self) -> MarketSpec:
        media = {column for role, column in self.columns.roles() if role != "controls"}
        if isinstance(self.kpi_value, str) and self.kpi_value in media:
            raise ValueError(
                f"kpi_value names column {self.kpi_value!r}, which has another role; it must hold the "
                "currency value of one KPI unit. Give a number or another column"
            )
        return self


class PortfolioSpec(Spec):
    """Many brand-markets, as written: shared defaults and the markets or where they lie."""

    defaults: dict[str, Any] = {}
    """Any fields of a market spec; a market's own fields replace them, a null takes one away."""
    markets: str | tuple[dict[str, Any] | str, ...]
    """Market specs (mappings, or paths of YAML files), or one folder or URI with ``brand=…/market=…/``
    partitions, of which each becomes a market."""
