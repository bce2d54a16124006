from __future__ import annotations

import numpy as np
import pytest

from mmm.graph.moments import GraphDesign, GraphStatistics, graph_statistics, period_totals
from tests.graph.worlds import WEEKS, World, make_world


def statistics_of(world: World, parts: list[slice], present_GT: np.ndarray | None = None) -> GraphStatistics:
    present_GT = world.present_GT if present_GT is None else present_GT
    design = GraphDesign(len(world.size_G), world.present_GT.shape[1], WEEKS)
    shards = [(world.media_GTC[part], present_GT[part], world.size_G[part]) for part in parts]
    totals = [period_totals(*shard, design) for shard in shards]
    total = sum(totals[1:], totals[0])
    found = [
        graph_statistics(*shard, design, totals=total, first_region=part.start or 0)
        for part, shard in zip(parts, shards, strict=True)
    ]
    return sum(found[1:], found[0])


@pytest.mark.parametrize("regions", [6, 20])
def test_uneven_shards_add_up_to_the_whole(regions: int) -> None:
    world = make_world(0, regions=regions, periods=60, channels=3, edges=1)
    present_GT = np.random.default_rng(0).random((regions, 60)) < 0.9
    whole = statistics_of(world, [slice(0, regions)], present_GT)
    shards = statistics_of(world, [slice(0, 1), slice(1, 5), slice(5, regions)], present_GT)
    np.testing.assert_allclose(shards.moment_BFF, whole.moment_BFF, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(shards.count_B, whole.count_B)


def test_national_statistics_need_no_other_region() -> None:
    world = make_world(1, regions=1, periods=104, channels=3, edges=1)
    found = statistics_of(world, [slice(0, 1)])
    assert len(found.count_B) == 13
    assert found.count_B.sum() == 102


def test_what_regions_share_and_their_levels_and_trends_are_taken_out() -> None:
    world = make_world(2, regions=12, periods=60, channels=3, edges=1)
    design = GraphDesign(12, 60, WEEKS)
    assert design.period_effects
    calendar = design.calendar_TR()
    np.testing.assert_allclose(calendar.T @ calendar, np.eye(4), atol=1e-12)
    spoilt = world.media_GTC.copy()
    sized = spoilt / world.size_G[:, None, None]
    week_T = np.random.default_rng(0).random(60) * sized.mean()
    moved = (sized + week_T[None, :, None]) * world.size_G[:, None, None]
    strength = slice(-5 * 3, -4 * 3)
    before = statistics_of(world, [slice(0, 12)]).moment_BFF.sum(axis=0)[strength, strength]
    shifted = statistics_of(
        World(moved, world.present_GT, world.size_G, world.graph_CC, world.passed_on_CC), [slice(0, 12)]
    ).moment_BFF.sum(axis=0)[strength, strength]
    np.testing.assert_allclose(shifted, before, rtol=1e-6, atol=1e-6 * np.abs(before).max())


def test_values_in_absent_cells_do_not_matter() -> None:
    world = make_world(3, regions=8, periods=60, channels=3, edges=1)
    present_GT = np.random.default_rng(1).random((8, 60)) < 0.8
    loud = world.media_GTC + 1e6 * ~present_GT[:, :, None]
    quiet = statistics_of(world, [slice(0, 8)], present_GT)
    other = World(loud, world.present_GT, world.size_G, world.graph_CC, world.passed_on_CC)
    np.testing.assert_array_equal(
        statistics_of(other, [slice(0, 8)], present_GT).moment_BFF, quiet.moment_BFF
    )


def test_blocks_are_groups_of_regions_or_stretches_of_time() -> None:
    assert GraphDesign(190, 109, WEEKS).blocks == 64
    assert set(GraphDesign(190, 109, WEEKS).block_T(70)) == {6}
    few = GraphDesign(2, 80, WEEKS)
    assert few.blocks == 20
    assert set(few.block_T(1)) == set(range(10, 20))
