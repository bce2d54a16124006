"""Lift tests on a panel: which cells, and what media ran there with and without the change.

Shapes: R treated regions, P treated periods, G regions, T periods, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmm.config import Experiment, MarketSpec
from mmm.config.files import unknown_name
from mmm.data.panel import Bools, Floats, Panel
from mmm.errors import Problem

Positions = npt.NDArray[np.int64]


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


def locate_experiments(spec: MarketSpec, panel: Panel) -> tuple[tuple[LiftTest, ...], list[Problem]]:
    """The experiments of a spec on its panel, and everything wrong with them.

    On a shard, experiments without a region of it are left out; check the whole panel first.
    """
    found, problems = [], []
    for position, experiment in enumerate(spec.experiments):
        outcome = _locate(experiment, panel, f"experiments[{position}]")
        if isinstance(outcome, Problem):
            problems.append(outcome)
        else:
            found.append(outcome)
    return tuple(found), problems


def _locate(experiment: Experiment, panel: Panel, where: str) -> LiftTest | Problem:
    names = panel.regions if experiment.regions is None else experiment.regions
    if unknown := [name for name in names if name not in panel.regions]:
        message = f"no region {unknown[0]!r} in the panel; {unknown_name(unknown[0], panel.regions)}"
        return Problem("unknown_region", f"{where}.regions", message)
    first, last = np.datetime64(experiment.start, "D"), np.datetime64(experiment.end, "D")
    within = np.flatnonzero((panel.dates >= first) & (panel.dates <= last))
    if first < panel.dates[0] or len(within) == 0 or first > panel.dates[-1] or last > _last_day(panel):
        message = (
            f"{experiment.start} to {experiment.end} is not within the data, whose periods begin from "
            f"{panel.dates[0]} to {panel.dates[-1]}. Correct the dates, or leave the test out."
        )
        return Problem("experiment_outside_data", where, message)
    region_R = np.array([panel.regions.index(name) for name in names], dtype=np.int64)
    periods = slice(int(within[0]), int(within[-1]) + 1)
    present_RP = panel.present_GT[region_R, periods]
    if not present_RP.any():
        message = (
            "the panel has no row of the treated regions and periods. Correct them, or leave the test out."
        )
        return Problem("experiment_without_rows", where, message)
    return _with_media(experiment, panel, region_R, periods, where)


def _last_day(panel: Panel) -> np.datetime64:
    length = panel.dates[-1] - panel.dates[-2] if len(panel.dates) > 1 else np.timedelta64(1, "D")
    return np.datetime64(panel.dates[-1] + length, "D")


def _with_media(
    experiment: Experiment, panel: Panel, region_R: Positions, periods: slice, where: str
) -> LiftTest | Problem:
    """The test with the media of both arms; the panel's own are one of them."""
    channel = panel.channels.index(experiment.channel)
    media_RP = panel.media_GTC[region_R, periods, channel]
    amount_GT = (panel.spend_GTC if panel.has_spend_C[channel] else panel.media_GTC)[:, :, channel]
    recorded, size = float(amount_GT[region_R, periods].sum()), abs(experiment.spend_change)
    usual_R = _usual(amount_GT, panel.present_GT, region_R, periods)
    in_panel = experiment.in_panel
    if in_panel is None:
        expected = float(usual_R.sum()) * media_RP.shape[1]
        in_panel = experiment.spend_change > 0 or size > recorded or recorded < expected - size / 2
    adds_back = in_panel == (experiment.spend_change < 0)
    if not adds_back and size > recorded * (1 + 1e-9):
        message = (
            f"spend_change is {experiment.spend_change:g}, but the panel has only {recorded:g} of "
            f"{experiment.channel!r} in these regions and periods. Correct it, or the cells."
        )
        return Problem("experiment_beyond_spend", f"{where}.spend_change", message)
    if adds_back:
        other_RP = media_RP + _added(experiment, panel, region_R, periods, usual_R)
    else:
        other_RP = media_RP * (1.0 - size / recorded)
    treated_RP, untreated_RP = (media_RP, other_RP) if in_panel else (other_RP, media_RP)
    present_RP = panel.present_GT[region_R, periods]
    return LiftTest(
        experiment, channel, region_R, periods, present_RP, treated_RP, untreated_RP, bool(in_panel)
    )


def _usual(amount_GT: Floats, present_GT: Bools, region_R: Positions, periods: slice) -> Floats:
    """Amount of the channel in an ordinary period of each treated region, shape R.

    The region's mean over all other periods, moved as the regions that were not treated moved.
    """
    outside_T = np.ones(amount_GT.shape[1], dtype=np.bool_)
    outside_T[periods] = False
    control_G = np.ones(len(amount_GT), dtype=np.bool_)
    control_G[region_R] = False
    count_R = np.maximum((present_GT[region_R] & outside_T).sum(1), 1)
    mean_R: Floats = amount_GT[region_R][:, outside_T].sum(1) / count_R
    before = float(amount_GT[control_G][:, outside_T].mean()) if control_G.any() and outside_T.any() else 0.0
    during = float(amount_GT[control_G][:, periods].mean()) if control_G.any() else 0.0
    return mean_R * (during / before if before > 0 else 1.0)


def _added(
    experiment: Experiment, panel: Panel, region_R: Positions, periods: slice, usual_R: Floats
) -> Floats:
    """Media that the change of spend stands for, where the panel does not have them, shape R1.

    Spread over regions as usual, evenly over periods, at the channel's own price per unit of media.
    """
    channel = panel.channels.index(experiment.channel)
    part_R = usual_R / usual_R.sum() if usual_R.sum() > 0 else np.full(len(region_R), 1.0 / len(region_R))
    count = periods.stop - periods.start
    amount_R1 = (abs(experiment.spend_change) * part_R / count)[:, None]
    if not panel.has_spend_C[channel] or not panel.has_exposure_C[channel]:
        return np.asarray(amount_R1)
    spend = float(panel.spend_GTC[:, :, channel].sum())
    return np.asarray(amount_R1 * float(panel.media_GTC[:, :, channel].sum()) / max(spend, 1e-300))
