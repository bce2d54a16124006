"""What a fit came to: its row of scores, shares and findings, written beside the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from jobs.record.identity import FitIdentity
from jobs.record.rows import GAP, LATER_SCORES, SCORES, WINDOWS, Row
from jobs.record.store import put
from mmm.analysis.score import generalisation_gap
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
            for score in (*SCORES, *LATER_SCORES)
        }
        | {GAP: generalisation_gap(result.metrics)},
        shares=_by_channel(shares, "share"),
        roi=_by_channel(shares, "roi"),
        findings=tuple(summary(finding) for finding in result.findings),
        until=str(result.fitted.panel.dates[-1]),
    )


def keep_fit(
    result: Result,
    spec: MarketSpec,
    identity: FitIdentity,
    place: str,
    *,
    report: bool,
    settings: Mapping[str, Any] | None = None,
    seconds: float = 0.0,
) -> Row:
    """Write a fitted model with its row beside it, whole or not at all.

    Args:
        result: What was fitted.
        spec: Its market.
        identity: What identifies the fit.
        place: Folder of the fit, path or URI.
        report: Also write ``report.html``.
        settings: Settings a search put in place of the spec's own, by path.
        seconds: What it took.

    Returns:
        The row.

    Raises:
        OutputError: The place cannot be written.
        OSError: It is full.
    """
    from mmm.pipeline import write_result
    from mmm.plan_model import write_plan_model

    def fill(folder: Path) -> None:
        write_result(result, folder, report=report)
        write_plan_model(result.fitted, folder)

    row = replace(
        result_row(spec, result),
        **identity.fields,
        directory=place,
        settings=dict(settings or {}),
        seconds=seconds,
    )
    put(place, row, fill)
    return row


def _by_channel(shares: pd.DataFrame, column: str) -> dict[str, float]:
    known = shares.dropna(subset=[column])
    return {str(name): float(value) for name, value in zip(known["channel"], known[column], strict=True)}


def summary(finding: Finding) -> str:
    """A finding in one line."""
    return f"{finding.severity} {finding.code} {finding.where}: {finding.what}"
