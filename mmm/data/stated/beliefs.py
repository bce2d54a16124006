"""Beliefs about some cells of a panel: those of a window or of regions, and lift tests made elsewhere.

A lift test outside the panel's dates or regions has no cells to be held against. It enters as a belief about
what the same relative change of spend would return in the training window, widened by a stated rule: what a
channel returns wanders by ``AGEING`` a year in logs, and other regions respond otherwise by ``MISMATCH``.

Shapes: G regions, T periods, B beliefs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mmm.config import Experiment, MarketSpec
from mmm.config.beliefs import Stated, Window
from mmm.config.files import unknown_name
from mmm.data.experiments import is_outside, mistyped
from mmm.data.panel import PERIODS_PER_YEAR, Bools, Panel
from mmm.data.scale import Total, one_shard
from mmm.data.schema import Finding, named
from mmm.errors import Problem

AGEING = 0.2
"""Standard deviation, in logs, by which the return of a channel is taken to wander within a year."""
MISMATCH = 0.3
"""The same between regions of the panel and others: as far as the model lets regions differ by default."""
LEAST_CHANGE, MOST_CHANGE = 0.05, 3.0
"""Relative changes of spend that a test is taken to have made: smaller ones are no more than a slope."""


@dataclass(frozen=True, eq=False)
class PlacedBelief:
    """A belief about some cells.

    Attributes:
        channel: Position of its channel.
        quantity: What is believed of it: a quantity of the spec, or ``test``, what a change of spend returns.
        is_lognormal: Whether centre and width are of the logarithm.
        centre: What is believed.
        width: Standard deviation.
        cells_GT: Cells that it is about.
        unit: The quantity per KPI unit that the channel brings in these cells; of a cost its inverse.
        between: What the average response of these regions differs from that of all, as a variance in units
            of that between single regions.
        change: Relative change of spend of a test.
        periods: Periods of a test, after which what it brings is no longer measured.
        where: Window and regions in words; empty for the whole training window.
    """

    channel: int
    quantity: Literal["share", "roi", "marginal_roi", "cost_per_kpi", "test"]
    is_lognormal: bool
    centre: float
    width: float
    cells_GT: Bools
    unit: float
    between: float = 0.0
    change: float = 0.0
    periods: int = 0
    where: str = ""


def locate_beliefs(
    spec: MarketSpec,
    panel: Panel,
    n_train: int,
    *,
    regions: Sequence[str] | None = None,
    total: Total = one_shard,
    every: bool = False,
) -> tuple[tuple[PlacedBelief, ...], list[Problem], list[Finding]]:
    """Beliefs about some cells, everything wrong with them, and what is said of tests made elsewhere.

    Args:
        spec: The market.
        panel: Its panel, or that of a shard of its regions.
        n_train: Training periods.
        regions: All regions of the market; None takes those of the panel.
        total: Sum of an array over shards.
        every: Also those of the whole training window, which fits know without cells.
    """
    trained_GT = panel.observed_GT.copy()
    trained_GT[:, n_train:] = False
    place = _Place(panel, trained_GT, tuple(regions or panel.regions), total)
    beliefs: list[PlacedBelief] = []
    problems: list[Problem] = []
    findings: list[Finding] = []
    for name, priors in spec.model.priors.channels.items():
        for one in priors.stated():
            if every or one.is_placed or one.quantity in ("marginal_roi", "cost_per_kpi"):
                where = f"model.priors.channels.{name}"
                found = _stated(one, place, panel.channels.index(name), where)
                if isinstance(found, Problem):
                    problems.append(found)
                else:
                    beliefs.append(found)
    for position, experiment in enumerate(spec.experiments):
        if is_outside(experiment, panel, place.regions) and not mistyped(
            experiment.regions or (), place.regions
        ):
            test = _test(experiment, place, position)
            if isinstance(test, Problem):
                problems.append(test)
            else:
                beliefs.append(test[0])
                findings.append(test[1])
    return tuple(beliefs), problems, findings


@dataclass(frozen=True, eq=False)
class _Place:
    """What beliefs are placed on."""

    panel: Panel
    trained_GT: Bools
    regions: tuple[str, ...]
    total: Total

    def within(self, window: Window | None, regions: Sequence[str] | None) -> Bools:
        """Training cells of a window and of regions."""
        cells_GT = self.trained_GT.copy()
        if window is not None:
            first, last = np.datetime64(window.start, "D"), np.datetime64(window.end, "D")
            cells_GT[:, (self.panel.dates < first) | (self.panel.dates > last)] = False
        if regions is not None:
            cells_GT[[name not in regions for name in self.panel.regions]] = False
        return cells_GT

    def sums(self, cells_GT: Bools, channel: int) -> tuple[float, float, float, float, float]:
        """Cells, their KPI, its value, the channel's amount and the sum of squares of the regions' KPI."""
        panel = self.panel
        amounts = panel.spend_GTC if panel.has_spend_C[channel] else panel.media_GTC
        kpi_G = np.where(cells_GT, np.nan_to_num(panel.kpi_GT), 0.0).sum(1)
        parts = [
            cells_GT.sum(),
            kpi_G.sum(),
            panel.kpi_value_GT[cells_GT].sum(),
            amounts[..., channel][cells_GT].sum(),
            (kpi_G**2).sum(),
        ]
        cells, kpi, value, amount, squares = self.total(np.array(parts, dtype=np.float64)).tolist()
        return cells, kpi, value, amount, squares


def _stated(one: Stated, place: _Place, channel: int, where: str) -> PlacedBelief | Problem:
    """A belief of the spec on its cells."""
    dates, name = place.panel.dates, place.panel.channels[channel]
    if unknown := [region for region in one.regions or () if region not in place.regions]:
        text = f"no region {unknown[0]!r} in the panel; {unknown_name(unknown[0], place.regions)}"
        return Problem("unknown_region", f"{where}.regions", text)
    cells_GT = place.within(one.window, one.regions)
    cells, kpi, value, amount, squares = place.sums(cells_GT, channel)
    if cells == 0:
        trained_T = np.flatnonzero(place.trained_GT.any(0))
        text = (
            f"there is no training cell in {_words(one)}; training has periods from {dates[trained_T[0]]} to "
            f"{dates[trained_T[-1]]}. Correct the dates or regions, or leave them out."
        )
        return Problem("belief_without_cells", f"{where}.{one.quantity}", text)
    if one.quantity != "share" and amount <= 0:
        within = f" in {_words(one)}" if one.is_placed else " in training"
        text = f"nothing was spent on {name!r}{within}, so there is no return. State its `share` instead."
        return Problem("belief_without_spend", f"{where}.{one.quantity}", text)
    unit = {
        "share": 1.0 / max(kpi, 1e-300),
        "cost_per_kpi": 1.0 / max(amount, 1e-300),
    }.get(one.quantity, value / cells / max(amount, 1e-300))
    centre, width = one.belief.normal
    return PlacedBelief(
        channel=channel,
        quantity=one.quantity,
        is_lognormal=one.belief.is_lognormal,
        centre=centre,
        width=width,
        cells_GT=cells_GT,
        unit=unit,
        between=squares / max(kpi, 1e-300) ** 2 if one.regions is not None else 0.0,
        where=_words(one),
    )


def _words(one: Stated) -> str:
    """Window and regions of a belief, for people."""
    window = f"{one.window.start} to {one.window.end}" if one.window is not None else ""
    return ", ".join(part for part in (window, named(list(one.regions or ()))) if part)


def _test(experiment: Experiment, place: _Place, position: int) -> tuple[PlacedBelief, Finding] | Problem:
    """A test made elsewhere as a belief, and what is said of it."""
    panel, channel = place.panel, place.panel.channels.index(experiment.channel)
    cells, _, _, amount, _ = place.sums(place.trained_GT, channel)
    if amount <= 0 or cells <= 0:
        return _never_ran(experiment, position)
    days = _period_days(panel)
    periods = max(round(((experiment.end - experiment.start).days + 1) / days), 1)
    treated = place.regions if experiment.regions is None else experiment.regions
    usual = amount / cells * len(treated) * periods
    change = float(np.clip(experiment.spend_change / usual, -1.0, MOST_CHANGE))
    change = math.copysign(max(abs(change), LEAST_CHANGE), change)
    foreign = [region for region in treated if region not in place.regions]
    trained_T = np.flatnonzero(place.total(place.trained_GT.sum(0).astype(np.float64)))
    years = _years_between(experiment, panel, int(trained_T[-1]))
    measured = experiment.lift / experiment.spend_change
    error = experiment.standard_error / abs(experiment.spend_change)
    width = widened(measured, error, years, len(foreign) / len(treated))
    belief = PlacedBelief(
        channel=channel,
        quantity="test",
        is_lognormal=False,
        centre=measured,
        width=width,
        cells_GT=place.trained_GT,
        unit=1.0 / amount,
        change=change,
        periods=periods,
        where=f"test {experiment.start} to {experiment.end}",
    )
    return belief, _finding(experiment, position, (measured, error, width), years, foreign)


def widened(measured: float, error: float, years: float, foreign: float) -> float:
    """Standard deviation of a return measured elsewhere as one of the return in the training window.

    Args:
        measured: The return.
        error: Its standard error.
        years: Between the test and the training window, see ``_years_between``.
        foreign: Share of the test's regions that are not in the panel.
    """
    return math.hypot(error, measured * math.sqrt(AGEING**2 * years + MISMATCH**2 * foreign))


def _years_between(experiment: Experiment, panel: Panel, last: int) -> float:
    """Years of wandering between a test and the mean of the training window.

    A return that wanders as a random walk differs from its mean over a window of L years that begins d years
    later by a variance of d + L/3 times that of a year; a test within the window by no more than L/3.
    """
    first, end = panel.dates[0], panel.dates[last] + np.timedelta64(round(_period_days(panel)), "D")
    begins, ends = np.datetime64(experiment.start, "D"), np.datetime64(experiment.end, "D")
    apart = max((first - ends).astype(int), (begins - end).astype(int), 0)
    return float(apart + (end - first).astype(int) / 3.0) / PERIODS_PER_YEAR["daily"]


def _period_days(panel: Panel) -> float:
    return PERIODS_PER_YEAR["daily"] / panel.periods_per_year


def _never_ran(experiment: Experiment, position: int) -> Problem:
    text = (
        f"the test is of {experiment.channel!r} outside of the panel, and nothing of that channel ran in "
        "training, so that there is nothing that it tells of. Leave it out."
    )
    return Problem("experiment_without_rows", f"experiments[{position}]", text)


def _finding(
    experiment: Experiment,
    position: int,
    told: tuple[float, float, float],
    years: float,
    foreign: Sequence[str],
) -> Finding:
    """What became of a test made elsewhere."""
    measured, error, width = told
    what = (
        f"Not all of it lies within the panel, so it enters as a belief about {experiment.channel}: "
        f"{measured:.4g} KPI units per unit of spend, ± {error:.3g} measured, ± {width:.3g} after widening."
    )
    if foreign:
        what += f" Not in the panel: {named(list(foreign))}."
    return Finding(
        "warning" if foreign else "info",
        "experiment_outside_panel",
        f"experiment {position}, {experiment.channel}, {experiment.start} to {experiment.end}",
        what,
        f"It is {years:.1f} years of wandering away, {AGEING:g} in logs a year"
        + (f"; regions that the panel does not have respond otherwise by {MISMATCH:g}." if foreign else "."),
        "If these regions are in the panel under other names, correct the names."
        if foreign
        else "Nothing, if the test is what it says; one within the panel's dates gives a sharper answer.",
    )
