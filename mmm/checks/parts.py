"""Findings about a model in parts: those that sums over regions can tell.

Shapes: M members, T periods, C channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import pandas as pd

from mmm.analysis.parts import PartSums
from mmm.checks.channels import summed_channel_findings
from mmm.checks.diagnose import ORDER
from mmm.checks.model import summed_model_findings
from mmm.data.schema import Finding
from mmm.fitted import Fitted

NOT_MADE = (
    "drift of residuals, changes of effects over time, effectiveness at its bound, placebo, graph swap and "
    "beliefs against estimates"
)
"""Checks that need all regions at once and are not made of a model in parts."""


def part_findings(
    fitted: Fitted, metrics: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], sums: PartSums
) -> list[Finding]:
    """Every finding that sums tell, the most severe first.

    Args:
        fitted: Any part of the model; its regions count for nothing.
        metrics: Content of ``metrics.json``.
        tables: National tables.
        sums: Over all parts.
    """
    findings = chain(
        summed_model_findings(fitted, metrics, sums),
        summed_channel_findings(fitted, tables, sums),
        _left_out(),
    )
    return sorted(findings, key=lambda finding: ORDER[finding.severity])


def _left_out() -> Iterator[Finding]:
    yield Finding(
        "info",
        "checks_left_out",
        "model",
        f"The model is in parts, of which no process sees all regions; not checked: {NOT_MADE}.",
        "These checks compare regions, or ask the whole model again.",
        "Fit a sample of regions with mmm fit to have them, or load single parts.",
    )
