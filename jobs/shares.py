"""Shares of the KPI that channels brought over the training window, found and true."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

SHARE_COLUMNS = ("share", "share_lower", "share_upper")


def channel_shares(
    effects: pd.DataFrame, contributions: pd.DataFrame, predictions: pd.DataFrame
) -> pd.DataFrame:
    """Direct effect of every channel as a share of the expected KPI of the training window.

    Args:
        effects: Table ``effects`` of a fitted model.
        contributions: Table ``contributions``.
        predictions: Table ``predictions``; its column ``split`` tells which dates were trained on.

    Returns:
        Columns channel, share, share_lower, share_upper, roi; bounds are NaN with one member.
    """
    until = predictions.loc[predictions["split"] == "train", "date"].max()
    total = contributions.loc[contributions["date"] <= until, "value"].sum()
    shares = pd.DataFrame({"channel": effects["channel"], "roi": effects["roi"]})
    for name, column in zip(SHARE_COLUMNS, ("direct", "direct_lower", "direct_upper"), strict=True):
        shares[name] = effects[column] / total
    return shares


def saved_shares(directory: Path) -> pd.DataFrame:
    """The shares of a fitted model's directory, as :func:`channel_shares`."""
    tables = (pd.read_parquet(directory / f"{name}.parquet") for name in _TABLES)
    return channel_shares(*tables)


def true_shares(truth: Path, until: pd.Timestamp) -> pd.Series:
    """What a simulated world's channels really brought up to a date, as shares of its KPI, by channel."""
    contributions = pd.read_parquet(truth / "contributions.parquet")
    trained = contributions[contributions["date"] <= until]
    media = trained[trained["kind"] == "channel"]
    shares: pd.Series = media.groupby("component")["value"].sum() / trained["value"].sum()
    return shares


_TABLES = ("effects", "contributions", "predictions")
