from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from jobs.refit.monitor import drift
from mmm.config import MarketSpec
from mmm.data.panel import Panel
from mmm.data.read import panel_from_frame
from mmm.data.split import Split
from mmm.simulate.draws import Design, simulate_market
from mmm.simulate.portfolio import shared_spec


@pytest.fixture(scope="module")
def market() -> tuple[Panel, Split]:
    """A steady market: 104 weeks, the last 13 after training."""
    world = simulate_market(Design(regions=2, weeks=104, channels=3), brand="b", market="m", seed=3)
    spec = MarketSpec.model_validate(
        {"brand": "b", "market": "m", "data": {"path": "x"}, **shared_spec(world)}
    )
    read = panel_from_frame(world.frame(), spec)
    panel = replace(read.panel, kpi_GT=np.full_like(read.panel.kpi_GT, 100.0))
    return replace(panel, media_GTC=np.ones_like(panel.media_GTC)), read.split


def codes(panel: Panel, split: Split) -> list[str]:
    """Codes of the findings."""
    return [finding.code for finding in drift(panel, split)]


def test_a_steady_market_has_no_findings(market: tuple[Panel, Split]) -> None:
    assert codes(*market) == []


def test_media_beyond_their_history_are_named(market: tuple[Panel, Split]) -> None:
    panel, split = market
    media_GTC = panel.media_GTC.copy()
    media_GTC[:, -13:, 1] = 2.0

    (finding,) = drift(replace(panel, media_GTC=media_GTC), split)

    assert (finding.code, finding.where) == ("media_outside_history", panel.channels[1])
    assert "2.0 times" in finding.what


def test_a_step_of_the_kpi_is_named(market: tuple[Panel, Split]) -> None:
    panel, split = market
    kpi_GT = panel.kpi_GT.copy()
    kpi_GT[:, -13:] *= 1.5

    assert codes(replace(panel, kpi_GT=kpi_GT), split) == ["kpi_level_shift"]


def test_a_step_that_is_usual_here_is_not(market: tuple[Panel, Split]) -> None:
    panel, split = market
    season_T = 100.0 + 50.0 * np.sign(np.sin(2 * np.pi * np.arange(104) / 26))

    assert codes(replace(panel, kpi_GT=np.stack([season_T, season_T])), split) == []
