"""Saturation: numbers by hand, monotone, gradients, mixtures of unlike people."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmm.model.saturation import LEAST_MULTIPLIER, hill, market_slope, scaled_sums


def number(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


def test_half_saturation_gives_one_half() -> None:
    assert float(hill(number(3.0), number(3.0), number(2.7))) == pytest.approx(0.5)


def test_twice_the_half_with_slope_two_gives_four_fifths() -> None:
    assert float(hill(number(6.0), number(3.0), number(2.0))) == pytest.approx(0.8)


def test_nothing_gives_exactly_nothing() -> None:
    assert float(hill(number(0.0), number(1.0), number(0.5))) == 0.0


@given(
    low=st.floats(0.0, 1e6),
    more=st.floats(1e-3, 1e6),
    half=st.floats(1e-3, 1e3),
    slope=st.floats(0.3, 6.0),
)
def test_saturation_rises_and_stays_below_one(low: float, more: float, half: float, slope: float) -> None:
    values = hill(torch.tensor([low, low + more], dtype=torch.float64), number(half), number(slope))

    assert 0.0 <= float(values[0]) <= float(values[1]) <= 1.0


@given(
    volume=st.floats(1e-3, 1e3), half=st.floats(1e-2, 1e2), slope=st.floats(0.3, 6), unit=st.floats(1e-2, 1e2)
)
def test_units_of_volume_cancel(volume: float, half: float, slope: float, unit: float) -> None:
    plain = hill(number(volume), number(half), number(slope))

    torch.testing.assert_close(hill(number(volume * unit), number(half * unit), number(slope)), plain)


def test_gradients_of_hill() -> None:
    arguments = [
        torch.tensor(values, dtype=torch.float64, requires_grad=True)
        for values in ([0.2, 1.0, 5.0], [1.0, 1.5, 2.0], [0.8, 2.0, 3.0])
    ]

    assert torch.autograd.gradcheck(hill, arguments)


def test_gradient_is_finite_where_nothing_ran() -> None:
    volume = torch.zeros(2, dtype=torch.float64)
    slope = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    hill(volume, number(1.0), slope).sum().backward()  # type: ignore[no-untyped-call]

    assert slope.grad is not None
    assert bool(torch.isfinite(slope.grad).all())


def test_people_who_are_alike_leave_the_slope() -> None:
    assert float(market_slope(number(2.0), number(0.0))) == 2.0


@pytest.mark.parametrize(("slope", "spread"), [(1.0, 1.0), (2.0, 0.7), (3.0, 1.5)])
def test_market_of_unlike_people_is_their_mean(slope: float, spread: float) -> None:
    """The curve of the market against a direct average over people whose log half-saturation is normal."""
    node, weight = np.polynomial.hermite_e.hermegauss(60)
    half = torch.as_tensor(np.exp(spread * node))
    volume = torch.as_tensor(np.geomspace(0.05, 20, 25))

    people = hill(volume[:, None], half, number(slope)) @ torch.as_tensor(weight / weight.sum())
    market = hill(volume, number(1.0), market_slope(number(slope), number(spread)))

    assert float((people - market).abs().max()) < 0.03


def test_sums_over_multiples_by_hand() -> None:
    """Two cells at half-saturation and one without media, which brings nothing at any multiple."""
    volume = torch.tensor([[[3.0, 3.0, 0.0]]], dtype=torch.float64)
    scale = torch.tensor([[[10.0, 2.0, 5.0]]], dtype=torch.float64)
    sums, slopes = scaled_sums(
        volume, number(3.0)[None, None], number(2.0)[None, None], scale, [1.0, 2.0, 0.0]
    )

    assert sums.flatten().tolist() == pytest.approx([6.0, 9.6, 0.0])
    least = LEAST_MULTIPLIER**2 / (1 + LEAST_MULTIPLIER**2)
    expected = [12 * 2 * 0.25, 12 * 2 * 0.8 * 0.2 / 2, 12 * 2 * least * (1 - least) / LEAST_MULTIPLIER]
    assert slopes.flatten().tolist() == pytest.approx(expected)


def test_sums_over_multiples_are_those_of_the_curve() -> None:
    rng = np.random.default_rng(3)
    volume = torch.as_tensor(rng.lognormal(0, 1, (4, 3, 50)) * (rng.uniform(size=(4, 3, 50)) < 0.8))
    half, slope = torch.as_tensor(rng.lognormal(0, 1, (4, 3))), torch.as_tensor(rng.uniform(0.4, 4, (4, 3)))
    scale = torch.as_tensor(rng.normal(size=(4, 3, 50)))
    multiples = [0.0, 0.004, 0.01, 0.3, 1.0, 2.0]
    sums, slopes = scaled_sums(volume, half, slope, scale, multiples)

    def curve(multiple: float) -> torch.Tensor:
        return (scale * hill(volume * multiple, half[..., None], slope[..., None])).sum(2)

    for place, multiple in enumerate(multiples):
        torch.testing.assert_close(sums[:, place], curve(multiple), rtol=1e-12, atol=1e-13)
        near, step = max(multiple, LEAST_MULTIPLIER), 1e-6
        by_differences = (curve(near + step) - curve(near - step)) / (2 * step)
        torch.testing.assert_close(slopes[:, place], by_differences, rtol=1e-5, atol=1e-6)
