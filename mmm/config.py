"""Specifications: what a user may set, with its default, its range and its reason.

Every field carries its meaning where it is declared; unknown keys are refused.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mmm.config_problems import nearest

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


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
    """Diminishing returns."""

    slope_min: Annotated[float, Field(ge=0.3, le=5)] = 2.0
    """Smallest Hill slope; 2 as in the paper, 1 admits concave channels."""
    slope_max: Annotated[float, Field(ge=0.5, le=10)] = 5.0
    """Largest Hill slope."""


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


class ModelSpec(Spec):
    """Structure and priors of the model."""

    adstock: AdstockSpec = AdstockSpec()
    saturation: SaturationSpec = SaturationSpec()
    graph: GraphSpec = GraphSpec()


class TrainSpec(Spec):
    """How the model is fitted."""

    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of every random choice."""
    members: Annotated[int, Field(ge=1, le=256)] = 8
    """Ensemble members; they give every interval."""
    refit_on_all: bool = False
    """After scoring, fit once more on every period with the settings and epochs found."""


# --- market --------------------------------------------------------------------------------------

PLACE_ONLY = {"affects_fit": False}
"""Marks fields that say where or how something runs; they stay out of the digest of a spec."""

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

    @model_validator(mode="after")
    def _names_known_channels(self) -> MarketSpec:
        for field in ("required", "forbidden"):
            named = {name for edge in getattr(self.model.graph, field) for name in edge}
            for name in sorted(named - set(self.columns.channels)):
                close = nearest(name, self.columns.channels) or self.columns.channels
                raise ValueError(
                    f"model.graph.{field} names {name!r}, which is no channel; did you mean "
                    f"{' or '.join(map(repr, close))}? Correct the edge"
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
