from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm.config import GraphSpec
from mmm.graph.channel_graph import (
    ChannelGraph,
    carried,
    check_graph,
    downstream_delta,
    empty_graph,
    own_account,
)

CHANNELS = ("tv", "search", "display")


def chain() -> ChannelGraph:
    """tv moves search by half, one period later; search moves display twofold, carried over by half."""
    coefficient_KCC = np.zeros((2, 3, 3))
    coefficient_KCC[0, 0, 1] = 0.5
    coefficient_KCC[1, 1, 2] = 2.0
    edges_CC = np.asarray(coefficient_KCC.any(axis=0))
    return replace(
        empty_graph(CHANNELS),
        edges_CC=edges_CC,
        score_CC=np.where(edges_CC, 0.2, 0.0),
        coefficient_KCC=coefficient_KCC,
        coefficient_MKCC=np.stack([coefficient_KCC, 0.0 * coefficient_KCC]),
        retention_K=(0.0, 0.5),
        delay_K=(1, 0),
    )


def test_carried_impulse() -> None:
    impulse = np.array([[8.0, 0.0, 0.0, 0.0]])
    np.testing.assert_allclose(carried(impulse, 0.5, 1), [[0.0, 4.0, 2.0, 1.0]])
    np.testing.assert_allclose(carried(np.full((1, 4), 3.0), 0.6, 1, start=3.0), np.full((1, 4), 3.0))


@pytest.mark.parametrize("retention", [0.0, 0.35, 0.8, 0.999])
@pytest.mark.parametrize("periods", [1, 2, 7, 156])
def test_carried_media_keep_so_much_of_the_period_before(retention: float, periods: int) -> None:
    media_GT = np.random.default_rng(periods).uniform(0.0, 5.0, (3, periods))
    found_GT = carried(media_GT, retention, 0, start=2.0)

    before_G = np.full(3, 2.0)
    for period in range(periods):
        before_G = (1.0 - retention) * media_GT[:, period] + retention * before_G
        np.testing.assert_allclose(found_GT[:, period], before_G, rtol=1e-12)


def test_change_travels_along_the_chain() -> None:
    delta = np.zeros((1, 5, 3))
    delta[0, 0, 0] = -4.0
    total = downstream_delta(delta, chain())
    np.testing.assert_allclose(total[0, :, 0], [-4.0, 0.0, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(total[0, :, 1], [0.0, -2.0, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(total[0, :, 2], [0.0, -2.0, -1.0, -0.5, -0.25])


@given(seed=st.integers(0, 2**32 - 1))
def test_what_channels_ran_on_their_own_account_is_what_the_graph_began_with(seed: int) -> None:
    own_GTC = np.random.default_rng(seed).exponential(size=(2, 8, 3))

    np.testing.assert_allclose(own_account(downstream_delta(own_GTC, chain()), chain()), own_GTC, atol=1e-12)


def test_media_without_a_graph_are_all_of_a_channels_own_account() -> None:
    media_GTC = np.arange(12.0).reshape(1, 4, 3)

    np.testing.assert_array_equal(own_account(media_GTC, empty_graph(CHANNELS)), media_GTC)


@given(seed=st.integers(0, 2**32 - 1))
def test_responses_to_impulses_convolved_are_the_delta_and_the_delta_is_linear(seed: int) -> None:
    rng = np.random.default_rng(seed)
    delta, other = rng.normal(size=(2, 2, 6, 3))
    impulse_GTC = np.zeros((3, 6, 3))
    impulse_GTC[range(3), 0, range(3)] = 1.0
    kernel = downstream_delta(impulse_GTC, chain()).transpose(1, 0, 2)
    convolved = np.zeros_like(delta)
    for lag in range(6):
        convolved[:, lag:] += np.einsum("gti,ij->gtj", delta[:, : 6 - lag], kernel[lag])
    total = downstream_delta(delta, chain())
    np.testing.assert_allclose(total, convolved, atol=1e-12)
    np.testing.assert_allclose(
        downstream_delta(delta - 2 * other, chain()), total - 2 * downstream_delta(other, chain()), atol=1e-12
    )


@given(seed=st.integers(0, 2**32 - 1), week=st.integers(1, 5))
def test_change_in_a_week_alters_nothing_before_it(seed: int, week: int) -> None:
    delta = np.random.default_rng(seed).normal(size=(1, 6, 3))
    late = delta.copy()
    late[:, week:] += 1.0
    before = downstream_delta(delta, chain())[:, :week]
    np.testing.assert_array_equal(downstream_delta(late, chain())[:, :week], before)


def test_passed_on_order_members_and_swaps() -> None:
    graph = chain()
    assert graph.passed_on_CC[0, 1] == 0.5
    assert graph.order == CHANNELS
    assert graph.members == 2
    assert graph.member(0).edges_CC.sum() == 2
    assert graph.member(1).edges_CC.sum() == 0
    assert graph.reversed().order == ("display", "search", "tv")
    assert graph.weights_CC.sum() == pytest.approx(0.4)
    delta = np.ones((1, 4, 3))
    np.testing.assert_array_equal(downstream_delta(delta, graph.without_edges()), delta)


def codes(channels: tuple[str, ...] = CHANNELS, **settings: object) -> list[str]:
    return [problem.code for problem in check_graph(GraphSpec.model_validate(settings), channels)]


def test_sound_settings_have_no_problems() -> None:
    assert codes() == []
    assert codes(mode="triangular") == []
    assert codes(mode="triangular", order=("search", "tv", "display"), required=[("search", "tv")]) == []


def test_contradictions_are_named() -> None:
    edge, back = ("tv", "search"), ("search", "tv")
    assert codes(required=[edge, back]) == ["required_edges_cycle"]
    assert codes(required=[edge], forbidden=[edge]) == ["edge_required_and_forbidden"]
    assert codes(mode="triangular", required=[back]) == ["edge_against_order"]
    assert codes(required=[("tv", "tv")]) == ["self_edge"]


def test_unknown_missing_and_repeated_channels_are_named_together() -> None:
    found = codes(mode="triangular", order=("tv", "tv", "radio"), forbidden=[("tv", "print")])
    assert found == ["unknown_channel", "bad_order", "bad_order", "bad_order"]
    message = str(check_graph(GraphSpec(forbidden=(("tv", "print"),)), CHANNELS)[0])
    assert "model.graph.forbidden[0]" in message
    assert "'print'" in message
