"""Candidate tests of a market: what each changes where and when, and what the model expects of it.

Shapes: M members, G regions, T periods, C channels, K covariates, L lags, R treated regions, P treated
periods.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import product

import numpy as np

from mmm.config import Experiment
from mmm.data.experiments import LiftTest, locate_experiments
from mmm.data.panel import PERIODS_PER_YEAR, Bools, Floats, Ints
from mmm.design.assignment import FEWEST, Strata, match
from mmm.design.estimator import (
    Adjustment,
    Effects,
    Windows,
    adjusted_kpi,
    band_of,
    covariate_values,
    effects,
    find_coefficients,
)
from mmm.design.placebo import Precision, precision
from mmm.design.request import DesignRequest, Kind
from mmm.graph.notears import reachable
from mmm.planning.planner import Planner

CARRIED = 0.9
"""Share of a channel's effect that has come when its cool-down ends."""
BEFORE = (8, 16)
"""Least and most periods before a test that it is compared with; in between as many as the test has."""
MOST_LAGS = 8
"""Lags of media that are counted when other channels are taken out."""
DRAWN = 32
"""Assignments that placebo windows are looked at with."""
LEAST_BAND = 0.3
"""Distance from its neighbours up to which a cell is never held: effects of tests are rarely so large, and
holding nearer makes standard errors 3 % smaller only (0.1, six designs on 20 worlds)."""
RUNS = 0.5
"""Part of its usual spend that a channel must run at where a test of it is imagined."""


@dataclass(frozen=True)
class Candidate:
    """One test that might be made.

    Attributes:
        channel: Position of its channel.
        kind: What is done to its spend.
        change: Relative change of spend.
        share: Part of the regions that is treated; 1 for the whole market.
        windows: Lengths.
    """

    channel: int
    kind: Kind
    change: float
    share: float
    windows: Windows


@dataclass(frozen=True, eq=False)
class Expected:
    """What the model expects of a test, had it been made in a stretch of the data.

    Attributes:
        reference: First period of that stretch.
        spend_change: Amount with the change less without it, all blocks.
        spend: Amount without the change.
        lift_M: KPI of the treated cells with the change less without it.
        whole_M: The same with what carries over after it.
        level: KPI of the treated cells.
    """

    reference: int
    spend_change: float
    spend: float
    lift_M: Floats
    whole_M: Floats
    level: float


class Market:
    """A model as designs ask it.

    Args:
        planner: The model.
        request: What is asked.
    """

    def __init__(self, planner: Planner, request: DesignRequest) -> None:
        self.planner, self.request, self.panel = planner, request, planner.panel
        self.allowed_G = np.array([name not in request.exclude for name in self.panel.regions])
        self.national = int(self.allowed_G.sum()) < FEWEST
        self._cleared = cache(self._cleared_of)
        self._strata = cache(self._strata_of)

    @cached_property
    def downstream_CC(self) -> Bools:
        """Which channels each channel moves, itself included."""
        edges_CC = self.planner.graph.edges_CC
        moved: Bools = reachable(edges_CC) | np.eye(len(edges_CC), dtype=np.bool_)
        return moved

    def periods(self, weeks: int) -> int:
        """Periods of so many weeks."""
        return max(1, round(weeks * self.panel.periods_per_year / PERIODS_PER_YEAR["weekly"]))

    def windows(self, channel: int, weeks: int) -> Windows:
        """Lengths of a test of a channel, its cool-down by what was learned of its carry-over."""
        test = self.periods(weeks)
        least, most = (self.periods(weeks) for weeks in BEFORE)
        kernel_CL = self.planner.predictor.kernel_MCL.mean(0)
        kernel_XL = kernel_CL[self.downstream_CC[channel]]
        cooldown = int((np.cumsum(kernel_XL, 1) < CARRIED).sum(1).max())
        before = min(max(test, least), most)
        if self.national:
            return Windows(test, test, cooldown, self.request.blocks, national=True)
        return Windows(before, test, cooldown)

    def candidates(self) -> Iterator[Candidate]:
        """Every test that is asked for, channel by channel."""
        names = self.request.channels or self.panel.channels
        shares = (1.0,) if self.national else self.request.treated
        for name, kind, weeks, share in product(names, self.request.kinds, self.request.weeks, shares):
            channel = self.panel.channels.index(name)
            yield Candidate(channel, kind, self.request.change(kind), share, self.windows(channel, weeks))

    # --- who ---------------------------------------------------------------------------------------

    def strata(self, share: float) -> Strata:
        """Groups of regions of which one is treated; the whole market where there are too few."""
        return self._strata(1 if self.national else round(1.0 / share))

    def _strata_of(self, size: int) -> Strata:
        if size == 1:
            return Strata(np.where(self.allowed_G, np.cumsum(self.allowed_G) - 1, -1), 1)
        return match(self.panel.kpi_GT, self.allowed_G, size)

    def treated(self, strata: Strata) -> Bools:
        """Treated regions of the assignment of the request's seed, shape G."""
        treated_G: Bools = strata.drawn([self.request.seed])[0]
        return treated_G

    # --- how exact ---------------------------------------------------------------------------------

    @cached_property
    def covariates(self) -> tuple[str, ...]:
        """Controls that a readout can hold, then channels."""
        stated = self.planner.fitted.spec.columns.controls
        return (*(name for name in self.panel.controls if name in stated), *self.panel.channels)

    def raw_GTK(self, names: tuple[str, ...]) -> Floats:
        """Covariates as recorded."""
        columns = [
            self.panel.media_GTC[..., self.panel.channels.index(name)]
            if name in self.panel.channels
            else self.panel.controls_GTK[..., self.panel.controls.index(name)]
            for name in names
        ]
        shape = (*self.panel.kpi_GT.shape, 0)
        return np.stack(columns, -1) if columns else np.zeros(shape)

    def adjusting(self, channel: int) -> tuple[str, ...]:
        """Covariates of a test of a channel: not itself, nor what it moves, which is part of its effect."""
        own = {self.panel.channels[c] for c in np.flatnonzero(self.downstream_CC[channel])}
        return tuple(name for name in self.covariates if name not in own)

    @cached_property
    def level_G(self) -> Floats:
        """Mean KPI of each region."""
        known_GT = np.isfinite(self.panel.kpi_GT)
        total_G = np.where(known_GT, self.panel.kpi_GT, 0.0).sum(1)
        level: Floats = np.maximum(total_G / np.maximum(known_GT.sum(1), 1), 1e-12)
        return level

    def adjustment(self, channel: int, most: float) -> Adjustment:
        """What is taken out of the KPI in a test of a channel.

        Args:
            channel: The tested channel.
            most: Largest relative effect that is expected; cells are held no nearer than twice as far.
        """
        cleared, spread = self._cleared(channel)
        return replace(cleared, band=max(spread, LEAST_BAND, 2.0 * most))

    def _cleared_of(self, channel: int) -> tuple[Adjustment, float]:
        """Coefficients of a channel's covariates, cells not held yet, and the distance at which they are."""
        names, panel = self.adjusting(channel), self.panel
        media_K = np.array([name in panel.channels for name in names], dtype=np.bool_)
        lags = min(self.planner.predictor.lags, MOST_LAGS)
        kernel_KL = np.eye(1, lags).repeat(len(names), 0)
        kernel_CL = self.planner.predictor.kernel_MCL.mean(0)[:, :lags]
        for k in np.flatnonzero(media_K):
            kernel_KL[k] = kernel_CL[panel.channels.index(names[k])]
        kernel_KL = kernel_KL / np.maximum(kernel_KL.sum(1, keepdims=True), 1e-12)
        raw_GTK = self.raw_GTK(names)
        mean_GK = raw_GTK.mean(1)
        mean_GK = np.where(media_K & (mean_GK <= 0), 1.0, mean_GK)
        plain = Adjustment(self.level_G, mean_GK, media_K, kernel_KL, np.zeros(len(names)), np.inf)
        values_GTK = covariate_values(raw_GTK, plain)
        found = replace(plain, coefficient_K=find_coefficients(panel.kpi_GT, values_GTK, self.level_G))
        return found, band_of(adjusted_kpi(panel.kpi_GT, raw_GTK, found))

    def placebo(self, candidate: Candidate, strata: Strata, adjustment: Adjustment) -> Precision | None:
        """Precision of a candidate's estimator; None where the panel has too few windows."""
        seeds = [self.request.seed, *range(1_000_000, 1_000_000 + DRAWN - 1)]
        treated_SG = strata.drawn(seeds if not self.national else seeds[:1])
        raw_GTK = self.raw_GTK(self.adjusting(candidate.channel))
        found = effects(
            adjusted_kpi(self.panel.kpi_GT, raw_GTK, adjustment),
            treated_SG,
            strata.controls(treated_SG),
            candidate.windows,
        )
        windows = candidate.windows
        return precision(found, self._quiet(windows, found), self.request.level, windows.needed)

    def _quiet(self, windows: Windows, found: Effects) -> Bools:
        """Windows that overlap no test that the data hold."""
        tests, _ = locate_experiments(self.planner.fitted.spec, self.planner.fitted.panel)
        quiet_W = np.ones(found.effect_SW.shape[1], dtype=np.bool_)
        for test in tests:
            if test.in_panel:
                first = max(test.periods.start - windows.needed + 1, 0)
                quiet_W[first : test.periods.stop] = False
        return quiet_W

    # --- what is expected --------------------------------------------------------------------------

    def amounts_T(self, channel: int, treated_G: Bools) -> Floats:
        """Amount of a channel in the treated regions by period."""
        panel = self.panel
        of_GTC = panel.spend_GTC if panel.has_spend_C[channel] else panel.media_GTC
        amount_T: Floats = of_GTC[treated_G][:, :, channel].sum(0)
        return amount_T

    def reference(self, candidate: Candidate, treated_G: Bools) -> int | None:
        """The last stretch within a year in which the channel ran about as usual; None if there is none."""
        windows, amount_T = candidate.windows, self.amounts_T(candidate.channel, treated_G)
        length = windows.test + windows.cooldown
        year = min(round(self.panel.periods_per_year), len(amount_T))
        starts: Ints = np.arange(max(len(amount_T) - year, 0), len(amount_T) - length + 1)
        summed_T = np.cumsum(np.pad(amount_T, (1, 0)))
        spent = summed_T[starts + windows.test] - summed_T[starts]
        usual = float(amount_T[-year:].mean()) * windows.test
        running = starts[(spent >= RUNS * usual) & (spent > 0)]
        return int(running[-1]) if len(running) else None

    def expected(self, candidate: Candidate, treated_G: Bools) -> Expected | None:
        """What the model expects of a candidate; None where its channel never ran of late."""
        first = self.reference(candidate, treated_G)
        if first is None:
            return None
        windows, panel = candidate.windows, self.panel
        during = slice(first, first + windows.test)
        whole = slice(first, first + windows.test + windows.cooldown)
        tests = [self._imagined(candidate, treated_G, part, windows.test) for part in (during, whole)]
        lift_ME = self.planner.predictor.lifts(tests, self.planner.graph) * windows.blocks
        spend = float(self.amounts_T(candidate.channel, treated_G)[during].sum()) * windows.blocks
        usual_T = np.nanmean(panel.kpi_GT[treated_G][:, during], axis=1)
        usual_R = np.where(np.isfinite(usual_T), usual_T, self.level_G[treated_G])
        level = float(usual_R.sum()) * windows.test * windows.blocks
        return Expected(first, candidate.change * spend, spend, lift_ME[:, 0], lift_ME[:, 1], level)

    def _imagined(self, candidate: Candidate, treated_G: Bools, periods: slice, changed: int) -> LiftTest:
        """The test as if it had been made in the data: its first ``changed`` periods are changed."""
        panel, region_R = self.panel, np.flatnonzero(treated_G)
        media_RP = panel.media_GTC[region_R, periods, candidate.channel]
        factor_P = np.where(np.arange(media_RP.shape[1]) < changed, 1.0 + candidate.change, 1.0)
        first, last = (panel.dates[place].astype(object) for place in (periods.start, periods.stop - 1))
        experiment = Experiment(
            channel=panel.channels[candidate.channel],
            start=first,
            end=last,
            lift=0.0,
            standard_error=1.0,
            spend_change=candidate.change,
        )
        return LiftTest(
            experiment,
            candidate.channel,
            region_R,
            periods,
            panel.present_GT[region_R, periods],
            media_RP * factor_P,
            media_RP,
            in_panel=False,
        )
