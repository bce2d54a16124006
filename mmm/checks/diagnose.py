"""What a careful analyst would say of a fitted model before anyone bets on it: ``diagnostics.json``."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

import pandas as pd

from mmm.checks.channels import channel_findings
from mmm.checks.experiments import experiment_findings
from mmm.checks.graph import graph_findings
from mmm.checks.model import model_findings
from mmm.checks.placebo import placebo_findings
from mmm.data.schema import Finding
from mmm.fitted import Fitted

ORDER = {"error": 0, "warning": 1, "info": 2}


def diagnose(fitted: Fitted, metrics: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> list[Finding]:
    """Every finding about a model, the most severe first.

    Args:
        fitted: The model.
        metrics: Content of ``metrics.json``.
        tables: At least ``effects`` and ``correlations``; ``priors`` and ``experiments`` where there are any.
    """
    drawn = fitted.spec.train.inference == "posterior"
    findings = chain(
        model_findings(fitted, metrics),
        channel_findings(
            fitted,
            tables["effects"],
            tables["correlations"],
            tables["priors"] if drawn and "priors" in tables else None,
        ),
        placebo_findings(fitted),
        graph_findings(fitted),
        experiment_findings(fitted, tables["experiments"]) if "experiments" in tables else (),
    )
    return sorted(findings, key=lambda finding: ORDER[finding.severity])
