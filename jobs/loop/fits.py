"""The fits of a stability loop, as workers make them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from mmm.analysis.shares import result_shares
from mmm.analysis.stability import with_noise, with_shuffled_copies
from mmm.config import MarketSpec
from mmm.data.read import PanelRead
from mmm.data.split import default_lags, split_periods

SEED = 5
"""Of noise and shuffles, beside the spec's."""


@dataclass(frozen=True, eq=False)
class Told:
    """What a fit says.

    Attributes:
        until: Last date of its data.
        effects: Content of ``effects.parquet``.
        shares: Share of the KPI by channel.
    """

    until: str
    effects: pd.DataFrame
    shares: dict[str, float]


def weekly(spec: MarketSpec, read: PanelRead, weeks: int) -> list[Told]:
    """Fits with one period more each, oldest first, each begun at the one before.

    Raises:
        SpecError: The oldest has too few periods.
    """
    from mmm.pipeline import fit_panel

    told, warm = [], None
    for back in range(weeks, -1, -1):
        result = fit_panel(spec, _shorter(spec, read, back), warm=warm)
        warm = result.fitted
        told.append(_told(result.tables, str(warm.panel.dates[-1])))
    return told


def noisy(spec: MarketSpec, read: PanelRead, _weeks: int) -> list[Told]:
    """One fit with noise on media."""
    from mmm.pipeline import fit_panel

    panel = with_noise(read.panel, np.random.default_rng([spec.train.seed, SEED]))
    result = fit_panel(spec, replace(read, panel=panel))
    return [_told(result.tables, str(panel.dates[-1]))]


def doubled(spec: MarketSpec, read: PanelRead, _weeks: int) -> list[Told]:
    """One fit with a shuffled copy of every channel beside it."""
    from mmm.pipeline import fit_panel

    rng = np.random.default_rng([spec.train.seed, SEED, 1])
    both, panel = with_shuffled_copies(spec, read.panel, rng)
    result = fit_panel(both, replace(read, panel=panel))
    return [_told(result.tables, str(panel.dates[-1]))]


def _shorter(spec: MarketSpec, read: PanelRead, back: int) -> PanelRead:
    """The panel without its last periods, with windows as long as they are."""
    panel = read.panel.until(len(read.panel.dates) - back)
    lags = default_lags(spec.model.adstock.max_lag, panel.frequency)
    split = split_periods(len(panel.dates), spec.splits, max_lag=lags)
    return replace(read, panel=panel, split=split)


def _told(tables: dict[str, pd.DataFrame], date: str) -> Told:
    shares = result_shares(tables).dropna(subset=["share"])
    by_channel = dict(zip(shares["channel"].astype(str), shares["share"].astype(float), strict=True))
    return Told(date, tables["effects"], by_channel)
