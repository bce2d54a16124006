"""Reach and frequency in the model, against sums written out and against exposure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import poisson

from mmm.data.panel import Floats, Panel
from mmm.data.scale import fit_scaling
from mmm.fitted import Fitted
from mmm.model.frequency import (
    HALF,
    SLOPE,
    chances,
    contacts_counted,
    person_response,
    person_shape,
    reached,
)
from mmm.model.predictor import Predictor
from mmm.train.fit import fit
from tests.small import BY_REGION, market, predictor_on, reach_panel, sketch, split_of

QUICK = {"epochs": 40, "members": 2}
STILL = {"temporal": {"enabled": False}}


def often(panel: Panel) -> Floats:
    """How often people were reached, shape GTC."""
    assert panel.contacts_GTC is not None
    return panel.contacts_GTC


def asked(panel: Panel, **free: list[float]) -> Predictor:
    """A sketch of the panel, two members, with a person's response as given."""
    own = {name: np.array(value)[:, None] for name, value in free.items()}
    return sketch(panel, members=2, parameters=own, model=STILL).predictor


def mean_response(frequency: float, half: float, slope: float) -> float:
    """The mean over people, summed to a thousand contacts."""
    n = np.arange(1, 1001)
    return float((poisson.pmf(n - 1, frequency - 1.0) * n**slope / (n**slope + half**slope)).sum())


@pytest.mark.parametrize("frequency", [1.0, 1.3, 2.5, 8.0, 60.0])
@pytest.mark.parametrize(("half", "slope"), [(2.1, 2.0), (0.4, 0.8), (9.0, 5.0)])
def test_the_mean_over_people_is_the_sum_written_out(frequency: float, half: float, slope: float) -> None:
    counted = contacts_counted(frequency)
    half_R, slope_R = (torch.tensor([value], dtype=torch.float64) for value in (half, slope))
    response_N = person_response(half_R, slope_R, counted)[0]
    found = float(chances(np.array(frequency), counted) @ response_N.numpy())
    assert found == pytest.approx(mean_response(frequency, half, slope), abs=2e-9)
    assert chances(np.array(frequency), counted).sum() == pytest.approx(1.0, abs=1e-12)


def test_what_is_not_counted_is_bounded() -> None:
    for most in (1.0, 3.0, 100.0):
        assert poisson.sf(contacts_counted(most) - 1, most - 1.0) <= 1e-9
    assert contacts_counted(5.0) < 25


def test_the_prior_of_a_person_is_as_documented() -> None:
    z = torch.tensor([[-1.0], [0.0], [1.0]])
    half_MR, slope_MR = person_shape({HALF: z, SLOPE: z})
    assert half_MR[:, 0].tolist() == pytest.approx([0.1 + np.exp(0.7 + 0.4 * v) for v in (-1, 0, 1)])
    assert slope_MR[:, 0].tolist() == pytest.approx([np.exp(0.7 + 0.4 * v) for v in (-1, 0, 1)])


def test_reach_acts_by_how_often_people_are_reached() -> None:
    panel = reach_panel()
    predictor = asked(panel, **{HALF: [0.0, 1.0], SLOPE: [0.5, 0.0]})
    half_MR, slope_MR = predictor.person_shape()
    reach_GT, each_GT = panel.media_GTC[:, :40, 0], often(panel)[:, :40, 0]
    mean = (reach_GT * each_GT).sum() / reach_GT.sum()
    for m in range(2):
        own = np.vectorize(lambda f, m=m: mean_response(f, half_MR[m, 0], slope_MR[m, 0]))
        factor_GT = own(often(panel)[..., 0]) / own(mean)
        acting_GTC = panel.media_GTC.copy()
        acting_GTC[..., 0] *= factor_GT
        volume_GT = _carried(
            acting_GTC[..., 0] / predictor.scaling.media_unit_GC()[:, :1], predictor.kernel_MCL[m, 0]
        )
        half, slope = (value[m, 0, 0, 0].item() for value in predictor.saturation_shape())
        assert slope == 1.0
        by_hand_GT = predictor.weight_MCG[m, 0][:, None] * volume_GT / (volume_GT + half)
        assert predictor.parts.channels_MGTC[m, ..., 0] == pytest.approx(by_hand_GT, rel=1e-7)
    assert predictor.contributions_under(panel.media_GTC) == pytest.approx(
        predictor.parts.channels_MGTC, rel=1e-12
    )


def _carried(media_GT: Floats, kernel_L: Floats) -> Floats:
    total_GT = np.zeros_like(media_GT)
    for lag, weight in enumerate(kernel_L):
        total_GT[:, lag:] += weight * media_GT[:, : media_GT.shape[1] - lag]
    return total_GT


def test_the_gradient_is_that_of_differences() -> None:
    panel = reach_panel()
    predictor = asked(panel)
    contacts = predictor._inputs.contacts
    free = {
        name: torch.tensor([[0.3], [-0.4]], dtype=torch.float64, requires_grad=True) for name in (HALF, SLOPE)
    }

    def factor(half: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
        found = reached({HALF: half, SLOPE: slope}, contacts)
        assert found is not None
        return found.factor_MRGT[..., :4]

    assert torch.autograd.gradcheck(factor, (free[HALF], free[SLOPE]))


def test_a_future_at_other_frequencies_is_the_history_continued() -> None:
    panel = reach_panel()
    fitted, ahead = sketch(panel, members=2, model=STILL), 6
    predictor = fitted.predictor
    media_GHC, contacts_GHC = (value[:, -ahead:] for value in (panel.media_GTC, often(panel)))
    fields: dict[str, Any] = {
        name: np.concatenate([getattr(panel, name), getattr(panel, name)[:, -ahead:]], 1)
        for name in (*BY_REGION, "contacts_GTC")
    }
    longer = replace(panel, dates=panel.dates[0] + 7 * np.arange(len(panel.dates) + ahead), **fields)
    whole = predictor_on(fitted, longer)
    volume = predictor.carried_ahead(media_GHC, history=True, contacts_GHC=contacts_GHC)
    stack = whole._inputs.stack_CGTL
    expected = whole.contributions_under(longer.media_GTC)[:, :, -ahead:, 0]
    half, slope = predictor.saturation_shape()
    level = (volume / (volume + half))[:, 0].numpy()
    assert slope[0, 0].item() == 1.0 and stack.shape[2] == len(longer.dates)
    assert predictor.weight_MCG[:, 0, :, None] * level == pytest.approx(expected, rel=1e-9)


def test_lift_tests_are_at_the_frequency_of_the_panel() -> None:
    seen = asked(reach_panel())._seen
    assert seen is not None
    cells = (torch.tensor([0, 1, 0]), torch.tensor([0, 1, 2]), torch.tensor([5, 5, 1]))
    factor_MXL = seen.of_cells(*cells, lags=3)
    assert factor_MXL[0, 0].tolist() == seen.factor_MRGT[0, 0, 0, [5, 4, 3]].tolist()
    assert (factor_MXL[:, 1] == 1.0).all()
    assert factor_MXL[1, 2, :2].tolist() == seen.factor_MRGT[1, 0, 2, [1, 0]].tolist()


@pytest.mark.parametrize(
    "train", [{"inference": "ensemble", **QUICK}, {"inference": "posterior", "epochs": 60, "effort": 0.1}]
)
def test_constant_frequency_is_exposure(train: dict[str, Any]) -> None:
    panel = reach_panel(spread=0.0)
    assert fit_scaling(panel, 40).contacts_C is None
    spec = market(panel, train=train)
    found, plain = (fit(spec, one, split_of(one)) for one in (panel, replace(panel, contacts_GTC=None)))
    assert set(found.parameters) == set(plain.parameters)
    for name, value in plain.parameters.items():
        assert found.parameters[name] == pytest.approx(value, rel=1e-6, abs=1e-9), name
    assert _brought(found) == pytest.approx(_brought(plain), rel=1e-6)


def _brought(fitted: Fitted) -> Floats:
    total: Floats = fitted.predictor.parts.channels_MGTC.sum((1, 2))
    return total


@pytest.mark.parametrize(
    "train", [{"inference": "ensemble", **QUICK}, {"inference": "posterior", "epochs": 60, "effort": 0.1}]
)
def test_both_inferences_learn_a_persons_response(train: dict[str, Any]) -> None:
    panel = reach_panel()
    found = fit(market(panel, train=train), panel, split_of(panel))
    half_MR, slope_MR = found.predictor.person_shape()
    assert half_MR.shape == slope_MR.shape == (found.members, 1)
    assert np.unique(half_MR).size > 1 and (half_MR > 0.1).all()
    assert found.predictor.reach == (0,)
