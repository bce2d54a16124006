from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mmm.config import GraphSpec
from mmm.errors import SpecError
from mmm.graph.channel_graph import ChannelGraph
from mmm.graph.learn import learn_channel_graph
from mmm.graph.notears import topological_order
from tests.graph.worlds import WEEKS, World, make_world, pair_scores

SEEDS = range(5)


def learn(world: World, *, members: int = 0, seed: int = 0, **settings: Any) -> ChannelGraph:
    return learn_channel_graph(
        world.media_GTC,
        world.present_GT,
        world.channels,
        GraphSpec(**settings),
        periods_per_year=WEEKS,
        rng=np.random.default_rng(seed),
        size_G=world.size_G,
        n_bootstrap=members,
    )


def shared_movement(world: World) -> np.ndarray:
    """The naive graph: correlation of media across regions and weeks."""
    sized = world.media_GTC / world.size_G[:, None, None]
    return np.abs(np.corrcoef(sized.reshape(-1, sized.shape[2]).T))


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    return [make_world(seed) for seed in SEEDS]


def test_edges_are_found_in_every_world_and_correlation_finds_them_in_none(worlds: list[World]) -> None:
    for world in worlds:
        auroc, precision = pair_scores(learn(world).score_CC, world.graph_CC)
        assert auroc >= 0.99
        assert precision >= 5 / 6
    found = [pair_scores(learn(world).score_CC, world.graph_CC)[1] for world in worlds]
    assert np.median(found) == 1.0
    naive = [pair_scores(shared_movement(world), world.graph_CC) for world in worlds]
    assert max(auroc for auroc, _ in naive) < 0.97
    assert np.median([precision for _, precision in naive]) < 0.6


def test_half_strength_edges_are_found() -> None:
    scores = [
        pair_scores(learn(world).score_CC, world.graph_CC)
        for world in (make_world(seed, strength=0.5) for seed in SEEDS)
    ]
    assert np.median([auroc for auroc, _ in scores]) >= 0.97
    assert np.mean([precision for _, precision in scores]) >= 0.9


def test_strength_is_measured(worlds: list[World]) -> None:
    for world in worlds[:3]:
        graph = learn(world)
        true = (world.graph_CC > 0) & graph.edges_CC
        assert true.sum() >= 5
        ratio = graph.passed_on_CC[true] / world.passed_on_CC[true]
        assert 0.85 < np.mean(ratio) < 1.2
        assert np.abs(ratio - 1).mean() < 0.2


def test_support_of_scores_is_acyclic_and_probabilities_grade_edges(worlds: list[World]) -> None:
    world = worlds[0]
    graph = learn(world, members=8)
    topological_order(graph.score_CC > 0)
    topological_order(graph.edges_CC)
    true = world.graph_CC > 0
    assert graph.probability_CC[true].mean() > 0.9
    assert graph.probability_CC[~true].mean() < 0.05
    for member in range(8):
        topological_order(graph.member(member).edges_CC)


def test_worlds_without_edges_give_almost_none() -> None:
    found = [learn(make_world(seed, edges=0)).edges_CC.sum() for seed in SEEDS]
    assert np.median(found) == 0
    assert np.mean(found) <= 1


def test_one_short_series_claims_little() -> None:
    graphs = [learn(make_world(seed, regions=1, edges=0), members=8) for seed in SEEDS]
    assert sum(int(graph.edges_CC.sum()) for graph in graphs) <= 2
    assert np.mean([graph.probability_CC.mean() for graph in graphs]) < 0.05


def test_same_seed_same_graph_and_another_seed_only_other_members(worlds: list[World]) -> None:
    first, again, other = (learn(worlds[1], members=3, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.coefficient_MKCC, again.coefficient_MKCC)
    np.testing.assert_array_equal(first.score_CC, other.score_CC)
    assert (first.coefficient_MKCC != other.coefficient_MKCC).any()


def test_permuted_channels_permute_the_graph(worlds: list[World]) -> None:
    world = worlds[2]
    shuffled = np.random.default_rng(0).permutation(8)
    permuted = World(
        world.media_GTC[:, :, shuffled],
        world.present_GT,
        world.size_G,
        world.graph_CC[np.ix_(shuffled, shuffled)],
        world.passed_on_CC,
    )
    found, expected = learn(permuted), learn(world)
    index = np.ix_(shuffled, shuffled)
    np.testing.assert_array_equal(found.edges_CC, expected.edges_CC[index])
    np.testing.assert_allclose(found.score_CC, expected.score_CC[index], atol=2e-3)


def test_units_and_order_of_regions_do_not_matter(worlds: list[World]) -> None:
    world = worlds[3]
    expected = learn(world)
    unit = np.geomspace(1e-4, 1e5, 8)
    other = World(world.media_GTC * unit, world.present_GT, world.size_G, world.graph_CC, world.passed_on_CC)
    found = learn(other)
    np.testing.assert_array_equal(found.edges_CC, expected.edges_CC)
    np.testing.assert_allclose(
        found.passed_on_CC, expected.passed_on_CC * unit[None, :] / unit[:, None], rtol=1e-4
    )
    turned = World(
        world.media_GTC[::-1], world.present_GT, world.size_G[::-1], world.graph_CC, world.passed_on_CC
    )
    np.testing.assert_allclose(learn(turned).score_CC, expected.score_CC, atol=1e-6)


def test_required_and_forbidden_edges_are_honoured(worlds: list[World]) -> None:
    world = worlds[4]
    names = world.channels
    cause, effect = np.argwhere(world.graph_CC > 0)[0]
    real = (names[cause], names[effect])
    back = (real[1], real[0])
    assert learn(world).edges_CC[cause, effect]
    assert not learn(world, forbidden=(real,)).score_CC[cause, effect]
    turned = learn(world, required=(back,))
    assert turned.edges_CC[effect, cause]
    assert not turned.edges_CC[cause, effect]
    topological_order(turned.edges_CC)


def test_given_order_admits_edges_along_it_only(worlds: list[World]) -> None:
    world = worlds[0]
    order = [world.channels[node] for node in topological_order(world.graph_CC > 0)]
    graph = learn(world, mode="triangular", order=tuple(order))
    assert pair_scores(graph.score_CC, world.graph_CC)[0] >= 0.99
    rank = np.array([order.index(name) for name in world.channels])
    assert not graph.score_CC[rank[:, None] >= rank[None, :]].any()


def test_no_graph_and_a_single_channel_are_empty(worlds: list[World]) -> None:
    assert not learn(worlds[0], mode="none", members=2).edges_CC.any()
    single = make_world(0, channels=1, edges=0, regions=2, periods=20)
    assert learn(single).channels == ("channel0",)


def test_contradictory_settings_are_refused(worlds: list[World]) -> None:
    with pytest.raises(SpecError, match="'nobody'"):
        learn(worlds[0], required=(("nobody", "channel0"),))


@pytest.mark.parametrize(("regions", "periods"), [(1, 6), (3, 12), (5, 30)])
def test_degenerate_media_give_a_finite_graph(regions: int, periods: int) -> None:
    world = make_world(0, regions=regions, periods=periods, channels=5, edges=2)
    world.media_GTC[:, :, 0] = 0.0
    world.media_GTC[:, :, 1] = 7.0
    world.media_GTC[:, :, 3] = 2.0 * world.media_GTC[:, :, 2]
    world.media_GTC[0] = 0.0
    graph = learn(world, members=2)
    assert np.isfinite(graph.score_CC).all()
    assert np.isfinite(graph.coefficient_MKCC).all()
    assert not graph.score_CC[0].any()
    assert not graph.score_CC[:, 0].any()
