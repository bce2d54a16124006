"""Simulated channels with reach and frequency: contacts split into people, and the truth about them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.stats import poisson

from mmm.config import MarketSpec
from mmm.config.files import validate
from mmm.data.read import panel_from_frame
from mmm.errors import SpecError
from mmm.simulate.portfolio import Design, shared_spec, simulate_market
from mmm.simulate.reach import mean_response
from mmm.simulate.truth import parameters
from mmm.simulate.worlds import World

SIZES: dict[str, Any] = {"regions": 4, "weeks": 60, "channels": 3, "edges": 0}


@cache
def world(spread: float = 0.5) -> World:
    return simulate_market(
        Design(**SIZES, reach=1, reach_half=(2.1, 2.1), reach_slope=(2.0, 2.0), frequency_spread=spread),
        seed=2,
    )


def test_the_mean_over_people_is_the_sum_written_out() -> None:
    n = np.arange(1, 500)
    for frequency in (1.0, 1.85, 6.0):
        by_hand = float((poisson.pmf(n - 1, frequency - 1) * n**2 / (n**2 + 2.1**2)).sum())
        assert mean_response(np.array(frequency), 2.1, 2.0) == pytest.approx(by_hand, rel=1e-12)


def test_people_times_contacts_are_the_contacts_and_nobody_is_counted_twice() -> None:
    drawn = world()
    assert drawn.reach is not None and drawn.reach.places == (2,)
    people_GT, each_GT = drawn.reach.people_RGT[0], drawn.reach.contacts_RGT[0]
    assert (each_GT >= 1.0).all() and (people_GT <= 0.851 * drawn.population_G[:, None]).all()
    bought_GT = people_GT * each_GT / drawn.population_G[:, None]
    assert np.ptp(bought_GT / drawn.intensity_GTC[..., 2]) == pytest.approx(0.0, abs=1e-9)


def test_the_best_frequency_brings_most_for_the_same_contacts() -> None:
    reach = world().reach
    assert reach is not None and reach.best_R.tolist() == [pytest.approx(1.85, abs=0.02)]
    told = parameters(world(), 40)["reach"]["social"]
    assert told["best_frequency"] == reach.best_R[0] and told["frequency_slope"] == 2.0


def test_a_panel_of_it_passes_every_check() -> None:
    values = {"brand": "a", "market": "b", "data": {"path": "p.parquet"}, **shared_spec(world())}
    read = panel_from_frame(world().frame(), validate(MarketSpec, values, "test"))
    assert read.panel.has_reach_C.tolist() == [False, False, True]
    assert "frequency_flat" not in {finding.code for finding in read.findings}
    still = panel_from_frame(world(0.0).frame(), validate(MarketSpec, values, "test"))
    assert "frequency_flat" in {finding.code for finding in still.findings}


def test_worlds_without_reach_are_as_they_were() -> None:
    plain, other = (simulate_market(Design(**SIZES, reach=reach), seed=2) for reach in (0, 1))
    assert plain.reach is None and np.array_equal(plain.intensity_GTC, other.intensity_GTC)
    assert np.array_equal(plain.response.weights_CL, other.response.weights_CL)


def test_more_channels_with_reach_than_channels_are_refused() -> None:
    with pytest.raises(SpecError, match="reach: is 4"):
        Design(**SIZES, reach=4)
