"""What a fit came to: its row of scores, shares and findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from jobs.record.rows import SCORES, WINDOWS, Row
from mmm.analysis.shares import result_shares
from mmm.config import MarketSpec
from mmm.data.schema import Finding

if TYPE_CHECKING:
    from mmm.pipeline import Result


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
