"""Simulated worlds: what media truly do, in numpy alone, so that estimates can be held against the truth.

Shapes: G regions, T periods, H periods of a plan, C channels, K controls, L lags, P points of a curve.
Nothing here is shared with the model that is fitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from mmm.data.panel import Bools, Dates, Floats
from mmm.simulate.reach import Reach


def carry_over_weights(decay_C: Floats, delay_C: Floats, lags: int) -> Floats:
    """Weights of carry-over, adding up to 1 per channel: ``weights_CL``.

    Without delay the weight of lag l is ``decay ** l``; with a delay d > 0 it is
    ``decay ** ((l - d) ** 2)``, which peaks d periods after media ran (Jin et al. 2017, eq. 2 and 3).

    Args:
        decay_C: Retention per period, in [0, 1).
        delay_C: Periods until the peak, >= 0.
        lags: Number of lags, the period itself included.
    """
    lag_1L = np.arange(lags, dtype=np.float64)[None, :]
    decay_C1, delay_C1 = np.asarray(decay_C)[:, None], np.asarray(delay_C)[:, None]
    power_CL = np.where(delay_C1 > 0, (lag_1L - delay_C1) ** 2, lag_1L)
    raw_CL = decay_C1**power_CL
    weights_CL: Floats = raw_CL / raw_CL.sum(axis=1, keepdims=True)
    return weights_CL


def carry_over(media_GTC: Floats, weights_CL: Floats) -> Floats:
    """Media that act in each period; periods before the first are taken as without media."""
    stock_GTC = np.zeros_like(media_GTC)
    periods = media_GTC.shape[1]
    for lag in range(min(weights_CL.shape[1], periods)):
        stock_GTC[:, lag:] += media_GTC[:, : periods - lag] * weights_CL[:, lag]
    return stock_GTC


def hill(stock: Floats, half_saturation: Floats, slope: Floats) -> Floats:
    """Saturation in [0, 1): ``s^a / (s^a + h^a)``, one half where the stock equals ``half_saturation``."""
    power = stock**slope
    return np.asarray(power / (power + half_saturation**slope), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Response:
    """Direct effect of media on the KPI.

    Attributes:
        weights_CL: Carry-over.
        half_saturation_C: Carried-over intensity at which half of the top is reached.
        slope_C: Hill slope.
        top_GC: KPI per period at full saturation.
    """

    weights_CL: Floats
    half_saturation_C: Floats
    slope_C: Floats
    top_GC: Floats

    def kpi_GTC(self, intensity_GTC: Floats) -> Floats:
        """KPI units each channel causes directly, given media per head."""
        stock_GTC = carry_over(intensity_GTC, self.weights_CL)
        return self.top_GC[:, None, :] * hill(stock_GTC, self.half_saturation_C, self.slope_C)


@dataclass(frozen=True, eq=False)
class Influence:
    """How channels move one another: each channel runs on its own account and follows its causes.

    Attributes:
        own_GTC: Media per head that no other channel caused.
        strength_CC: ``[cause, effect]``: media of the effect per unit of the cause's carried-over media.
        weights_CL: Carry-over of each cause's influence.
        jitter_GTC: Multiplicative noise of influence on each effect.
        order: Channels, causes before effects.
    """

    own_GTC: Floats
    strength_CC: Floats
    weights_CL: Floats
    jitter_GTC: Floats
    order: tuple[int, ...]

    def intensity_GTC(self, without: int | None = None) -> Floats:
        """Media per head of all channels; ``without`` a channel, what it would have moved falls too."""
        intensity_GTC = np.zeros_like(self.own_GTC)
        for effect in self.order:
            if effect == without:
                continue
            media_GT = self.own_GTC[..., effect].copy()
            for cause in np.flatnonzero(self.strength_CC[:, effect]):
                one = slice(cause, cause + 1)
                stock_GT = carry_over(intensity_GTC[..., one], self.weights_CL[one])[..., 0]
                media_GT += self.strength_CC[cause, effect] * stock_GT * self.jitter_GTC[..., effect]
            intensity_GTC[..., effect] = media_GT
        return intensity_GTC


@dataclass(frozen=True, eq=False)
class World:
    """One brand in one simulated market: the panel a user would see, and the truth behind it.

    ``kpi_GT`` is exactly the sum of baseline, seasonality, controls, direct effects and noise; a world with
    drivers that are not bought adds those of treatments, see :mod:`mmm.simulate.drivers`.

    Attributes:
        brand: Brand.
        market: Market.
        regions: G region names; one alone makes a national panel without region column.
        dates: T Mondays.
        channels: C names, in no causal order.
        controls: K names.
        population_G: Heads.
        kpi_GT: KPI as observed, never negative.
        exposure_GTC: Media as delivered.
        spend_GTC: Spend in currency.
        has_exposure_C: The panel shows exposure beside spend.
        controls_GTK: Controls as observed.
        baseline_GT: Local level, unobserved demand included.
        seasonality_GT: Yearly pattern.
        control_effects_GTK: KPI units due to controls.
        noise_GT: What no component explains: noise and outliers.
        intensity_GTC: Media per head, 1 in a typical period; what the response acts on.
        response: Direct effects.
        influence: The channel graph.
        decay_C: Carry-over's retention.
        delay_C: Carry-over's delay.
        kpi_value: Currency per KPI unit.
        seed: Seed it was drawn with.
        reach: Channels of which reach and frequency are known, the truth about them; None without any.
        elasticity_C: How the price of exposure rises with spend in a region-week; None where prices stay.
        organic: Channels that nobody buys.
        mediators: Channels that others move and that nobody buys.
        treatments: R names: price, promotion.
        references: What each of them is counted against, as a spec says it.
        treatments_GTR: Treatments as observed; None without any.
        treatment_effects_GTR: KPI units due to treatments, against their references; None without any.
    """

    brand: str
    market: str
    regions: tuple[str, ...]
    dates: Dates
    channels: tuple[str, ...]
    controls: tuple[str, ...]
    population_G: Floats
    kpi_GT: Floats
    exposure_GTC: Floats
    spend_GTC: Floats
    has_exposure_C: Bools
    controls_GTK: Floats
    baseline_GT: Floats
    seasonality_GT: Floats
    control_effects_GTK: Floats
    noise_GT: Floats
    intensity_GTC: Floats
    response: Response
    influence: Influence
    decay_C: Floats
    delay_C: Floats
    kpi_value: float
    seed: int
    reach: Reach | None = None
    elasticity_C: Floats | None = None
    organic: tuple[str, ...] = ()
    mediators: tuple[str, ...] = ()
    treatments: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    treatments_GTR: Floats | None = None
    treatment_effects_GTR: Floats | None = None

    @cached_property
    def bought_C(self) -> Bools:
        """Channels that somebody buys."""
        held = {*self.organic, *self.mediators}
        return np.array([name not in held for name in self.channels], dtype=np.bool_)

    @cached_property
    def direct_GTC(self) -> Floats:
        """KPI units each channel caused directly."""
        return self.response.kpi_GTC(self._acting(self.intensity_GTC))

    def _acting(self, intensity_GTC: Floats) -> Floats:
        """Media per head by what they count at the frequency at which they ran."""
        return intensity_GTC if self.reach is None else self.reach.acting(intensity_GTC)

    @property
    def graph_CC(self) -> Floats:
        """``[cause, effect]`` strengths of the channel graph, 0 without an edge."""
        return self.influence.strength_CC

    def total_C(self, periods: int | None = None) -> Floats:
        """KPI each channel caused within the first ``periods``, through channels it moves as well."""
        total_C = np.zeros(len(self.channels))
        for channel in range(len(self.channels)):
            without_GTC = self.response.kpi_GTC(self._acting(self.influence.intensity_GTC(without=channel)))
            total_C[channel] = (self.direct_GTC - without_GTC)[:, :periods].sum()
        return total_C

    def curve_CP(self, multipliers_P: Floats, periods: int | None = None) -> Floats:
        """Direct KPI within the first ``periods`` had each channel's own history been scaled."""
        curve_PC = [
            self.response.kpi_GTC(self._acting(self.intensity_GTC) * multiplier)[:, :periods].sum(axis=(0, 1))
            for multiplier in multipliers_P
        ]
        return np.stack(curve_PC, axis=1)

    def planned_C(self, multipliers_C: Floats, horizon: int = 13) -> Floats:
        """Direct KPI by channel when the last ``horizon`` periods are run again, scaled by channel.

        Counts the ``horizon`` periods after the data, with carry-over from history, and what carries
        over after them.

        Args:
            multipliers_C: Factor per channel on spend, or what broadcasts to regions x horizon x channels.
            horizon: Periods of the plan, at most those of the data.
        """
        lags = self.response.weights_CL.shape[1]
        acting_GTC = self._acting(self.intensity_GTC)
        bought = np.asarray(multipliers_C, dtype=np.float64)
        if self.elasticity_C is not None:
            bought = bought ** (1.0 - self.elasticity_C)
        again_GHC = acting_GTC[:, -horizon:] * bought
        history_GTC = acting_GTC[:, -lags:]
        after_GLC = np.zeros((again_GHC.shape[0], lags, again_GHC.shape[2]))
        media_GTC = np.concatenate([history_GTC, again_GHC, after_GLC], axis=1)
        planned_C: Floats = self.response.kpi_GTC(media_GTC)[:, history_GTC.shape[1] :].sum(axis=(0, 1))
        return planned_C

    def kpi_under(self, multipliers_C: Floats, horizon: int = 13) -> float:
        """Media-driven KPI of a plan: the last ``horizon`` periods again, spend scaled by channel.

        Baseline is left out, since no plan moves it; differences between plans are true lifts.
        """
        return float(self.planned_C(multipliers_C, horizon).sum())

    def frame(self) -> pd.DataFrame:
        """The panel as a user would have it: one row per region and week."""
        periods = len(self.dates)
        columns: dict[str, Floats | Dates | list[str]] = {"date": np.tile(self.dates, len(self.regions))}
        columns["kpi"] = self.kpi_GT.ravel()
        for c, channel in enumerate(self.channels):
            if self.bought_C[c]:
                columns[f"{channel}_spend"] = self.spend_GTC[..., c].ravel()
            r = None if self.reach is None or c not in self.reach.places else self.reach.places.index(c)
            if self.reach is not None and r is not None:
                columns[f"{channel}_reach"] = self.reach.people_RGT[r].ravel()
                columns[f"{channel}_frequency"] = self.reach.contacts_RGT[r].ravel()
            elif self.has_exposure_C[c]:
                columns[f"{channel}_impressions"] = self.exposure_GTC[..., c].ravel()
        for k, control in enumerate(self.controls):
            columns[control] = self.controls_GTK[..., k].ravel()
        for r, treatment in enumerate(self.treatments):
            assert self.treatments_GTR is not None
            columns[treatment] = self.treatments_GTR[..., r].ravel()
        if len(self.regions) > 1:
            names = [region for region in self.regions for _ in range(periods)]
            columns = {"region": names, "population": np.repeat(self.population_G, periods), **columns}
        return pd.DataFrame(columns)
