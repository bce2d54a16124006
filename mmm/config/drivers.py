"""Columns of what moves the KPI and is not bought: organic media, mediators, treatments."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from mmm.config.base import PLACE_ONLY, Column, Spec
from mmm.config.problems import nearest

References = Literal["min", "max", "median"]
REFERENCES: tuple[References, ...] = ("min", "max", "median")
"""Values of a treatment's own column that it can be measured against."""


def contacts_problem(
    reach: str | None, frequency: str | None, impressions: str | None, others: tuple[str | None, str | None]
) -> str | None:
    """What is wrong with columns of reach and of how often people are reached; None if nothing is.

    Args:
        reach: Column of people reached.
        frequency: Column of contacts of each.
        impressions: Column of contacts in all.
        others: Column of exposure, and group.
    """
    named = {"frequency": frequency, "impressions": impressions}
    contacts = [name for name, column in named.items() if column is not None]
    if reach is None:
        if not contacts:
            return None
        return (
            f"{contacts[0]} without reach: how often says nothing without how many. Name the column of "
            "reach, or give impressions as `exposure`"
        )
    if len(contacts) != 1:
        return (
            "reach needs a column of `frequency` or of `impressions`, and one of them alone: the other "
            "follows from it"
        )
    if others[0] is not None:
        return "reach and exposure both drive the response; leave one of them out"
    if others[1] is not None:
        return "reach and group: a group shares the shapes of one kind of response. Leave the group out"
    return None


class HeldColumns(Spec):
    """What columns of channels that nobody buys have in common."""

    label: Annotated[str | None, Field(min_length=1, max_length=100, json_schema_extra=PLACE_ONLY)] = None
    """What pages call it; None takes its name."""
    unit: Annotated[str | None, Field(min_length=1, max_length=40, json_schema_extra=PLACE_ONLY)] = None
    """What its exposure is counted in, e.g. ``emails``; for pages."""
    group: Annotated[str | None, Field(min_length=1, max_length=100)] = None
    """Channels of one group share the shapes of their response."""

    @model_validator(mode="before")
    @classmethod
    def _is_not_bought(cls, values: Any) -> Any:
        if isinstance(values, dict) and "spend" in values:
            raise ValueError(
                f"has a column of spend, {values['spend']!r}, but what stands here is not bought. Remove "
                "`spend`, or move it to columns.channels if it costs money by volume"
            )
        return values

    spend: ClassVar[None] = None


class OrganicColumns(HeldColumns):
    """Columns of a medium that is not bought, such as email or organic social: exposure, no spend."""

    exposure: Column | None = None
    """Column of exposure, e.g. emails sent, posts seen; it drives the response."""
    reach: Column | None = None
    """Column of people reached at least once in the period, in place of exposure."""
    frequency: Column | None = None
    """Column of contacts per person reached, 1 or more where anybody is."""
    impressions: Column | None = None
    """Column of contacts in all, reach times frequency; in place of ``frequency``."""

    @model_validator(mode="after")
    def _has_what_drives(self) -> OrganicColumns:
        others = (self.exposure, self.group)
        if problem := contacts_problem(self.reach, self.frequency, self.impressions, others):
            raise ValueError(problem)
        if self.exposure is None and self.reach is None:
            raise ValueError("needs a column of `exposure`, or of `reach` and `frequency`; name one")
        return self

    @property
    def drives(self) -> Column | None:
        """The column that drives the response."""
        return self.exposure if self.reach is None else self.reach


class MediatorColumns(HeldColumns):
    """Columns of a mediator: what channels move and what moves the KPI, such as searches for the brand."""

    exposure: Column
    """Column of its volume, e.g. searches for the brand; it drives the response."""

    reach: ClassVar[None] = None
    frequency: ClassVar[None] = None
    impressions: ClassVar[None] = None

    @property
    def drives(self) -> Column:
        """The column that drives the response."""
        return self.exposure


def _as_reference(value: object) -> object:
    """A reference that can be meant; anything else is refused with what it may be."""
    if isinstance(value, bool) or not (isinstance(value, int | float) or value in REFERENCES):
        close = nearest(value, REFERENCES, count=1) if isinstance(value, str) else []
        hint = f"; did you mean {close[0]!r}?" if close else "."
        raise ValueError(
            f"{value!r} is no reference{hint} Write min, max or median, each of the region's own values, or "
            "a number"
        )
    return value


class TreatmentColumns(Spec):
    """One treatment: a lever of the business that is no medium, such as price, promotion or distribution."""

    column: Column | None = None
    """Its column; None takes the treatment's name."""
    reference: Annotated[
        References | Annotated[float, Field(ge=-1e15, le=1e15)], BeforeValidator(_as_reference)
    ]
    """Value against which its effect is counted, so that the baseline is the KPI there: ``min``, ``max`` or
    ``median`` of each region's own values, or a number within those of the column."""
    sign: Literal["positive", "negative", "any"] = "any"
    """Which way the KPI goes when the treatment rises; ``any`` leaves it to the data."""
    carry_over: bool = False
    """Whether its effect may last beyond the period; how long is learned."""
    label: Annotated[str | None, Field(min_length=1, max_length=100, json_schema_extra=PLACE_ONLY)] = None
    """What pages call it; None takes its name."""
    unit: Annotated[str | None, Field(min_length=1, max_length=40, json_schema_extra=PLACE_ONLY)] = None
    """What it is counted in, e.g. ``EUR``; for pages."""
