"""Draw one brand in one market whose truth is known.

Shapes: G regions, T periods, C channels, K controls, L lags.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from mmm.data.panel import NATIONAL, Bools, Floats
from mmm.errors import Problem, SpecError
from mmm.simulate.reach import Reach, draw_reach
from mmm.simulate.worlds import Influence, Response, World, carry_over, carry_over_weights

LAGS = 26
PERIODS_PER_YEAR = 365.25 / 7
FIRST_WEEK = "2023-01-02"
FEWEST_WEEKS = 26
KPI_VALUE = 40.0
REACH_HALF = 10.0
"""Half-saturation of reach relative to that of other channels."""
CONTROLS = ("price", "promo")
CHANNELS = (
    *("tv", "search", "social", "video", "radio", "display"),
    *("affiliate", "outdoor", "print", "audio", "email", "cinema"),
)


@dataclass(frozen=True, kw_only=True)
class Design:
    """What kind of market to draw."""

    regions: int = 12
    """Regions; 1 makes a national panel."""
    weeks: int = 156
    """Weeks of history."""
    channels: int = 8
    """Media channels."""
    edges: int | None = None
    """Edges of the channel graph; None takes two fewer than channels."""
    edge_strength: float = 1.0
    """Factor on how strongly channels move one another."""
    media_share: float = 0.3
    """Share of the expected KPI that media cause directly."""
    slopes: tuple[float, float] = (0.8, 3.0)
    """Range of Hill slopes; below 1 a channel is concave from the first unit."""
    confounding: float = 0.3
    """How strongly half of the channels' spend follows demand that no column shows; 0 not at all."""
    region_spread: float = 0.2
    """Standard deviation of the log of a region's response to a channel."""
    noise: float = 0.04
    """Standard deviation of the noise relative to a region's expected KPI."""
    outliers: float = 0.01
    """Share of region-weeks whose KPI is multiplied by something between 0.3 and 2."""
    roi: tuple[float, ...] | None = None
    """True return of each channel over all weeks, direct effect; None draws it."""
    decay: tuple[float, ...] | None = None
    """Retention of each channel's carry-over; None draws it."""
    price_elasticity: float = 0.0
    """Per cent by which the price of shown exposure rises with one per cent more spend in a region-week."""
    reach: int = 0
    """Channels, the last ones, of which reach and frequency are known."""
    reach_half: tuple[float, float] = (1.5, 3.0)
    """Range of the contacts at which a person does half of the most it can be brought to."""
    reach_slope: tuple[float, float] = (1.5, 2.5)
    """Range of the Hill slope of a person's response to contacts."""
    frequency_spread: float = 0.5
    """Standard deviation of the log of contacts beyond the first; 0 holds frequency constant."""

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn, all of it at once."""
        pairs = self.channels * (self.channels - 1) // 2
        rules = (
            ("regions", self.regions >= 1, "must be at least 1"),
            ("weeks", self.weeks >= FEWEST_WEEKS, f"must be at least {FEWEST_WEEKS}"),
            ("channels", self.channels >= 1, "must be at least 1"),
            ("edges", 0 <= self.edge_count <= pairs, f"must be within 0 and {pairs}, the pairs of channels"),
            ("edge_strength", self.edge_strength >= 0, "must be at least 0"),
            ("media_share", 0 < self.media_share < 1, "must be between 0 and 1"),
            ("slopes", 0 < self.slopes[0] <= self.slopes[1], "must be positive and in ascending order"),
            ("confounding", self.confounding >= 0, "must be at least 0"),
            ("region_spread", self.region_spread >= 0, "must be at least 0"),
            ("noise", self.noise >= 0, "must be at least 0"),
            ("price_elasticity", 0 <= self.price_elasticity <= 0.6, "must be within 0 and 0.6"),
            ("outliers", 0 <= self.outliers <= 1, "must be within 0 and 1"),
            (
                "reach",
                0 <= self.reach <= self.channels,
                f"must be within 0 and {self.channels}, the channels",
            ),
            ("reach_half", 0 < self.reach_half[0] <= self.reach_half[1], "must be positive and ascending"),
            ("reach_slope", 0 < self.reach_slope[0] <= self.reach_slope[1], "must be positive and ascending"),
            ("frequency_spread", self.frequency_spread >= 0, "must be at least 0"),
            ("roi", self._is_by_channel(self.roi), "must be one positive number a channel"),
            (
                "decay",
                self._is_by_channel(self.decay) and max(self.decay or (0.0,)) < 1,
                "must be one number between 0 and 1 a channel",
            ),
        )
        refuse_unless(self, "The design of a simulated market", rules)

    def _is_by_channel(self, values: tuple[float, ...] | None) -> bool:
        return values is None or (len(values) == self.channels and min(values) > 0)

    @property
    def edge_count(self) -> int:
        """Edges of the channel graph."""
        return max(self.channels - 2, 0) if self.edges is None else self.edges


def refuse_unless(drawn: object, what: str, rules: Iterable[tuple[str, bool, str]]) -> None:
    """Refuse settings that break rules: the field, whether it is kept, and what it says.

    Raises:
        SpecError: With every broken rule.
    """
    problems = [
        Problem("out_of_range", name, f"is {getattr(drawn, name)}; it {rule}.")
        for name, kept, rule in rules
        if not kept
    ]
    if problems:
        raise SpecError(what, problems)


def simulate_market(
    design: Design | None = None, *, brand: str = "acme", market: str = "us", seed: int = 0
) -> World:
    """Draw one brand in one market; the same design and seed give the same world, bit for bit.

    Demand that no column shows moves the KPI and the spend of half of the channels, KPI baselines are
    local levels, seasonality differs in phase by region, regions differ in size and response, channels
    move one another along a graph whose order the columns do not give away, and a few KPI values are off.
    """
    design = design or Design()
    rng = np.random.default_rng(seed)
    regions, weeks = design.regions, design.weeks
    population_G = np.round(rng.lognormal(13.0, 0.8, regions))
    phase_G = 0.1 + 0.05 * rng.standard_normal(regions)
    demand_GT = 0.7 * wander(rng, 1, weeks, 0.9) + 0.7 * wander(rng, regions, weeks, 0.8)
    influence = _draw_influence(rng, design, phase_G, demand_GT)
    intensity_GTC = influence.intensity_GTC()

    level_G1 = 0.01 * (population_G * np.exp(0.3 * rng.standard_normal(regions)))[:, None]
    drift_GT = np.cumsum(0.008 * rng.standard_normal((1, weeks)), axis=1)
    drift_GT = drift_GT + np.cumsum(0.008 * rng.standard_normal((regions, weeks)), axis=1)
    baseline_GT = level_G1 * np.exp(drift_GT + 0.04 * demand_GT)
    seasonality_GT = level_G1 * _season(weeks, phase_G)
    controls_GTK, control_effects_GTK = _draw_controls(rng, level_G1, weeks)
    rest = float((baseline_GT + seasonality_GT + control_effects_GTK.sum(axis=-1)).sum())
    reach, acting_GTC = _draw_reach(design, intensity_GTC, population_G, seed)
    decay_C, delay_C, response = _draw_response(rng, design, level_G1, acting_GTC, rest)

    direct_GTC = response.kpi_GTC(acting_GTC)
    expected_GT = baseline_GT + seasonality_GT + control_effects_GTK.sum(axis=-1) + direct_GTC.sum(axis=-1)
    kpi_GT = _observe(rng, design, expected_GT)
    exposure_GTC, spend_GTC, has_exposure_C = _draw_spend(
        rng, intensity_GTC, population_G, direct_GTC, design.roi
    )
    spend_GTC, elasticity_C = _priced(spend_GTC, has_exposure_C, design.price_elasticity)
    width = len(str(regions))
    return World(
        brand=brand,
        market=market,
        regions=tuple(f"r{g + 1:0{width}d}" for g in range(regions)) if regions > 1 else (NATIONAL,),
        dates=np.datetime64(FIRST_WEEK, "D") + 7 * np.arange(weeks),
        channels=tuple(
            CHANNELS[c] if c < len(CHANNELS) else f"channel_{c + 1}" for c in range(design.channels)
        ),
        controls=CONTROLS,
        population_G=population_G,
        kpi_GT=kpi_GT,
        exposure_GTC=exposure_GTC,
        spend_GTC=spend_GTC,
        has_exposure_C=has_exposure_C,
        controls_GTK=controls_GTK,
        baseline_GT=baseline_GT,
        seasonality_GT=seasonality_GT,
        control_effects_GTK=control_effects_GTK,
        noise_GT=kpi_GT - expected_GT,
        intensity_GTC=intensity_GTC,
        response=response,
        influence=influence,
        decay_C=decay_C,
        delay_C=delay_C,
        kpi_value=KPI_VALUE,
        seed=seed,
        reach=reach,
        elasticity_C=elasticity_C,
    )


def _draw_reach(
    design: Design, intensity_GTC: Floats, population_G: Floats, seed: int
) -> tuple[Reach | None, Floats]:
    """Reach and frequency of the last channels, and media per head by what they count; numbers of its own."""
    if design.reach == 0:
        return None, intensity_GTC
    places = tuple(range(design.channels - design.reach, design.channels))
    shapes = (design.reach_half, design.reach_slope)
    rng = np.random.default_rng([seed, 1])
    reach = draw_reach(rng, intensity_GTC, population_G, places, shapes, design.frequency_spread)
    return reach, reach.acting(intensity_GTC)


def wander(rng: np.random.Generator, series: int, periods: int, persistence: float) -> Floats:
    """Stationary AR(1) series of unit variance, ``series`` x ``periods``."""
    shocks = rng.standard_normal((series, periods)) * np.sqrt(1 - persistence**2)
    shocks[:, 0] /= np.sqrt(1 - persistence**2)
    return np.asarray(lfilter([1.0], [1.0, -persistence], shocks, axis=1), dtype=np.float64)


def _season(periods: int, phase_G: Floats) -> Floats:
    """Two yearly harmonics, relative to the level."""
    year_GT = np.arange(periods)[None, :] / PERIODS_PER_YEAR - phase_G[:, None]
    return np.asarray(
        0.12 * np.sin(2 * np.pi * year_GT) + 0.05 * np.cos(4 * np.pi * year_GT), dtype=np.float64
    )


def _flights(rng: np.random.Generator, regions: int, periods: int) -> Floats:
    """On and off in blocks of four weeks: a national pattern that two fifths of the regions ignore."""
    blocks = -(-periods // 4)
    national_1B = rng.uniform(size=(1, blocks)) < 0.6
    own_GB = rng.uniform(size=(regions, blocks)) < 0.6
    follows_G1 = rng.uniform(size=(regions, 1)) < 0.6
    on_GT = np.repeat(np.where(follows_G1, national_1B, own_GB), 4, axis=1)[:, :periods]
    return np.where(on_GT, 1.0, 0.05)


def _draw_influence(
    rng: np.random.Generator, design: Design, phase_G: Floats, demand_GT: Floats
) -> Influence:
    """Media that run on their own account, and the graph by which channels move one another."""
    regions, weeks, channels = design.regions, design.weeks, design.channels
    order = rng.permutation(channels)
    pairs = [(order[i], order[j]) for i in range(channels) for j in range(i + 1, channels)]
    strength_CC = np.zeros((channels, channels))
    for pair in rng.permutation(len(pairs))[: design.edge_count]:
        strength_CC[pairs[pair]] = design.edge_strength * rng.uniform(0.4, 0.8)
    follows_C = rng.permutation(channels) < channels // 2
    own_GTC = np.empty((regions, weeks, channels))
    for c in range(channels):
        log_GT = 0.35 * wander(rng, 1, weeks, 0.8) + 0.45 * wander(rng, regions, weeks, 0.5)
        log_GT = (
            log_GT + 0.25 * rng.standard_normal((regions, weeks)) + 0.3 * rng.standard_normal((regions, 1))
        )
        log_GT += design.confounding * follows_C[c] * demand_GT
        year_GT = (
            np.arange(weeks)[None, :] / PERIODS_PER_YEAR - phase_G[:, None] - 0.1 * rng.standard_normal()
        )
        flights_GT = _flights(rng, regions, weeks) if rng.uniform() < 0.5 else 1.0
        own_GTC[..., c] = np.exp(log_GT) * flights_GT * (1 + 0.3 * np.sin(2 * np.pi * year_GT))
    own_GTC /= own_GTC.mean(axis=(0, 1))
    weights_CL = carry_over_weights(rng.uniform(0.3, 0.7, channels), np.zeros(channels), LAGS)
    jitter_GTC = np.exp(0.1 * rng.standard_normal(own_GTC.shape))
    return Influence(own_GTC, strength_CC, weights_CL, jitter_GTC, tuple(int(c) for c in order))


def _draw_controls(rng: np.random.Generator, level_G1: Floats, weeks: int) -> tuple[Floats, Floats]:
    """Price in steps of eight weeks and promotions in one week of eight, and what they do."""
    regions, blocks = len(level_G1), -(-weeks // 8)
    price_GT = 1 + 0.08 * np.repeat(rng.standard_normal((regions, blocks)), 8, axis=1)[:, :weeks]
    promo_GT = (rng.uniform(size=(regions, weeks)) < 0.12).astype(np.float64)
    effects = [level_G1 * -0.6 * (price_GT - 1), level_G1 * 0.12 * promo_GT]
    return np.stack([price_GT, promo_GT], axis=-1), np.stack(effects, axis=-1)


def _draw_response(
    rng: np.random.Generator, design: Design, level_G1: Floats, intensity_GTC: Floats, rest: float
) -> tuple[Floats, Floats, Response]:
    """Decay, delay and direct effects, scaled so that media get their share beside the ``rest``."""
    channels = design.channels
    decay_C = rng.uniform(0.1, 0.8, channels)
    if design.decay is not None:
        decay_C = np.array(design.decay)
    delay_C = np.where(rng.uniform(size=channels) < 0.3, rng.integers(1, 4, channels), 0).astype(np.float64)
    weights_CL = carry_over_weights(decay_C, delay_C, LAGS)
    stock_GTC = carry_over(intensity_GTC, weights_CL)
    half_saturation_C = np.median(stock_GTC, axis=(0, 1)) * rng.uniform(0.6, 2.0, channels)
    slope_C = rng.uniform(*design.slopes, channels)
    if design.reach:
        # People are reached one by one: twice as many do nearly twice as much.
        half_saturation_C[-design.reach :] *= REACH_HALF
        slope_C[-design.reach :] = 1.0
    weight_C = 0.9 * rng.dirichlet(np.full(channels, 1.5)) + 0.1 / channels
    top_GC = level_G1 * np.exp(design.region_spread * rng.standard_normal((len(level_G1), channels)))
    plain_C = Response(weights_CL, half_saturation_C, slope_C, top_GC).kpi_GTC(intensity_GTC).sum(axis=(0, 1))
    wanted_C = weight_C * rest * design.media_share / (1 - design.media_share)
    return decay_C, delay_C, Response(weights_CL, half_saturation_C, slope_C, top_GC * wanted_C / plain_C)


def _observe(rng: np.random.Generator, design: Design, expected_GT: Floats) -> Floats:
    """The KPI as somebody would have recorded it: noise, some values far off, never negative."""
    scale_G1 = design.noise * expected_GT.mean(axis=1, keepdims=True)
    kpi_GT = expected_GT + scale_G1 * rng.standard_normal(expected_GT.shape)
    hit_GT = rng.uniform(size=expected_GT.shape) < design.outliers
    factor_GT = np.where(hit_GT, rng.choice([0.3, 0.5, 1.7, 2.0], expected_GT.shape), 1.0)
    return np.asarray(np.clip(kpi_GT * factor_GT, 0.0, None), dtype=np.float64)


def _priced(spend_GTC: Floats, has_exposure_C: Bools, elasticity: float) -> tuple[Floats, Floats | None]:
    """Spend at prices that rise with it, and by how much; each region spends as much in all as before."""
    if elasticity == 0:
        return spend_GTC, None
    elasticity_C: Floats = elasticity * has_exposure_C.astype(np.float64)
    dearer_GTC: Floats = spend_GTC ** (1.0 / (1.0 - elasticity_C))
    scale_GC = spend_GTC.sum(axis=1) / dearer_GTC.sum(axis=1)
    return dearer_GTC * scale_GC[:, None], elasticity_C


def _draw_spend(
    rng: np.random.Generator,
    intensity_GTC: Floats,
    population_G: Floats,
    direct_GTC: Floats,
    roi: tuple[float, ...] | None,
) -> tuple[Floats, Floats, Bools]:
    """Exposure, spend at prices that give each channel a plausible ROI, and who shows exposure.

    Every second channel shows exposure and buys it at a price that moves by a few per cent; the others
    show spend alone, which is then proportional to what acts.
    """
    periods, channels = intensity_GTC.shape[1:]
    exposure_GTC = intensity_GTC * population_G[:, None, None] * rng.uniform(0.2, 2.0, channels)
    has_exposure_C = np.arange(channels) % 2 == 0
    drawn_C = rng.lognormal(0.5, 0.5, channels)
    roi_C = drawn_C if roi is None else np.array(roi)
    price_C = direct_GTC.sum(axis=(0, 1)) * KPI_VALUE / roi_C / exposure_GTC.sum(axis=(0, 1))
    moves_TC = np.exp(0.04 * wander(rng, channels, periods, 0.9).T * has_exposure_C)
    return exposure_GTC, exposure_GTC * price_C * moves_TC, has_exposure_C
