"""Structure and priors of the model: the ``model:`` section of a spec."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mmm.config.base import Spec
from mmm.config.beliefs import Belief, ChannelPriors


class AdstockSpec(Spec):
    """Carry-over of media into later periods."""

    family: Literal["geometric", "delayed", "weibull"] = "geometric"
    """Shape of the kernel: geometric decay after a slow build-up; geometric decay or, where effects peak
    later, a fall on both sides of the peak; or a Weibull survival curve."""
    max_lag: Annotated[int, Field(ge=0, le=104)] | None = None
    """Periods of carry-over after the one in which media ran; None chooses by frequency."""
    delay: bool = True
    """Learn whether the effect peaks after the period in which media ran."""


class SaturationSpec(Spec):
    """Diminishing returns: Hill curves of carried-over media."""

    slope_min: Annotated[float, Field(ge=0.3, le=5)] = 2.0
    """Smallest Hill slope of a person's response; 2 as in the paper, 1 admits concave responses."""
    spread: Annotated[float, Field(ge=0, le=4)] = 1.0
    """Typical spread, in logs, of half-saturation between people: each person's response is S-shaped, that
    of a market of unlike people is flatter. Learned per channel around this value; 0 makes all alike."""
    half_sd: Annotated[float, Field(gt=0, le=3)] = 0.5
    """Prior width, in logs, of half-saturation around the channel's own median volume."""


class GraphSpec(Spec):
    """The channel graph: which channels move which."""

    mode: Literal["triangular", "notears", "none"] = "notears"
    """``triangular`` takes the order given, ``notears`` learns it, ``none`` has no graph."""
    order: tuple[str, ...] | None = None
    """Channels from upstream to downstream, for ``triangular``; None takes the spec's order."""
    l1: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.01
    """Weight of the sum of standardised edge weights; larger gives fewer edges."""
    threshold: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.05
    """Smallest score that counts as an edge; never below what chance gives in so many periods."""
    required: tuple[tuple[str, str], ...] = ()
    """Edges [cause, effect] that must be there; free of ``l1`` and ``threshold``."""
    forbidden: tuple[tuple[str, str], ...] = ()
    """Edges [cause, effect] that must not be there."""


class TemporalSpec(Spec):
    """Effectiveness of channels that varies in time: one GRU shared by all regions."""

    enabled: bool = True
    """Let effectiveness vary in time."""
    hidden: Annotated[int, Field(ge=1, le=128)] = 8
    """Hidden units of the GRU."""
    stride: Annotated[int, Field(ge=1, le=52)] | None = None
    """Periods per step of the GRU; None takes about 16 steps. Effectiveness moves smoothly in between."""
    bound: Annotated[float, Field(gt=0, le=0.9)] = 0.4
    """Largest relative deviation of effectiveness; each channel learns a bound of its own below it."""
    shrinkage: Annotated[float, Field(gt=0, le=10)] = 0.05
    """Prior standard deviation of the relative deviations; small values hold effectiveness constant."""


class BaselineSpec(Spec):
    """What the KPI would be without media: a local level, seasons and controls."""

    national_knots: Annotated[int, Field(ge=1, le=104)] | None = None
    """Periods between knots of the national level; None chooses by frequency."""
    regional_knots: Annotated[int, Field(ge=1, le=104)] | None = None
    """Periods between knots of each region's level; None chooses by frequency."""
    flexibility: Annotated[float, Field(gt=0, le=20)] = 1.5
    """Factor on the volatility that the data suggest; above 1 for demand that also moves media."""
    season_order: Annotated[int, Field(ge=0, le=12)] = 4
    """Yearly Fourier terms; 0 for no yearly season."""


class RegionSpec(Spec):
    """How regions differ."""

    scale_sd: Annotated[float, Field(ge=0, le=2)] = 0.3
    """Prior standard deviation, in logs, of a region's effectiveness around the shared one."""


class LossSpec(Spec):
    """What training minimises, besides the priors."""

    kind: Literal["huber", "mse"] = "huber"
    """Loss of standardised residuals."""
    huber_delta: Annotated[float, Field(gt=0, le=20)] = 1.345
    """Standardised residual beyond which the Huber loss grows linearly."""
    l1: Annotated[float, Field(ge=0, le=10)] = 1e-4
    """Weight of the sum of absolute weights of the network, per observed cell."""
    l2: Annotated[float, Field(ge=0, le=10)] = 1e-3
    """Weight of the sum of squared weights of the network, per observed cell."""


TYPICAL_MEDIA = 0.3
"""Sum over channels of the default prior scale of their shares."""


LEAST_POOL = 1e-3
"""The same where next to nothing is expected of a pool."""


DEFAULT_MEDIA_SHARE = Belief(mean=0.28, sd=0.15)
"""What all media together are expected to bring where nothing is stated: within 0.11 and 0.56 in nine cases
of ten."""


class PriorSpec(Spec):
    """Shrinkage and attribution priors."""

    share_sd: Annotated[float, Field(gt=0, le=5)] | None = None
    """Half-normal scale of each channel's share of the KPI at its mean volume; None takes 0.3 over the number
    of channels, so that all of them together are expected to bring about a quarter."""
    media_share: Belief | None = None
    """Share of the KPI that all media together bring in the training window. Where None, 0.28 is expected
    with a standard deviation of 0.15, and nothing with ``inference: ensemble``."""
    organic_share: Belief = Belief(mean=0.1, sd=0.1)
    """Share of the KPI that all organic media and mediators together bring in the training window: a pool of
    their own, of which spend tells nothing."""
    spend_weight: Belief = Belief(mean=0.5, sd=0.3)
    """How far spend tells what a channel brings (not with ``inference: ensemble``): at 1 channels of equal
    return are expected, at 0 channels of equal effect. Learned around this value."""
    channel_spread: Annotated[float, Field(gt=0, le=3)] = 0.5
    """Typical spread, in logs, of channels around what their spend lets expect (not with ``inference:
    ensemble``). Learned around this value."""
    demand: Annotated[float, Field(ge=0, le=0.2)] = 0.01
    """How strongly spend may follow demand that no column shows (not with ``inference: ensemble``): typical
    KPI, relative to its mean, that such demand brings where the media that a channel ran on its own account,
    level over neighbouring periods, are one log unit higher. It is never negative, is learned by channel and
    around a typical strength that is learned too, and counts to the baseline; 0 takes all that moves with
    media as their effect."""
    channels: dict[str, ChannelPriors] = Field(default={})
    """Attribution priors by channel."""
    strength: Annotated[float, Field(ge=0, le=1000)] = 1.0
    """Weight of the attribution priors."""
    dynamic: bool = False
    """Scale attribution priors to the prediction loss, its Huber sum alone, so that they weigh the same on
    any panel (with ``inference: ensemble`` only); otherwise they count as what they are."""

    def share_scale(self, channels: int) -> float:
        """``share_sd``, or its default for so many channels that are bought."""
        return TYPICAL_MEDIA / channels if self.share_sd is None else self.share_sd

    def organic_scale(self, channels: int) -> float:
        """The same for so many that are not bought: of their own pool."""
        if self.share_sd is not None:
            return self.share_sd
        pool = TYPICAL_MEDIA * self.organic_share.mean / DEFAULT_MEDIA_SHARE.mean
        return max(pool, LEAST_POOL) / channels


class ModelSpec(Spec):
    """Structure and priors of the model."""

    adstock: AdstockSpec = AdstockSpec()
    """Carry-over of media into later periods."""
    saturation: SaturationSpec = SaturationSpec()
    """Diminishing returns."""
    graph: GraphSpec = GraphSpec()
    """Which channels move which."""
    temporal: TemporalSpec = TemporalSpec()
    """Effectiveness that varies in time."""
    baseline: BaselineSpec = BaselineSpec()
    """The KPI without media."""
    regions: RegionSpec = RegionSpec()
    """How regions differ."""
    loss: LossSpec = LossSpec()
    """What training minimises."""
    priors: PriorSpec = PriorSpec()
    """Shrinkage and attribution priors."""
