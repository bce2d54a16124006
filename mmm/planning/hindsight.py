"""What a model would have forecast, had it known the media that then ran: its promise, held against the KPI.

Shapes: M members, G regions, H periods after the model's data, C channels, K controls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from mmm.analysis.change import present_names
from mmm.analysis.intervals import LEVEL
from mmm.analysis.score import RECENT
from mmm.data.panel import Bools, Dates, Floats, Ints, Panel
from mmm.fitted import Fitted
from mmm.planning.forecast import controls_ahead, open_covariance


@dataclass(frozen=True, eq=False)
class Hindsight:
    """KPI of all regions that the model knows, in the periods that came after its data.

    Attributes:
        dates: H period starts.
        expected_H: Expected KPI given the media and controls of these periods.
        lower_H: Lower bound of a new observation, 90 %.
        upper_H: Upper bound of it.
        actual_H: KPI; NaN where it is not known of any region.
        naive_H: Mean of the last ``RECENT`` periods of the model's data: the forecast without a model.
    """

    dates: Dates
    expected_H: Floats
    lower_H: Floats
    upper_H: Floats
    actual_H: Floats
    naive_H: Floats


def hindsight(
    fitted: Fitted, panel: Panel, renamed: Mapping[str, str] | None = None, *, level: float = LEVEL
) -> Hindsight | None:
    """What a model says of the periods after its data, told what ran in them.

    Only cells whose KPI is known are added up. A channel or region that the model does not know is left
    out, as it was when the model spoke; what it knows and the data no longer have ran nothing.

    Args:
        fitted: The model.
        panel: Newer data of the same market.
        renamed: Channels that had another name: new name to old name.
        level: Coverage of the interval.

    Returns:
        None if nothing came after, no region is known, or media are counted in another unit now.
    """
    old = fitted.panel
    after_T = panel.dates > old.dates[-1]
    regions = [name for name in old.regions if name in panel.regions]
    if not after_T.any() or not regions or panel.frequency != old.frequency:
        return None
    place_G = np.array([panel.regions.index(name) for name in regions])
    own_G = [old.regions.index(name) for name in regions]
    dates = panel.dates[after_T]
    media_GHC = _media(old, panel, own_G, place_G, after_T, renamed or {})
    if media_GHC is None:
        return None
    controls_GHK = controls_ahead(fitted, dates)
    for k, name in enumerate(old.controls):
        if name in panel.controls:
            told_GH = panel.controls_GTK[np.ix_(place_G, after_T)][..., panel.controls.index(name)]
            controls_GHK[own_G, :, k] = told_GH
    contacts_GHC = _contacts(old, panel, own_G, place_G, after_T, renamed or {})
    expected_MGH = fitted.predictor.kpi_ahead(media_GHC, controls_GHK, contacts_GHC)[:, own_G]
    kpi_GH = panel.kpi_GT[np.ix_(place_G, after_T)]
    seen_GH = np.isfinite(kpi_GH)
    expected_MH = (expected_MGH * seen_GH).sum(1)
    members = len(expected_MH)
    between_H = expected_MH.var(0, ddof=1) if members > 1 else np.zeros(len(dates))
    half_H = stats.norm.ppf(0.5 + level / 2) * np.sqrt(
        between_H + np.diag(open_covariance(fitted, len(dates)))
    )
    expected_H = expected_MH.mean(0)
    recent_G1 = _recent(old)[own_G, None]
    return Hindsight(
        dates=dates,
        expected_H=expected_H,
        lower_H=expected_H - half_H,
        upper_H=expected_H + half_H,
        actual_H=np.where(seen_GH.any(0), np.nansum(kpi_GH, 0), np.nan),
        naive_H=(recent_G1 * seen_GH).sum(0),
    )


def _media(
    old: Panel,
    panel: Panel,
    own_G: list[int],
    place_G: Ints,
    after_T: Bools,
    renamed: Mapping[str, str],
) -> Floats | None:
    """Media of the model's channels and regions after its data, shape GHC; None if units differ."""
    names = present_names(old.channels, panel.channels, renamed)
    media_GHC = np.zeros((len(old.regions), int(after_T.sum()), len(old.channels)))
    for c, channel in enumerate(old.channels):
        if names[channel] not in panel.channels:
            continue
        now = panel.channels.index(names[channel])
        if panel.has_exposure_C[now] != old.has_exposure_C[c] or panel.has_reach_C[now] != old.has_reach_C[c]:
            return None
        media_GHC[own_G, :, c] = panel.media_GTC[np.ix_(place_G, after_T)][..., now]
    return media_GHC


def _contacts(
    old: Panel,
    panel: Panel,
    own_G: list[int],
    place_G: Ints,
    after_T: Bools,
    renamed: Mapping[str, str],
) -> Floats | None:
    """Contacts per person of the model's channels with reach after its data, shape GHC; None without any."""
    if old.contacts_GTC is None or panel.contacts_GTC is None:
        return None
    names = present_names(old.channels, panel.channels, renamed)
    contacts_GHC = np.ones((len(old.regions), int(after_T.sum()), len(old.channels)))
    for c, channel in enumerate(old.channels):
        if old.has_reach_C[c] and names[channel] in panel.channels:
            now = panel.channels.index(names[channel])
            contacts_GHC[own_G, :, c] = panel.contacts_GTC[np.ix_(place_G, after_T)][..., now]
    return contacts_GHC


def _recent(panel: Panel) -> Floats:
    """Mean KPI of the last periods of each region, shape G; of all its periods where these are unknown."""
    kpi_GT = panel.kpi_GT
    seen_GT = np.isfinite(kpi_GT)
    recent_G, all_G = (
        np.nansum(kpi_GT[:, part], 1) / np.maximum(seen_GT[:, part].sum(1), 1)
        for part in (slice(-RECENT, None), slice(None))
    )
    mean_G: Floats = np.where(seen_GT[:, -RECENT:].any(1), recent_G, all_G)
    return mean_G
