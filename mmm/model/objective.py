"""What training minimises: the negative log posterior, per observed cell.

The loss of a shard of regions is a sum over its cells plus the priors of its region parameters; priors of
shared parameters are counted once. Sums over shards therefore give the loss, and the gradient, of one
process.

Shapes: M members; the rest as in ``mmm.model.inputs``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.nn.functional import softplus

from mmm.config import LossSpec, ModelSpec, PriorSpec
from mmm.config.beliefs import Stated
from mmm.data.scale import one_shard
from mmm.model.experiments import LiftTests, shard_lift
from mmm.model.frequency import reached
from mmm.model.inputs import Inputs
from mmm.model.network import Components, channel_shape, channel_weight
from mmm.model.parameters import NETWORK, REGIONAL, Parameters, by_member, of_regions, standard_normal
from mmm.model.placed import Placed, standardised

REGION_NOISE_SD = 0.5
"""Prior standard deviation, in logs, of a region's noise around the shared one."""
BELIEFS = "beliefs"
"""Anchor of what is believed of attribution: by how many standard deviations a member moved each centre."""
HELD_SD = 0.5
"""How far a parameter may stray from an older model's, in prior standard deviations."""
LEVEL_PRECISION = 0.01
"""Nearly flat prior of a region's level, which its own data give."""


@dataclass(frozen=True, eq=False)
class Target:
    """What one fit is trained towards.

    Attributes:
        weight_MGT: Times each cell counts for each member; 0 where it does not train.
        anchor: Centres of the normal priors by parameter; absent ones are 0.
        kpi_G: KPI of the average period of each region, KPI units.
        cells: Observed cells over all shards; the loss is per cell.
        prior_share: Part of the shared parameters' priors that this shard counts, e.g. 1 / shards.
        channels: Names, for priors by channel.
        roi_unit_C: Value of a KPI unit over what was spent on the channel in training.
        add_up: Sum of a tensor over shards, with the gradient of the shard's own part.
        lift_tests: Measured lifts the model must agree with.
        held: Where an older model had parameters, by name.
        placed: Beliefs about some cells, and lift tests made elsewhere.
        bought: Places of the channels that are bought; None if all are.
    """

    weight_MGT: Tensor
    anchor: Parameters
    kpi_G: Tensor
    cells: float
    prior_share: float = 1.0
    channels: tuple[str, ...] = ()
    roi_unit_C: Tensor | None = None
    add_up: Callable[[Tensor], Tensor] = one_shard
    lift_tests: LiftTests | None = None
    held: Parameters = field(default_factory=dict)
    placed: tuple[Placed, ...] = ()
    bought: tuple[int, ...] | None = None

    @property
    def of_cells(self) -> bool:
        """Whether nothing is asked of sums over cells, so that the loss is a sum over regions."""
        return self.lift_tests is None and not self.placed

    def of_regions(self, own: slice, share: float) -> Target:
        """What some regions are trained towards, with part of the shared parameters' priors.

        Args:
            own: Which regions.
            share: Part of the priors that these regions count.
        """
        return replace(
            self,
            weight_MGT=self.weight_MGT[:, own],
            kpi_G=self.kpi_G[own],
            anchor=of_regions(self.anchor, own),
            held=of_regions(self.held, own),
            prior_share=share * self.prior_share,
        )


def robust(standardised: Tensor, spec: LossSpec) -> Tensor:
    """Huber's or the squared loss of standardised residuals."""
    if spec.kind == "mse":
        return 0.5 * standardised**2
    size = standardised.abs()
    return torch.where(
        size < spec.huber_delta, 0.5 * size**2, spec.huber_delta * (size - 0.5 * spec.huber_delta)
    )


def noise_level(parameters: Parameters) -> Tensor:
    """Log standard deviation of residuals by region, shape MG (M1 for one region)."""
    log_noise_MG = parameters["noise"].unsqueeze(-1)
    if "region_noise" in parameters:
        log_noise_MG = log_noise_MG + REGION_NOISE_SD * parameters["region_noise"]
    return log_noise_MG


def misfit(
    parameters: Parameters, components: Components, inputs: Inputs, spec: LossSpec, weight: Tensor
) -> Tensor:
    """Negative log likelihood of the weighted cells, a sum, shape M."""
    loss_MGT, log_noise_MG1 = _losses(parameters, components, inputs, spec)
    return ((loss_MGT + log_noise_MG1) * weight).sum((1, 2))


def loss_of_residuals(
    parameters: Parameters, components: Components, inputs: Inputs, spec: LossSpec, weight: Tensor
) -> Tensor:
    """``misfit`` without the noise's own term, shape M: never negative, about half of the cells."""
    return (_losses(parameters, components, inputs, spec)[0] * weight).sum((1, 2))


def _losses(
    parameters: Parameters, components: Components, inputs: Inputs, spec: LossSpec
) -> tuple[Tensor, Tensor]:
    """Loss of each cell's residual in units of the noise, shape MGT, and the log of the noise, MG1."""
    log_noise_MG1 = noise_level(parameters).unsqueeze(-1)
    residual_MGT = (inputs.kpi_GT - components.prediction_MGT) * torch.exp(-log_noise_MG1)
    return robust(residual_MGT, spec), log_noise_MG1


def log_prior(parameters: Parameters, spec: ModelSpec, target: Target) -> Tensor:
    """Negative log prior, a sum, shape M; shared parameters count ``target.prior_share`` times."""
    normal: dict[bool, list[Tensor]] = {True: [], False: []}
    for name, value in parameters.items():
        if standard_normal(name):
            distance = value - target.anchor[name] if name in target.anchor else value
            normal[name in REGIONAL].append(by_member(distance))
    for name, value in target.held.items():
        normal[name in REGIONAL].append(by_member((parameters[name] - value) / HELD_SD))
    share_MC = softplus(parameters["share"])
    share_MC = share_MC - target.anchor["share"] if "share" in target.anchor else share_MC
    replaced = [name for name, own in spec.priors.channels.items() if own.replaces]
    if replaced and spec.priors.strength > 0:
        share_MC = share_MC * share_MC.new_tensor([float(name not in replaced) for name in target.channels])
    normal[False].append(share_MC)
    total_M = target.prior_share * 0.5 * _squares(normal[False])
    total_M = total_M + 0.5 * LEVEL_PRECISION * _squares([parameters["level"]])
    if normal[True]:
        total_M = total_M + 0.5 * _squares(normal[True])
    return total_M + target.prior_share * _network_penalty(parameters, spec, target.cells)


def _squares(values: list[Tensor]) -> Tensor:
    """Sum of the squares of tensors of shape MP, shape M."""
    return torch.cat(values, 1).square().sum(1)


def _network_penalty(parameters: Parameters, spec: ModelSpec, cells: float) -> Tensor:
    """L1 and L2 over the recurrent network, and shrinkage of what it does to effectiveness."""
    weights = [parameters[name].flatten(1) for name in NETWORK if name in parameters]
    if not weights:
        return torch.zeros_like(parameters["noise"])
    flat_MW = torch.cat(weights, 1)
    total_M = cells * (spec.loss.l1 * flat_MW.abs().sum(1) + spec.loss.l2 * flat_MW.square().sum(1))
    shrunk = [parameters["gru_output"].flatten(1) / spec.temporal.shrinkage, parameters["bound"]]
    return total_M + 0.5 * _squares(shrunk)


def attribution_penalty(components: Components, spec: ModelSpec, target: Target, misfit_M: Tensor) -> Tensor:
    """Distance of shares and ROI of the training window from what is believed of them, shape M.

    With ``priors.dynamic`` it is scaled to the prediction loss, as in the paper: the prior then weighs the
    same against the data on a panel of any size. Every shard knows the whole distance: its value counts in
    part, its gradient in full, since that is only of the shard's own contributions.

    Args:
        components: What the model makes of the parameters.
        spec: The model's priors.
        target: What the fit goes towards.
        misfit_M: Loss of residuals in units of the noise, without the noise's own term; for ``dynamic``.
    """
    priors = spec.priors
    if not has_attribution_priors(spec):
        return torch.zeros_like(misfit_M)
    trained_MGT = (target.weight_MGT > 0).to(target.kpi_G) * target.kpi_G[:, None]
    brought_MC = target.add_up(torch.einsum("mcgt,mgt->mc", components.channels_MCGT, trained_MGT))
    total_M = target.add_up((components.prediction_MGT * trained_MGT).sum((1, 2))).detach()
    share_MC = brought_MC / total_M.unsqueeze(-1)
    penalty_M = torch.zeros_like(misfit_M)
    drawn_MB = _drawn(target, misfit_M)
    if priors.media_share is not None:
        of_media_MC = share_MC if target.bought is None else share_MC[:, list(target.bought)]
        away_M = (of_media_MC.sum(1) - priors.media_share.mean) / priors.media_share.sd
        penalty_M = penalty_M + 0.5 * (away_M - drawn_MB[:, 0]) ** 2
    for index, one in _of_training(spec, target):
        if one.quantity == "share":
            away_M = standardised(share_MC[:, index], one.belief)
            penalty_M = penalty_M + 0.5 * (away_M - drawn_MB[:, 1 + 2 * index]) ** 2
        elif one.quantity == "roi" and target.roi_unit_C is not None:
            away_M = standardised(brought_MC[:, index] * target.roi_unit_C[index], one.belief)
            penalty_M = penalty_M + 0.5 * (away_M - drawn_MB[:, 2 + 2 * index]) ** 2
    scale_M = _dynamic_scale(priors, target, misfit_M)
    return _own_part(priors.strength * scale_M * penalty_M, target)


def placed_penalty(
    parameters: Parameters,
    components: Components,
    inputs: Inputs,
    spec: ModelSpec,
    target: Target,
    misfit_M: Tensor,
) -> Tensor:
    """Distance from beliefs about some cells, and from lift tests made elsewhere, shape M."""
    penalty_M = torch.zeros_like(misfit_M)
    if not target.placed:
        return penalty_M
    shape = channel_shape(parameters, inputs, spec)
    effect_MCG = channel_weight(parameters, inputs, shape, spec)
    seen = reached(parameters, inputs.contacts)
    drawn_MP = _drawn(target, misfit_M)[:, beliefs(len(target.channels)) :]
    scale_M = spec.priors.strength * _dynamic_scale(spec.priors, target, misfit_M)
    for place, placed in enumerate(target.placed):
        brought_M = placed.brought(shape, inputs.stack_CGTL, effect_MCG, components.effectiveness_MCGT, seen)
        away_M = placed.deviations(target.add_up(brought_M)) - drawn_MP[:, place]
        weight_M = 1.0 if placed.belief.quantity == "test" else scale_M
        penalty_M = penalty_M + 0.5 * weight_M * away_M**2
    return _own_part(penalty_M, target)


def _drawn(target: Target, misfit_M: Tensor) -> Tensor:
    """By how many standard deviations each member moved the centre of each belief."""
    every = beliefs(len(target.channels)) + len(target.placed)
    return target.anchor.get(BELIEFS, misfit_M.new_zeros(len(misfit_M), every))


def _dynamic_scale(priors: PriorSpec, target: Target, misfit_M: Tensor) -> Tensor | float:
    """What attribution priors are multiplied by besides their strength."""
    return target.add_up(misfit_M.detach()) if priors.dynamic else 1.0


def _own_part(whole_M: Tensor, target: Target) -> Tensor:
    """A shard's part of a penalty that every shard knows whole: value in part, gradient in full."""
    return whole_M - (1.0 - target.prior_share) * whole_M.detach()


def lift_penalty(
    parameters: Parameters, components: Components, inputs: Inputs, spec: ModelSpec, target: Target
) -> Tensor:
    """Distance of the model's own lifts from the measured ones, in standard errors squared, shape M."""
    tests = target.lift_tests
    if tests is None:
        return torch.zeros_like(parameters["noise"])
    lift_ME = target.add_up(shard_lift(tests, parameters, inputs, spec, components.effectiveness_MCGT))
    return _own_part(0.5 * (((lift_ME - tests.lift_ME) / tests.error_E) ** 2).sum(1), target)


def has_attribution_priors(spec: ModelSpec) -> bool:
    """Whether anything is believed of attribution."""
    return spec.priors.strength > 0 and (spec.priors.media_share is not None or bool(spec.priors.channels))


def _of_training(spec: ModelSpec, target: Target) -> list[tuple[int, Stated]]:
    """Beliefs about the whole training window, each with the position of its channel."""
    return [
        (target.channels.index(name), one)
        for name, priors in spec.priors.channels.items()
        for one in priors.stated()
        if not one.is_placed
    ]


def beliefs(channels: int) -> int:
    """Beliefs on the training window: on all media together, and on share and return of every channel."""
    return 1 + 2 * channels


def objective(
    parameters: Parameters,
    components: Components,
    inputs: Inputs,
    spec: ModelSpec,
    target: Target,
    believed: Parameters | None = None,
) -> Tensor:
    """Negative log posterior per observed cell, shape M; to be added up over shards.

    Args:
        parameters: As the model sees them.
        components: What it makes of them.
        inputs: The scaled panel.
        spec: The model's structure and priors.
        target: What the fit goes towards.
        believed: As priors count them; None counts ``parameters``.
    """
    misfit_M = misfit(parameters, components, inputs, spec.loss, target.weight_MGT)
    total_M = misfit_M + log_prior(believed or parameters, spec, target)
    loss_M = misfit_M
    if spec.priors.dynamic:
        loss_M = loss_of_residuals(parameters, components, inputs, spec.loss, target.weight_MGT)
    total_M = total_M + attribution_penalty(components, spec, target, loss_M)
    total_M = total_M + placed_penalty(parameters, components, inputs, spec, target, loss_M)
    return (total_M + lift_penalty(parameters, components, inputs, spec, target)) / target.cells
