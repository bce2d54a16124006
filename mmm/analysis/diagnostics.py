"""What a careful analyst would say of a fitted model before anyone bets on it: ``diagnostics.json``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from mmm.data.schema import Finding
from mmm.fitted import Fitted


def diagnose(fitted: Fitted, metrics: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> list[Finding]:
    """Every finding about a model, the most severe first."""
    findings = [*_skill(metrics)]
    order = {"error": 0, "warning": 1, "info": 2}
    return sorted(findings, key=lambda finding: order[finding.severity])


def _skill(metrics: Mapping[str, Any]) -> Iterator[Finding]:
    holdout = metrics.get("holdout", {})
    skill = holdout.get("skill")
    if skill is not None and skill < 0:
        best = max(holdout["naive"].items(), key=lambda item: item[1]["r2"] or float("-inf"))[0]
        yield Finding(
            severity="warning",
            code="holdout_below_naive",
            where="holdout",
            what=f"The holdout is forecast worse than by the rule {best}: skill {skill:.2f}.",
            why="A model that does not beat a rule of thumb has not shown that it understands the KPI.",
            what_to_do="Look at residuals over time, add controls that explain level changes, or tune the model.",
        )
