"""Refits that start from an older model: its units are kept, and its channels are what is expected.

Prior widths stay as they are: where the new data say something they decide, where they say nothing the
channel keeps its place instead of finding a new one.

Shapes: M members, G regions, C channels.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from mmm.config import MarketSpec
from mmm.data.panel import Panel
from mmm.data.scale import Scaling
from mmm.errors import Problem, SpecError
from mmm.fitted import Fitted
from mmm.model.temporal import Parameters

SHAPES = ("retention", "delay", "half", "slope", "spread", "share")
"""Parameters of channels; with those of regions they are all of attribution."""
SAME = (
    "model.adstock.family",
    "model.saturation.slope_min",
    "model.saturation.spread",
    "model.saturation.half_sd",
)
"""Settings in whose units the channels' parameters are."""


def check_previous(previous: Fitted, spec: MarketSpec, panel: Panel) -> None:
    """Refuse an older model that the new one cannot start from.

    Raises:
        SpecError: Other channels, other units of media, or settings that give parameters another meaning.
    """
    problems = []
    old, new = previous.panel.channels, panel.channels
    if old != new:
        gone, come = sorted(set(old) - set(new)), sorted(set(new) - set(old))
        parts = [f"it lacks {', '.join(come)}"] if come else []
        parts += [f"it has {', '.join(gone)}, which the new one has not"] if gone else []
        parts = parts or ["their order differs"]
        message = (
            f"the older model is of other channels: {'; '.join(parts)}. "
            "Fit without --from, or name the same channels."
        )
        problems.append(Problem("other_channels", "--from", message))
    elif (previous.panel.has_exposure_C != panel.has_exposure_C).any():
        names = [
            n
            for n, differs in zip(new, previous.panel.has_exposure_C != panel.has_exposure_C, strict=True)
            if differs
        ]
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
        was, now = _setting(previous.spec, path), _setting(spec, path)
        if was != now:
            message = (
                f"{path} was {was} and is {now}, so that its parameters mean something else. "
                "Fit without --from, or set it back."
            )
            problems.append(Problem("other_settings", "--from", message))
    if problems:
        raise SpecError("--from", problems)


def _setting(spec: MarketSpec, path: str) -> object:
    value: object = spec
    for name in path.split("."):
        value = getattr(value, name)
    return value


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
    if previous.panel.controls != panel.controls:
        return replace(old, control_mean_GK=fresh.control_mean_GK, control_sd_K=fresh.control_sd_K)
    return old


def expected(start: Parameters, panel: Panel, previous: Fitted) -> Parameters:
    """Where the older model says the attribution's parameters are, shaped as ``start``."""
    means = {name: torch.as_tensor(value.mean(0)) for name, value in previous.parameters.items()}
    found: Parameters = {
        name: means[name] for name in (*SHAPES, "per_head") if name in start and name in means
    }
    if "region_scale" in start and "region_scale" in means:
        place = {name: g for g, name in enumerate(previous.panel.regions)}
        scale_GC = torch.zeros(start["region_scale"].shape[1:], dtype=means["region_scale"].dtype)
        for g, name in enumerate(panel.regions):
            if name in place:
                scale_GC[g] = means["region_scale"][place[name]]
        found["region_scale"] = scale_GC
    return {name: value.to(start[name]).expand_as(start[name]).clone() for name, value in found.items()}


def centred(anchor: Parameters, expectation: Parameters) -> Parameters:
    """Centres of priors moved to what is expected; ``share`` has its prior on its softplus."""
    moved = dict(anchor)
    for name, value in expectation.items():
        centre: Tensor = softplus(value) if name == "share" else value
        moved[name] = anchor[name] + centre if name in anchor else centre
    return moved
