"""What is there, what is missing and which cells stand out: ``data_quality.json``.

Shapes: G regions, T periods, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mmm.analysis.attribution import predictive_sd
from mmm.data.panel import Floats
from mmm.fitted import Fitted

OUTLIER = 4.0
"""Predictive standard deviations from which a cell is listed as an outlier."""
MOST_OUTLIERS = 200


@dataclass(frozen=True, eq=False)
class QualitySums:
    """What is counted of some regions.

    Attributes:
        regions: Regions.
        present: Cells with a row.
        missing_cells: Cells without one.
        missing_kpi: Cells with a row whose KPI is not known.
        idle_C: Cells with a row in which a channel did not run.
        ran_TC: Media of every period.
        outliers: Cells that stand out, the worst first.
    """

    regions: int
    present: int
    missing_cells: int
    missing_kpi: int
    idle_C: Floats
    ran_TC: Floats
    outliers: tuple[dict[str, Any], ...]

    def __add__(self, other: QualitySums) -> QualitySums:
        """The same of the regions of both."""
        return QualitySums(
            self.regions + other.regions,
            self.present + other.present,
            self.missing_cells + other.missing_cells,
            self.missing_kpi + other.missing_kpi,
            self.idle_C + other.idle_C,
            self.ran_TC + other.ran_TC,
            _worst((*self.outliers, *other.outliers)),
        )


def _worst(outliers: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    return tuple(sorted(outliers, key=lambda cell: -abs(cell["z"]))[:MOST_OUTLIERS])


def quality_sums(fitted: Fitted) -> QualitySums:
    """Counts of a model's regions, which may be some of a panel's."""
    panel = fitted.panel
    predicted_GT = fitted.predictor.parts.prediction_MGT.mean(0)
    z_GT = np.nan_to_num((panel.kpi_GT - predicted_GT) / predictive_sd(fitted))
    rows, periods = np.nonzero(np.abs(z_GT) > OUTLIER)
    outliers = (
        {
            "region": panel.regions[g],
            "date": str(panel.dates[t]),
            "kpi": float(panel.kpi_GT[g, t]),
            "predicted": float(predicted_GT[g, t]),
            "z": float(z_GT[g, t]),
        }
        for g, t in zip(rows, periods, strict=True)
    )
    return QualitySums(
        regions=len(panel.regions),
        present=int(panel.present_GT.sum()),
        missing_cells=int((~panel.present_GT).sum()),
        missing_kpi=int((panel.present_GT & ~panel.observed_GT).sum()),
        idle_C=(panel.media_GTC[panel.present_GT] == 0).sum(0).astype(np.float64),
        ran_TC=panel.media_GTC.sum(0),
        outliers=_worst(tuple(outliers)),
    )


def data_quality(fitted: Fitted, sums: QualitySums | None = None) -> dict[str, Any]:
    """``data_quality.json``.

    Args:
        fitted: The model; any of its regions, where sums are given.
        sums: Of all regions, where they are known already.
    """
    panel, sums = fitted.panel, quality_sums(fitted) if sums is None else sums
    dates = panel.dates.astype(str)
    active_TC = sums.ran_TC > 0
    return {
        "regions": sums.regions,
        "periods": len(dates),
        "frequency": panel.frequency,
        "first": str(dates[0]),
        "last": str(dates[-1]),
        "present": sums.present,
        "missing_cells": sums.missing_cells,
        "missing_kpi": sums.missing_kpi,
        "outliers": [{**cell, "z": round(cell["z"], 2)} for cell in sums.outliers],
        "channels": [
            {
                "name": name,
                "zero_share": round(float(sums.idle_C[c] / max(sums.present, 1)), 4),
                "first_active": str(dates[np.argmax(active_TC[:, c])]) if active_TC[:, c].any() else None,
                "last_active": str(dates[len(dates) - 1 - np.argmax(active_TC[::-1, c])])
                if active_TC[:, c].any()
                else None,
            }
            for c, name in enumerate(panel.channels)
        ],
    }
