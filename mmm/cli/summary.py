"""A fit in words and tables, for a terminal."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
from rich.console import Group
from rich.table import Table
from rich.text import Text

from mmm.pipeline import Result


def summarise(result: Result, directory: Path) -> Group:
    """Scores beside the naive predictors, effects with intervals, findings, and where the files are."""
    fitted = result.fitted
    head = Text(
        f"{fitted.spec.brand} / {fitted.spec.market}: {fitted.members} member(s), "
        f"{fitted.provenance['epochs']} epochs, {result.seconds:.1f} s"
    )
    findings = [Text(f"{finding.severity}: {finding}") for finding in result.findings]
    return Group(head, scores_table(result), effects_table(result), *findings, Text(f"Results: {directory}"))


def scores_table(result: Result) -> Table:
    """Scores by window."""
    table = Table(title="Forecast, observed cells")
    for name in ("window", "R²", "R² within regions", "MAE", "WAPE", "best naive R²", "skill over it"):
        table.add_column(name, justify="left" if name == "window" else "right")
    for window, scores in result.metrics.items():
        if not scores["n"]:
            continue
        naive = [rule["r2"] for rule in scores["naive"].values() if rule["r2"] is not None]
        table.add_row(
            window,
            _number(scores["r2"]),
            _number(scores["r2_within"]),
            f"{scores['mae']:,.4g}",
            _number(scores["wape"]),
            _number(max(naive, default=None)),
            _number(scores["skill"]),
        )
    return table


def effects_table(result: Result) -> Table:
    """Share and ROI by channel over the training window."""
    effects, panel = result.tables["effects"], result.fitted.panel
    contributions = result.tables["contributions"]
    last = panel.dates[result.fitted.split.n_train - 1]
    kpi = float(contributions["value"][contributions["date"] <= pd.Timestamp(str(last))].sum())
    table = Table(title="Effects over the training window")
    valued = result.fitted.spec.kpi_value is not None
    returns = "ROI" if valued else "KPI per unit spent"
    for name in ("channel", "share of KPI", "90 % interval", returns, "90 % interval", f"marginal {returns}"):
        table.add_column(name, justify="left" if name == "channel" else "right")
    for row in effects.to_dict("records"):
        table.add_row(
            str(row["channel"]),
            f"{row['direct'] / kpi:.1%}",
            _range(row["direct_lower"] / kpi, row["direct_upper"] / kpi, "{:.1%}"),
            _number(row["roi"]),
            _range(row["roi_lower"], row["roi_upper"], "{:.2f}"),
            _number(row["marginal_roi"]),
        )
    table.caption = (
        f"ROI: {panel.currency} of KPI value per {panel.currency} spent, direct effect"
        if valued
        else f"KPI units per unit of currency ({panel.currency}) spent, direct effect"
    )
    return table


def _number(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.3f}"


def _range(low: float, high: float, form: str) -> str:
    return "unknown" if math.isnan(low) else f"{form.format(low)} to {form.format(high)}"
