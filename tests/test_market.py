"""A market's spec and panel together: breadth is said before the fit, and the graph's search is bounded."""

from __future__ import annotations

import time

import numpy as np
import pytest

from mmm.config.files import load_market
from mmm.data.read import PanelRead
from mmm.graph.learn import MOST_SEARCHED, is_searchable, learn_channel_graph
from mmm.market import breadth_findings, distinct_channels, read_market
from tests.data.cases import case
from tests.small import market, small_panel, split_of


def codes(periods: int, regions: int = 1) -> list[str]:
    panel = small_panel(regions=regions, periods=periods, channels=5)
    return [
        finding.code for finding in breadth_findings(market(panel), PanelRead(panel, split_of(panel), ()))
    ]


def test_channels_are_counted_against_training_cells() -> None:
    """5 channels need 15 cells; the holdout has 8 of the periods."""
    assert codes(8 + 14) == ["too_many_channels"]
    assert codes(8 + 15) == []
    assert codes(8 + 5, regions=3) == []


def test_channels_that_move_as_one_count_once() -> None:
    panel = small_panel(periods=400, channels=5)
    media = panel.media_GTC
    media[..., 1] = media[..., 0]
    media[..., 2] = media[..., 0]

    assert distinct_channels(small_panel(periods=400, channels=5), split_of(panel)) == 5
    assert distinct_channels(panel, split_of(panel)) <= 3


def test_a_search_that_would_not_end_is_none() -> None:
    channels = MOST_SEARCHED + 50
    media = np.random.default_rng(0).gamma(1.0, 1.0, (1, 60, channels))
    names = [f"c{c}" for c in range(channels)]
    began = time.perf_counter()
    spec = market(small_panel()).model.graph
    rng = np.random.default_rng(0)
    graph = learn_channel_graph(media, np.ones((1, 60), bool), names, spec, periods_per_year=52, rng=rng)

    assert not graph.edges_CC.any()
    assert time.perf_counter() - began < 5
    assert is_searchable(MOST_SEARCHED, 200)
    assert not is_searchable(20, 20)


def test_case_campaigns() -> None:
    found = read_market(load_market(str(case("campaigns_80") / "spec.yaml"))).findings

    said = {finding.code: finding.what for finding in found}
    assert "80 channels on 54 training periods" in said["too_many_channels"]
    assert "graph_not_searched" in said


@pytest.mark.parametrize("name", ["scenario_promo", "currency_switch"])
def test_three_channels_are_not_too_many(name: str) -> None:
    found = read_market(load_market(str(case(name) / "spec.yaml"))).findings

    assert not {finding.code for finding in found} & {"too_many_channels", "graph_not_searched"}
