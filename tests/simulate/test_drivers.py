"""Drivers that are not bought, added to a world: what they bring is known, and the world beneath stays."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mmm.config import MarketSpec
from mmm.config.files import validate
from mmm.data.read import panel_from_frame
from mmm.errors import SpecError
from mmm.simulate.best_budget import best_budget
from mmm.simulate.draws import Design, simulate_market
from mmm.simulate.drivers import Drivers, with_drivers, without_controls
from mmm.simulate.portfolio import shared_spec
from mmm.simulate.reach import mean_response
from mmm.simulate.truth import contributions_table, effects_table, parameters
from mmm.simulate.worlds import World, carry_over

BASE = {"brand": "a", "market": "b", "data": {"path": "p"}}
DESIGN = Design(regions=4, weeks=80, channels=3)


@cache
def driven() -> World:
    world = simulate_market(DESIGN, seed=5)
    return with_drivers(world, Drivers(mediators=1, share=0.1, lasting=0.3))


def test_the_world_beneath_stays_and_the_parts_add_up() -> None:
    world, bare = driven(), without_controls(simulate_market(DESIGN, seed=5))

    assert_allclose(world.direct_GTC[..., :3], bare.direct_GTC)
    assert world.noise_GT is not None
    total = contributions_table(world).groupby("kind")["value"].sum()
    assert total.sum() == pytest.approx((world.kpi_GT - world.noise_GT).sum(), rel=1e-9)
    assert set(total.index) == {"baseline", "seasonality", "channel", "organic", "mediator", "treatment"}


def test_what_is_not_bought_has_its_share() -> None:
    """A tenth of the KPI without it, organic media and mediators together."""
    world, bare = driven(), without_controls(simulate_market(DESIGN, seed=5))
    expected = 0.1 * (bare.kpi_GT - bare.noise_GT).sum()

    assert world.direct_GTC[..., 3:].sum() == pytest.approx(expected, rel=1e-9)


def test_treatments_bring_nothing_at_their_references_and_more_the_further_they_are() -> None:
    world = driven()
    assert world.treatments_GTR is not None and world.treatment_effects_GTR is not None
    price_GT, depth_GT = world.treatments_GTR[..., 0], world.treatments_GTR[..., 1]
    price_effect_GT = world.treatment_effects_GTR[..., 0]

    at_reference = price_GT == price_GT.max(1, keepdims=True)
    assert_allclose(price_effect_GT[at_reference], 0.0, atol=1e-9)
    assert (price_effect_GT[~at_reference] > 0).all()
    for g in range(4):
        assert np.corrcoef(price_GT[g], price_effect_GT[g])[0, 1] < -0.95
    assert depth_GT.min() == 0.0
    assert set(np.unique(depth_GT)) <= {0.0, 0.1, 0.2, 0.3}


def test_mediators_are_moved_by_two_channels_and_move_none() -> None:
    world = driven()
    mediator = world.channels.index("brand_search")

    assert (world.graph_CC[:3, mediator] > 0).sum() == 2
    assert not world.graph_CC[3:].any()


def test_nobody_buys_them() -> None:
    world = driven()
    email = effects_table(world).set_index("channel").loc["email"].astype("float64")

    assert email["spend"] == 0.0
    assert np.isnan(email["roi"])
    assert "email_spend" not in world.frame()
    assert_allclose(best_budget(world).multipliers_C[3:], 1.0)


def test_its_spec_reads_its_frame() -> None:
    world = driven()
    panel = panel_from_frame(world.frame(), validate(MarketSpec, BASE | shared_spec(world), "test")).panel

    assert panel.organic == ("email", "organic_social")
    assert panel.mediators == ("brand_search",)
    assert [one.name for one in panel.treatments] == ["price", "promotion"]
    assert panel.controls == ("price", "promotion")


@cache
def reached() -> World:
    """One channel and one organic medium with reach and frequency."""
    world = simulate_market(Design(regions=4, weeks=80, channels=3, reach=1), seed=5)
    return with_drivers(world, Drivers(mediators=1, reach=1))


def test_organic_media_may_reach_people_so_and_so_often() -> None:
    world = reached()
    assert world.reach is not None
    assert [world.channels[place] for place in world.reach.places] == ["social", "organic_social"]
    told = parameters(world, 60)["reach"]["organic_social"]
    assert told["best_frequency"] == world.reach.best_R[1] and told["frequency"] > 1.0
    columns = set(world.frame())
    assert {"organic_social_reach", "organic_social_frequency", "email_impressions"} <= columns
    assert not {"organic_social_impressions", "organic_social_spend"} & columns
    panel = panel_from_frame(world.frame(), validate(MarketSpec, BASE | shared_spec(world), "test")).panel
    assert panel.organic == ("email", "organic_social")
    assert [panel.channels[c] for c in np.flatnonzero(panel.has_reach_C)] == ["social", "organic_social"]


def test_people_who_are_reached_oftener_count_by_their_response() -> None:
    """A medium with reach acts by people times the mean response of each, and not by contacts."""
    world = reached()
    assert world.reach is not None
    place = world.channels.index("organic_social")
    share_GT = world.reach.people_RGT[1] / world.population_G[:, None]
    half, slope = float(world.reach.half_R[1]), float(world.reach.slope_R[1])
    acts_GT = share_GT * mean_response(world.reach.contacts_RGT[1], half, slope)
    stock_GT1 = carry_over(acts_GT[..., None], world.response.weights_CL[place : place + 1])
    top_G, half = world.response.top_GC[:, place], world.response.half_saturation_C[place]
    scale = acts_GT.sum() / world.reach.acting(world.intensity_GTC)[..., place].sum()
    by_hand_GT = top_G[:, None] * stock_GT1[..., 0] / (stock_GT1[..., 0] + half * scale)

    assert_allclose(world.direct_GTC[..., place], by_hand_GT, rtol=1e-9)


def test_reach_of_organic_media_leaves_the_rest_as_it_was() -> None:
    world = simulate_market(Design(regions=4, weeks=80, channels=3), seed=5)
    plain, other = (with_drivers(world, Drivers(reach=reach)) for reach in (0, 1))

    assert plain.reach is None and other.reach is not None and other.reach.places == (4,)
    assert_allclose(plain.direct_GTC[..., :3], other.direct_GTC[..., :3], rtol=0)
    assert_allclose(plain.intensity_GTC, other.intensity_GTC, rtol=0)
    assert plain.direct_GTC[..., 3:].sum() == pytest.approx(other.direct_GTC[..., 3:].sum(), rel=1e-12)
    with pytest.raises(SpecError, match="reach: is 3; it must be within 0 and 2"):
        Drivers(reach=3)


def test_what_cannot_be_drawn_is_told_at_once() -> None:
    with pytest.raises(SpecError, match=r"organic.*within 0 and 4") as caught:
        Drivers(organic=9, share=1.5)
    assert len(caught.value.problems) == 2
