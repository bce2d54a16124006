"""A test run in a simulated market: what changes, and what does not."""

from __future__ import annotations

import numpy as np
import pytest

from mmm.simulate.draws import Design, simulate_market
from mmm.simulate.trials import with_change
from mmm.simulate.worlds import World


@pytest.fixture(scope="module")
def world() -> World:
    return simulate_market(Design(regions=4, weeks=60, channels=4), seed=3)


def cause(world: World) -> int:
    """A channel that moves another."""
    return int(np.argmax((world.graph_CC > 0).any(1)))


def test_only_the_changed_channel_what_it_moves_and_the_kpi_change(world: World) -> None:
    channel = cause(world)
    factor_GT = np.ones(world.kpi_GT.shape)
    factor_GT[:2, 30:38] = 0.0
    changed = with_change(world, world.channels[channel], factor_GT)

    assert (changed.spend_GTC[:2, 30:38, channel] == 0).all()
    assert changed.kpi_GT[2:] == pytest.approx(world.kpi_GT[2:])
    assert changed.kpi_GT[:, :30] == pytest.approx(world.kpi_GT[:, :30])
    assert (changed.kpi_GT[:2, 30:38] < world.kpi_GT[:2, 30:38]).all()
    moved = (changed.intensity_GTC != world.intensity_GTC).any((0, 1))
    assert moved[channel] and moved[world.graph_CC[channel] > 0].all()
    assert changed.noise_GT == pytest.approx(world.noise_GT)


def test_a_channel_that_is_taken_away_throughout_loses_its_total_effect(world: World) -> None:
    channel = cause(world)
    changed = with_change(world, world.channels[channel], np.zeros(world.kpi_GT.shape))

    lost = (world.kpi_GT - changed.kpi_GT).sum()
    assert lost == pytest.approx(world.total_C()[channel], rel=1e-6)


def test_a_factor_of_one_changes_nothing(world: World) -> None:
    changed = with_change(world, world.channels[0], np.ones(world.kpi_GT.shape))

    assert changed.kpi_GT == pytest.approx(world.kpi_GT)
    assert changed.spend_GTC == pytest.approx(world.spend_GTC)
