"""A market's spec and panel together: breadth is said before the fit, and the graph's search is bounded."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmm.config import MarketSpec
from mmm.config.digest import spec_digest
from mmm.config.files import dump_yaml, load_market
from mmm.config.legacy_digest import legacy_digest
from mmm.data.panel import UNSTATED, data_fingerprint
from mmm.data.parts.outline import training_products
from mmm.data.read import PanelRead
from mmm.data.schema import Finding
from mmm.errors import RequestError
from mmm.graph.learn import MOST_SEARCHED, is_searchable, learn_channel_graph
from mmm.market import (
    breadth_findings,
    distinct_channels,
    group_findings,
    knot_findings,
    money_findings,
    read_market,
)
from mmm.planning.budget import plan_budget
from tests.data.cases import case
from tests.data.panels import frame, write
from tests.small import market, sketch, small_panel, split_of


def breadth(spec: MarketSpec, read: PanelRead) -> list[Finding]:
    """What is said of the channels of a panel being many."""
    products_CC = training_products(read.panel, read.split)
    return breadth_findings(spec, products_CC, read.split.n_train, len(read.panel.regions))


def codes(periods: int, regions: int = 1) -> list[str]:
    panel = small_panel(regions=regions, periods=periods, channels=5)
    return [finding.code for finding in breadth(market(panel), PanelRead(panel, split_of(panel), ()))]


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

    several = small_panel(periods=400, channels=5)
    assert distinct_channels(training_products(several, split_of(panel))) == 5
    assert distinct_channels(training_products(panel, split_of(panel))) <= 3


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


def test_money_that_is_not_stated_is_said_and_no_default() -> None:
    """Digests stay: an open value counts as the one that it was recorded as."""
    panel = small_panel()
    stated = market(panel)
    plain = stated.model_copy(update={"kpi_value": None})
    one = stated.model_copy(update={"kpi_value": 1.0, "currency": "USD"})

    assert [finding.code for finding in money_findings(plain)] == ["value_not_stated"]
    assert money_findings(stated) == []
    assert spec_digest(plain) == spec_digest(one)
    assert legacy_digest(plain) == legacy_digest(one)
    assert dump_yaml(plain).count("kpi_value: null") == 1


def test_an_unstated_currency_is_none_of_the_worlds(tmp_path: Path) -> None:
    read = read_market(load_market(str(write(tmp_path, frame()))))
    dollars = read_market(load_market(str(tmp_path / "spec.yaml"), ["currency=USD"]))

    assert read.panel.currency == UNSTATED
    assert data_fingerprint(read.panel) == data_fingerprint(dollars.panel)


@pytest.mark.parametrize("objective", ["profit", "target_roi"])
def test_money_is_not_weighed_without_a_value(objective: str) -> None:
    fitted = sketch()
    open_value = replace(fitted, spec=fitted.spec.model_copy(update={"kpi_value": None}))
    request = {"objective": objective, "budget": "current", "horizon": 4}
    request |= {"target": 1.0} if objective == "target_roi" else {}

    with pytest.raises(RequestError, match="State kpi_value there"):
        plan_budget(open_value, request)
    assert plan_budget(open_value, {"budget": "current", "horizon": 4}).feasible


def test_knots_that_lie_beyond_training_are_said() -> None:
    panel = small_panel()
    read = PanelRead(panel, split_of(panel), ())
    wide = market(panel, model={"baseline": {"national_knots": 104}})

    assert [finding.where for finding in knot_findings(wide, read.split)] == ["model.baseline.national_knots"]
    assert knot_findings(market(panel), read.split) == []


def test_case_new_channel_in_holdout() -> None:
    found = read_market(load_market(str(case("new_channel_in_holdout") / "spec.yaml"))).findings

    (said,) = [finding for finding in found if finding.code == "channel_after_training"]
    assert said.where == "channel 'tiktok'"


def grouped(*groups: str | None) -> MarketSpec:
    """A spec of three channels in these groups."""
    spec = market(small_panel())
    channels = {
        name: channel.model_copy(update={"group": group})
        for (name, channel), group in zip(spec.columns.channels.items(), groups, strict=True)
    }
    return spec.model_copy(update={"columns": spec.columns.model_copy(update={"channels": channels})})


@pytest.mark.parametrize(
    ("groups", "said"),
    [(("a", "a", None), []), (("a", "b", "b"), ["group 'a'"]), ((None, None, None), [])],
)
def test_a_group_of_one_channel_is_said(groups: tuple[str | None, ...], said: list[str]) -> None:
    assert [finding.where for finding in group_findings(grouped(*groups))] == said


def test_channels_that_share_shapes_need_fewer_periods() -> None:
    """Three channels need nine cells; in one group three levels and one shape, five."""
    panel = small_panel(regions=1, periods=8 + 6)
    read = PanelRead(panel, split_of(panel), ())

    assert breadth(grouped(None, None, None), read)
    assert not breadth(grouped("a", "a", "a"), read)
