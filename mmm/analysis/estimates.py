"""What a model knows of each channel in terms that models of other brands share, with its standard error.

Shapes: M members or draws, C channels.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmm.analysis.attribution import direct_totals
from mmm.data.panel import Floats
from mmm.fitted import Fitted

QUANTITIES = ("roi", "half_saturation", "retention")
"""What is compared between brands: log return at the channel's spend, log of the volume of half saturation
in mean volumes, logit of the share carried to the next period."""
LEAST = 0.02
"""Part of a channel's mean below which a draw's return counts as this part: a log needs one."""


def channel_estimates(fitted: Fitted) -> pd.DataFrame:
    """Estimates of every channel on scales on which they are about normal.

    Returns:
        Columns channel, quantity (one of ``QUANTITIES``), value and standard_error on the scale of the
        quantity, pressure (log of the channel's spend over the value of the KPI in the training window), and
        tests (lift tests of the channel). Returns are left out of channels without spend and of markets
        whose KPI has no value in money; everything is, of a model with one draw.
    """
    if fitted.members < 2:
        return _table([], fitted)
    panel, cells_GT = fitted.panel, fitted.training_GT
    value_GT = cells_GT * panel.kpi_value_GT
    spend_C = np.where(panel.has_spend_C, panel.spend_GTC[cells_GT].sum(0), 0.0)
    worth = float(np.nansum(panel.kpi_GT * value_GT))
    shapes = fitted.predictor.channel_shapes()
    values = {
        "half_saturation": np.log(shapes["half_saturation"]),
        "retention": _logit(shapes["retention"]),
    }
    paid_C = spend_C > 0
    if fitted.spec.kpi_value is not None and worth > 0 and paid_C.any():
        brought_MC = direct_totals(fitted, value_GT)
        floor_C = LEAST * brought_MC.mean(0)
        roi_MC = np.maximum(brought_MC, floor_C) / np.where(paid_C, spend_C, np.nan)
        values = {"roi": np.log(roi_MC), **values}
    rows = []
    for name, value_MC in values.items():
        for c in np.flatnonzero(np.isfinite(value_MC).all(0)):
            pressure = np.log(spend_C[c] / worth) if paid_C[c] and worth > 0 else np.nan
            rows.append(
                (panel.channels[c], name, value_MC[:, c].mean(), value_MC[:, c].std(ddof=1), pressure)
            )
    return _table(rows, fitted)


def _logit(share: Floats) -> Floats:
    inside = np.clip(share, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(inside / (1 - inside)))


def _table(rows: list[tuple[str, str, float, float, float]], fitted: Fitted) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["channel", "quantity", "value", "standard_error", "pressure"])
    table = table.astype({"channel": "str", "quantity": "str"} | dict.fromkeys(table.columns[2:], "float64"))
    counts = pd.Series([test.channel for test in fitted.spec.experiments], dtype="str").value_counts()
    table["tests"] = table["channel"].map(counts).fillna(0).astype("int64")
    return table
