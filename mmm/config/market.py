"""One brand in one market, and portfolios of them, as written in YAML."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from mmm.config.base import PLACE_ONLY, Positive, Spec
from mmm.config.experiments import Experiment, overlapping
from mmm.config.model import ModelSpec
from mmm.config.problems import nearest
from mmm.config.sweep import TuneSpec
from mmm.config.train import TrainSpec

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
    experiments: tuple[Experiment, ...] = ()
    """Lift tests that the model must agree with; in a file also the path of a CSV with these columns."""
    train: TrainSpec = TrainSpec()
    """How the model is fitted."""
    tune: Annotated[TuneSpec, Field(json_schema_extra=PLACE_ONLY)] = TuneSpec()
    """What a sweep searches and how it judges."""

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
    def _experiments_are_of_this_market(self) -> MarketSpec:
        for position, experiment in enumerate(self.experiments):
            where = f"experiments[{position}]"
            if experiment.channel not in self.columns.channels:
                raise self._stranger(f"{where}.channel", experiment.channel)
            if experiment.regions is not None and self.columns.region is None:
                raise ValueError(
                    f"{where}.regions names {', '.join(experiment.regions)}, but the model is national. "
                    "Remove it if the whole market was treated, or name columns.region"
                )
        if pairs := overlapping(self.experiments):
            listed = "; ".join(f"experiments[{one}] and experiments[{two}]" for one, two in pairs)
            raise ValueError(
                f"{listed} measure the same channel in the same regions at the same time; counted twice they "
                "would weigh double. Keep one of them, or pool them into one"
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

    defaults: dict[str, Any] = Field(default={})
    """Any fields of a market spec; a market's own fields replace them, a null takes one away."""
    markets: str | tuple[dict[str, Any] | str, ...]
    """Market specs (mappings, or paths of YAML files), or one folder or URI with ``brand=…/market=…/``
    partitions, of which each becomes a market."""
