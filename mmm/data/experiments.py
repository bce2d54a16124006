"""Lift tests on a panel: which cells, and what media ran there with and without the change.

Shapes: R treated regions, P treated periods, G regions, T periods, C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt

from mmm.config import Experiment, MarketSpec
from mmm.data.panel import Bools, Floats, Panel
from mmm.errors import Problem

Positions = npt.NDArray[np.int64]
Total = Callable[[Floats], Floats]


ALIKE = 0.8
"""Likeness of two names, by the share of letters in common, from which one is a slip of the other."""


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
        position: Where it stands among the experiments of the spec.
    """

    experiment: Experiment
    channel: int
    region_R: Positions
    periods: slice
    present_RP: Bools
    treated_RP: Floats
    untreated_RP: Floats
    in_panel: bool
    position: int = 0

    def imposed(self, panel: Panel) -> Floats:
        """Change of all media, with the change of spend less without it, shape GTC."""
        change_GTC = np.zeros_like(panel.media_GTC)
        change_GTC[self.region_R, self.periods, self.channel] = self.treated_RP - self.untreated_RP
        return change_GTC


def locate_experiments(
    spec: MarketSpec, panel: Panel, *, regions: Sequence[str] | None = None, total: Total = _whole
) -> tuple[tuple[LiftTest, ...], list[Problem]]:
    """The experiments of a spec on its panel, in their order, and everything wrong with them.

    Tests that lie outside of the panel are none of them: they enter as beliefs, see ``mmm.data.stated``.

    Args:
        spec: The market.
        panel: Its panel, or that of a shard of its regions.
        regions: All regions of the market; None takes those of the panel.
        total: Sum of an array over shards.
    """
    found, problems = [], []
    for position, experiment in enumerate(spec.experiments):
        where = f"experiments[{position}]"
        names = regions or panel.regions
        if meant := mistyped(experiment.regions or (), names):
            message = (
                f"no region {meant[0]!r} in the panel; did you mean {meant[1]!r}? Correct the name; what was "
                f"measured elsewhere is stated as model.priors.channels.{experiment.channel}.roi."
            )
            problems.append(Problem("unknown_region", f"{where}.regions", message))
            continue
        if is_outside(experiment, panel, names):
            continue
        outcome = _locate(experiment, panel, regions or panel.regions, total, where)
        if isinstance(outcome, Problem):
            problems.append(outcome)
        else:
            found.append(replace(outcome, position=position))
    return tuple(found), problems


def mistyped(names: Sequence[str], regions: Sequence[str]) -> tuple[str, str] | None:
    """The first name that is likely another way to write a region of the panel, and that region.

    ``010`` for ``10``, ``new york`` for ``New-York``, two letters swapped; another number is another region.
    """
    plain = {_plain(region): region for region in regions}
    for name in names:
        if name in regions:
            continue
        if _plain(name) in plain:
            return name, plain[_plain(name)]
        if not any(mark.isdigit() for mark in name):
            close = get_close_matches(_plain(name), plain, n=1, cutoff=ALIKE)
            if close:
                return name, plain[close[0]]
    return None


def _plain(name: str) -> str:
    """A name without what is often written otherwise: case, zeros in front, marks."""
    return "".join(mark for mark in name.casefold() if mark.isalnum()).lstrip("0") or "0"


def is_outside(experiment: Experiment, panel: Panel, regions: Sequence[str]) -> bool:
    """Whether a test has a day or a region that the panel does not have.

    Args:
        experiment: The test.
        panel: The panel, or that of a shard of its regions.
        regions: All regions of the market.
    """
    first, last = np.datetime64(experiment.start, "D"), np.datetime64(experiment.end, "D")
    beyond = first < panel.dates[0] or last > _last_day(panel)
    return bool(beyond) or any(name not in regions for name in experiment.regions or ())


def _locate(
    experiment: Experiment, panel: Panel, regions: Sequence[str], total: Total, where: str
) -> LiftTest | Problem:
    names = regions if experiment.regions is None else experiment.regions
    first, last = np.datetime64(experiment.start, "D"), np.datetime64(experiment.end, "D")
    within = np.flatnonzero((panel.dates >= first) & (panel.dates <= last))
    if len(within) == 0:
        message = (
            f"no period begins within {experiment.start} to {experiment.end}; those of the data begin from "
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
