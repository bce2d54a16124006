"""Drivers that are not bought, added to a simulated world: organic media, mediators, price and promotions.

The world beneath stays what it was: paid media, demand and noise are the same with and without them.

Shapes: G regions, T periods, C channels of both kinds, N channels added, R treatments.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mmm.data.panel import Bools, Floats
from mmm.simulate.draws import REACH_HALF, Design, refuse_unless, wander
from mmm.simulate.reach import Reach, draw_reach
from mmm.simulate.worlds import Influence, Response, World, carry_over, carry_over_weights, hill

ORGANIC = ("email", "organic_social", "newsletter", "blog")
MEDIATORS = ("brand_search", "direct_visits")
TREATMENTS = ("price", "promotion")
REFERENCES = {"price": "max", "promotion": "min"}
LIST_PRICE = 20.0
DEPTHS = (0.1, 0.2, 0.3)


@dataclass(frozen=True, kw_only=True)
class Drivers:
    """What is added to a world."""

    organic: int = 2
    """Organic media, of which every second follows a paid channel."""
    reach: int = 0
    """Organic media, the last ones, of which reach and frequency are known in place of exposure."""
    mediators: int = 0
    """Mediators, each moved by two paid channels."""
    share: float = 0.08
    """KPI that organic media and mediators bring, relative to that of the world without them."""
    elasticity: float = 1.2
    """Per cent of KPI that one per cent of price costs, in the typical region."""
    depth: float = 0.6
    """KPI, relative to a region's level, that a promotion adds per unit of depth."""
    lasting: float = 0.0
    """Share of a promotion's effect that is carried to the next week."""
    spread: float = 0.2
    """Standard deviation of the log of a region's response to price and promotions."""

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn, all of it at once."""
        rules = (
            ("organic", 0 <= self.organic <= len(ORGANIC), f"must be within 0 and {len(ORGANIC)}"),
            (
                "reach",
                0 <= self.reach <= self.organic,
                f"must be within 0 and {self.organic}, the organic media",
            ),
            ("mediators", 0 <= self.mediators <= len(MEDIATORS), f"must be within 0 and {len(MEDIATORS)}"),
            ("share", 0 < self.share < 1, "must be between 0 and 1"),
            ("elasticity", self.elasticity >= 0, "must be at least 0"),
            ("depth", self.depth >= 0, "must be at least 0"),
            ("lasting", 0 <= self.lasting < 1, "must be at least 0 and below 1"),
            ("spread", self.spread >= 0, "must be at least 0"),
        )
        refuse_unless(self, "The drivers of a simulated market", rules)


def without_controls(world: World) -> World:
    """The world without its controls and what they did."""
    return replace(
        world,
        controls=(),
        controls_GTK=world.controls_GTK[..., :0],
        control_effects_GTK=world.control_effects_GTK[..., :0],
        kpi_GT=np.maximum(world.kpi_GT - world.control_effects_GTK.sum(-1), 0.0),
    )


def with_drivers(world: World, drivers: Drivers | None = None) -> World:
    """The world with drivers that are not bought, in place of its controls; the seed is the world's own.

    Price is the list price, in steps, against the region's highest: its effect has a constant elasticity,
    which differs between regions. Promotions have a depth; most regions follow a national calendar.
    """
    drivers = drivers or Drivers()
    rng = np.random.default_rng([world.seed, 17])
    bare = without_controls(world)
    level_G1 = bare.baseline_GT.mean(1, keepdims=True)
    treatments_GTR, effects_GTR = _draw_treatments(rng, drivers, level_G1, bare.kpi_GT.shape[1])
    added = _with_media(rng, drivers, bare, level_G1)
    treated = replace(
        added,
        treatments=TREATMENTS,
        treatments_GTR=treatments_GTR,
        treatment_effects_GTR=effects_GTR,
        references=tuple(REFERENCES[name] for name in TREATMENTS),
    )
    first = len(world.channels)
    brought_GT = treated.direct_GTC[..., first:].sum(-1) + effects_GTR.sum(-1)
    return replace(treated, kpi_GT=np.maximum(bare.kpi_GT + brought_GT, 0.0))


def _draw_treatments(
    rng: np.random.Generator, drivers: Drivers, level_G1: Floats, weeks: int
) -> tuple[Floats, Floats]:
    """Price and depth of promotions, and the KPI of each against its reference, both GTR."""
    regions, blocks = len(level_G1), -(-weeks // 9)
    steps = 0.05 * rng.standard_normal((1, blocks)) + 0.05 * rng.standard_normal((regions, blocks))
    price_GT = np.round(LIST_PRICE * np.exp(np.repeat(steps, 9, axis=1)[:, :weeks]), 2)
    response_GR = np.exp(drivers.spread * rng.standard_normal((regions, 2)))
    elasticity_G1 = drivers.elasticity * response_GR[:, :1]
    highest_G1 = price_GT.max(1, keepdims=True)
    price_effect_GT = level_G1 * ((price_GT / highest_G1) ** -elasticity_G1 - 1.0)
    national_1T, own_GT = (
        np.where(rng.uniform(size=(rows, weeks)) < 0.18, rng.choice(DEPTHS, (rows, weeks)), 0.0)
        for rows in (1, regions)
    )
    follows_G1 = rng.uniform(size=(regions, 1)) < 0.7
    depth_GT = np.where(follows_G1, national_1T, own_GT)
    weights_1L = carry_over_weights(np.array([drivers.lasting]), np.zeros(1), 13)
    acting_GT = carry_over(depth_GT[..., None], weights_1L)[..., 0]
    depth_effect_GT = level_G1 * drivers.depth * response_GR[:, 1:] * acting_GT
    return np.stack([price_GT, depth_GT], -1), np.stack([price_effect_GT, depth_effect_GT], -1)


def _with_media(rng: np.random.Generator, drivers: Drivers, world: World, level_G1: Floats) -> World:
    """The world with organic media and mediators as further channels."""
    organic, mediators = ORGANIC[: drivers.organic], MEDIATORS[: drivers.mediators]
    added, paid = len(organic) + len(mediators), len(world.channels)
    if not added:
        return world
    regions, weeks = world.kpi_GT.shape
    own_GTN = np.empty((regions, weeks, added))
    for n in range(added):
        log_GT = 0.4 * wander(rng, 1, weeks, 0.6) + 0.4 * wander(rng, regions, weeks, 0.4)
        sends = (rng.uniform(size=(regions, weeks)) < 0.6) if n % 2 == 0 and n < len(organic) else 1.0
        own_GTN[..., n] = np.exp(log_GT) * np.where(sends, 1.0, 0.1)
    own_GTN /= own_GTN.mean((0, 1))
    influence = _joined(rng, world.influence, own_GTN, len(organic))
    intensity_GTC = influence.intensity_GTC()
    new_GTN = intensity_GTC[..., paid:]
    own_reach = _drawn_reach(drivers, world, new_GTN)
    acting_GTN = new_GTN if own_reach is None else own_reach.acting(new_GTN)
    decay_N = rng.uniform(0.1, 0.6, added)
    weights_NL = carry_over_weights(decay_N, np.zeros(added), world.response.weights_CL.shape[1])
    stock_GTN = carry_over(acting_GTN, weights_NL)
    half_N = np.median(stock_GTN, axis=(0, 1)) * rng.uniform(0.7, 1.8, added)
    slope_N = rng.uniform(1.0, 2.5, added)
    if own_reach is not None:
        half_N[list(own_reach.places)] *= REACH_HALF
        slope_N[list(own_reach.places)] = 1.0
    top_GN = level_G1 * np.exp(0.2 * rng.standard_normal((regions, added)))
    plain_N = (top_GN[:, None] * hill(stock_GTN, half_N, slope_N)).sum((0, 1))
    weight_N = 0.8 * rng.dirichlet(np.full(added, 2.0)) + 0.2 / added
    wanted_N = drivers.share * float((world.kpi_GT - world.noise_GT).sum()) * weight_N
    old = world.response
    response = Response(
        np.concatenate([old.weights_CL, weights_NL]),
        np.concatenate([old.half_saturation_C, half_N]),
        np.concatenate([old.slope_C, slope_N]),
        np.concatenate([old.top_GC, top_GN * wanted_N / plain_N], 1),
    )
    exposure_GTN = new_GTN * world.population_G[:, None, None] * rng.uniform(0.02, 0.2, added)
    shows_N: Bools = np.ones(added, dtype=np.bool_)
    return replace(
        world,
        channels=(*world.channels, *organic, *mediators),
        organic=organic,
        mediators=mediators,
        exposure_GTC=np.concatenate([world.exposure_GTC, exposure_GTN], 2),
        spend_GTC=np.concatenate([world.spend_GTC, np.zeros_like(exposure_GTN)], 2),
        has_exposure_C=np.concatenate([world.has_exposure_C, shows_N]),
        intensity_GTC=intensity_GTC,
        response=response,
        influence=influence,
        decay_C=np.concatenate([world.decay_C, decay_N]),
        delay_C=np.concatenate([world.delay_C, np.zeros(added)]),
        reach=world.reach if own_reach is None else own_reach.after(world.reach, paid),
    )


def _drawn_reach(drivers: Drivers, world: World, new_GTN: Floats) -> Reach | None:
    """Reach and frequency of the last organic media, by numbers of their own; places among those added."""
    if drivers.reach == 0:
        return None
    rng = np.random.default_rng([world.seed, 19])
    places = tuple(range(drivers.organic - drivers.reach, drivers.organic))
    usual = Design()
    shapes = (usual.reach_half, usual.reach_slope)
    return draw_reach(rng, new_GTN, world.population_G, places, shapes, usual.frequency_spread)


def _joined(rng: np.random.Generator, old: Influence, own_GTN: Floats, organic: int) -> Influence:
    """The channel graph with channels that paid ones move and that move none."""
    paid, added, lags = old.own_GTC.shape[2], own_GTN.shape[2], old.weights_CL.shape[1]
    strength_CC = np.zeros((paid + added, paid + added))
    strength_CC[:paid, :paid] = old.strength_CC
    for n in range(added):
        causes = (n % 2) if n < organic else 2
        for cause in rng.permutation(paid)[:causes]:
            strength_CC[cause, paid + n] = rng.uniform(0.4, 0.8)
    weights_NL = carry_over_weights(np.asarray(rng.uniform(0.3, 0.7, added)), np.zeros(added), lags)
    jitter_GTN = np.exp(0.1 * rng.standard_normal(own_GTN.shape))
    return Influence(
        np.concatenate([old.own_GTC, own_GTN], 2),
        strength_CC,
        np.concatenate([old.weights_CL, weights_NL]),
        np.concatenate([old.jitter_GTC, jitter_GTN], 2),
        (*old.order, *range(paid, paid + added)),
    )
