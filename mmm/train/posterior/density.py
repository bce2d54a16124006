"""The posterior density with everything linear integrated out.

Given carry-over, saturation and shares of channels, the KPI is linear in the levels, seasons, controls and
deviations of regions, whose priors are normal: their integral has a closed form and the panel enters only
through sums of products over periods, and then over regions. A shard of regions needs to tell the others
nothing but those sums. Controls whose effect has a known sign are no part of it: their prior is half-normal,
and they are coordinates. So are treatments, whose effects differ by region in proportion and may last; in the
integral over regions they stand beside channels.

A region's response to a channel is ``1 + width · z`` times that of the average region here; the model's
``exp(scale · z)`` agrees to first order, and draws are handed over exactly (see ``draws``).

Shapes: M draws, D coordinates, C channels, G regions, T training periods, R columns of a region's own, P
shared columns, O = R + C of both kinds with effects of a region's own. Of treatments R is their number.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.nn.functional import softplus

from mmm.config import ModelSpec
from mmm.model.beliefs import DEVIATION, TAILS, Expectation, ExpectedShare, log_shares
from mmm.model.experiments import LiftTests, modelled_lift
from mmm.model.frequency import Reached, reached
from mmm.model.inputs import Inputs
from mmm.model.network import LEVEL_SD, ChannelShape, unrecorded_demand
from mmm.model.parameters import Parameters
from mmm.model.placed import Placed, standardised
from mmm.model.restrictions import signed_log_prior
from mmm.model.scales import Scales
from mmm.model.temporal import AMPLITUDE, COURSE, COURSE_WIDTH, amplitude_of, course_of, course_sizes
from mmm.model.treatments import lasting
from mmm.train.posterior.layout import LASTING, SIGNED, TREATED, Layout
from mmm.train.posterior.marginal import Terms, gradient_of, log_likelihood, pulled_back, settled
from mmm.train.posterior.media import demand_of, region_factor, saturation_of, shapes
from mmm.train.posterior.moments import SHOCK, Columns, Moments
from mmm.train.posterior.national import axes_of, national_likelihood
from mmm.train.posterior.side_by_side import Mapped
from mmm.train.shards import Shards, add_up_both_ways

REGION_WIDTH_SD = 0.5
"""Prior width, in logs, of how much regions differ in their response to a channel."""
CELLS_AT_ONCE = 2**17
"""Cells by channel and draw whose gradient is taken together: 1 MiB a table, of which some dozen are held.
More leave the caches and are slower (decision 0030). Parts are the same for any number of threads."""
SHOCK_NOISE = 0.25
"""Typical shock that regions share in a period, relative to the noise of a cell; learned around this."""


@dataclass(frozen=True, eq=False)
class Beliefs:
    """What users believe and what was measured, besides the data.

    Attributes:
        spec: The model's structure and priors.
        channels: Names.
        roi_unit_C: Value of a KPI unit over what was spent on the channel.
        kpi_sum: KPI of the training window, KPI units: what shares are of.
        lift_tests: Measured lifts.
        held: Where an older model has coordinates or ``log_share``: centre and width, by name.
        placed: Beliefs about some cells, and lift tests made elsewhere.
        replaced: Channels of which something is stated that takes the place of what is expected of every
            channel: the log share expected, by position.
    """

    spec: ModelSpec
    channels: tuple[str, ...]
    roi_unit_C: Tensor
    kpi_sum: float
    lift_tests: LiftTests | None
    held: Mapping[str, tuple[Tensor, float]]
    placed: tuple[Placed, ...] = ()
    replaced: Mapping[int, ExpectedShare] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Varying:
    """How effects vary over time in one fit.

    Attributes:
        deviation_CGT: Relative deviation of each effect from constant.
        most_C: Largest amplitude, in these deviations.
    """

    deviation_CGT: Tensor
    most_C: Tensor


@dataclass(frozen=True, eq=False)
class Media:
    """What the coordinates bring in a region of average response.

    Attributes:
        effect_MCGT: In each training cell, in mean KPI.
        beside_MGT: What coordinates say besides, in mean KPI: demand that no column shows but that spend
            followed, and controls whose effect has a known sign; None without any.
        shape: Carry-over and saturation.
        top_MCG: Effect at full saturation.
        share_MC: Share of the KPI of the training window.
        treated_MRGT: What treatments bring against their means in a region of average response.
        seen: What a person reached counts; None without reach and frequency.
        effectiveness_MCGT: Multiplier of effects over time; None holds it at 1.
    """

    effect_MCGT: Tensor
    beside_MGT: Tensor | None
    shape: ChannelShape
    top_MCG: Tensor
    share_MC: Tensor
    treated_MRGT: Tensor
    seen: Reached | None = None
    effectiveness_MCGT: Tensor | None = None


class Density:
    """Log posterior of the coordinates given a panel, or a shard of it.

    Args:
        inputs: The scaled panel, training periods only, in float64.
        columns: Its linear parts.
        moments: Their products.
        scales: Units of the linear parts.
        layout: The coordinates.
        expected: What is expected of channels.
        beliefs: What else is believed.
        region_weight_G: Weight of a region in the share of the KPI; adds up to 1 over all shards.
        varying: How effects vary over time in one fit; None holds them constant.
        shards: What the shard knows of the whole.
    """

    def __init__(
        self,
        inputs: Inputs,
        columns: Columns,
        moments: Moments,
        *,
        scales: Scales,
        layout: Layout,
        expected: Expectation,
        beliefs: Beliefs,
        region_weight_G: Tensor,
        varying: Varying | None,
        shards: Shards,
    ) -> None:
        self.inputs, self.columns, self.moments = inputs, columns, moments
        self.scales, self.layout, self.expected, self.beliefs = scales, layout, expected, beliefs
        self.shards, self.varying = shards, varying
        self.axes = axes_of(columns, moments)
        self.region_weight_G = region_weight_G

    def weighted(self, moments: Moments) -> Density:
        """The same under other weights of cells."""
        other = copy(self)
        other.moments, other.axes = moments, axes_of(self.columns, moments)
        return other

    def believing(self, held: Mapping[str, tuple[Tensor, float]]) -> Density:
        """The same with what an older model says."""
        other = copy(self)
        other.beliefs = replace(self.beliefs, held=held)
        return other

    def value(self, theta_MD: Tensor) -> Tensor:
        """Log posterior up to a constant, shape M; minus infinity where it cannot be computed."""
        terms, rest_M = self.given(theta_MD)
        return log_likelihood(terms, self.columns, self.moments, self.shards)[0] + rest_M

    @property
    def rows(self) -> int:
        """Places that are looked at together, the same for any number of shards: bounds the memory."""
        channels, own, periods, _ = self.inputs.stack_CGTL.shape
        return max(CELLS_AT_ONCE // (channels * periods * max(self.shards.regions, own)), 1)

    def gradient(self, theta_MD: Tensor, mapped: Mapped = map) -> tuple[Tensor, Tensor]:
        """Log posterior, shape M, and its gradient, shape MD, in parts; the same on every shard."""
        parts = torch.split(theta_MD, self.rows)
        values, gradients = zip(*mapped(self._gradient, parts), strict=True)
        return torch.cat(values), torch.cat(gradients)

    def _gradient(self, theta_MD: Tensor) -> tuple[Tensor, Tensor]:
        free_MD = theta_MD.detach().requires_grad_(True)
        terms, rest_M = self.given(free_MD)
        with torch.no_grad():
            likelihood_M, slopes = self.likelihood(terms)
        gradient_MD = pulled_back(free_MD, terms, slopes, rest_M, 1.0 / self.shards.count)
        if self.shards.count > 1:
            gradient_MD = self.shards.total(gradient_MD.contiguous())
        return settled(likelihood_M + rest_M.detach(), gradient_MD)

    def given(self, theta_MD: Tensor) -> tuple[Terms, Tensor]:
        """What the KPI is made of, and the log prior less the distance from beliefs, shape M."""
        coordinates = self.layout.split(theta_MD)
        media = self.media(coordinates)
        return self.terms(coordinates, media), self._log_prior(coordinates) - self._distance(media)

    def rest(self, theta_MD: Tensor) -> Tensor:
        """Log prior less the distance from beliefs, shape M; media are asked only if anything is believed."""
        coordinates = self.layout.split(theta_MD)
        beliefs = self.beliefs
        if not (beliefs.placed or beliefs.spec.priors.channels or beliefs.lift_tests is not None):
            return self._log_prior(coordinates)
        return self._log_prior(coordinates) - self._distance(self.media(coordinates))

    def rest_gradient(self, theta_MD: Tensor) -> tuple[Tensor, Tensor]:
        """:meth:`rest`, shape M, and its gradient, shape MD; the same on every shard."""
        free_MD = theta_MD.detach().requires_grad_(True)
        rests = [self.rest(part_MD) for part_MD in torch.split(free_MD, self.rows)]
        rest_M = torch.cat(rests)
        (gradient_MD,) = torch.autograd.grad(rest_M.sum() / self.shards.count, free_MD)
        if self.shards.count > 1:
            gradient_MD = self.shards.total(gradient_MD.contiguous())
        return rest_M.detach(), gradient_MD

    def likelihood(self, terms: Terms) -> tuple[Tensor, Terms]:
        """Log density of the KPI, shape M, and its gradient by each term, of the shard's own part."""
        if self.axes is not None:
            return national_likelihood(terms, self.columns, self.moments, self.axes)
        value_M, found = log_likelihood(terms, self.columns, self.moments, self.shards)
        return value_M, gradient_of(terms, found, self.columns, self.moments, self.shards)

    def media(self, coordinates: Parameters) -> Media:
        """What media bring in a region of average response."""
        shape = shapes(self.layout.of_channels(coordinates), self.inputs, self.beliefs.spec)
        seen = reached(coordinates, self.inputs.contacts)
        effectiveness_MCGT = self._effectiveness(coordinates)
        level_MCGT = saturation_of(shape, self.inputs, effectiveness_MCGT, seen)
        factor_MG = region_factor(coordinates, self.inputs).expand(-1, len(self.region_weight_G))
        trained_GT = self.columns.trained_GT
        mean_MCG = (level_MCGT * trained_GT).sum(3) / trained_GT.sum(1).clamp_min(1.0)
        mean_MC = (mean_MCG * (self.region_weight_G * factor_MG).unsqueeze(1)).sum(2)
        mean_MC = add_up_both_ways(mean_MC, self.shards)
        share_MC = torch.exp(log_shares(coordinates, self.expected))
        top_MCG = (share_MC / mean_MC.clamp_min(1e-9)).unsqueeze(2) * factor_MG.unsqueeze(1)
        effect_MCGT = top_MCG.unsqueeze(3) * level_MCGT
        beside_MGT, treated_MRGT = self._beside(coordinates), self._treated(coordinates, len(share_MC))
        return Media(
            effect_MCGT, beside_MGT, shape, top_MCG, share_MC, treated_MRGT, seen, effectiveness_MCGT
        )

    def _effectiveness(self, coordinates: Parameters) -> Tensor | None:
        """Multiplier of effects over time, shape MCGT; None where they are constant."""
        if self.varying is None:
            return None
        amplitude_MC = amplitude_of(coordinates[AMPLITUDE], self.varying.most_C)
        bound = self.beliefs.spec.temporal.bound
        course_MC1T = course_of(self.courses(coordinates), self.inputs.course_TV, bound).unsqueeze(2)
        return 1.0 + course_MC1T + amplitude_MC[:, :, None, None] * self.varying.deviation_CGT

    def courses(self, coordinates: Parameters) -> Tensor:
        """Size of each course that each channel's effect takes over time, shape MCV."""
        return course_sizes(coordinates[COURSE_WIDTH], coordinates[COURSE])

    def _beside(self, coordinates: Parameters) -> Tensor | None:
        """Unrecorded demand and controls of known sign, shape MGT; None without either."""
        found = []
        if "demand" in coordinates:
            found.append(
                unrecorded_demand(demand_of(coordinates), self.inputs.followed_CGT, self.beliefs.spec)
            )
        if SIGNED in coordinates:
            found.append(torch.einsum("mk,gtk->mgt", self.signed(coordinates), self.columns.signed_GTK))
        return sum(found[1:], found[0]) if found else None

    def signed(self, coordinates: Parameters) -> Tensor:
        """Sizes of the effects of controls whose sign is known, in mean KPI, one row per draw."""
        size_MK: Tensor = softplus(coordinates[SIGNED]) * self.widths(coordinates, ("control",))
        return size_MK

    def treated(self, coordinates: Parameters) -> Tensor:
        """Effects of one standard deviation of each treatment in an average region, in mean KPI, MR."""
        free_MR = coordinates[TREATED]
        sign_R = free_MR.new_tensor(self.columns.restrictions.signs_of_treatments)
        size_MR = torch.where(sign_R == 0, free_MR, sign_R * softplus(free_MR))
        return size_MR * self.widths(coordinates, ("control",))

    def _treated(self, coordinates: Parameters, draws: int) -> Tensor:
        """What treatments bring, shape MRGT."""
        values_GTR = self.columns.treated_GTR
        if TREATED not in coordinates:
            return values_GTR.permute(2, 0, 1).expand(draws, -1, -1, -1)
        lags = self.inputs.stack_CGTL.shape[-1]
        acting_MGTR = lasting(values_GTR, self.inputs.carries_R, coordinates.get(LASTING), lags)
        return acting_MGTR.permute(0, 3, 1, 2) * self.treated(coordinates)[:, :, None, None]

    def noise(self, coordinates: Parameters) -> Tensor:
        """Standard deviation of a cell of weight 1, shape M1."""
        return self.scales.noise * torch.exp(coordinates["noise"])

    def scatter(self, coordinates: Parameters) -> Tensor:
        """Standard deviation of a cell of weight 1 around its expectation, shocks included, shape M1."""
        noise_M1 = self.noise(coordinates)
        if SHOCK not in coordinates:
            return noise_M1
        return torch.hypot(noise_M1, self.widths(coordinates, (SHOCK,)))

    def widths(self, coordinates: Parameters, names: tuple[str, ...]) -> Tensor:
        """Prior standard deviation of the effect of each named column, in mean KPI, one row per draw."""
        if not names:
            return coordinates["noise"][:, :0]
        every = list(dict.fromkeys(names))
        widths = [self._width(coordinates, name) for name in every]
        return torch.cat(widths, 1)[:, [every.index(name) for name in names]]

    def _width(self, coordinates: Parameters, name: str) -> Tensor:
        if name == "level":
            return LEVEL_SD * torch.ones_like(coordinates["noise"])
        factor = self.beliefs.spec.baseline.flexibility if name.endswith("al_level") else 1.0
        unit = SHOCK_NOISE * self.scales.noise if name == SHOCK else getattr(self.scales, name)
        return factor * unit * torch.exp(coordinates[name])

    def region_widths(self, coordinates: Parameters) -> Tensor:
        """How much regions' responses to each channel and treatment differ, relative to it, or no columns."""
        if "region_width" not in coordinates:
            return coordinates["noise"][:, :0]
        width_MC: Tensor = torch.exp(REGION_WIDTH_SD * coordinates["region_width"])
        treatments = self.columns.restrictions.treatments
        if treatments:
            width_MC = torch.cat([width_MC, torch.ones_like(width_MC[:, :1]).expand(-1, treatments)], 1)
        return self.beliefs.spec.regions.scale_sd * width_MC

    def terms(self, coordinates: Parameters, media: Media) -> Terms:
        """What the KPI is made of."""
        columns, beside_MGT, effect_MCGT = self.columns, media.beside_MGT, media.effect_MCGT
        if columns.restrictions.treatments:
            effect_MCGT = torch.cat([effect_MCGT, media.treated_MRGT], 1)
        return Terms(
            effect_MCGT=effect_MCGT,
            beside_MGT=media.effect_MCGT.new_zeros(1, 1, 1) if beside_MGT is None else beside_MGT,
            own_MR=self.widths(coordinates, columns.own_names),
            shared_MP=self.widths(coordinates, columns.shared_names),
            region_MC=self.region_widths(coordinates),
            noise_M1=self.noise(coordinates),
        )

    def _log_prior(self, coordinates: Parameters) -> Tensor:
        """Log prior of the coordinates, shape M."""
        total_M = torch.zeros_like(coordinates["noise"][:, 0])
        for name, value in coordinates.items():
            if name == DEVIATION:
                total_M = total_M - 0.5 * (TAILS + 1.0) * torch.log1p(value.square() / TAILS).sum(1)
            elif name == SIGNED:
                total_M = total_M + signed_log_prior(value).sum(1)
            elif name == TREATED:
                total_M = total_M + self._treated_log_prior(value)
            else:
                total_M = total_M - 0.5 * value.square().sum(1)
        log_share_MC = log_shares(coordinates, self.expected)
        for name, (centre, width) in self.beliefs.held.items():
            value = log_share_MC if name == "log_share" else coordinates[name]
            total_M = total_M - 0.5 * ((value - centre) / width).square().sum(1)
        share_sd = self.beliefs.spec.priors.share_sd
        if share_sd is not None:
            kept_C = [c for c in range(log_share_MC.shape[1]) if c not in self.beliefs.replaced]
            total_M = total_M - 0.5 * (torch.exp(log_share_MC[:, kept_C]) / share_sd).square().sum(1)
        for c, expected in self.beliefs.replaced.items():
            total_M = total_M - expected.log_density(log_share_MC[:, c])
        return total_M

    def _treated_log_prior(self, free_MR: Tensor) -> Tensor:
        """Half-normal for treatments of known sign, normal for the others, shape M."""
        sign_R = free_MR.new_tensor(self.columns.restrictions.signs_of_treatments)
        density_MR = torch.where(sign_R == 0, -0.5 * free_MR.square(), signed_log_prior(free_MR))
        return density_MR.sum(1)

    def _distance(self, media: Media) -> Tensor:
        """Distance from what users believe of channels and from measured lifts, shape M."""
        beliefs, priors = self.beliefs, self.beliefs.spec.priors
        total_M = torch.zeros_like(media.share_MC[:, 0])
        for name, own in priors.channels.items():
            c = beliefs.channels.index(name)
            for one in own.stated():
                if one.is_placed or one.quantity not in ("share", "roi"):
                    continue
                value_M = media.share_MC[:, c]
                if one.quantity == "roi":
                    if beliefs.roi_unit_C[c] <= 0:
                        continue
                    value_M = value_M * beliefs.kpi_sum * beliefs.roi_unit_C[c]
                total_M = total_M + 0.5 * standardised(value_M, one.belief) ** 2
        total_M = priors.strength * total_M
        between = beliefs.spec.regions.scale_sd**2 if self.shards.regions > 1 else 0.0
        for placed in beliefs.placed:
            brought_M = placed.brought(
                media.shape, self.inputs.stack_CGTL, media.top_MCG, media.effectiveness_MCGT, media.seen
            )
            brought_M = add_up_both_ways(brought_M, self.shards)
            weight = 1.0 if placed.belief.quantity == "test" else priors.strength
            total_M = total_M + 0.5 * weight * placed.deviations(brought_M, between).square()
        tests = beliefs.lift_tests
        if tests is not None:
            lift_ME = modelled_lift(tests, media.shape, media.top_MCG, media.effectiveness_MCGT, media.seen)
            lift_ME = add_up_both_ways(lift_ME, self.shards)
            total_M = total_M + 0.5 * ((lift_ME - tests.lift_ME) / tests.error_E).square().sum(1)
        return total_M
