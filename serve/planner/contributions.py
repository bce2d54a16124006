"""Contributions of every component by period, of one region or of all together.

Shapes: M members, G regions, T periods.
"""

from __future__ import annotations

import json
import math

import numpy as np

from mmm.analysis.attribution import MEDIA_KINDS, components_of
from mmm.analysis.intervals import interval, interval_from_zero
from mmm.data.panel import Bools, Floats
from mmm.errors import Problem, RequestError
from mmm.fitted import Fitted
from serve.models.source import ModelEntry


def contributions_json(entry: ModelEntry, fitted: Fitted, region: str | None = None) -> bytes:
    """Components by period as JSON; values of a period add up to ``predicted``.

    Sums over regions are made member by member, so that their intervals are those of the sum. A region
    without a row in a period brings nothing to it.

    Raises:
        RequestError: The model has no such region.
    """
    panel = fitted.panel
    if region is not None and region not in panel.regions:
        text = f"no region {region!r}. Known: {', '.join(panel.regions[:20])}"
        raise RequestError("contributions", [Problem("unknown_region", "region", text)])
    chosen_G = np.array([region is None or name == region for name in panel.regions])
    present_GT = panel.present_GT & chosen_G[:, None]
    rows = []
    predicted_T = np.zeros(len(panel.dates))
    for name, kind, values_MGT in components_of(fitted):
        summed_MT = np.where(present_GT, values_MGT, 0.0).sum(1)
        bounds = (interval_from_zero if kind in MEDIA_KINDS else interval)(summed_MT)
        predicted_T += bounds.mean
        columns = {side: _plain(values) for side, values in bounds._asdict().items()}
        rows.append({"component": name, "kind": kind, "value": columns.pop("mean"), **columns})
    answer = {
        "brand": entry.brand,
        "market": entry.market,
        "region": region,
        "dates": [str(date) for date in panel.dates],
        "predicted": _plain(predicted_T),
        "actual": _plain(_actual(fitted, present_GT)),
        "components": rows,
        "model": {
            "version": entry.version,
            "first_date": str(panel.dates[0]),
            "last_date": str(panel.dates[-1]),
        },
    }
    return json.dumps(answer, allow_nan=False).encode()


def _actual(fitted: Fitted, present_GT: Bools) -> Floats:
    """KPI by period; unknown where some present region's KPI is."""
    kpi_GT = np.where(present_GT, fitted.panel.kpi_GT, 0.0)
    return np.where(present_GT.any(0), kpi_GT.sum(0), np.nan)


def _plain(values_T: Floats) -> list[float | None]:
    """Numbers with seven digits; null where unknown."""
    return [None if math.isnan(value) else float(f"{value:.7g}") for value in values_T.tolist()]
