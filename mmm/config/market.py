"""One brand in one market, and portfolios of them, as written in YAML."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from mmm.config.base import PLACE_ONLY, Column, Positive, Spec
from mmm.config.columns import ColumnsSpec
from mmm.config.data import DataSpec, RegionsSpec
from mmm.config.experiments import Experiment, overlapping
from mmm.config.model import ModelSpec
from mmm.config.pool import OFF, PoolSpec
from mmm.config.problems import nearest
from mmm.config.sweep import TuneSpec
from mmm.config.train import TrainSpec

FORBIDDEN_IN_NAMES = "/\\:=?#%"
OF_SPEND = {
    "roi": "a return on spend",
    "marginal_roi": "a return on spend",
    "cost_per_kpi": "spend over what it brings",
}
"""Quantities of a belief that no channel without spend has."""


def _as_key(name: str) -> str:
    """A name, if it can be a key.

    Raises:
        ValueError: It cannot.
    """
    rule = "a name is a key in paths, addresses and registries. Write e.g. 'acme'"
    if marks := sorted({mark for mark in name if mark in FORBIDDEN_IN_NAMES}):
        raise ValueError(f"{name!r} is not allowed: it holds {' '.join(marks)}; {rule}")
    if any(unicodedata.category(mark) in ("Cc", "Cf", "Zl", "Zp") for mark in name):
        raise ValueError(f"{name!r} is not allowed: it holds a character that cannot be seen; {rule}")
    if name != name.strip():
        raise ValueError(f"{name!r} is not allowed: it starts or ends with a space; {rule}")
    if not name.strip("."):
        raise ValueError(f"{name!r} is not allowed: it means a folder; {rule}")
    return name


Name = Annotated[
    str,
    Field(min_length=1, max_length=100, json_schema_extra=PLACE_ONLY),
    AfterValidator(_as_key),
]
"""A key in paths, URLs and registries: none of / \\ : = ? # %, nothing invisible, no space at either end."""
Periods = Annotated[int, Field(le=10_000)]


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
    vertical: Annotated[Name | None, Field(json_schema_extra=PLACE_ONLY)] = None
    """What the brand is in, e.g. ``travel``; portfolios may pool by it."""
    data: Annotated[DataSpec, Field(json_schema_extra=PLACE_ONLY)]
    """Where the panel lies and how its cells are read."""
    columns: ColumnsSpec
    """Roles of the panel's columns."""
    regions: Annotated[RegionsSpec, Field(json_schema_extra=PLACE_ONLY)] = RegionsSpec()
    """Which regions of the panel are modelled; ``data.regions`` says the same."""
    renamed: Annotated[dict[Column, Column], Field(json_schema_extra=PLACE_ONLY)] = Field(default={})
    """Channels that had another name in an older model: new name to old name. The two count as one."""
    currency: str | None = Field(
        default=None, min_length=1, max_length=20, json_schema_extra={"digest_default": "USD"}
    )
    """Currency of spend; None where it is not stated."""
    kpi_value: Positive | Column | None = Field(default=None, json_schema_extra={"digest_default": 1.0})
    """Currency per KPI unit: a number or a column; 1 if the KPI is money. Without it there is no profit and
    no return in money, only KPI per unit of currency."""
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

    @model_validator(mode="before")
    @classmethod
    def _regions_of_data(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not isinstance(values.get("data"), dict):
            return values
        if "regions" in values["data"] and "regions" not in values:
            data = dict(values["data"])
            return {**values, "data": data, "regions": data.pop("regions")}
        return values

    @model_validator(mode="after")
    def _renamed_channels_are_known(self) -> MarketSpec:
        for new, old in self.renamed.items():
            if new not in self.columns.media:
                raise self._stranger("renamed", new)
            if old in self.columns.media:
                raise ValueError(
                    f"renamed says that {new!r} was {old!r}, but {old!r} is a channel still; one of two "
                    "channels cannot have been the other. Remove the line"
                )
        if len(set(self.renamed.values())) < len(self.renamed):
            raise ValueError("renamed gives two channels the same old name; write each once")
        return self

    @model_validator(mode="after")
    def _excluded_regions_exist(self) -> MarketSpec:
        if self.regions.exclude and self.columns.region is None:
            raise ValueError(
                "regions.exclude names regions, but the model is national. Name columns.region, or remove it"
            )
        return self

    def _stranger(self, where: str, name: str) -> ValueError:
        close = nearest(name, self.columns.media) or list(self.columns.media)
        return ValueError(
            f"{where} names {name!r}, which is no channel; did you mean "
            f"{' or '.join(map(repr, close))}? Correct the name"
        )

    @model_validator(mode="after")
    def _names_known_channels(self) -> MarketSpec:
        media = self.columns.media
        for field in ("required", "forbidden"):
            named = {name for edge in getattr(self.model.graph, field) for name in edge}
            for name in sorted(named - set(media)):
                raise self._stranger(f"model.graph.{field}", name)
        for name, belief in self.model.priors.channels.items():
            if name not in media:
                raise self._stranger("model.priors.channels", name)
            for one in belief.stated():
                where = f"model.priors.channels.{name}.{one.quantity}"
                if one.quantity in OF_SPEND and media[name].spend is None:
                    raise ValueError(
                        f"{where} is {OF_SPEND[one.quantity]}, but {name!r} has no column of spend. Name "
                        "one, or state the channel's `share`"
                    )
                if one.regions is not None and self.columns.region is None:
                    raise ValueError(
                        f"{where} is about {', '.join(one.regions)}, but the model is national. Remove "
                        "`regions`, or name columns.region"
                    )
        order = self.model.graph.order
        if order is None or self.model.graph.mode != "triangular":
            return self
        if sorted(order) != sorted(media):
            raise ValueError(
                f"model.graph.order lists {', '.join(order)}, but the channels are "
                f"{', '.join(media)}; a triangular graph needs each channel once. "
                "List them all, or omit the order to take that of columns.channels"
            )
        return self

    @model_validator(mode="after")
    def _mediators_have_a_graph(self) -> MarketSpec:
        if self.columns.mediators and self.model.graph.mode == "none":
            raise ValueError(
                f"columns.mediators names {', '.join(self.columns.mediators)}, but model.graph.mode is none: "
                "without the channel graph nothing says which channels move a mediator. Set it to notears or "
                "triangular, or make them columns.organic"
            )
        return self

    @model_validator(mode="after")
    def _experiments_are_of_this_market(self) -> MarketSpec:
        for position, experiment in enumerate(self.experiments):
            where = f"experiments[{position}]"
            if experiment.channel not in self.columns.media:
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
        free = {*self.columns.controls, *self.columns.treatment_columns().values()}
        media = {column for _, column in self.columns.roles()} - free
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
    pool: PoolSpec = OFF
    """What brands learn from one another; by default nothing."""
