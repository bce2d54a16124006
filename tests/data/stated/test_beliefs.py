"""Beliefs on the cells of a panel, and lift tests made elsewhere."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from mmm.config import MarketSpec
from mmm.config.files import validate
from mmm.data.experiments import locate_experiments
from mmm.data.panel import Floats
from mmm.data.stated.beliefs import AGEING, MISMATCH, locate_beliefs, widened
from mmm.errors import SpecError
from tests.small import market, small_panel, some_regions

PANEL = small_panel(regions=3, periods=48)
N_TRAIN = 40
PLACE = {"window": ["2023-03-06", "2023-04-09"], "regions": ["r1"]}


def spec_with(**values: Any) -> MarketSpec:
    return validate(MarketSpec, market(PANEL).model_dump(mode="json") | values, "test")


def believing(**beliefs: Any) -> MarketSpec:
    return market(PANEL, model={"priors": {"channels": {"search": beliefs}}})


def test_a_belief_counts_the_cells_of_its_window_and_regions() -> None:
    """Five weeks of one region; a unit of KPI is worth 2, so that ROI per KPI unit is 2 over the spend."""
    (found,), problems, _ = locate_beliefs(believing(roi={"range": [1, 3]}, **PLACE), PANEL, N_TRAIN)

    assert not problems
    assert [int(cells) for cells in found.cells_GT.sum(1)] == [0, 5, 0]
    assert found.unit == pytest.approx(2.0 / PANEL.spend_GTC[1, 9:14, 1].sum())
    assert found.between == pytest.approx(1.0), "one region differs from the average as one region does"


def test_beliefs_on_the_whole_window_need_no_cells_but_for_slopes_and_costs() -> None:
    spec = believing(roi={"range": [1, 3]}, marginal_roi={"range": [1, 3]}, cost_per_kpi={"range": [1, 3]})

    assert [one.quantity for one in locate_beliefs(spec, PANEL, N_TRAIN)[0]] == [
        "marginal_roi",
        "cost_per_kpi",
    ]
    assert len(locate_beliefs(spec, PANEL, N_TRAIN, every=True)[0]) == 3


@pytest.mark.parametrize(
    ("belief", "code", "said"),
    [
        ({"regions": ["r9"]}, "unknown_region", "no region 'r9'"),
        ({"window": ["2030-01-01", "2030-02-01"]}, "belief_without_cells", "2023-01-02 to 2023-10-02"),
    ],
)
def test_a_place_without_cells_is_named(belief: dict[str, Any], code: str, said: str) -> None:
    found, problems, _ = locate_beliefs(believing(roi={"range": [1, 3]}, **belief), PANEL, N_TRAIN)

    assert not found
    assert [(one.code, said in one.message) for one in problems] == [(code, True)]


def test_returns_are_believed_only_of_what_is_paid_for() -> None:
    values = market(PANEL).model_dump(mode="json")
    values["columns"]["channels"]["search"] = {"exposure": "search"}
    for quantity in ("roi", "marginal_roi", "cost_per_kpi"):
        values["model"]["priors"]["channels"] = {"search": {quantity: {"range": [1, 3]}}}
        with pytest.raises(SpecError, match=f"{quantity} is .* 'search' has no column of spend"):
            validate(MarketSpec, values, "test")


def test_a_test_made_elsewhere_is_a_belief_as_wide_as_the_rule_says() -> None:
    """Three of its four regions are not in the panel; it ended a year before 40 weeks of training began."""
    test = {
        "channel": "search",
        "regions": ["r1", "r7", "r8", "r9"],
        "start": "2021-12-06",
        "end": "2022-01-02",
        "lift": 40.0,
        "standard_error": 4.0,
        "spend_change": 100.0,
    }
    spec = spec_with(experiments=[test])
    (found,), problems, (finding,) = locate_beliefs(spec, PANEL, N_TRAIN)
    years = (365 + 280 / 3) / 365.25
    relative = math.sqrt(AGEING**2 * years + MISMATCH**2 * 0.75)

    assert locate_experiments(spec, PANEL) == ((), [])
    assert not problems
    assert (found.centre, found.periods) == (0.4, 4)
    assert found.width == pytest.approx(math.hypot(0.04, 0.4 * relative), rel=1e-6)
    usual = PANEL.spend_GTC[:, :N_TRAIN, 1].mean() * 16
    assert found.change == pytest.approx(np.clip(100.0 / usual, 0.05, 3.0))
    assert (finding.code, finding.severity) == ("experiment_outside_panel", "warning")
    assert "r7, r8, r9" in finding.what.replace("'", "")


def test_a_test_within_the_panel_is_none_of_them() -> None:
    test = {"channel": "search", "start": "2023-03-06", "end": "2023-04-03", "lift": 1.0}
    spec = spec_with(experiments=[{**test, "standard_error": 1.0, "spend_change": 5.0}])

    assert locate_beliefs(spec, PANEL, N_TRAIN) == ((), [], [])
    assert len(locate_experiments(spec, PANEL)[0]) == 1


def test_widening_grows_with_age_and_mismatch_and_vanishes_without() -> None:
    assert widened(2.0, 0.3, 0.0, 0.0) == pytest.approx(0.3)
    assert widened(2.0, 0.0, 4.0, 0.0) == pytest.approx(2.0 * 2 * AGEING)
    assert widened(2.0, 0.0, 0.0, 1.0) == pytest.approx(2.0 * MISMATCH)


def test_shards_of_a_panel_have_the_beliefs_of_the_whole() -> None:
    spec = believing(roi={"range": [1, 3]}, **{**PLACE, "regions": ["r0", "r2"]})
    (whole,), _, _ = locate_beliefs(spec, PANEL, N_TRAIN)
    heard: list[Floats] = []

    def listen(sums: Floats) -> Floats:
        heard.append(sums)
        return sums

    rows = ([0, 1], [2])
    for row in rows:
        locate_beliefs(spec, some_regions(PANEL, row), N_TRAIN, regions=PANEL.regions, total=listen)
    together = heard[0] + heard[1]
    for row in rows:
        part = some_regions(PANEL, row)
        (found,), _, _ = locate_beliefs(spec, part, N_TRAIN, regions=PANEL.regions, total=lambda _: together)
        assert (found.unit, found.between) == pytest.approx((whole.unit, whole.between))
        np.testing.assert_array_equal(found.cells_GT, whole.cells_GT[row])
