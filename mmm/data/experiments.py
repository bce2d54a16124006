"""Lift tests on a panel: which cells, and what media ran there with and without the change.

Shapes: R treated regions, P treated periods, G regions, T periods, C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmm.config import Experiment, MarketSpec
from mmm.config.files import unknown_name
from mmm.data.panel import Bools, Floats, Panel
from mmm.errors import Problem

Positions = npt.NDArray[np.int64]
Total = Callable[[Floats], Floats]


def _whole(values: Floats) -> Floats:
    """Sum over shards where there is only one."""
    return values


@dataclass(frozen=True, eq=False)
class LiftTest:
    """One experiment on a panel.

    Attributes:
        experiment: As it stands in the spec.
        channel: Position of its channel.
        region_R: Positions of the treated regions.
        periods: Treated periods, consecutive.
        present_RP: Cells that count: those with a row.
        treated_RP: Media of the channel with the change.
        untreated_RP: Media of the channel without it.
        in_panel: Whether the panel's media are those with the change.
    """

    experiment: Experiment
    channel: int
    region_R: Positions
    periods: slice
    present_RP: Bools
    treated_RP: Floats
    untreated_RP: Floats
    in_panel: bool

    def imposed(self, panel: Panel) -> Floats:
        """Change of all media, with the change of spend less without it, shape GTC."""
        change_GTC = np.zeros_like(panel.media_GTC)
        change_GTC[self.region_R, self.periods, self.channel] = self.treated_RP - self.untreated_RP
        return change_GTC


def locate_experiments(
    spec: MarketSpec, panel: Panel, *, regions: Sequence[str] | None = None, total: Total = _whole
) -> tuple[tuple[LiftTest, ...], list[Problem]]:
    """The experiments of a spec on its panel, in their order, and everything wrong with them.

    Args:
        spec: The market.
        panel: Its panel, or that of a shard of its regions.
        regions: All regions of the market; None takes those of the panel.
        total: Sum of an array over shards.
    """
    found, problems = [], []
    for position, experiment in enumerate(spec.experiments):
        where = f"experiments[{position}]"
        outcome = _locate(experiment, panel, regions or panel.regions, total, where)
        if isinstance(outcome, Problem):
            problems.append(outcome)
        else:
            found.append(outcome)
    return tuple(found), problems


def _locate(
    experiment: Experiment, panel: Panel, regions: Sequence[str], total: Total, where: str
) -> LiftTest | Problem:
    names = regions if experiment.regions is None else experiment.regions
    if unknown := [name for name in names if name not in regions]:
        message = f"no region {unknown[0]!r} in the panel; {unknown_name(unknown[0], regions)}"
        return Problem("unknown_region", f"{where}.regions", message)
    first, last = np.datetime64(experiment.start, "D"), np.datetime64(experiment.end, "D")
    within = np.flatnonzero((panel.dates >= first) & (panel.dates <= last))
    if first < panel.dates[0] or len(within) == 0 or last > _last_day(panel):
        message = (
            f"{experiment.start} to {experiment.end} is not within the data, whose periods begin from "
            f"{panel.dates[0]} to {panel.dates[-1]}. Correct the dates, or leave the test out."
        )
        return Problem("experiment_outside_data", where, message)
    own = [g for g, name in enumerate(panel.regions) if name in set(names)]
    cells = _Cells(
        panel.channels.index(experiment.channel),
        np.array(own, dtype=np.int64),
        slice(int(within[0]), int(within[-1]) + 1),
    )
    sums = _sums(panel, cells, total)
    if sums.present == 0:
        message = "the panel has no row of the treated regions and periods. Correct them, or leave it out."
        return Problem("experiment_without_rows", where, message)
    return _with_media(experiment, panel, cells, sums, where)


def _last_day(panel: Panel) -> np.datetime64:
    length = panel.dates[-1] - panel.dates[-2] if len(panel.dates) > 1 else np.timedelta64(1, "D")
    return np.datetime64(panel.dates[-1] + length, "D")


@dataclass(frozen=True)
class _Cells:
    """Where a test took place."""

    channel: int
    region_R: Positions
    periods: slice


@dataclass(frozen=True)
class _Sums:
    """What must be known of all shards about a test.

    Attributes:
        recorded: Amount of the channel in the treated cells.
        usual: The same in as many ordinary periods of the treated regions.
        usual_rate: Amount of the channel in the ordinary period of a treated region, per unit of its mean.
        regions: Treated regions.
        present: Treated cells with a row.
        price: Media per unit of amount.
    """

    recorded: float
    usual: float
    usual_rate: float
    regions: float
    present: float
    price: float


def _amount(panel: Panel, channel: int) -> Floats:
    """Spend of a channel or, if it has none, its media, shape GT."""
    amounts = panel.spend_GTC if panel.has_spend_C[channel] else panel.media_GTC
    return amounts[:, :, channel]


def _sums(panel: Panel, cells: _Cells, total: Total) -> _Sums:
    """An ordinary period is the regions' mean over all others, moved as untreated regions moved."""
    amount_GT, present_GT = _amount(panel, cells.channel), panel.present_GT
    during_T = np.zeros(amount_GT.shape[1], dtype=np.bool_)
    during_T[cells.periods] = True
    control_G = np.ones(len(amount_GT), dtype=np.bool_)
    control_G[cells.region_R] = False
    control_GT, control_present_GT = amount_GT[control_G], present_GT[control_G]
    parts = np.array(
        [
            amount_GT[cells.region_R][:, during_T].sum(),
            control_GT[:, during_T].sum(),
            control_present_GT[:, during_T].sum(),
            control_GT[:, ~during_T].sum(),
            control_present_GT[:, ~during_T].sum(),
            _mean_outside(panel, cells).sum(),
            len(cells.region_R),
            present_GT[cells.region_R][:, during_T].sum(),
            panel.media_GTC[:, :, cells.channel].sum(),
            amount_GT.sum(),
        ]
    )
    recorded, inside, inside_cells, outside, outside_cells, mean, regions, present, media, amount = total(
        parts
    )
    moved = 1.0
    if outside > 0 and inside_cells > 0:
        moved = (inside / inside_cells) / (outside / outside_cells)
    count = cells.periods.stop - cells.periods.start
    return _Sums(recorded, mean * moved * count, moved, regions, present, media / max(amount, 1e-300))


def _mean_outside(panel: Panel, cells: _Cells) -> Floats:
    """Amount of the channel in the mean other period of each treated region, shape R."""
    outside_T = np.ones(len(panel.dates), dtype=np.bool_)
    outside_T[cells.periods] = False
    known_RT = panel.present_GT[cells.region_R] & outside_T
    amount_RT = np.where(known_RT, _amount(panel, cells.channel)[cells.region_R], 0.0)
    mean_R: Floats = amount_RT.sum(1) / np.maximum(known_RT.sum(1), 1)
    return mean_R


def _with_media(
    experiment: Experiment, panel: Panel, cells: _Cells, sums: _Sums, where: str
) -> LiftTest | Problem:
    """The test with the media of both arms; the panel's own are one of them."""
    media_RP = panel.media_GTC[cells.region_R, cells.periods, cells.channel]
    recorded, size = sums.recorded, abs(experiment.spend_change)
    in_panel = experiment.in_panel
    if in_panel is None:
        in_panel = experiment.spend_change > 0 or size > recorded or recorded < sums.usual - size / 2
    adds_back = in_panel == (experiment.spend_change < 0)
    if not adds_back and size > recorded * (1 + 1e-9):
        message = (
            f"spend_change is {experiment.spend_change:g}, but the panel has only {recorded:g} of "
            f"{experiment.channel!r} in these regions and periods. Correct it, or the cells."
        )
        return Problem("experiment_beyond_spend", f"{where}.spend_change", message)
    if adds_back:
        other_RP = media_RP + _added(size, panel, cells, sums)
    else:
        other_RP = media_RP * max(1.0 - size / recorded, 0.0)
    treated_RP, untreated_RP = (media_RP, other_RP) if in_panel else (other_RP, media_RP)
    present_RP = panel.present_GT[cells.region_R, cells.periods]
    return LiftTest(
        experiment,
        cells.channel,
        cells.region_R,
        cells.periods,
        present_RP,
        treated_RP,
        untreated_RP,
        in_panel,
    )


def _added(size: float, panel: Panel, cells: _Cells, sums: _Sums) -> Floats:
    """Media that so much money stands for, where the panel does not have it, shape R1.

    Spread over regions as usual, evenly over periods, at the channel's own price per unit of media.
    """
    if sums.usual > 0:
        part_R1 = _mean_outside(panel, cells)[:, None] * sums.usual_rate / sums.usual
    else:
        count = cells.periods.stop - cells.periods.start
        part_R1 = np.full((len(cells.region_R), 1), 1.0 / (sums.regions * count))
    return np.asarray(size * part_R1 * sums.price)
