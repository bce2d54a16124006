"""The one place that computes a response: a fitted model under its own or other media.

Everything is in KPI units, media in the panel's own units. Effectiveness that varies in time stays as it
was fitted whatever the media, so that responses are monotone and effects add up.

Shapes: M members, G regions, T periods, C channels, K controls, P multipliers, L lags, H periods ahead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from mmm.config import ModelSpec
from mmm.data.experiments import LiftTest
from mmm.data.panel import Bools, Floats, Panel
from mmm.data.scale import Scaling
from mmm.data.stated.beliefs import PlacedBelief
from mmm.graph.channel_graph import ChannelGraph
from mmm.model import frequency
from mmm.model.adstock import carry_over, lag_stack
from mmm.model.beliefs import shape_quantities
from mmm.model.demand import carried_followed
from mmm.model.experiments import modelled_lift, pose_lift_tests
from mmm.model.inputs import build_inputs, courses, level_periods, season_bases
from mmm.model.network import (
    ChannelShape,
    Components,
    channel_shape,
    channel_weight,
    forward,
    saturated,
    unrecorded_demand,
)
from mmm.model.objective import noise_level
from mmm.model.placed import pose_beliefs
from mmm.model.saturation import hill, scaled_sums
from mmm.model.scales import Scales
from mmm.model.temporal import COURSE, course_of, effectiveness
from mmm.model.treatments import FittedControls, fitted_controls

DTYPE = torch.float64
CELLS_AT_ONCE = 2**17
"""Cells by channel and member of tables that are worked on together: what the processor's caches hold."""
FADING = 0.9
"""Share of what the network makes of effectiveness that is left one period after the data end."""


@dataclass(frozen=True, eq=False)
class Parts:
    """Components of the KPI in KPI units; they add up to ``prediction_MGT``.

    The baseline has every treatment at its reference, controls are against it or against their mean, channels
    are direct effects.
    """

    baseline_MGT: Floats
    season_MGT: Floats
    controls_MGTK: Floats
    channels_MGTC: Floats

    @property
    def prediction_MGT(self) -> Floats:
        """Expected KPI."""
        total: Floats = (
            self.baseline_MGT + self.season_MGT + self.controls_MGTK.sum(-1) + self.channels_MGTC.sum(-1)
        )
        return total


class Predictor:
    """A fitted model, ready to be asked.

    Args:
        panel: The data it was fitted on.
        scaling: Its units.
        spec: Its structure.
        scales: Its prior scales.
        parameters: Free parameters by name, with a leading M axis.
        log_half_C: Log typical volumes.
        trained_until: Periods that entered the fit.
        graph: Which channels move which, as training knew it; None without any.
    """

    def __init__(
        self,
        panel: Panel,
        scaling: Scaling,
        spec: ModelSpec,
        scales: Scales,
        parameters: Mapping[str, Floats],
        log_half_C: Floats,
        trained_until: int,
        graph: ChannelGraph | None = None,
    ) -> None:
        self.panel, self.scaling, self.spec, self.scales = panel, scaling, spec, scales
        self._parameters = {name: torch.as_tensor(value, dtype=DTYPE) for name, value in parameters.items()}
        self._inputs = build_inputs(
            panel, scaling, spec, trained_until, log_half_C=log_half_C, graph=graph, dtype=DTYPE
        )
        self.members = len(parameters["noise"])
        self.trained_until = trained_until

    @property
    def lags(self) -> int:
        """Weights of the carry-over kernel, L."""
        return int(self._inputs.stack_CGTL.shape[-1])

    @cached_property
    def parts(self) -> Parts:
        """Components under the media that ran."""
        with torch.no_grad():
            components = forward(self._parameters, self._inputs, self.spec, self.scales)
        return self._in_kpi_units(components)

    def _in_kpi_units(self, components: Components) -> Parts:
        kpi_G1 = self.scaling.kpi_G[:, None]
        found = self._controls.against_references(components.baseline_MGT, components.controls_MGTK)
        return Parts(
            baseline_MGT=found[0] * kpi_G1,
            season_MGT=components.season_MGT.numpy() * kpi_G1,
            controls_MGTK=found[1] * kpi_G1[..., None],
            channels_MGTC=components.channels_MCGT.permute(0, 2, 3, 1).numpy() * kpi_G1[..., None],
        )

    @cached_property
    def noise_MG(self) -> Floats:
        """Standard deviation of a cell's residual, KPI units."""
        with torch.no_grad():
            level_MG = torch.exp(noise_level(self._parameters)).numpy()
        noise: Floats = (
            np.broadcast_to(level_MG, (self.members, len(self.scaling.kpi_G))) * self.scaling.kpi_G
        )
        return noise

    @cached_property
    def kernel_MCL(self) -> Floats:
        """Carry-over weights by lag; they add up to 1."""
        kernel: Floats = self._shape.kernel_MCL.numpy()
        return kernel

    @cached_property
    def effectiveness_MCGT(self) -> Floats:
        """Multiplier of effects over time, around 1."""
        values: Floats = self._effectiveness.numpy()
        return values

    @cached_property
    def weight_MCG(self) -> Floats:
        """KPI per period that each channel brings at full saturation, by region."""
        with torch.no_grad():
            weight_MCG = channel_weight(self._parameters, self._inputs, self._shape, self.spec).numpy()
        weight: Floats = np.broadcast_to(weight_MCG, (*weight_MCG.shape[:2], len(self.scaling.kpi_G)))
        return weight * self.scaling.kpi_G

    @cached_property
    def _shape(self) -> ChannelShape:
        with torch.no_grad():
            return channel_shape(self._parameters, self._inputs, self.spec)

    @cached_property
    def _seen(self) -> frequency.Reached | None:
        with torch.no_grad():
            return frequency.reached(self._parameters, self._inputs.contacts)

    @cached_property
    def _effectiveness(self) -> Tensor:
        if "gru_output" not in self._parameters:
            channels, regions, periods, _ = self._inputs.stack_CGTL.shape
            return torch.ones(self.members, channels, regions, periods, dtype=DTYPE)
        with torch.no_grad():
            return effectiveness(self._parameters, self._inputs, self.spec.temporal.bound)

    def channel_shapes(self) -> dict[str, Floats]:
        """Half-saturation in mean volumes, Hill slope and retention of every channel, each of shape MC."""
        return shape_quantities(self._parameters, self._inputs.log_half_C, self.spec, self._inputs.reach)

    def contributions_under(
        self, media_GTC: Floats, members: slice = slice(None), channels: Bools | None = None
    ) -> Floats:
        """What the channels would have added with other media over the same periods, shape MGTC.

        Args:
            media_GTC: Media in the panel's units.
            members: Whom to ask.
            channels: Which channels to ask for, C of them being true; None asks for all.
        """
        of = np.arange(media_GTC.shape[2]) if channels is None else np.flatnonzero(channels)
        with torch.no_grad():
            seen = None if self._seen is None else self._seen.part(members, of)
            saturated_MCGT = saturated(self._stack(media_GTC)[of], self._shape.part(members, of), seen)
            value_MCGT = saturated_MCGT * self._effectiveness[members][:, of]
        value_MCGT *= torch.as_tensor(self.weight_MCG[members][:, of, :, None])
        return np.ascontiguousarray(value_MCGT.permute(0, 2, 3, 1).numpy())

    def scaled_totals(self, multiplier_P: Floats, cells_GT: Floats) -> tuple[Floats, Floats]:
        """KPI each channel brings over the cells with its whole history scaled, others as they were.

        Args:
            multiplier_P: Factors on the channel's media, not negative.
            cells_GT: Weight of each cell in the total, 0 or 1.

        Returns:
            Totals, and their derivative by the multiplier, both of shape MPC. At 0 the derivative is that
            of a hundredth of the media.
        """
        stack_CGTL, seen, found = self._inputs.stack_CGTL, self._seen, []
        multipliers, of = multiplier_P.tolist(), np.arange(len(stack_CGTL))
        weight_MCG1, cells = torch.as_tensor(self.weight_MCG)[..., None], torch.as_tensor(cells_GT)
        rows = max(CELLS_AT_ONCE // stack_CGTL[..., 0].numel(), 1)
        for start in range(0, self.members, rows):
            members = slice(start, start + rows)
            shape, reached = self._shape.part(members), None if seen is None else seen.part(members, of)
            volume_MCGT = frequency.carried(stack_CGTL, shape.kernel_MCL, reached)
            scale_MCGT = weight_MCG1[members] * self._effectiveness[members] * cells
            tables = (volume_MCGT.flatten(2), shape.half_MC, shape.slope_MC, scale_MCGT.flatten(2))
            found.append(scaled_sums(*tables, multipliers))
        totals, slopes = zip(*found, strict=True)
        return torch.cat(totals).numpy(), torch.cat(slopes).numpy()

    def lifts(self, tests: Sequence[LiftTest], graph: ChannelGraph) -> Floats:
        """KPI with the change of each lift test less KPI without it, in the cells of the test, shape ME."""
        posed = pose_lift_tests(tests, self.panel, self.scaling, graph, self.lags)
        if posed is None:
            return np.zeros((self.members, 0))
        weight_MCG = torch.as_tensor(self.weight_MCG / self.scaling.kpi_G)
        return modelled_lift(posed, self._shape, weight_MCG, self._effectiveness, self._seen).numpy()

    def believed(self, beliefs: Sequence[PlacedBelief]) -> Floats:
        """What the model says of the quantities and cells that beliefs are about, shape MB."""
        weight_MCG = torch.as_tensor(self.weight_MCG / self.scaling.kpi_G)
        given = (self._shape, self._inputs.stack_CGTL, weight_MCG, self._effectiveness, self._seen)
        values = [one.value(one.brought(*given)) for one in pose_beliefs(beliefs, self.scaling.kpi_G)]
        return torch.stack(values, 1).numpy() if values else np.zeros((self.members, 0))

    def usually_acting(self, media_GTC: Floats) -> Floats:
        """Media carried over as they are on average over members, in the panel's units, shape GTC."""
        stack_CGTL = lag_stack(torch.as_tensor(np.ascontiguousarray(media_GTC.transpose(2, 0, 1))), self.lags)
        acting_MCGT = carry_over(stack_CGTL, torch.as_tensor(self.kernel_MCL.mean(0, keepdims=True)))
        acting: Floats = acting_MCGT[0].permute(1, 2, 0).numpy()
        return acting

    def _stack(self, media_GTC: Floats) -> Tensor:
        scaled_CGT = self.scaling.scale_media(media_GTC).transpose(2, 0, 1)
        return lag_stack(torch.as_tensor(np.ascontiguousarray(scaled_CGT), dtype=DTYPE), self.lags)

    # --- beyond the data ---------------------------------------------------------------------------

    def carried_ahead(
        self,
        future_GHC: Floats,
        *,
        history: bool,
        members: slice = slice(None),
        contacts_GHC: Floats | None = None,
    ) -> Tensor:
        """Scaled volume that acts in the H periods after the data, shape MCGH.

        Args:
            future_GHC: Media of these periods.
            history: Whether what ran before them still acts.
            members: Whom to ask.
            contacts_GHC: How often people are reached in these periods; None takes each channel's mean
                frequency.
        """
        regions, _, channels = future_GHC.shape
        past = (
            self.panel.media_GTC[:, -(self.lags - 1) :] if self.lags > 1 else np.zeros((regions, 0, channels))
        )
        before = past if history else np.zeros_like(past)
        stack_CGTL = self._stack(np.concatenate([before, future_GHC], 1))
        with torch.no_grad():
            if self._seen is None:
                return carry_over(stack_CGTL[:, :, before.shape[1] :], self._shape.kernel_MCL[members])
            factor = self.contact_factor(future_GHC.shape, contacts_GHC, members)
            factor = torch.cat([self._seen.factor_MRGT[members][..., -before.shape[1] :], factor], -1)
            seen = frequency.Reached(self._seen.places, factor[..., factor.shape[-1] - stack_CGTL.shape[2] :])
            kernel_MCL = self._shape.kernel_MCL[members]
            return frequency.carried(stack_CGTL, kernel_MCL, seen)[..., before.shape[1] :]

    @property
    def reach(self) -> tuple[int, ...]:
        """Channels with reach and a frequency that varies, by place."""
        return self._inputs.reach

    def contact_factor(
        self, extent: tuple[int, ...], contacts_GHC: Floats | None, members: slice = slice(None)
    ) -> Tensor:
        """What a person reached counts in periods ahead, of extent G, H, C, shape MRGH.

        Relative to one at the channel's mean frequency, which None for ``contacts_GHC`` takes.
        """
        if contacts_GHC is None:
            return torch.ones(*self._parameters[frequency.HALF][members].shape, *extent[:2], dtype=DTYPE)
        return self.frequency_response(contacts_GHC[..., list(self.reach)].transpose(2, 0, 1), members)

    def frequency_response(self, contacts_RGH: Floats, members: slice = slice(None)) -> Tensor:
        """Mean response of people reached so often, relative to that at the mean frequency, shape MRGH."""
        assert self.scaling.contacts_C is not None
        own = {name: self._parameters[name][members] for name in (frequency.HALF, frequency.SLOPE)}
        with torch.no_grad():
            return frequency.factor_at(own, contacts_RGH, self.scaling.contacts_C, self.reach)

    def person_shape(self) -> tuple[Floats, Floats]:
        """Half-frequency and slope of a person's response to contacts, both MR."""
        half_MR, slope_MR = frequency.person_shape(self._parameters)
        return half_MR.numpy(), slope_MR.numpy()

    def weight_ahead(self, horizon: int, wait: int = 0) -> Tensor:
        """KPI per unit of saturation in the periods after the data, shape MCGH.

        What the network made of effectiveness last fades towards nothing; its slow course goes on.

        Args:
            horizon: Periods.
            wait: Periods after the data that lie before them.
        """
        fading_H = FADING ** torch.arange(wait + 1, wait + horizon + 1, dtype=DTYPE)
        last_MCG1, course_MC1H = self._effectiveness[..., -1:] - 1.0, torch.zeros(1, 1, 1, 1, dtype=DTYPE)
        if COURSE in self._parameters:
            last = len(self.panel.dates) - 1
            course_TV = courses(self.panel, last + 1 + wait + horizon, self.trained_until)[last:]
            from_last = course_of(
                self._parameters[COURSE], torch.as_tensor(course_TV), self.spec.temporal.bound
            ).unsqueeze(2)
            last_MCG1 = last_MCG1 - from_last[..., :1]
            course_MC1H = from_last[..., 1 + wait :]
        return torch.as_tensor(self.weight_MCG)[..., None] * (1.0 + course_MC1H + last_MCG1 * fading_H)

    def saturation_shape(self) -> tuple[Tensor, Tensor]:
        """Half-saturation in scaled volume and Hill slope of every channel, both MC11."""
        return self._shape.half_MC[:, :, None, None], self._shape.slope_MC[:, :, None, None]

    def baseline_ahead(self, controls_GHK: Floats, wait: int = 0) -> Floats:
        """KPI without media after the data, shape MGH: last level, season and controls.

        Args:
            controls_GHK: Controls of these periods, in the panel's units.
            wait: Periods after the data that lie before them.
        """
        periods = len(self.panel.dates) + wait
        shared_TF, own_TE = season_bases(
            self.panel, self.spec, periods + controls_GHK.shape[1], self.trained_until
        )
        ahead_HF, ahead_HE = torch.as_tensor(shared_TF[periods:]), torch.as_tensor(own_TE[periods:])
        season_MGH = self.scales.season * (self._parameters["season"] @ ahead_HF.T).unsqueeze(1)
        if "region_season" in self._parameters:
            own_MGH = self._parameters["region_season"] @ ahead_HE.T
            season_MGH = season_MGH + self.scales.region_season * own_MGH
        control_MGH = self._controls.ahead(self.scaling.scale_control_values(controls_GHK), wait)
        moving_MGH = (season_MGH.numpy() + control_MGH + self._demand_ahead) * self.scaling.kpi_G[:, None]
        level_MG1 = self.parts.baseline_MGT[..., -self._carried :].mean(-1, keepdims=True)
        ahead: Floats = level_MG1 + moving_MGH
        return ahead

    def treatment_effects(self) -> tuple[Floats, Floats]:
        """KPI of one standard deviation of each treatment, MGR, and its parts by lag, MRL (or 1RL)."""
        return self._controls.treated_MGR * self.scaling.kpi_G[:, None], self._controls.kernel_MRL

    @cached_property
    def _controls(self) -> FittedControls:
        references = self.scaling.scale_references(self.panel)
        return fitted_controls(self._parameters, self._inputs, self.spec, self.scales, references)

    @property
    def _carried(self) -> int:
        """Last periods whose mean level goes on; after training it is carried already."""
        if self.trained_until < len(self.panel.dates):
            return 1
        return level_periods(self.panel, self.spec, self.trained_until)

    @property
    def _demand_ahead(self) -> Floats:
        """Unrecorded demand as it is carried on, less what the carried level has of it, in mean KPI, MG1."""
        if "demand" not in self._parameters:
            return np.zeros((1, 1, 1))
        followed_CGT = self._inputs.followed_CGT.numpy()
        last_CG1 = followed_CGT[..., -self._carried :].mean(-1, keepdims=True)
        away_CG1 = carried_followed(followed_CGT, self.trained_until) - last_CG1
        demand_MC = self._parameters["demand"]
        return unrecorded_demand(demand_MC, torch.as_tensor(away_CG1), self.spec).numpy()

    def channels_ahead(self, media_GHC: Floats, contacts_GHC: Floats | None = None) -> Floats:
        """KPI that channels bring after the data by given media, carry-over of history included, MCGH."""
        volume_MCGH = self.carried_ahead(media_GHC, history=True, contacts_GHC=contacts_GHC)
        level_MCGH = hill(volume_MCGH, *self.saturation_shape())
        return np.asarray(self.weight_ahead(media_GHC.shape[1]) * level_MCGH)

    def kpi_ahead(
        self, media_GHC: Floats, controls_GHK: Floats, contacts_GHC: Floats | None = None
    ) -> Floats:
        """Expected KPI after the data under given media and controls, carry-over of history included, MGH."""
        channels_MCGH = self.channels_ahead(media_GHC, contacts_GHC)
        return np.asarray(self.baseline_ahead(controls_GHK) + channels_MCGH.sum(1))
