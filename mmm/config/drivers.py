"""Columns of what moves the KPI and is not bought: organic media, mediators, treatments."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from mmm.config.base import PLACE_ONLY, Column, Spec
from mmm.config.problems import nearest

References = Literal["min", "max", "median"]
REFERENCES: tuple[References, ...] = ("min", "max", "median")
"""Values of a treatment's own column that it can be measured against."""


class HeldColumns(Spec):
    """Columns of a channel that nobody buys; its exposure drives the response."""

    exposure: Column
    """Column of exposure, e.g. emails sent, posts seen, searches for the brand."""
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
    reach: ClassVar[None] = None
    frequency: ClassVar[None] = None
    impressions: ClassVar[None] = None

    @property
    def drives(self) -> Column:
        """The column that drives the response."""
        return self.exposure


class OrganicColumns(HeldColumns):
    """Columns of a medium that is not bought, such as email or organic social: exposure, no spend."""


class MediatorColumns(HeldColumns):
    """Columns of a mediator: what channels move and what moves the KPI, such as searches for the brand."""


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
