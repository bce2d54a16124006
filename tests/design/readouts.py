"""Readouts of frozen tests: a market in which nothing but the test moves the KPI."""

from __future__ import annotations

import pandas as pd

from mmm.design.registration import Registration


def readout(registration: Registration, effect: float = -0.1, *, change: float | None = None) -> pd.DataFrame:
    """Rows of every registered region and period.

    All regions rise by a tenth during the test; the KPI of treated ones by ``effect`` more or less.
    """
    windows, columns = registration.windows, registration.columns
    change = registration.change if change is None else change
    first = registration.lags - 1 + windows.before
    tested = {first + start + step for start in windows.block_starts() for step in range(windows.test)}
    rows = []
    for region, level in registration.levels.items():
        for t, day in enumerate(registration.dates()):
            on = t in tested
            own = region in registration.treated and on
            row: dict[str, object] = {columns["date"]: str(day)}
            if "region" in columns:
                row[columns["region"]] = region
            for covariate in registration.covariates:
                row[covariate.column] = covariate.means[region]
            together = 1.1 if on and not registration.national else 1.0
            row[columns["kpi"]] = level * together * (1.0 + effect if own else 1.0)
            row[columns["amount"]] = 100.0 * together * (1.0 + change if own else 1.0)
            rows.append(row)
    return pd.DataFrame(rows)
