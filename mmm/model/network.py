"""The model's equation, for all members, regions and periods at once.

    kpi_GT = size_G * (baseline_GT + season_GT + controls_GT + sum over channels of contribution_CGT)

Shapes: M members; the rest as in ``mmm.model.inputs``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from mmm.config import ModelSpec
from mmm.data.panel import Ints
from mmm.model.adstock import delayed_kernel, geometric_kernel, weibull_kernel
from mmm.model.frequency import Reached, carried, nearly_linear, reached
from mmm.model.inputs import Inputs
from mmm.model.parameters import Parameters
from mmm.model.saturation import hill, market_slope
from mmm.model.scales import Scales
from mmm.model.temporal import effectiveness
from mmm.model.treatments import effects, lasting

RETENTION_START, RETENTION_SD = 0.0, 1.2
DELAY_START, DELAY_SD = -1.5, 1.2
LATEST_PEAK = 0.5
"""Share of the lags by which any effect has begun to fade."""
PER_HEAD_START, PER_HEAD_SD = 0.5, 0.5
HALF_START = 0.3
SHAPE_SD = 0.4
SLOPE_START = -1.0
SPREAD_SD = 0.5
WIDER = {"slope": 2.0, "spread": 1.6}
"""Standard deviations of free parameters that the sampler expects, in those of an ensemble: markets may be as
steep as people are, or nearly straight (decision 0031)."""
LEVEL_SD = 0.5
BASELINE_SHARPNESS = 20.0
"""The baseline bends at 0 within about one over this, in units of the mean KPI."""
SMALLEST_REFERENCE = 0.02
"""Least saturation of the mean volume that a share is related to."""


@dataclass(frozen=True)
class ChannelShape:
    """Carry-over and saturation of every channel.

    Attributes:
        kernel_MCL: Weights of lags, adding up to 1.
        slope_MC: Hill slope of the market.
        half_MC: Volume of half saturation, in mean volumes.
        share_MC: Contribution of the mean volume, in mean KPI.
    """

    kernel_MCL: Tensor
    slope_MC: Tensor
    half_MC: Tensor
    share_MC: Tensor

    def part(self, members: slice, channels: Ints | slice = slice(None)) -> ChannelShape:
        """The shapes of some members and channels."""
        return ChannelShape(
            *(
                value[members][:, channels]
                for value in (self.kernel_MCL, self.slope_MC, self.half_MC, self.share_MC)
            )
        )


@dataclass(frozen=True)
class Components:
    """Parts of the KPI in units of each region's mean; they add up to ``prediction_MGT``.

    ``effectiveness_MCGT`` is the multiplier of effects over time that is in the channels; None is 1.
    """

    baseline_MGT: Tensor
    season_MGT: Tensor
    controls_MGTK: Tensor
    channels_MCGT: Tensor
    effectiveness_MCGT: Tensor | None = None

    @property
    def prediction_MGT(self) -> Tensor:
        """Expected KPI."""
        return self.baseline_MGT + self.season_MGT + self.controls_MGTK.sum(-1) + self.channels_MCGT.sum(1)


def channel_shape(parameters: Parameters, inputs: Inputs, spec: ModelSpec) -> ChannelShape:
    """Carry-over and saturation from free parameters."""
    lags = inputs.stack_CGTL.shape[-1]
    retention_MC = retention_of(parameters)
    if spec.adstock.family == "weibull":
        kernel_MCL = weibull_kernel(retention_MC, torch.exp(SHAPE_SD * parameters["delay"]), lags)
    else:
        kernel = geometric_kernel if spec.adstock.family == "geometric" else delayed_kernel
        kernel_MCL = kernel(retention_MC, delay_of(parameters, spec, lags), lags)
    slope_MC, half_MC = saturation_of_channels(parameters, inputs.log_half_C, spec, inputs.reach)
    return ChannelShape(
        kernel_MCL=kernel_MCL,
        slope_MC=slope_MC,
        half_MC=half_MC,
        share_MC=inputs.share_scale_C * softplus(parameters["share"]),
    )


def unrecorded_demand(demand_MC: Tensor, followed_CGT: Tensor, spec: ModelSpec) -> Tensor:
    """KPI of demand that no column shows but that spend followed, in mean KPI, shape MGT.

    More media never go with less of it.
    """
    strength_MC = spec.priors.demand * softplus(demand_MC)
    return torch.einsum("mc,cgt->mgt", strength_MC, followed_CGT)


def retention_of(free: Mapping[str, Tensor]) -> Tensor:
    """Share carried to the next period, shape MC."""
    return torch.sigmoid(RETENTION_START + RETENTION_SD * free["retention"])


def delay_of(free: Mapping[str, Tensor], spec: ModelSpec, lags: int) -> Tensor:
    """Periods until the peak (``geometric``: slowness of the build-up), shape MC; 0 if none is learned."""
    delay_MC = torch.exp(DELAY_START + DELAY_SD * free["delay"])
    delay_MC = delay_MC / (1.0 + delay_MC / (LATEST_PEAK * lags))
    return delay_MC if spec.adstock.delay else 0.0 * delay_MC


def expected_shape(free: Mapping[str, Tensor], spec: ModelSpec, lags: int) -> dict[str, Tensor]:
    """Free parameters that the sampler expects otherwise than an ensemble, from standard normal ones, MC.

    Args:
        free: All of a channel's shape, standard normal a priori.
        spec: The model's structure.
        lags: Of the kernel.
    """
    wider = {name: width * free[name] for name, width in WIDER.items()}
    return {"retention": expected_retention(free, spec, lags), **wider}


def standard_shape(free: Mapping[str, Tensor], spec: ModelSpec, lags: int) -> dict[str, Tensor]:
    """The inverse of :func:`expected_shape`, for those of its parameters that are there."""
    found = {name: free[name] / width for name, width in WIDER.items() if name in free}
    if "retention" in free and "delay" in free:
        found["retention"] = standard_retention(free, spec, lags)
    return found


def expected_retention(free: Mapping[str, Tensor], spec: ModelSpec, lags: int) -> Tensor:
    """Free parameter of retention, where a standard one is what is expected of effects without delay, MC.

    Only the family ``geometric`` needs another one. An effect that peaks late falls off on both sides of its
    peak; with the retention of one that does not, a peak two periods on would be a plateau of six. So
    ``1 + delay`` times as much is lost each period: kernels then come within 0.06 of those of Jin et al. 2017
    (sum of absolute differences, halved) for peaks up to three periods on (decision 0028).

    Args:
        free: Free parameters, of which ``retention`` is standard normal a priori whatever the delay.
        spec: The model's structure.
        lags: Of the kernel.
    """
    if spec.adstock.family != "geometric":
        return free["retention"]
    return _lost_faster(free["retention"], 1.0 + delay_of(free, spec, lags))


def standard_retention(free: Mapping[str, Tensor], spec: ModelSpec, lags: int) -> Tensor:
    """The inverse of :func:`expected_retention`, shape MC."""
    if spec.adstock.family != "geometric":
        return free["retention"]
    return _lost_faster(free["retention"], 1.0 / (1.0 + delay_of(free, spec, lags)))


def _lost_faster(retention_MC: Tensor, times_MC: Tensor) -> Tensor:
    """Free parameter of a retention whose log is so many times that of another one."""
    log_retention_MC = times_MC * logsigmoid(RETENTION_START + RETENTION_SD * retention_MC)
    logit_MC = log_retention_MC - torch.log(-torch.expm1(log_retention_MC))
    return (logit_MC - RETENTION_START) / RETENTION_SD


def saturation_of_channels(
    free: Mapping[str, Tensor], log_half_C: Tensor, spec: ModelSpec, reach: tuple[int, ...] = ()
) -> tuple[Tensor, Tensor]:
    """Hill slope of the market and volume of half saturation, in mean volumes, both MC.

    Args:
        free: Free parameters.
        log_half_C: Log typical volumes.
        spec: The model's structure.
        reach: Channels with reach and frequency, which saturate otherwise.
    """
    slope_MC = spec.saturation.slope_min + softplus(SLOPE_START + free["slope"])
    spread_MC = spec.saturation.spread * torch.exp(SPREAD_SD * free["spread"])
    half_MC = torch.exp(log_half_C + HALF_START + spec.saturation.half_sd * free["half"])
    slope_MC = market_slope(slope_MC, spread_MC)
    return nearly_linear(slope_MC, half_MC, free["half"], spec.saturation.half_sd, reach)


def channel_weight(parameters: Parameters, inputs: Inputs, shape: ChannelShape, spec: ModelSpec) -> Tensor:
    """Contribution per unit of saturation in each region, in mean KPI, shape MCG (MC1 for one region).

    Regions whose KPI per head is low may respond as strongly per head, or only in proportion to their
    KPI: the exponent ``per_head`` between the two is learned.
    """
    one = torch.ones_like(shape.half_MC)
    reference_MC = hill(one, shape.half_MC, shape.slope_MC).clamp_min(SMALLEST_REFERENCE)
    weight_MCG = (shape.share_MC / reference_MC).unsqueeze(-1)
    if "region_scale" in parameters:
        exponent_M1 = PER_HEAD_START + PER_HEAD_SD * parameters["per_head"].unsqueeze(-1)
        weight_MCG = weight_MCG * torch.exp(exponent_M1 * inputs.log_heads_G).unsqueeze(1)
        weight_MCG = weight_MCG * torch.exp(
            spec.regions.scale_sd * parameters["region_scale"].transpose(1, 2)
        )
    return weight_MCG


def saturated(stack_CGTL: Tensor, shape: ChannelShape, seen: Reached | None = None) -> Tensor:
    """Saturation of carried-over media, in [0, 1), shape MCGT; of reach, by how often people are reached."""
    volume_MCGT = carried(stack_CGTL, shape.kernel_MCL, seen)
    return hill(volume_MCGT, shape.half_MC[:, :, None, None], shape.slope_MC[:, :, None, None])


def contributions(
    parameters: Parameters, inputs: Inputs, spec: ModelSpec, effectiveness_MCGT: Tensor | None
) -> Tensor:
    """What each channel adds in each cell, in mean KPI, shape MCGT."""
    shape = channel_shape(parameters, inputs, spec)
    weight_MCG = channel_weight(parameters, inputs, shape, spec)
    contribution_MCGT = weight_MCG.unsqueeze(-1) * saturated(
        inputs.stack_CGTL, shape, reached(parameters, inputs.contacts)
    )
    return contribution_MCGT if effectiveness_MCGT is None else contribution_MCGT * effectiveness_MCGT


def _controls(parameters: Parameters, inputs: Inputs, spec: ModelSpec, scales: Scales) -> Tensor:
    """What controls add to the KPI at the mean of each, treatments among them, in mean KPI, shape MGTK."""
    treatments, values_GTK = len(inputs.carries_R), inputs.controls_GTK
    effect_MGK = effects(parameters, treatments, scales.control, spec.regions.scale_sd)
    if not treatments:
        return values_GTK * effect_MGK.unsqueeze(2)
    lags, free_MR = inputs.stack_CGTL.shape[-1], parameters.get("treatment_retention")
    acting_MGTR = lasting(values_GTK[..., -treatments:], inputs.carries_R, free_MR, lags)
    shared_MGTK = values_GTK[..., :-treatments] * effect_MGK[..., :-treatments].unsqueeze(2)
    treated_MGTR = acting_MGTR * effect_MGK[..., -treatments:].unsqueeze(2)
    return torch.cat([shared_MGTK.expand(*treated_MGTR.shape[:-1], -1), treated_MGTR], -1)


def forward(
    parameters: Parameters, inputs: Inputs, spec: ModelSpec, scales: Scales, *, temporal: bool = True
) -> Components:
    """All components of the KPI.

    Args:
        parameters: Free parameters with a leading M axis.
        inputs: The scaled panel.
        spec: The model's structure.
        scales: Units of the free parameters.
        temporal: Whether effectiveness varies in time; false holds it at 1.
    """
    varies = temporal and "gru_output" in parameters
    effect_MCGT = effectiveness(parameters, inputs, spec.temporal.bound) if varies else None
    volatility = spec.baseline.flexibility
    level_MGT = 1.0 + LEVEL_SD * parameters["level"].unsqueeze(-1)
    national_MT = parameters["national_level"] @ inputs.national_TN.T
    level_MGT = level_MGT + volatility * scales.national_level * national_MT.unsqueeze(1)
    season_MGT = scales.season * (parameters["season"] @ inputs.season_TF.T).unsqueeze(1)
    if "regional_level" in parameters:
        own_MGT = parameters["regional_level"] @ inputs.regional_TR.T
        level_MGT = level_MGT + volatility * scales.regional_level * own_MGT
        season_MGT = season_MGT + scales.region_season * (
            parameters["region_season"] @ inputs.region_season_TE.T
        )
    if "demand" in parameters:
        level_MGT = level_MGT + unrecorded_demand(parameters["demand"], inputs.followed_CGT, spec)
    return Components(
        baseline_MGT=softplus(BASELINE_SHARPNESS * level_MGT) / BASELINE_SHARPNESS,
        season_MGT=season_MGT.expand_as(level_MGT),
        controls_MGTK=_controls(parameters, inputs, spec, scales),
        channels_MCGT=contributions(parameters, inputs, spec, effect_MCGT),
        effectiveness_MCGT=effect_MCGT,
    )
