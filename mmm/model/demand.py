"""What spend follows: media that tell of demand which no column shows.

Who plans media sees demand coming and spends with it. The media that a channel ran on its own account, level
over a few periods, are then a sign of that demand: before and after the period too, since demand lasts and
what is spent later cannot have caused what was sold before.

Shapes: G regions, T periods, C channels.
"""

from __future__ import annotations

import numpy as np

from mmm.data.panel import PERIODS_PER_YEAR, Floats

SMALL_MEDIA = 0.1
"""Media, in mean media, below which less of them says no more about demand."""
CARRIED_PERIODS = 8
"""Last trained periods whose mean is carried on as what spend followed."""
LASTING = 0.5
"""Weight, a week before or after, of what media then say of demand: decision 0024."""


def followed(media_GTC: Floats, trained_GT: Floats, until: int, periods_per_year: float) -> Floats:
    """Log of media around 1, level over neighbouring periods, less its mean in the region, shape CGT.

    Only trained periods are looked at. After training the last level is carried: what media do then tells
    nothing of demand that nobody saw.

    Args:
        media_GTC: Media that channels ran on their own account, in mean media.
        trained_GT: 1 where a cell counts, else 0.
        until: Periods that entered the fit.
        periods_per_year: Of the panel.
    """
    log_GTC = np.log(np.maximum(media_GTC[:, :until], 0.0) + SMALL_MEDIA)
    weight_GT = trained_GT[:, :until]
    cells_G1 = np.maximum(weight_GT.sum(1), 1.0)[:, None]
    away_GTC = log_GTC - (np.einsum("gtc,gt->gc", log_GTC, weight_GT) / cells_G1)[:, None]
    near_TT = _near(until, LASTING ** (PERIODS_PER_YEAR["weekly"] / periods_per_year))
    level_GTC = np.einsum("st,gtc->gsc", near_TT, away_GTC * weight_GT[..., None], optimize=True)
    level_GTC /= np.maximum(weight_GT @ near_TT, 1e-9)[..., None]
    level_GTC -= (np.einsum("gtc,gt->gc", level_GTC, weight_GT) / cells_G1)[:, None]
    found_CGT = np.empty((media_GTC.shape[2], *media_GTC.shape[:2]))
    found_CGT[..., :until] = level_GTC.transpose(2, 0, 1)
    found_CGT[..., until:] = carried_followed(found_CGT, until)
    return found_CGT


def carried_followed(followed_CGT: Floats, until: int) -> Floats:
    """What spend followed at the end of training, as it is carried on, shape CG1."""
    last_CGT = followed_CGT[..., max(until - CARRIED_PERIODS, 0) : until]
    carried: Floats = last_CGT.mean(-1, keepdims=True)
    return carried


def _near(periods: int, retention: float) -> Floats:
    """Weight of a period for each other, by their distance, shape TT."""
    period_T = np.arange(periods)
    near_TT: Floats = retention ** np.abs(period_T[:, None] - period_T[None]).astype(np.float64)
    return near_TT
