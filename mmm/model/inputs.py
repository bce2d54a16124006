"""What the network reads: a scaled panel with its bases, as tensors.

Shapes: G regions, T periods, C channels, K controls, L lags, N national and R regional level increments,
F and E Fourier terms of the shared and the regional season, V courses of an effect, S steps and I inputs of
the recurrent network.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmm.config import ModelSpec
from mmm.data.panel import Floats, Frequency, Panel
from mmm.data.scale import Scaling
from mmm.data.split import default_lags
from mmm.graph.channel_graph import ChannelGraph, own_account
from mmm.model.adstock import carry_over, geometric_kernel, lag_stack
from mmm.model.baseline import carried_periods, course_basis, level_basis, season_basis
from mmm.model.demand import followed
from mmm.model.frequency import Contacts, bought_contacts, contacts_of

NATIONAL_KNOTS: dict[Frequency, int] = {"daily": 14, "weekly": 4, "monthly": 1, "quarterly": 1}
REGIONAL_KNOTS: dict[Frequency, int] = {"daily": 42, "weekly": 6, "monthly": 2, "quarterly": 1}
REGION_SEASON_ORDER = 2
WEEKLY_ORDER = 3
TEMPORAL_STEPS = 16
TYPICAL_RETENTION = 0.5
"""Retention at which the typical volume of a channel is measured."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """A scaled panel as tensors; media and KPI are near 1.

    Attributes:
        kpi_GT: KPI over the region's training mean, 0 where unknown.
        trained_GT: 1 where the cell enters the loss, else 0.
        stack_CGTL: Media of each period and the ones before it.
        controls_GTK: Standardised controls.
        national_TN: Basis of the national level.
        regional_TR: Basis of regional levels.
        season_TF: Basis of the season all regions share.
        region_season_TE: Basis of a region's own season.
        steps_GSI: What the recurrent network reads, step by step.
        between_TS: Weights that turn steps into periods, from steps already past.
        course_TV: Courses that an effect may take over time, besides what the recurrent network makes of it.
        log_half_C: Log of each channel's typical volume, where half-saturation starts.
        log_heads_G: Log of size over KPI, relative to the average region: heads per KPI unit.
        followed_CGT: Log of the media that a channel ran on its own account, level over neighbouring periods,
            less the region's training mean: where spend follows demand that nobody recorded, it shows here.
        share_scale_C: Typical share of the KPI of each channel, which its free share is in units of.
        carries_R: For each of the last controls that is a treatment, 1 if its effect may last.
        contacts: How often people were reached, of channels in which that varies; None without any.
    """

    kpi_GT: Tensor
    trained_GT: Tensor
    stack_CGTL: Tensor
    controls_GTK: Tensor
    national_TN: Tensor
    regional_TR: Tensor
    season_TF: Tensor
    region_season_TE: Tensor
    steps_GSI: Tensor
    between_TS: Tensor
    course_TV: Tensor
    log_half_C: Tensor
    log_heads_G: Tensor
    followed_CGT: Tensor
    share_scale_C: Tensor
    carries_R: Tensor
    contacts: Contacts | None = None

    @property
    def regions(self) -> int:
        """Number of regions, G."""
        return int(self.kpi_GT.shape[0])

    def to(self, device: torch.device) -> Inputs:
        """The same on another device."""
        parts = {item.name: getattr(self, item.name) for item in fields(self)}
        moved: dict[str, Any] = {name: part.to(device) for name, part in parts.items() if part is not None}
        return replace(self, **moved)

    @property
    def reach(self) -> tuple[int, ...]:
        """Places of the channels with reach and a frequency that varies."""
        return () if self.contacts is None else self.contacts.places

    def of_regions(self, own: slice) -> Inputs:
        """The same of some regions; views of these."""
        parts: dict[str, Any] = {
            name: getattr(self, name)[own]
            for name in ("kpi_GT", "trained_GT", "controls_GTK", "steps_GSI", "log_heads_G")
        }
        parts |= {name: getattr(self, name)[:, own] for name in ("stack_CGTL", "followed_CGT")}
        contacts = None if self.contacts is None else self.contacts.of_regions(own)
        return replace(self, **parts, contacts=contacts)

    def train_until(self, n_train: int) -> Inputs:
        """The same with fewer periods in the loss."""
        shorter_GT = self.trained_GT.clone()
        shorter_GT[:, n_train:] = 0.0
        return replace(self, trained_GT=shorter_GT)


def build_inputs(
    panel: Panel,
    scaling: Scaling,
    spec: ModelSpec,
    n_train: int,
    *,
    log_half_C: Floats | None = None,
    graph: ChannelGraph | None = None,
    dtype: torch.dtype = torch.float32,
) -> Inputs:
    """Tensors of a panel (or of a shard of its regions).

    Args:
        panel: The panel.
        scaling: Its units.
        spec: The model's structure.
        n_train: First periods, which enter the loss; levels are carried forward from the last of them.
        log_half_C: Typical volumes measured elsewhere, e.g. over all shards; None measures them here.
        graph: Which channels move which; None where none is known.
        dtype: Floating type of the tensors.
    """
    periods = len(panel.dates)
    lags = default_lags(spec.adstock.max_lag, panel.frequency) + 1

    def tensor(values: Floats) -> Tensor:
        return torch.as_tensor(np.array(values, dtype=np.float64), dtype=dtype)

    media_GTC = scaling.scale_media(panel.media_GTC)
    own_GTC = media_GTC if graph is None else scaling.scale_media(own_account(panel.media_GTC, graph))
    stack_CGTL = lag_stack(tensor(media_GTC.transpose(2, 0, 1)), lags)
    controls_GTK = scaling.scale_controls(panel)
    trained_GT = panel.observed_GT.astype(np.float64)
    trained_GT[:, n_train:] = 0.0
    if log_half_C is None:
        total_C, count_C = typical_volume(stack_CGTL[:, :, :n_train])
        log_half_C = total_C / np.maximum(count_C, 1)
    season_TF, region_season_TE = season_bases(panel, spec, periods, n_train)
    carried = level_periods(panel, spec, n_train)
    stride = spec.temporal.stride or max(1, -(-periods // TEMPORAL_STEPS))
    return Inputs(
        kpi_GT=tensor(scaling.scale_kpi(panel)),
        trained_GT=tensor(trained_GT),
        stack_CGTL=stack_CGTL,
        controls_GTK=tensor(controls_GTK),
        national_TN=tensor(level_basis(periods, n_train, knot_spacing(panel, spec, national=True), carried)),
        regional_TR=tensor(level_basis(periods, n_train, knot_spacing(panel, spec, national=False), carried)),
        season_TF=tensor(season_TF),
        region_season_TE=tensor(region_season_TE),
        steps_GSI=tensor(_steps(np.concatenate([np.log1p(media_GTC), controls_GTK], 2), panel, stride)),
        between_TS=tensor(_between(periods, stride)),
        course_TV=tensor(courses(panel, periods, n_train)),
        log_half_C=tensor(log_half_C),
        log_heads_G=tensor(scaling.log_heads_G()),
        followed_CGT=tensor(
            followed(bought_contacts(own_GTC, panel, scaling), trained_GT, n_train, panel.periods_per_year)
        ),
        share_scale_C=tensor(share_scales(panel, spec)),
        carries_R=tensor(np.array([float(one.carry_over) for one in panel.treatments])),
        contacts=contacts_of(panel, scaling, dtype),
    )


def share_scales(panel: Panel, spec: ModelSpec) -> Floats:
    """Typical share of the KPI of each channel before the data: those not bought are a pool of their own."""
    bought_C = panel.bought_C
    bought = spec.priors.share_scale(max(int(bought_C.sum()), 1))
    return np.where(bought_C, bought, spec.priors.organic_scale(max(int((~bought_C).sum()), 1)))


def typical_volume(stack_CGTL: Tensor) -> tuple[Floats, Floats]:
    """Sum over regions of the log of the median volume where media act, and the regions counted, both C.

    Additive over shards of regions.
    """
    retention_11 = torch.full((1, 1), TYPICAL_RETENTION, dtype=stack_CGTL.dtype)
    kernel = geometric_kernel(retention_11, torch.zeros_like(retention_11), stack_CGTL.shape[-1])
    totals, counts = [], []
    # One channel at a time: the stack is the largest tensor there is, and its copies are too.
    for channel in range(len(stack_CGTL)):
        volume_GT = carry_over(stack_CGTL[channel : channel + 1], kernel)[0, 0]
        top_G1 = volume_GT.amax(-1, keepdim=True)
        acting_GT = volume_GT.masked_fill(volume_GT <= 1e-3 * top_G1, torch.nan)
        log_G = torch.nanmedian(acting_GT, -1).values.log().double().numpy()
        totals.append(np.nansum(log_G))
        counts.append(np.isfinite(log_G).sum())
    return np.array(totals, dtype=np.float64), np.array(counts, dtype=np.float64)


def level_periods(panel: Panel, spec: ModelSpec, n_train: int) -> int:
    """Last training periods whose mean level is carried on; where there is no season the last one alone."""
    return carried_periods(n_train, panel.periods_per_year) if spec.baseline.season_order else 1


def knot_spacing(panel: Panel, spec: ModelSpec, *, national: bool) -> int:
    """Periods between knots of the national level, or of regions' own."""
    if national:
        return spec.baseline.national_knots or NATIONAL_KNOTS[panel.frequency]
    return spec.baseline.regional_knots or REGIONAL_KNOTS[panel.frequency]


def courses(panel: Panel, periods: int, n_train: int) -> Floats:
    """Courses that an effect may take over any number of periods from the first, shape TV."""
    return course_basis(periods, n_train, panel.periods_per_year)


def season_bases(panel: Panel, spec: ModelSpec, periods: int, n_train: int) -> tuple[Floats, Floats]:
    """Bases of the shared and of a region's own season over any number of periods from the first.

    Yearly terms, and weekly ones for daily panels; the regional season has the slowest only.
    """
    order, year = spec.baseline.season_order, panel.periods_per_year
    shared = [season_basis(periods, n_train, order, year)]
    if panel.frequency == "daily" and order:
        shared.append(season_basis(periods, n_train, WEEKLY_ORDER, 7.0))
    own = season_basis(periods, n_train, min(order, REGION_SEASON_ORDER), year)
    return np.concatenate(shared, 1), own


def _steps(features_GTI: Floats, panel: Panel, stride: int) -> Floats:
    """Means over blocks of ``stride`` periods that are over when the step begins, with the calendar.

    Step s reads block s - 1, so step 0 reads zeros: no effect can depend on its own future.
    """
    regions, periods, inputs = features_GTI.shape
    blocks = -(-periods // stride)
    padded_GTI = np.zeros((regions, blocks * stride, inputs))
    padded_GTI[:, :periods] = features_GTI
    mean_GSI = padded_GTI.reshape(regions, blocks, stride, inputs).mean(2)
    past_GSI = np.concatenate([np.zeros((regions, 1, inputs)), mean_GSI], 1)
    angle_S = 2 * np.pi * np.arange(blocks + 1) * stride / panel.periods_per_year
    calendar_SI = np.stack([np.sin(angle_S), np.cos(angle_S)], 1)
    calendar_GSI = np.broadcast_to(calendar_SI, (regions, blocks + 1, 2))
    return np.concatenate([past_GSI, calendar_GSI], 2)


def _between(periods: int, stride: int) -> Floats:
    """Linear interpolation from the step before a period's block to that of the block, shape TS.

    Step s is known once block s - 1 is over; within block s the value moves from step s - 1 to step s.
    """
    blocks = -(-periods // stride)
    block_T = np.arange(periods) // stride
    share_T = (np.arange(periods) % stride + 1) / stride
    weight_TS = np.zeros((periods, blocks + 1))
    rows = np.arange(periods)
    weight_TS[rows, block_T] = share_T
    weight_TS[rows, np.maximum(block_T - 1, 0)] += 1.0 - share_T
    return weight_TS
