"""Roles of the panel's columns: the ``columns:`` section of a spec."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from mmm.config.base import PLACE_ONLY, Column, Spec
from mmm.config.drivers import MediatorColumns, OrganicColumns, TreatmentColumns, contacts_problem


class ChannelColumns(Spec):
    """Columns of one channel; at least one of them."""

    spend: Column | None = None
    """Column of spend in currency."""
    exposure: Column | None = None
    """Column of exposure (impressions, GRPs, clicks); drives the response where given."""
    reach: Column | None = None
    """Column of people reached at least once in the period; with ``frequency`` or ``impressions`` it drives
    the response in place of exposure."""
    frequency: Column | None = None
    """Column of contacts per person reached, 1 or more where anybody is."""
    impressions: Column | None = None
    """Column of contacts in all, reach times frequency; in place of ``frequency``."""
    label: Annotated[str | None, Field(min_length=1, max_length=100, json_schema_extra=PLACE_ONLY)] = None
    """What pages call the channel; None takes its name."""
    unit: Annotated[str | None, Field(min_length=1, max_length=40, json_schema_extra=PLACE_ONLY)] = None
    """What its exposure is counted in, e.g. ``impressions``; for pages."""
    group: Annotated[str | None, Field(min_length=1, max_length=100)] = None
    """Channels of one group share the shapes of their response, e.g. the campaigns of ``social``."""

    @model_validator(mode="after")
    def _has_a_column(self) -> ChannelColumns:
        every = (self.spend, self.exposure, self.reach, self.frequency, self.impressions)
        if all(column is None for column in every):
            raise ValueError("a channel needs a column of `spend` or of `exposure`, or both; name one")
        return self

    @model_validator(mode="after")
    def _reach_goes_with_frequency(self) -> ChannelColumns:
        others = (self.exposure, self.group)
        if problem := contacts_problem(self.reach, self.frequency, self.impressions, others):
            raise ValueError(problem)
        return self

    @property
    def drives(self) -> Column | None:
        """The column that drives the response besides spend: exposure, or reach."""
        return self.exposure if self.reach is None else self.reach


def _without_sign(item: Any, signs: dict[str, Any]) -> Any:
    """The column of a control; its sign, if it has one beside it, goes to ``signs``."""
    if not isinstance(item, dict) or "column" not in item or not set(item) <= {"column", "sign"}:
        return item
    if item.get("sign") not in (None, "any"):
        signs[item["column"]] = item["sign"]
    return item["column"]


MediaColumns = ChannelColumns | OrganicColumns | MediatorColumns
"""Columns of whatever acts on the KPI as media do."""


MEDIA_COLUMNS = ("spend", "exposure", "reach", "frequency", "impressions")
"""Fields of all kinds of them that name columns."""


class ColumnsSpec(Spec):
    """Roles of the panel's columns; a column has one role."""

    region: Column | None = None
    """Region; omit for a national panel."""
    date: Column
    """First day of the period."""
    kpi: Column
    """What media are to move."""
    kpi_label: Annotated[str | None, Field(min_length=1, max_length=100, json_schema_extra=PLACE_ONLY)] = None
    """What pages call the KPI; None takes the column's name."""
    kpi_unit: Annotated[str | None, Field(min_length=1, max_length=40, json_schema_extra=PLACE_ONLY)] = None
    """What the KPI is counted in, e.g. ``orders``; for pages."""
    population: Column | None = None
    """Size of the region, constant within it."""
    channels: Annotated[dict[Column, ChannelColumns], Field(min_length=1)]
    """Channel name to its columns."""
    organic: dict[Column, OrganicColumns] = Field(default={})
    """Media that are not bought, by name: email, organic social. Plans of budgets hold them as they are."""
    mediators: dict[Column, MediatorColumns] = Field(default={})
    """What channels move and what moves the KPI in turn, by name: searches for the brand. Nobody buys them;
    channels get what they bring through them."""
    treatments: dict[Column, TreatmentColumns] = Field(default={})
    """Levers that are no media, by name: price, depth of promotions, distribution."""
    controls: tuple[Column, ...] = ()
    """Columns that move the KPI and are not media."""
    events: tuple[Column, ...] = ()
    """Columns that mark events (0 or 1, or a strength, or names of events as text, of which each becomes an
    event of its own); they enter the model as controls."""
    signs: dict[Column, Literal["positive", "negative"]] = Field(default={})
    """Which way a control moves the KPI where that is known: ``negative`` for competitors' spend. Beside a
    control it is written ``controls: [{column: rival_spend, sign: negative}]``."""

    @model_validator(mode="before")
    @classmethod
    def _written_in_full(cls, values: Any) -> Any:
        """Controls with a sign and a KPI with its words, from mappings to fields of their own."""
        if not isinstance(values, dict):
            return values
        values = dict(values)
        kpi = values.get("kpi")
        if isinstance(kpi, dict) and "column" in kpi and set(kpi) <= {"column", "label", "unit"}:
            values["kpi"] = kpi["column"]
            values |= {f"kpi_{key}": word for key, word in kpi.items() if key != "column"}
        signs = dict(values.get("signs") or {})
        for field in ("controls", "events"):
            if isinstance(values.get(field), list | tuple):
                values[field] = [_without_sign(item, signs) for item in values[field]]
        return values | ({"signs": signs} if signs else {})

    @model_validator(mode="after")
    def _signs_are_of_controls(self) -> ColumnsSpec:
        if stray := sorted(set(self.signs) - {*self.controls, *self.events}):
            raise ValueError(
                f"signs names {stray[0]!r}, which is no control; name a column of controls or events"
            )
        return self

    @property
    def media(self) -> Mapping[str, MediaColumns]:
        """Columns of every channel, bought or not, by name: channels, organic media, mediators."""
        media: dict[str, MediaColumns] = dict(self.channels)
        return media | self.organic | self.mediators

    def treatment_columns(self) -> dict[str, str]:
        """Column of every treatment, by name."""
        return {name: own.column or name for name, own in self.treatments.items()}

    @model_validator(mode="after")
    def _labels_differ(self) -> ColumnsSpec:
        shown = [columns.label or name for name, columns in self.media.items()]
        if twice := next((label for label in shown if shown.count(label) > 1), None):
            raise ValueError(f"two channels are called {twice!r} on pages; give each a label of its own")
        return self

    def roles(self) -> list[tuple[str, str]]:
        """Every (role, column) named, roles as YAML paths below ``columns``."""
        pairs: list[tuple[str, str | None]] = [
            ("region", self.region),
            ("date", self.date),
            ("kpi", self.kpi),
            ("population", self.population),
        ]
        for section in ("channels", "organic", "mediators"):
            for name, own in getattr(self, section).items():
                pairs += [(f"{section}.{name}.{kind}", getattr(own, kind)) for kind in MEDIA_COLUMNS]
        pairs += [(f"treatments.{name}.column", column) for name, column in self.treatment_columns().items()]
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

    @model_validator(mode="after")
    def _one_driver_per_name(self) -> ColumnsSpec:
        uses: dict[str, list[str]] = {}
        for kind, name in self._named_drivers():
            uses.setdefault(name, []).append(kind)
        twice = [f"{name!r} is {' and '.join(kinds)}" for name, kinds in uses.items() if len(kinds) > 1]
        if twice:
            raise ValueError(
                f"{'; '.join(twice)}; contributions are listed by name. Give each a name of its own"
            )
        return self

    def _named_drivers(self) -> Iterator[tuple[str, str]]:
        """What each name of a row of contributions stands for; clashes of channels and controls apart."""
        if not (self.organic or self.mediators or self.treatments):
            return
        for kind, names in (
            ("a channel", self.channels),
            ("organic", self.organic),
            ("a mediator", self.mediators),
            ("a treatment", self.treatments),
            ("a control", self.controls),
            ("an event", self.events),
        ):
            yield from ((kind, name) for name in names)
