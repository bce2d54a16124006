"""What every specification has in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Count = Annotated[int, Field(ge=1, le=256)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Column = Annotated[str, Field(min_length=1)]


def as_code(value: object) -> object:
    """A whole number where a name is asked for is a code, such as the area 75."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Region = Annotated[str, Field(min_length=1), BeforeValidator(as_code)]

PLACE_ONLY = {"affects_fit": False}
"""Marks fields that say where or how something runs; they stay out of the digest of a spec."""


class Spec(BaseModel):
    """Base of every specification: immutable, typo-proof, documented by its docstrings."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
