"""Controls and treatments: what enters the KPI in proportion to its value.

A control has one effect in all regions. A treatment is one of the last controls; regions differ in their
response to it, shrunk to the shared one and of its sign, and its effect may last. Values are deviations from
a region's mean: the reference that a treatment is counted against moves KPI between it and the baseline and
is of no matter to the fit, see :class:`FittedControls`.

Shapes: M members, G regions, T periods, K controls, R treatments, L lags.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from mmm.config import ModelSpec
from mmm.data.panel import Floats
from mmm.model.adstock import carry_over, geometric_kernel, lag_stack
from mmm.model.inputs import Inputs
from mmm.model.scales import Scales

RETENTION_START, RETENTION_SD = -0.5, 1.2
"""Prior of the retention of a treatment whose effect may last, as a logit: centre about 0.4."""


def retention_of_treatments(free: Tensor) -> Tensor:
    """Share of a treatment's effect that is carried to the next period; any shape."""
    return torch.sigmoid(RETENTION_START + RETENTION_SD * free)


def lasting(values_GTR: Tensor, carries_R: Tensor, free_MR: Tensor | None, lags: int) -> Tensor:
    """Values as they act, MGTR (1GTR where nothing lasts): those that last are spread over later periods.

    Before the first period a treatment is taken at its region's mean.

    Args:
        values_GTR: Deviations of treatments from their region's mean.
        carries_R: 1 for those whose effect may last, else 0.
        free_MR: Their free retention; None where none lasts.
        lags: L.
    """
    if free_MR is None:
        return values_GTR.unsqueeze(0)
    retention_MR = retention_of_treatments(free_MR)
    kernel_MRL = geometric_kernel(retention_MR, torch.zeros_like(retention_MR), lags)
    stack_RGTL = lag_stack(values_GTR.permute(2, 0, 1), lags)
    carried_MGTR = carry_over(stack_RGTL, kernel_MRL).permute(0, 2, 3, 1)
    return torch.where(carries_R > 0, carried_MGTR, values_GTR)


def effects(parameters: Mapping[str, Tensor], treatments: int, control_sd: float, scale_sd: float) -> Tensor:
    """Effect of one standard deviation of each control, in mean KPI, shape MGK (M1K where regions are alike).

    Args:
        parameters: As the model sees them.
        treatments: How many of the last controls are treatments.
        control_sd: Unit of effects.
        scale_sd: Width, in logs, of the responses of regions to a treatment.
    """
    effect_M1K = (control_sd * parameters["control"]).unsqueeze(1)
    if not treatments or "region_treatment" not in parameters:
        return effect_M1K
    response_MGR = torch.exp(scale_sd * parameters["region_treatment"])
    own_MGR = effect_M1K[..., -treatments:] * response_MGR
    shared_MGK = effect_M1K[..., :-treatments].expand(-1, response_MGR.shape[1], -1)
    return torch.cat([shared_MGK, own_MGR], -1)


@dataclass(frozen=True, eq=False)
class FittedControls:
    """Controls of a fitted model, the last R of them treatments.

    Attributes:
        effect_MGK: Effect of one standard deviation, in mean KPI; M1K where regions are alike.
        reference_GR: References in the units of scaled controls.
        past_GTK: Controls of the data, scaled.
        carries_R: 1 for treatments whose effect may last, else 0.
        retention_MR: Their free retention; None where none lasts.
        lags: L.
    """

    effect_MGK: Tensor
    reference_GR: Tensor
    past_GTK: Tensor
    carries_R: Tensor
    retention_MR: Tensor | None
    lags: int

    @cached_property
    def to_references_MGR(self) -> Floats:
        """KPI by which treatments at their references exceed them at region means, in mean KPI (or M1R)."""
        first = self.effect_MGK.shape[-1] - self.reference_GR.shape[1]
        moved: Floats = (self.effect_MGK[..., first:] * self.reference_GR).numpy()
        return moved

    @property
    def treated_MGR(self) -> Floats:
        """Effect of one standard deviation of each treatment, in mean KPI."""
        regions, treatments = self.reference_GR.shape
        first = self.effect_MGK.shape[-1] - treatments
        own_MGR = self.effect_MGK[..., first:].numpy()
        return np.broadcast_to(own_MGR, (len(own_MGR), regions, treatments))

    @property
    def kernel_MRL(self) -> Floats:
        """Part of each treatment's effect in its own and later periods (1RL where nothing lasts)."""
        at_once_L = torch.zeros(self.lags, dtype=self.reference_GR.dtype)
        at_once_L[0] = 1.0
        if self.retention_MR is None:
            kernel_MRL = at_once_L.expand(1, len(self.carries_R), -1)
        else:
            retention_MR = retention_of_treatments(self.retention_MR)
            lasting_MRL = geometric_kernel(retention_MR, torch.zeros_like(retention_MR), self.lags)
            kernel_MRL = torch.where(self.carries_R[:, None] > 0, lasting_MRL, at_once_L)
        kernel: Floats = kernel_MRL.numpy()
        return kernel

    def against_references(self, baseline: Tensor, controls: Tensor) -> tuple[Floats, Floats]:
        """Baseline, MGT, and controls, MGTK, with treatments against their references instead of means."""
        baseline_MGT, controls_MGTK = baseline.numpy(), controls.numpy()
        if not self.reference_GR.shape[1]:
            return baseline_MGT, controls_MGTK
        controls_MGTK = controls_MGTK.copy()
        controls_MGTK[..., -self.reference_GR.shape[1] :] -= self.to_references_MGR[:, :, None]
        return baseline_MGT + self.to_references_MGR.sum(-1)[..., None], controls_MGTK

    def ahead(self, values_GHK: Floats, wait: int) -> Floats:
        """KPI of controls after the data, treatments against their references, in mean KPI, shape MGH.

        Of treatments whose effect lasts what ran in the data still acts; between data and horizon they are at
        their mean.

        Args:
            values_GHK: Controls of the horizon, scaled.
            wait: Periods between data and horizon.
        """
        regions, horizon, controls = values_GHK.shape
        treatments, effect_MGK = self.reference_GR.shape[1], self.effect_MGK.numpy()
        if not treatments:
            plain_MGH: Floats = np.einsum("ghk,mk->mgh", values_GHK, effect_MGK[:, 0])
            return plain_MGH
        first, between_GWR = controls - treatments, np.zeros((regions, wait, treatments))
        past_GTR = self.past_GTK.numpy()[..., first:]
        every_GTR = torch.as_tensor(np.concatenate([past_GTR, between_GWR, values_GHK[..., first:]], 1))
        acting_MGTR = lasting(every_GTR, self.carries_R, self.retention_MR, self.lags).numpy()
        shape = (len(effect_MGK), regions)
        acting_MGHR = np.broadcast_to(acting_MGTR[:, :, -horizon:], (*shape, horizon, treatments))
        own_MGK = np.broadcast_to(effect_MGK, (*shape, controls))
        shared_MGH = np.einsum("ghk,mgk->mgh", values_GHK[..., :first], own_MGK[..., :first])
        treated_MGH = np.einsum("mghr,mgr->mgh", acting_MGHR, own_MGK[..., first:])
        ahead_MGH: Floats = shared_MGH + treated_MGH - self.to_references_MGR.sum(-1)[..., None]
        return ahead_MGH


def fitted_controls(
    parameters: Mapping[str, Tensor], inputs: Inputs, spec: ModelSpec, scales: Scales, reference_GR: Floats
) -> FittedControls:
    """Controls of a model from its parameters; references in the units of scaled controls."""
    return FittedControls(
        effect_MGK=effects(parameters, len(inputs.carries_R), scales.control, spec.regions.scale_sd),
        reference_GR=torch.as_tensor(reference_GR),
        past_GTK=inputs.controls_GTK,
        carries_R=inputs.carries_R,
        retention_MR=parameters.get("treatment_retention"),
        lags=int(inputs.stack_CGTL.shape[-1]),
    )
