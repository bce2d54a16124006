"""When spend works: the effect of each quarter by the quarter in which the media ran.

Shapes: M members, T training periods, C channels, L lags, Q quarters.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmm.analysis.intervals import interval_from_zero
from mmm.analysis.tables import PeriodSums, by_period, with_total
from mmm.data.panel import Floats
from mmm.fitted import Fitted


def realised_table(fitted: Fitted, sums: PeriodSums | None = None) -> pd.DataFrame:
    """``realised.parquet``: the direct effect in training, by quarters of the media and of the effect.

    The effect of a period is told of the periods whose media then still acted, each by its part in what was
    carried over. ``ran`` and ``realised`` are first days of quarters; ``channel`` is empty for all media
    together, those that nobody buys left out; ``effect`` counts KPI units. Pairs without effect are left out.
    What comes after training is not in it, so that the last quarters have brought less than they will.

    Args:
        fitted: The model; any of its regions, where sums are given.
        sums: :func:`mmm.analysis.tables.by_period` of all regions, where they are known already.
    """
    sums = by_period(fitted) if sums is None else sums
    train_T = fitted.split.mask("train")
    quarter_T = pd.DatetimeIndex(fitted.panel.dates[train_T]).to_period("Q")
    quarters = quarter_T.unique().sort_values()
    in_quarter_TQ = (quarter_T.to_numpy()[:, None] == quarters.to_numpy()).astype(np.float64)
    kernel_MCL = fitted.predictor.kernel_MCL
    found_MQQC = np.stack(
        [
            _by_quarter(
                sums.effect_MTC[:, train_T, c], sums.media_TC[train_T, c], kernel_MCL[:, c], in_quarter_TQ
            )
            for c in range(len(fitted.panel.channels))
        ],
        -1,
    )
    found_MCQQ = np.moveaxis(with_total(found_MQQC, fitted.panel.bought_C), -1, 1)
    mean, lower, upper = interval_from_zero(found_MCQQ.reshape(len(found_MCQQ), -1))
    names = np.array([*fitted.panel.channels, ""], dtype=object)
    starts_Q = quarters.start_time.to_numpy().astype("datetime64[s]")
    channel, ran, realised = (place.ravel() for place in np.indices(found_MCQQ.shape[1:]))
    table = pd.DataFrame(
        {
            "channel": names[channel],
            "ran": starts_Q[ran],
            "realised": starts_Q[realised],
            "effect": mean,
            "lower": lower,
            "upper": upper,
        }
    ).astype({"channel": "str"})
    return table[table["effect"] > 0].reset_index(drop=True)


def _by_quarter(effect_MT: Floats, media_T: Floats, kernel_ML: Floats, in_quarter_TQ: Floats) -> Floats:
    """Effect of one channel by quarter in which media ran and in which it came, shape MQQ."""
    ran_TQ = media_T[:, None] * in_quarter_TQ
    lags = min(kernel_ML.shape[1], len(media_T))
    earlier_TQ = np.pad(ran_TQ, ((lags - 1, 0), (0, 0)))
    stack_TQL = np.lib.stride_tricks.sliding_window_view(earlier_TQ, lags, axis=0)[..., ::-1]
    acting_MTQ = np.einsum("tql,ml->mtq", stack_TQL, kernel_ML[:, :lags], optimize=True)
    whole_MT1 = acting_MTQ.sum(2, keepdims=True)
    part_MTQ = acting_MTQ / np.where(whole_MT1 > 0, whole_MT1, 1.0)
    found: Floats = np.einsum("mtq,mt,tr->mqr", part_MTQ, effect_MT, in_quarter_TQ, optimize=True)
    return found
