"""Users' own words for channels, put in the place of their names once, where files are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

NAMED: dict[str, tuple[str, ...]] = {"graph": ("cause", "effect"), "correlations": ("a", "b")}
"""Columns of names in frames that have others than ``channel``."""
TOLD = ("what", "where", "why", "what_to_do", "message", "warnings", "clashes")
"""Fields of text in which names stand."""


MEDIA_KINDS = ("channel", "organic", "mediator")
"""Kinds of components that are media, bought or not."""
TREATMENT = "treatment"
"""Kind of those that are counted against a reference."""


def labelled_frame(name: str, frame: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """A table in which channels have their labels.

    Args:
        name: Of the table, as files are called.
        frame: Its rows.
        labels: Label by name.
    """
    changed = {
        column: _renamed(frame[column], labels)
        for column in ("channel", *NAMED.get(name, ()))
        if column in frame
    }
    if name == "contributions":
        own = frame["component"].where(frame["kind"].isin([*MEDIA_KINDS, TREATMENT]))
        changed["component"] = _renamed(own, labels).astype(object).fillna(frame["component"].astype(object))
    return frame.assign(**changed)


def _renamed(names: pd.Series, labels: Mapping[str, str]) -> pd.Series:
    return names.astype(object).map(lambda name: labels.get(name, name))


def labelled_record(value: Any, labels: Mapping[str, str], field: str = "") -> Any:
    """A JSON value in which channels have their labels: as keys, as values, and within sentences."""
    if isinstance(value, Mapping):
        return {labels.get(key, key): labelled_record(item, labels, key) for key, item in value.items()}
    if isinstance(value, list):
        return [labelled_record(item, labels, field) for item in value]
    if not isinstance(value, str):
        return value
    if field in TOLD:
        return _in_sentence(value, labels)
    return labels.get(value, value)


def _in_sentence(text: str, labels: Mapping[str, str]) -> str:
    """Whole names within a text, the longest first."""
    names = sorted(labels, key=len, reverse=True)
    pattern = "|".join(rf"(?<![\w.]){re.escape(name)}(?![\w.]*\w)" for name in names)
    return re.sub(pattern, lambda found: labels[found[0]], text)
