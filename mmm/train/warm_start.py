"""Refits that start from an older model, in one of two ways.

*Held* (``previous``): its units are kept, and to the priors comes the distance from the older model's
parameters. Data that have not changed leave the fit where it was; where new data say something they decide,
where they say nothing the channel keeps its place.

*Warm* (``warm``): what is fitted is what would be fitted without it. Only the search begins where the older
model was, and is shorter.

Shapes: M members, G regions, C channels, N knots.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from mmm.analysis.change import present_names
from mmm.config import MarketSpec, ModelSpec
from mmm.config.paths import get
from mmm.data.panel import Bools, Panel
from mmm.data.scale import Scaling
from mmm.errors import Problem, SpecError
from mmm.fitted import Fitted
from mmm.model.baseline import knot_places
from mmm.model.frequency import HALF, SLOPE
from mmm.model.inputs import knot_spacing
from mmm.model.parameters import Parameters
from mmm.model.scales import Scales

NAMES = ("retention", "delay", "half", "slope", "spread", "share", "per_head", "region_scale", HALF, SLOPE)
"""Parameters of channels and of their regions: all of attribution."""
IN_SCALES = ("national_level", "regional_level", "season", "region_season", "control")
"""Parameters that are in units found from the data, by the field of ``Scales`` that holds them."""
SAME = (
    "model.adstock.family",
    "model.saturation.slope_min",
    "model.saturation.spread",
    "model.saturation.half_sd",
    "model.priors.share_sd",
)
"""Settings in whose units the channels' parameters are."""


def check_previous(previous: Fitted, spec: MarketSpec, panel: Panel) -> None:
    """Refuse an older model that the new one cannot start from.

    Raises:
        SpecError: Other channels, other units of media, or settings that give parameters another meaning.
    """
    problems = []
    new = panel.channels
    old = tuple(present_names(previous.panel.channels, new, spec.renamed).values())
    if old != new:
        gone, come = sorted(set(old) - set(new)), sorted(set(new) - set(old))
        parts = [f"it lacks {', '.join(come)}"] if come else []
        parts += [f"it has {', '.join(gone)}, which the new one has not"] if gone else []
        parts = parts or ["their order differs"]
        message = (
            f"the older model is of other channels: {'; '.join(parts)}. "
            "Fit without --from, name the same channels, or say which are `renamed`."
        )
        problems.append(Problem("other_channels", "--from", message))
    elif (previous.panel.has_reach_C != panel.has_reach_C).any():
        names = _differ(new, previous.panel.has_reach_C, panel.has_reach_C)
        what = f"reach and frequency of {', '.join(names)}"
        message = f"{what} are known in one and not in the other. Fit without --from."
        problems.append(Problem("other_media", "--from", message))
    elif (previous.panel.has_exposure_C != panel.has_exposure_C).any():
        names = _differ(new, previous.panel.has_exposure_C, panel.has_exposure_C)
        message = (
            f"media of {', '.join(names)} were spend in one and exposure in the other. Fit without --from."
        )
        problems.append(Problem("other_media", "--from", message))
    if previous.panel.frequency != panel.frequency:
        message = (
            f"the older model is {previous.panel.frequency}, the data are {panel.frequency}. "
            "Fit without --from."
        )
        problems.append(Problem("other_frequency", "--from", message))
    for path in SAME:
        was, now = get(previous.spec, path), get(spec, path)
        if was != now:
            message = (
                f"{path} was {was} and is {now}, so that its parameters mean something else. "
                "Fit without --from, or set it back."
            )
            problems.append(Problem("other_settings", "--from", message))
    if problems:
        raise SpecError("--from", problems)


def _differ(names: tuple[str, ...], was_C: Bools, is_C: Bools) -> list[str]:
    """Channels of which two panels know unlike things."""
    return [name for name, differs in zip(names, was_C != is_C, strict=True) if differs]


def kept_scaling(fresh: Scaling, panel: Panel, previous: Fitted) -> Scaling:
    """The older model's units; regions and controls that it did not have get those of the new data.

    Size is relative to the regions there are, so it is the new data's unless the regions are the same.
    """
    old, regions = previous.scaling, previous.panel.regions
    if regions != panel.regions:
        place = {name: g for g, name in enumerate(regions)}
        kpi_G = np.array(
            [
                old.kpi_G[place[name]] if name in place else fresh.kpi_G[g]
                for g, name in enumerate(panel.regions)
            ]
        )
        return replace(fresh, kpi_G=kpi_G, mean_kpi=float(kpi_G.mean()))
    old = replace(old, contacts_C=fresh.contacts_C)
    if previous.panel.controls != panel.controls:
        return replace(old, control_mean_GK=fresh.control_mean_GK, control_sd_K=fresh.control_sd_K)
    return old


def expected(start: Parameters, panel: Panel, previous: Fitted) -> Parameters:
    """Where the older model says the attribution's parameters are: its mean, then its members.

    Args:
        start: Free parameters of one fit of the new panel, for names, shapes and precision.
        panel: The new panel.
        previous: The older model.
    """
    found: Parameters = {}
    place = {name: g for g, name in enumerate(previous.panel.regions)}
    for name in NAMES:
        if name not in start or name not in previous.parameters:
            continue
        old = torch.as_tensor(previous.parameters[name])
        old = torch.cat([old.mean(0, keepdim=True), old])
        if name == "region_scale":
            known = [g for g, region in enumerate(panel.regions) if region in place]
            scale = torch.zeros(len(old), *start[name].shape[1:], dtype=old.dtype)
            scale[:, known] = old[:, [place[panel.regions[g]] for g in known]]
            old = scale
        if name not in (HALF, SLOPE) or old.shape[1:] == start[name].shape[1:]:
            found[name] = old.to(start[name])
    return found


def begun(start: Parameters, spec: ModelSpec, scales: Scales, n_train: int, warm: Fitted) -> Parameters:
    """Where the search begins: at the older model's centre, then its members where there are as many.

    Levels are taken over by the time of their knots; parameters of other shapes start as they would.

    Args:
        start: Free parameters as they would start, M fits.
        spec: The model's structure.
        scales: Units of the free parameters now.
        n_train: Training periods now.
        warm: The older model, of the same regions and channels.
    """
    fits = len(start["noise"])
    found = dict(start)
    for name, value in start.items():
        if name not in warm.parameters:
            continue
        old = torch.as_tensor(warm.parameters[name])
        if name in IN_SCALES:
            old = old * (getattr(warm.scales, name) / getattr(scales, name))
        if name in ("national_level", "regional_level"):
            spacing = knot_spacing(warm.panel, spec, national=name == "national_level")
            old = _moved_knots(old, warm.trained_until, n_train, spacing)
        old = torch.cat([old.mean(0, keepdim=True), old])
        if old.shape[1:] == value.shape[1:]:
            found[name] = for_fits({name: old}, fits)[name].to(value)
    return found


def _moved_knots(old: Tensor, trained_until: int, n_train: int, spacing: int) -> Tensor:
    """Increments of a level between the knots of another training window: those of about the same time."""
    places, was = knot_places(n_train, spacing), knot_places(trained_until, spacing)
    ends, old_ends = places[1:], was[1:]
    nearest = np.abs(ends[:, None] - old_ends).argmin(1)
    inside = torch.as_tensor(np.abs(ends - old_ends[nearest]) <= spacing / 2)
    return old[..., nearest] * inside


def for_fits(expectation: Parameters, fits: int) -> Parameters:
    """What each of so many fits expects: its own member of the older model where there are as many."""
    return {
        name: value if len(value) == fits else value[:1].repeat(fits, *[1] * (value.dim() - 1))
        for name, value in expectation.items()
    }
