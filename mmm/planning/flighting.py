"""How the amount of a horizon falls on its periods.

Shapes: T periods of the horizon, C channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mmm.data.panel import Floats

Flighting = str | Sequence[float] | Mapping[str, Sequence[float]]


def flighting_weights(flighting: Flighting, channels: Sequence[str], history_TC: Floats) -> Floats:
    """Share of each channel's amount in each period, shape TC; every channel's shares add up to 1.

    Args:
        flighting: ``history``, ``even``, weights of all channels, or weights by channel; see
            ``BudgetRequest.flighting``. Channels without weights of their own follow history.
        channels: C names.
        history_TC: Amounts of the last T periods. A channel without any is spread evenly.
    """
    periods = len(history_TC)
    even_T = np.full(periods, 1.0 / periods)
    columns = []
    for c, channel in enumerate(channels):
        weights: Sequence[float] | Floats = history_TC[:, c]
        if isinstance(flighting, Mapping):
            weights = flighting.get(channel, weights)
        elif flighting == "even":
            weights = even_T
        elif not isinstance(flighting, str):
            weights = flighting
        weight_T = np.asarray(weights, dtype=np.float64)
        total = float(weight_T.sum())
        columns.append(weight_T / total if total > 0 else even_T)
    return np.stack(columns, axis=1)
