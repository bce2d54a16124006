"""What brands learn from one another: the ``pool:`` section of a portfolio."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from mmm.config.base import Column, Spec

Class = Annotated[str, Field(min_length=1, max_length=100)]


class PoolSpec(Spec):
    """Which channels are of one kind, and which markets are pooled; ``pool: off`` pools nothing."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    classes: dict[Column, Class] = Field(default={}, alias="class")
    """Channel to the class it is of, e.g. ``{brand_search: search}``; written ``class:``. A channel
    that is not named is a class by its own name."""
    group: Literal["brand", "vertical", "all", "off"] = "all"
    """Markets that are pooled with one another: those of a brand, of a ``vertical`` (a field of each market),
    or all. ``off`` fits every market alone."""

    @model_validator(mode="before")
    @classmethod
    def _off(cls, values: Any) -> Any:
        """YAML reads ``off`` as false; a section pools all with all unless it says so."""
        if values is False or values == "off":
            return {"group": "off"}
        if isinstance(values, dict):
            return {key: "off" if value is False else value for key, value in values.items()}
        return values

    @property
    def pools(self) -> bool:
        """Whether anything is pooled."""
        return self.group != "off"

    def class_of(self, channel: str) -> str:
        """The class of a channel."""
        return self.classes.get(channel, channel)


OFF = PoolSpec(group="off")
"""Every market is fitted alone."""
