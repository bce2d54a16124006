"""Scaling to numbers near 1, fitted on training periods only, with its inverse.

The KPI is divided by each region's training mean, so that components still add up in KPI units after the
inverse. Media are divided by region size and by the channel's mean, so that *volume* is kept: twice the
media is twice the number. Controls are taken as deviations within the region.

Shapes: G regions, T periods, C channels, K controls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from mmm.data.panel import Bools, Floats, Panel

Values = TypeVar("Values")
Total = Callable[[Floats], Floats]
"""Sum of an array over shards of regions."""

CONTROL_LIMIT = 5.0
"""Standard deviations beyond which a control is held: a linear effect is not believed further out."""

CONSTANT_CONTACTS = 1e-6
"""Relative spread of frequency below which it is one number but for rounding."""


def one_shard(values: Values) -> Values:
    """Sum over shards where there is only one."""
    return values


@dataclass(frozen=True, eq=False)
class Scaling:
    """Units of a panel.

    Attributes:
        kpi_G: KPI of a region in an average training period.
        mean_kpi: The same of the average region.
        size_G: Relative size of regions for media, mean 1.
        media_C: Media per unit of size in an average training period.
        control_mean_GK: Level of each control within its region.
        control_sd_K: Typical deviation within a region.
        contacts_C: Mean contacts of the people reached, of channels with reach in which they vary; NaN for
            others. None where no channel has reach and frequency.
    """

    kpi_G: Floats
    mean_kpi: float
    size_G: Floats
    media_C: Floats
    control_mean_GK: Floats
    control_sd_K: Floats
    contacts_C: Floats | None = None

    def media_unit_GC(self) -> Floats:
        """Media that make one scaled unit, per region and channel."""
        return self.size_G[:, None] * self.media_C

    def log_heads_G(self) -> Floats:
        """Log of size over KPI, relative to the average over regions; 0 where size is the KPI itself."""
        ratio_G: Floats = np.log(np.maximum(self.size_G, 1e-12)) - np.log(self.kpi_G / self.mean_kpi)
        return ratio_G

    def scale_kpi(self, panel: Panel) -> Floats:
        """KPI around 1, shape GT; 0 where it is unknown."""
        scaled: Floats = np.nan_to_num(panel.kpi_GT, nan=0.0) / self.kpi_G[:, None]
        return scaled

    def scale_media(self, media_GTC: Floats) -> Floats:
        """Media around 1, shape GTC."""
        scaled: Floats = media_GTC / self.media_unit_GC()[:, None, :]
        return scaled

    def scale_controls(self, panel: Panel) -> Floats:
        """Controls as standardised deviations within the region, shape GTK; 0 where absent."""
        return np.where(panel.present_GT[:, :, None], self.scale_control_values(panel.controls_GTK), 0.0)

    def scale_control_values(self, controls_GTK: Floats) -> Floats:
        """The same of any periods, present throughout."""
        deviation = (controls_GTK - self.control_mean_GK[:, None]) / self.control_sd_K
        held: Floats = np.clip(deviation, -CONTROL_LIMIT, CONTROL_LIMIT)
        return held

    def scale_references(self, panel: Panel) -> Floats:
        """References of treatments in the units of scaled controls, shape GR."""
        first = len(panel.controls) - len(panel.treatments)
        values_GK = self.control_mean_GK.copy()
        values_GK[:, first:] = panel.reference_GR
        return self.scale_control_values(values_GK[:, None])[:, 0, first:]


def fit_scaling(panel: Panel, n_train: int, total: Total = one_shard) -> Scaling:
    """Scaling from the first ``n_train`` periods; later ones are never looked at.

    Size is population where given, else the KPI mean. A region that never had a KPI gets the scale of the
    average region.

    Args:
        panel: The data, or a shard of its regions.
        n_train: Training periods.
        total: Sum of an array over shards; the means below are those of the whole panel.
    """
    seen = slice(0, n_train)
    kpi_G = _mean(panel.kpi_GT[:, seen], panel.observed_GT[:, seen])
    positive_G = kpi_G[kpi_G > 0]
    above, known = total(np.array([positive_G.sum(), len(positive_G)], dtype=np.float64))
    kpi_G = np.where(kpi_G > 0, kpi_G, above / known if known else 1.0)
    size_G = kpi_G if panel.population_G is None else panel.population_G
    kpi_sum, size_sum, regions = total(np.array([kpi_G.sum(), size_G.sum(), len(kpi_G)], dtype=np.float64))
    size_G = size_G / (size_sum / regions)
    per_size_C = (panel.media_GTC[:, seen] / size_G[:, None, None]).sum((0, 1))
    media_C = total(per_size_C) / (regions * min(n_train, len(panel.dates)))
    media_C = np.where(media_C > 0, media_C, 1.0)
    present_GT = panel.present_GT[:, seen]
    level_GK = _mean(panel.controls_GTK[:, seen], present_GT[:, :, None])
    sd_K = _spread(panel.controls_GTK[:, seen] - level_GK[:, None], level_GK, present_GT, total)
    contacts_C = _mean_contacts(panel, seen, total)
    return Scaling(kpi_G, float(kpi_sum / regions), size_G, media_C, level_GK, sd_K, contacts_C)


def _mean_contacts(panel: Panel, seen: slice, total: Total) -> Floats | None:
    """Contacts over people reached in the training periods; NaN where they are one number or not known."""
    if panel.contacts_GTC is None:
        return None
    reach_GTC = np.where(panel.has_reach_C, panel.media_GTC[:, seen], 0.0)
    each_GTC = np.where(panel.has_reach_C, panel.contacts_GTC[:, seen], 1.0)
    people_C, contacts_C = total(np.stack([reach_GTC.sum((0, 1)), (reach_GTC * each_GTC).sum((0, 1))]))
    mean_C = contacts_C / np.maximum(people_C, 1e-300)
    spread_C = np.sqrt(
        total((reach_GTC * (each_GTC - mean_C) ** 2).sum((0, 1))) / np.maximum(people_C, 1e-300)
    )
    varies_C = panel.has_reach_C & (spread_C > CONSTANT_CONTACTS * mean_C)
    return np.where(varies_C, mean_C, np.nan) if varies_C.any() else None


def _spread(deviation_GTK: Floats, level_GK: Floats, present_GT: Bools, total: Total) -> Floats:
    """Typical deviation of controls within regions; 1 where there is none."""
    squares_K = np.where(present_GT[:, :, None], deviation_GTK**2, 0.0).sum((0, 1))
    counts = np.array([present_GT.sum(), len(level_GK)], dtype=np.float64)
    sums = total(np.concatenate([squares_K, np.abs(level_GK).sum(0), counts]))
    controls = len(squares_K)
    sd_K = np.sqrt(sums[:controls] / max(sums[-2], 1))
    scale_K = sums[controls:-2] / sums[-1]
    spread_K: Floats = np.where(sd_K > 1e-9 * scale_K, np.where(sd_K > 0, sd_K, 1.0), 1.0)
    return spread_K


def _mean(values: Floats, known: Bools) -> Floats:
    """Mean over the periods of axis 1 where known; 0 where never."""
    total = np.where(known, values, 0.0).sum(1)
    mean: Floats = total / np.maximum(known.sum(1), 1)
    return mean
