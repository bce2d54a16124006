"""What a fit came to: its row of scores, shares and findings; shares of the KPI, found and true."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from jobs.record.rows import SCORES, WINDOWS, Row
from mmm.config import MarketSpec
from mmm.data.schema import Finding

if TYPE_CHECKING:
    from mmm.pipeline import Result

SHARE_COLUMNS = ("share", "share_lower", "share_upper")
_SCORED = "scored_predictions"


def result_row(spec: MarketSpec, result: Result) -> Row:
    """What a fit came to, without where it lies."""
    shares = result_shares(result.tables)
    return Row(
        brand=spec.brand,
        market=spec.market,
        status="done",
        scores={
            f"{window}_{score}": result.metrics.get(window, {}).get(score)
            for window in WINDOWS
            for score in SCORES
        },
        shares=_by_channel(shares, "share"),
        roi=_by_channel(shares, "roi"),
        findings=tuple(summary(finding) for finding in result.findings),
        until=str(result.fitted.panel.dates[-1]),
    )


def _by_channel(shares: pd.DataFrame, column: str) -> dict[str, float]:
    known = shares.dropna(subset=[column])
    return {str(name): float(value) for name, value in zip(known["channel"], known[column], strict=True)}


def summary(finding: Finding) -> str:
    """A finding in one line."""
    return f"{finding.severity} {finding.code} {finding.where}: {finding.what}"


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


def true_shares(truth: Path, until: pd.Timestamp) -> pd.Series:
    """What a simulated world's channels really brought up to a date, as shares of its KPI, by channel."""
    contributions = pd.read_parquet(truth / "contributions.parquet")
    trained = contributions[contributions["date"] <= until]
    media = trained[trained["kind"] == "channel"]
    shares: pd.Series = media.groupby("component")["value"].sum() / trained["value"].sum()
    return shares
