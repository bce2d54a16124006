"""Saturation: numbers by hand, monotone, gradients, mixtures of unlike people."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmm.model.saturation import hill, market_slope


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
