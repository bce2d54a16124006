"""Draws handed over as parameters of the model, and the mode of a descent taken as a start of the sampler.

Shapes: M draws, C channels, G regions, T training periods, R columns of a region's own, P shared columns.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mmm.model.beliefs import DEVIATION, HELD_TOTAL
from mmm.model.frequency import HALF, SLOPE, reached
from mmm.model.network import LEVEL_SD, SMALLEST_REFERENCE, channel_shape, channel_weight, saturated
from mmm.model.objective import REGION_NOISE_SD
from mmm.model.parameters import LEAST_SHARE, NETWORK, Parameters, inverse_softplus
from mmm.model.restrictions import free_of_size
from mmm.model.saturation import hill
from mmm.model.scales import Scales
from mmm.model.temporal import AMPLITUDE, AMPLITUDE_STEEPNESS, most_amplitude
from mmm.train.posterior.density import Density, Media
from mmm.train.posterior.layout import LASTING, SIGNED, TREATED
from mmm.train.posterior.linear import Linear
from mmm.train.posterior.media import demand_of, free_shapes, region_factor, shape_coordinates

PERSON = (HALF, SLOPE)
LEAST_RESPONSE = 0.05
"""Response of a region, relative to the average one, below which draws of the linear form are held."""
WIDTH_NAMES = ("national_level", "season", "control", "regional_level", "region_season")


def log_shares_of(parameters: Parameters, density: Density) -> Tensor:
    """Log of the share of the KPI that each channel brings under parameters of the model, shape MC."""
    inputs, spec = density.inputs, density.beliefs.spec
    shape = channel_shape(parameters, inputs, spec)
    weight_MCG = channel_weight(parameters, inputs, shape, spec)
    trained_GT = density.columns.trained_GT
    level_MCGT = saturated(inputs.stack_CGTL, shape, reached(parameters, inputs.contacts))
    mean_MCG = (level_MCGT * trained_GT).sum(3) / trained_GT.sum(1).clamp_min(1.0)
    share_MC = (mean_MCG * weight_MCG * density.region_weight_G).sum(2)
    return torch.log(density.shards.total(share_MC).clamp_min(1e-9))


def start_of(parameters: Parameters, density: Density) -> Tensor:
    """Coordinates near the parameters of one fit, shape D."""
    expected = density.expected
    log_share_C = log_shares_of(parameters, density)[0]
    bought_C = expected.bought_C
    of_pool_C = log_share_C if bought_C is None else log_share_C.masked_fill(~bought_C, -torch.inf)
    total = torch.logsumexp(of_pool_C, 0)
    score_C = log_share_C - total
    if expected.weight is not None:
        score_C = score_C - expected.weight.mean * expected.log_spend_C
    shape = shape_coordinates(parameters, density.inputs, density.beliefs.spec)
    parts = {name: density.layout.of_groups(value) for name, value in shape.items()}
    parts |= {name: parameters[name] for name in ("demand", *PERSON) if name in parameters}
    if signed := density.columns.restrictions.signed:
        parts[SIGNED] = free_of_size(parameters["control"][:, signed].abs())
    if treated := list(density.columns.restrictions.treated):
        parts |= _treated_start(parameters, density, treated)
    if bought_C is not None:
        held = torch.logsumexp(log_share_C[~bought_C], 0)
        parts[HELD_TOTAL] = ((held - expected.log_held) / expected.log_held_sd).clamp(-2.0, 2.0).reshape(1, 1)
        score_C = torch.where(bought_C, score_C - score_C[bought_C].mean(), log_share_C)
        score_C = torch.where(bought_C, score_C, score_C - log_share_C[~bought_C].mean())
        parts[DEVIATION] = (score_C / expected.spread).clamp(-3.0, 3.0).unsqueeze(0)
    else:
        parts[DEVIATION] = ((score_C - score_C.mean()) / expected.spread).clamp(-3.0, 3.0).unsqueeze(0)
    parts["total"] = ((total - expected.log_total) / expected.log_total_sd).clamp(-2.0, 2.0).reshape(1, 1)
    if AMPLITUDE in density.layout.sizes:
        parts[AMPLITUDE] = torch.logit(1.0 / most_amplitude(parameters)) / AMPLITUDE_STEEPNESS
    if "per_head" in parameters:
        parts["per_head"] = parameters["per_head"].reshape(1, 1)
    return density.layout.join(parts)[0].detach()


def _treated_start(parameters: Parameters, density: Density, treated: list[int]) -> Parameters:
    """Coordinates of treatments near the parameters of one fit."""
    effect_MR = parameters["control"][:, treated]
    sign_R = effect_MR.new_tensor(density.columns.restrictions.signs_of_treatments)
    found = {TREATED: torch.where(sign_R == 0, effect_MR, free_of_size(effect_MR.abs()))}
    return found | ({LASTING: parameters[LASTING]} if LASTING in density.layout.sizes else {})


def learned_scales(density: Density, coordinates: Parameters) -> Scales:
    """Prior widths of the linear parts as learned: means over draws, geometric."""
    found = density.scales.as_dict()
    for name in WIDTH_NAMES:
        if name in coordinates:
            width_M1 = density.widths(coordinates, (name,))
            found[name] = float(torch.exp(torch.log(width_M1).mean()))
    found["noise"] = float(torch.exp(torch.log(density.scatter(coordinates)).mean()))
    return Scales(**found)


def parameters_of(
    density: Density,
    coordinates: Parameters,
    media: Media,
    linear: Linear,
    scales: Scales,
    variance_G: Tensor,
) -> Parameters:
    """The model's free parameters for each draw, in float64.

    Args:
        density: The posterior.
        coordinates: Of each draw.
        media: What media bring in each.
        linear: The linear parts of each.
        scales: Units of the free parameters.
        variance_G: Noise variance of each region relative to the shared one.
    """
    spec, columns = density.beliefs.spec, density.columns
    shape = media.shape
    reference_MC = hill(torch.ones_like(shape.half_MC), shape.half_MC, shape.slope_MC)
    reference_MC = reference_MC.clamp_min(SMALLEST_REFERENCE)
    factor_MG = region_factor(coordinates, density.inputs).expand(-1, media.top_MCG.shape[2])
    share_MC = media.top_MCG[:, :, 0] / factor_MG[:, :1] * reference_MC
    relative_MC = (share_MC / density.inputs.share_scale_C).clamp_min(LEAST_SHARE)
    found = free_shapes(density.layout.of_channels(coordinates), density.inputs, spec)
    found |= {name: coordinates[name] for name in PERSON if name in coordinates}
    if "demand" in coordinates:
        found["demand"] = demand_of(coordinates)
    found["share"] = inverse_softplus(relative_MC)
    found["noise"] = torch.log(density.scatter(coordinates))[:, 0]
    units = {name: getattr(scales, name) for name in WIDTH_NAMES} | {"level": LEVEL_SD}
    for name in ("national_level", "regional_level"):
        units[name] *= spec.baseline.flexibility
    for name in ("national_level", "season", "control"):
        found[name] = linear.shared_MP[:, _places(columns.shared_names, name)] / units[name]
    found["control"] = _every_control(density, coordinates, found["control"], units["control"])
    found["level"] = linear.own_MGR[..., 0] / units["level"]
    if "per_head" in coordinates:
        for name in ("regional_level", "region_season"):
            found[name] = linear.own_MGR[..., _places(columns.own_names, name)] / units[name]
        found["per_head"] = coordinates["per_head"][:, 0]
        found["region_noise"] = (0.5 * torch.log(variance_G) / REGION_NOISE_SD).expand(len(share_MC), -1)
        found["region_scale"] = _in_widths(linear.response_MGC, spec.regions.scale_sd)
        if columns.restrictions.treatments:
            found["region_treatment"] = _in_widths(linear.treated_MGR, spec.regions.scale_sd)
    if LASTING in coordinates:
        found[LASTING] = coordinates[LASTING]
    return found


def _in_widths(response: Tensor, width: float) -> Tensor:
    """Responses of regions as free parameters."""
    log_response = torch.log(response.clamp_min(LEAST_RESPONSE))
    return log_response / width if width > 0 else torch.zeros_like(log_response)


def _every_control(density: Density, coordinates: Parameters, unsigned_MK: Tensor, unit: float) -> Tensor:
    """Effects of all controls, in units, from those of the integral and the coordinates of the others."""
    restrictions = density.columns.restrictions
    if not restrictions.signed and not restrictions.treatments:
        return unsigned_MK
    every_MK = unsigned_MK.new_zeros(len(unsigned_MK), len(restrictions.sign_K))
    every_MK[:, restrictions.unsigned] = unsigned_MK
    if restrictions.signed:
        sign_K = unsigned_MK.new_tensor(restrictions.sign_K)[restrictions.signed]
        every_MK[:, restrictions.signed] = sign_K * density.signed(coordinates) / unit
    if restrictions.treatments:
        every_MK[:, list(restrictions.treated)] = density.treated(coordinates) / unit
    return every_MK


def _places(names: tuple[str, ...], name: str) -> list[int]:
    return [place for place, own in enumerate(names) if own == name]


def network_of(parameters: Parameters, draws: int) -> Parameters:
    """The recurrent network of one fit, once for every draw."""
    names = (*NETWORK, "bound")
    return {
        name: parameters[name].double().expand(draws, *parameters[name].shape[1:])
        for name in names
        if name in parameters
    }


def evenly(count: int, wanted: int) -> list[int]:
    """Places of so many of ``count`` draws, spread evenly."""
    return [math.floor((place + 0.5) * count / wanted) for place in range(wanted)]
