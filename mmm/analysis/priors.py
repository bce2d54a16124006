"""What was believed of each channel before the data, beside what is believed after: ``priors.parquet``.

Shapes: M draws, C channels.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmm.analysis.attribution import spend_of
from mmm.data.panel import Floats
from mmm.fitted import Fitted
from mmm.model.beliefs import prior_shapes, prior_shares

PRIOR_DRAWS = 4000
QUANTILES = (0.05, 0.5, 0.95)
LEARNED, LITTLE = 0.5, 0.2
"""Share of the prior's width that data must remove to have decided, and below which they said little."""


def priors_table(fitted: Fitted, direct_MC: Floats) -> pd.DataFrame:
    """Channel, quantity, prior and posterior (median, 5 % as lower, 95 % as upper), moved, verdict.

    ``share`` is of the KPI of the training window, ``roi`` (channels with spend) the value per unit of
    currency, ``half_saturation`` in the channel's own mean volume, ``slope`` that of the market's Hill curve,
    ``retention`` the share carried to the next period. ``moved`` is the share of the prior's
    width that the data removed: 0 where they say nothing, near 1 where they decide, negative where they left
    more doubt than there was.

    Args:
        fitted: The model.
        direct_MC: Direct effect over the training window by draw, KPI units.
    """
    panel, cells_GT = fitted.panel, fitted.training_GT
    kpi = float(np.nansum(np.where(cells_GT, panel.kpi_GT, 0.0)))
    seed = int(fitted.spec.train.seed)
    spend_C = np.nan_to_num(spend_of(fitted))
    shares = prior_shares(fitted.spec.model, spend_C, PRIOR_DRAWS, seed)
    value = float(panel.kpi_value_GT[cells_GT].mean())
    found = fitted.predictor.channel_shapes()
    prior = prior_shapes(fitted.spec.model, fitted.log_half_C, PRIOR_DRAWS, seed, fitted.predictor.reach)
    rows = []
    for c, name in enumerate(panel.channels):
        pairs = {"share": (shares[:, c], direct_MC[:, c] / kpi)}
        if spend_C[c] > 0 and np.isfinite(value):
            unit = kpi * value / spend_C[c]
            pairs["roi"] = (shares[:, c] * unit, direct_MC[:, c] / kpi * unit)
        pairs |= {key: (prior[key][:, c], found[key][:, c]) for key in found}
        rows += [{"channel": name, "quantity": key, **_compared(*pair)} for key, pair in pairs.items()]
    return pd.DataFrame(rows)


def _compared(prior_M: Floats, posterior_M: Floats) -> dict[str, float | str]:
    """Quantiles of both, and how far the data narrowed the first to the second."""
    before, after = np.quantile(prior_M, QUANTILES), np.quantile(posterior_M, QUANTILES)
    width = before[2] - before[0]
    if len(posterior_M) == 1 or width <= 0:
        moved, verdict = float("nan"), "unknown"
    else:
        moved = float(1.0 - (after[2] - after[0]) / width)
        verdict = "decided by the data" if moved >= LEARNED else "in part"
        verdict = "mostly the prior" if moved < LITTLE else verdict
    names = [f"{of}{end}" for of in ("prior", "posterior") for end in ("_lower", "", "_upper")]
    ends = dict(zip(names, [*before.tolist(), *after.tolist()], strict=True))
    return {**ends, "moved": moved, "verdict": verdict}
