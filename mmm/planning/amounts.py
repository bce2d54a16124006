"""From planned amounts to media: what money buys, where and when it runs.

An *amount* is currency for a channel with spend, exposure for a channel without. The price of exposure is
that of the last year. Where nothing else is said a plan runs as the last periods did.

Shapes: G regions, T periods of history, H periods of a horizon, C channels, X decision variables
(channels, or channel x region with the channel outermost).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from mmm.data.experiments import LiftTest, locate_experiments
from mmm.data.panel import Bools, Floats, Panel
from mmm.fitted import Fitted

Flighting = str | Sequence[float] | Mapping[str, Sequence[float]]
"""How an amount falls on periods, as a request has it; see ``BudgetRequest.flighting``."""


@dataclass(frozen=True, eq=False)
class AmountsToMedia:
    """Amounts and media of one panel.

    Attributes:
        panel: History.
        size_G: Relative size of regions, by which a channel that never ran is split.
        units: What exposure of channels is counted in, where that is known.
        tests: Lift tests, whose changes a plan does not repeat.
    """

    panel: Panel
    size_G: Floats
    units: Mapping[str, str] = field(default_factory=dict)
    tests: Sequence[LiftTest] = ()

    @cached_property
    def amount_GTC(self) -> Floats:
        """History in amounts."""
        return np.where(self.panel.has_spend_C, self.panel.spend_GTC, self.panel.media_GTC)

    @cached_property
    def untested_GTC(self) -> Floats:
        """Media as they would have run without the changes that tests made."""
        media_GTC = self.panel.media_GTC
        for test in self.tests:
            if test.in_panel:
                media_GTC = np.maximum(media_GTC - test.imposed(self.panel), 0.0)
        return media_GTC

    @cached_property
    def bought_C(self) -> Bools:
        """Channels that somebody buys: neither organic media nor mediators."""
        return self.panel.bought_C

    @cached_property
    def unit_C(self) -> tuple[str, ...]:
        """Unit of each channel's amounts."""
        return tuple(
            self.panel.currency if has_spend else self.units.get(channel, f"exposure of {channel}")
            for channel, has_spend in zip(self.panel.channels, self.panel.has_spend_C, strict=True)
        )

    @cached_property
    def rate_GC(self) -> Floats:
        """Media per unit of amount in each region: last year's, else of all time, else the nation's."""
        year = self._last_year
        media_GTC, amount_GTC = self.panel.media_GTC, self.amount_GTC
        rate_GC = _ratio(media_GTC[:, year].sum(1), amount_GTC[:, year].sum(1))
        rate_GC = np.where(rate_GC > 0, rate_GC, _ratio(media_GTC.sum(1), amount_GTC.sum(1)))
        return np.where(rate_GC > 0, rate_GC, self.rate_C)

    @cached_property
    def rate_C(self) -> Floats:
        """Media per unit of amount over all regions: last year's, else of all time; 0 if none ever ran."""
        year = self._last_year
        media_GTC, amount_GTC = self.panel.media_GTC, self.amount_GTC
        rate_C = _ratio(media_GTC[:, year].sum((0, 1)), amount_GTC[:, year].sum((0, 1)))
        rate_C = np.where(rate_C > 0, rate_C, _ratio(media_GTC.sum((0, 1)), amount_GTC.sum((0, 1))))
        return np.where(self.panel.has_spend_C & self.panel.has_exposure_C, rate_C, 1.0)

    @cached_property
    def _last_year(self) -> slice:
        return slice(-min(round(self.panel.periods_per_year), len(self.panel.dates)), None)

    def region_share_GC(self, horizon: int) -> Floats:
        """How a channel's media fall on regions; columns add up to 1.

        As in the last ``horizon`` periods, without the changes of tests; where nothing ran then, as in the
        last year, else as ever, else by size.
        """
        share_GC = np.zeros(self.rate_GC.shape)
        for window in (slice(-horizon, None), self._last_year, slice(None)):
            seen_GC = self.untested_GTC[:, window].sum(1)
            share_GC = np.where(share_GC.sum(0) > 0, share_GC, _ratio(seen_GC, seen_GC.sum(0)))
        return np.where(share_GC.sum(0) > 0, share_GC, (self.size_G / self.size_G.sum())[:, None])

    def pattern_GHC(self, horizon: int, flighting: Flighting = "history") -> Floats:
        """Share of a channel's media in every cell of a horizon; adds up to 1 over regions and periods.

        ``history`` repeats the last ``horizon`` periods cell by cell, without the changes of tests; any other
        flighting falls on all regions alike.
        """
        recent_GHC = self.untested_GTC[:, -horizon:]
        split_GC = self.region_share_GC(horizon)
        weight_HC = flighting_weights(flighting, self.panel.channels, recent_GHC.sum(0))
        pattern_GHC = split_GC[:, None, :] * weight_HC
        repeats_C = self._repeats(flighting) & (recent_GHC.sum((0, 1)) > 0)
        return np.where(repeats_C, _ratio(recent_GHC, recent_GHC.sum((0, 1))), pattern_GHC)

    def _repeats(self, flighting: Flighting) -> Bools:
        """Channels whose flighting is their history."""
        if isinstance(flighting, Mapping):
            return np.array([channel not in flighting for channel in self.panel.channels])
        return np.full(len(self.panel.channels), isinstance(flighting, str) and flighting == "history")

    def unit_GHC(self, horizon: int, flighting: Flighting = "history", *, by_region: bool = False) -> Floats:
        """Media that one unit of amount brings to every cell of a horizon.

        By region the unit is spent in one region, whose own pattern it follows; a region in which the
        channel did not run follows the nation's.
        """
        pattern_GHC = self.pattern_GHC(horizon, flighting)
        if not by_region:
            return pattern_GHC * self.rate_C
        nation_HC = pattern_GHC.sum(0)
        own_G1C = pattern_GHC.sum(1, keepdims=True)
        within_GHC = np.where(own_G1C > 0, _ratio(pattern_GHC, own_G1C), nation_HC)
        return within_GHC * self.rate_GC[:, None, :]

    def contacts_GHC(self, horizon: int, flighting: Flighting = "history") -> Floats | None:
        """Contacts per person reached in every cell of a horizon, of channels with reach; None without any.

        As in the last ``horizon`` periods cell by cell where flighting is history, else their mean over the
        people reached then.
        """
        contacts_GTC = self.panel.contacts_GTC
        if contacts_GTC is None:
            return None
        recent_GHC, people_GHC = contacts_GTC[:, -horizon:], self.panel.media_GTC[:, -horizon:]
        mean_C = _ratio((np.nan_to_num(recent_GHC) * people_GHC).sum((0, 1)), people_GHC.sum((0, 1)))
        ran_C = mean_C > 0
        mean_C = np.where(ran_C, mean_C, np.nan_to_num(recent_GHC, nan=1.0).mean((0, 1)))
        # A test that went dark left no contacts where its media are put back.
        known_GHC = np.where(np.isnan(recent_GHC) & ran_C, mean_C, recent_GHC)
        return np.where(self._repeats(flighting) & ran_C, known_GHC, mean_C)

    def current(self, horizon: int, *, by_region: bool = False) -> Floats:
        """Amounts of the last ``horizon`` periods, shape X."""
        recent_GC: Floats = self.amount_GTC[:, -horizon:].sum(1)
        current_X: Floats = recent_GC.T.ravel() if by_region else recent_GC.sum(0)
        return current_X

    def rests_since(self, horizon: int) -> dict[str, str]:
        """Start of a channel's last period, for those that ran before the last ``horizon`` periods only."""
        ran_TC = self.panel.media_GTC.sum(0) > 0
        last_C = len(ran_TC) - 1 - np.argmax(ran_TC[::-1], axis=0)
        rests_C = ran_TC.any(0) & (last_C < len(ran_TC) - horizon)
        return {self.panel.channels[c]: str(self.panel.dates[last_C[c]]) for c in np.flatnonzero(rests_C)}

    def tested_within(self, horizon: int) -> tuple[str, ...]:
        """Channels of which a test changed the media of the last ``horizon`` periods."""
        first = len(self.panel.dates) - horizon
        found = {test.channel for test in self.tests if test.in_panel and test.periods.stop > first}
        return tuple(self.panel.channels[c] for c in sorted(found))

    def supported(self, horizon: int, *, by_region: bool = False) -> Floats:
        """Largest amount of any ``horizon`` periods in a row, shape X."""
        amount_GTC = self.amount_GTC if by_region else self.amount_GTC.sum(0, keepdims=True)
        running_GTC = np.cumsum(np.pad(amount_GTC, ((0, 0), (1, 0), (0, 0))), axis=1)
        window_GTC = running_GTC[:, horizon:] - running_GTC[:, :-horizon]
        return np.asarray(window_GTC.max(1).T.ravel())


def amounts_of(fitted: Fitted) -> AmountsToMedia:
    """Amounts and media of a model's panel, in the units that its spec states."""
    stated = fitted.spec.columns.media
    units = {name: channel.unit for name, channel in stated.items() if channel.unit is not None}
    tests, _ = locate_experiments(fitted.spec, fitted.panel)
    return AmountsToMedia(fitted.panel, fitted.scaling.size_G, units, tests)


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Part over whole; 0 where the whole is 0."""
    part, whole = np.broadcast_arrays(part, whole)
    ratio: Floats = np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)
    return ratio


def usual(supported_X: Floats) -> Floats:
    """Amounts that mean something for each variable: the most ever spent; where nothing, the typical most."""
    seen = supported_X[supported_X > 0]
    return np.where(supported_X > 0, supported_X, float(np.median(seen)) if len(seen) else 1.0)


def flighting_weights(flighting: Flighting, channels: Sequence[str], history_HC: Floats) -> Floats:
    """Share of each channel's amount in each period, shape HC; every channel's shares add up to 1.

    Args:
        flighting: ``history``, ``even``, weights of all channels, or weights by channel; see
            ``BudgetRequest.flighting``. Channels without weights of their own follow history.
        channels: C names.
        history_HC: Amounts of the last H periods. A channel without any is spread evenly.
    """
    periods = len(history_HC)
    even_H = np.full(periods, 1.0 / periods)
    columns = []
    for c, channel in enumerate(channels):
        weights: Sequence[float] | Floats = history_HC[:, c]
        if isinstance(flighting, Mapping):
            weights = flighting.get(channel, weights)
        elif flighting == "even":
            weights = even_H
        elif not isinstance(flighting, str):
            weights = flighting
        weight_H = np.asarray(weights, dtype=np.float64)
        total = float(weight_H.sum())
        columns.append(weight_H / total if total > 0 else even_H)
    return np.stack(columns, axis=1)
