"""Shares of the KPI that channels bring, from the tables of a fitted model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

SHARE_COLUMNS = ("share", "share_lower", "share_upper")
_SCORED = "scored_predictions"


def channel_shares(
    effects: pd.DataFrame, contributions: pd.DataFrame, predictions: pd.DataFrame
) -> pd.DataFrame:
    """Direct effect of every channel as a share of the expected KPI of the training window.

    Args:
        effects: Table ``effects`` of a fitted model.
        contributions: Table ``contributions``.
        predictions: Table ``predictions`` of the fit that was scored (``scored_predictions`` of a model
            refitted on all periods): its column ``split`` tells the training window, to which effects refer.

    Returns:
        Columns channel, share, share_lower, share_upper, roi; bounds are NaN with one member.
    """
    until = predictions.loc[predictions["split"] == "train", "date"].max()
    total = contributions.loc[contributions["date"] <= until, "value"].sum()
    shares = pd.DataFrame({"channel": effects["channel"], "roi": effects["roi"]})
    for name, column in zip(SHARE_COLUMNS, ("direct", "direct_lower", "direct_upper"), strict=True):
        shares[name] = effects[column] / total
    return shares


def result_shares(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The shares of a fitted model's tables by name, as :func:`channel_shares`."""
    scored = tables[_SCORED] if _SCORED in tables else tables["predictions"]
    return channel_shares(tables["effects"], tables["contributions"], scored)


def saved_shares(directory: Path) -> pd.DataFrame:
    """The shares of a fitted model's directory, as :func:`channel_shares`."""
    names = ("effects", "contributions", "predictions", _SCORED)
    found = {name: directory / f"{name}.parquet" for name in names}
    return result_shares({name: pd.read_parquet(path) for name, path in found.items() if path.exists()})
