"""How far a model's story holds still: from one week to the next, under noise, and against shuffled media.

Shapes: G regions, T periods, C channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd

from mmm.analysis.change import share_shift
from mmm.analysis.intervals import LEVEL
from mmm.config import GraphSpec, MarketSpec
from mmm.config.columns import MEDIA_COLUMNS, MediaColumns
from mmm.data.panel import Floats, Panel
from mmm.words import percent

NOISE = 0.05
"""Relative noise put on media."""
SHUFFLED = "shuffled "
"""How the names of shuffled copies begin."""


@dataclass(frozen=True)
class Stability:
    """What a stability loop found.

    Attributes:
        overlap: What two 90 % intervals of a channel's effect in consecutive weeks have in common, as a part
            of both together: mean over weeks and channels, which count by their share. The number to quote.
        share_shift: Largest share of media's effect that went elsewhere from one week to the next.
        noise_shift: Share of media's effect that went elsewhere with 5 % noise on all media.
        shuffled: What shuffled copies of all channels are credited with, as a part of what media bring.
    """

    overlap: float
    share_shift: float
    noise_shift: float
    shuffled: float

    @property
    def verdict(self) -> str:
        """One sentence to quote."""
        return (
            f"Consecutive {percent(LEVEL)} intervals have {percent(self.overlap)} in common; at most "
            f"{percent(self.share_shift)} of what media bring went elsewhere in a week, "
            f"{percent(self.noise_shift)} with {percent(NOISE)} noise on media; shuffled copies of all "
            f"channels got {percent(self.shuffled)}."
        )


def with_noise(panel: Panel, rng: np.random.Generator, size: float = NOISE) -> Panel:
    """The panel with independent relative noise on the media of every cell; spend stays as it is booked."""
    factor_GTC = np.maximum(1.0 + size * rng.standard_normal(panel.media_GTC.shape), 0.0)
    return replace(panel, media_GTC=panel.media_GTC * factor_GTC)


def with_shuffled_copies(
    spec: MarketSpec, panel: Panel, rng: np.random.Generator
) -> tuple[MarketSpec, Panel]:
    """Spec and panel with a copy of every channel whose periods are shuffled, the same way in all regions.

    Without a channel graph, which copies would only make longer to learn.
    """
    channels = panel.channels
    order_T = rng.permutation(len(panel.dates))
    copies = {f"{SHUFFLED}{name}": spec.columns.media[name] for name in channels}
    media_GTC, spend_GTC = panel.media_GTC[:, order_T], panel.spend_GTC[:, order_T]
    each_GTC = panel.contacts_GTC
    both = replace(
        panel,
        channels=(*channels, *copies),
        media_GTC=np.concatenate([panel.media_GTC, media_GTC], 2),
        spend_GTC=np.concatenate([panel.spend_GTC, spend_GTC], 2),
        has_spend_C=np.tile(panel.has_spend_C, 2),
        has_exposure_C=np.tile(panel.has_exposure_C, 2),
        contacts_GTC=each_GTC if each_GTC is None else np.concatenate([each_GTC, each_GTC[:, order_T]], 2),
        organic=(*panel.organic, *(f"{SHUFFLED}{name}" for name in panel.organic)),
        mediators=(*panel.mediators, *(f"{SHUFFLED}{name}" for name in panel.mediators)),
    )
    columns = spec.columns.model_copy(
        update={"channels": {**spec.columns.channels, **{name: _copied(own) for name, own in copies.items()}}}
    )
    model = spec.model.model_copy(update={"graph": GraphSpec(mode="none")})
    return spec.model_copy(update={"columns": columns, "model": model}), both


def _copied(own: MediaColumns) -> MediaColumns:
    names = {key: f"{SHUFFLED}{name}" for key in MEDIA_COLUMNS if (name := getattr(own, key))}
    return own.model_copy(update=names)


def weekly_table(weeks: Sequence[tuple[str, pd.DataFrame, Mapping[str, float]]]) -> pd.DataFrame:
    """``stability.parquet``: a row for each week and channel.

    Args:
        weeks: Last date of the data, ``effects`` of the model, and its shares, oldest first.

    Returns:
        Columns until, channel, share, direct, lower, upper, overlap with the week before (NaN in the first).
    """
    tables = []
    before: pd.DataFrame | None = None
    for date, effects, shares in weeks:
        table = pd.DataFrame(
            {
                "until": date,
                "channel": effects["channel"],
                "share": effects["channel"].map(shares).astype("float64"),
                "direct": effects["direct"],
                "lower": effects["direct_lower"],
                "upper": effects["direct_upper"],
            }
        )
        table["overlap"] = np.nan if before is None else _overlap(table, before)
        tables.append(table)
        before = table
    return pd.concat(tables, ignore_index=True)


def _overlap(one: pd.DataFrame, other: pd.DataFrame) -> Floats:
    """Length that two intervals of each channel have in common, over that of both together."""
    low = np.maximum(one["lower"].to_numpy(), other["lower"].to_numpy())
    high = np.minimum(one["upper"].to_numpy(), other["upper"].to_numpy())
    whole = np.maximum(one["upper"].to_numpy(), other["upper"].to_numpy()) - np.minimum(
        one["lower"].to_numpy(), other["lower"].to_numpy()
    )
    same: Floats = np.divide(np.maximum(high - low, 0.0), whole, out=np.ones_like(whole), where=whole > 0)
    return same


def judged(
    table: pd.DataFrame,
    shares: Sequence[Mapping[str, float]],
    noisy: Mapping[str, float],
    doubled: Mapping[str, float],
) -> Stability:
    """The numbers of a stability loop.

    Args:
        table: From :func:`weekly_table`.
        shares: Of every week, oldest first.
        noisy: Of the newest data with noise on media.
        doubled: Of the newest data with shuffled copies of all channels.
    """
    known = table.dropna(subset=["overlap"])
    weight = known["share"].clip(lower=0.0)
    overlap = float(np.average(known["overlap"], weights=weight if weight.sum() > 0 else None))
    copies = sum(share for name, share in doubled.items() if name.startswith(SHUFFLED))
    return Stability(
        overlap=overlap,
        share_shift=max(share_shift(new, old) for old, new in pairwise(shares)),
        noise_shift=share_shift(noisy, shares[-1]),
        shuffled=copies / max(sum(doubled.values()), 1e-12),
    )
