"""Beliefs about cells: the model's own figure for them, by hand, and how far it is off."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from mmm.analysis.attribution import effect_draws
from mmm.data.stated.beliefs import locate_beliefs
from mmm.fitted import Fitted
from mmm.model.placed import Placed, measured
from tests.small import sketch, small_panel

PLACE = {"window": ["2023-03-06", "2023-04-09"], "regions": ["r1"]}


def believing(**beliefs: Any) -> Fitted:
    return sketch(small_panel(), model={"priors": {"channels": {"tv": beliefs}}})


def told(fitted: Fitted) -> np.ndarray:
    beliefs, problems, _ = locate_beliefs(fitted.spec, fitted.panel, fitted.trained_until, every=True)
    assert not problems
    return fitted.predictor.believed(beliefs)


def test_on_the_whole_window_they_are_the_estimands_that_are_reported() -> None:
    every = {name: {"range": [1, 2]} for name in ("share", "roi", "marginal_roi", "cost_per_kpi")}
    fitted = believing(**every)
    share_M, roi_M, marginal_M, cost_M = told(fitted).T
    draws = effect_draws(fitted)
    kpi, spend = (part[:, :40].sum() for part in (fitted.panel.kpi_GT, fitted.panel.spend_GTC[..., 0]))

    np.testing.assert_allclose(share_M, draws["direct"][:, 0] / kpi)
    np.testing.assert_allclose(roi_M, draws["roi"][:, 0])
    np.testing.assert_allclose(marginal_M, draws["marginal_roi"][:, 0])
    np.testing.assert_allclose(cost_M, spend / draws["direct"][:, 0])


def test_a_window_and_a_region_hold_their_own_cells_only() -> None:
    fitted = believing(roi={"range": [1, 2]}, **PLACE)
    brought_M = fitted.predictor.parts.channels_MGTC[:, 1, 9:14, 0].sum(1)

    np.testing.assert_allclose(
        told(fitted)[:, 0], 2.0 * brought_M / fitted.panel.spend_GTC[1, 9:14, 0].sum(), rtol=1e-9
    )


def test_a_test_made_elsewhere_asks_what_the_same_change_returns() -> None:
    """All spend cut is the ROI in KPI units, less what falls after the test's end."""
    test = {"channel": "tv", "start": "2020-01-06", "end": "2020-06-28", "lift": -90.0, "standard_error": 9.0}
    fitted = sketch(small_panel(), experiments=[{**test, "spend_change": -1e9}])
    (belief,), _, _ = locate_beliefs(fitted.spec, fitted.panel, fitted.trained_until)
    assert (belief.change, belief.periods) == (-1.0, 25)

    kernel_ML = torch.as_tensor(fitted.predictor.kernel_MCL[:, 0])
    expected_M = effect_draws(fitted)["roi"][:, 0] / 2.0 * measured(kernel_ML, 25).numpy()
    np.testing.assert_allclose(fitted.predictor.believed([belief])[:, 0], expected_M)


def test_an_effect_is_measured_as_far_as_it_falls_within_the_test() -> None:
    kernel_ML = torch.tensor([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]])

    assert measured(kernel_ML, 2).tolist() == pytest.approx([0.625, 1.0])
    assert measured(kernel_ML, 5).tolist() == pytest.approx([(0.5 + 0.75 + 3.0) / 5, 1.0])


@pytest.mark.parametrize("lognormal", [False, True])
def test_deviations_widen_by_how_much_regions_differ(lognormal: bool) -> None:
    """Belief 2 ± 0.2 (0.1 in logs) of one region; regions differ by 0.3: ± 0.632, or 0.316 in logs."""
    family = "lognormal" if lognormal else "normal"
    fitted = believing(roi={"mean": 2.0, "sd": 0.2, "family": family}, **PLACE)
    (belief,), _, _ = locate_beliefs(fitted.spec, fitted.panel, fitted.trained_until)
    placed = Placed(belief, torch.zeros(1))
    brought_M = torch.tensor([3.0, 1.0], dtype=torch.float64) / belief.unit
    centre, width = (
        believing(roi={"mean": 2.0, "sd": 0.2, "family": family})
        .spec.model.priors.channels["tv"]
        .stated()[0]
        .belief.normal
    )
    value = torch.log(torch.tensor([3.0, 1.0])) if lognormal else torch.tensor([3.0, 1.0])

    for between in (0.0, 0.09):
        wide = (width**2 + between * (1.0 if lognormal else centre**2)) ** 0.5
        torch.testing.assert_close(
            placed.deviations(brought_M, between), ((value - centre) / wide).double(), rtol=1e-5, atol=1e-6
        )
