"""From stated prices and a panel to the schedule of a plan.

Shapes: G regions, T periods of history, H periods of a horizon, C channels, X decision variables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mmm.data.panel import Floats
from mmm.planning.amounts import AmountsToMedia, usual
from mmm.planning.prices.elasticity import Elasticity
from mmm.planning.prices.schedule import Curve, Schedule, elastic, stepped
from mmm.planning.prices.stated import ChannelPrice, price_of


def schedule_of(
    prices: Mapping[str, ChannelPrice],
    found: Sequence[Elasticity],
    to_media: AmountsToMedia,
    unit_GHC: Floats,
    rate_X: Floats,
) -> Schedule:
    """What money buys under stated prices.

    Args:
        prices: As the request has them.
        found: Elasticities of the panel.
        to_media: Amounts and media of the panel.
        unit_GHC: Media per unit of amount in each cell of the horizon, at last year's price.
        rate_X: The same over all cells of a variable; NaN where exposure or money is not known.
    """
    channels, horizon = to_media.panel.channels, unit_GHC.shape[1]
    regions = len(rate_X) // len(channels)
    by_region = regions > 1
    usual_X = to_media.current(horizon, by_region=by_region)
    usual_X = np.where(usual_X > 0, usual_X, usual(to_media.supported(horizon, by_region=by_region)))
    share_GC = to_media.region_share_GC(horizon)
    curves: list[Curve | None] = []
    for x, rate in enumerate(rate_X):
        c, place = divmod(x, regions)
        own = slice(place, place + 1) if by_region else slice(None)
        sizes = (float(rate), float(share_GC[place, c]) if by_region else 1.0, float(usual_X[x]))
        stated = price_of(prices, channels[c])
        curves.append(_curve(stated, found[c], (to_media, c, own), unit_GHC[own, :, c], sizes))
    return Schedule(rate_X, tuple(curves))


def _curve(
    stated: ChannelPrice,
    found: Elasticity,
    place: tuple[AmountsToMedia, int, slice],
    cells_GH: Floats,
    sizes: tuple[float, float, float],
) -> Curve | None:
    """Prices of one variable; None where they stay."""
    rate, part, around = sizes
    if not rate > 0:
        return None
    if stated.tiers is not None:
        return stepped(stated.tiers, cells_GH / rate, part, rate)
    elasticity = found.value if stated.source == "estimated" else stated.elasticity or 0.0
    if elasticity <= 0:
        return None
    to_media, channel, own = place
    law_G = law_of(to_media, channel, elasticity)[own]
    flat_G = to_media.rate_GC[own, channel]
    share_GH = cells_GH / rate
    # Regions whose prices differ weigh as they do at prices that stay.
    known_G = flat_G > 0
    level = rate * float((share_GH.sum(1)[known_G] / flat_G[known_G]).sum()) if known_G.any() else 1.0
    law_GH = np.broadcast_to((level * law_G)[:, None], share_GH.shape)
    return elastic(elasticity, share_GH, law_GH, rate, around)


def law_of(to_media: AmountsToMedia, channel: int, elasticity: float) -> Floats:
    """Units that the first unit of money buys in a period, by region: what ran in the last year says it.

    A region in which nothing ran is like the typical one, relative to what it pays at prices that stay.
    """
    panel = to_media.panel
    last = slice(-min(round(panel.periods_per_year), len(panel.dates)), None)
    law_G = np.zeros(len(panel.regions))
    for window in (last, slice(None)):
        media_G = panel.media_GTC[:, window, channel].sum(1)
        power_G = (panel.spend_GTC[:, window, channel] ** (1.0 - elasticity)).sum(1)
        fresh_G = np.divide(media_G, power_G, out=np.zeros_like(media_G), where=power_G > 0)
        law_G = np.where(law_G > 0, law_G, fresh_G)
    known_G = law_G > 0
    flat_G = to_media.rate_GC[:, channel]
    typical = float(np.median(law_G[known_G] / flat_G[known_G])) if known_G.any() else 0.0
    return np.where(known_G, law_G, typical * flat_G)
