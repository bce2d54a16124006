"""Carry-over: numbers by hand, sums, causality, gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmm.model.adstock import carry_over, delayed_kernel, geometric_kernel, lag_stack, weibull_kernel

RETENTION = st.floats(0.01, 0.97)
DELAY = st.floats(0.0, 6.0)
Kernel = Callable[[torch.Tensor, torch.Tensor, int], torch.Tensor]


def one(value: float) -> torch.Tensor:
    return torch.tensor([[value]], dtype=torch.float64)


def test_impulse_seven_with_retention_one_half_is_four_two_one() -> None:
    kernel_MCL = geometric_kernel(one(0.5), one(0.0), 3)
    media_CGT = torch.tensor([[[7.0, 0.0, 0.0, 0.0]]], dtype=torch.float64)

    carried_MCGT = carry_over(lag_stack(media_CGT, 3), kernel_MCL)

    np.testing.assert_allclose(carried_MCGT[0, 0, 0], [4.0, 2.0, 1.0, 0.0], atol=1e-12)


def test_delay_of_three_peaks_at_lag_two() -> None:
    kernel_L = geometric_kernel(one(0.5), one(3.0), 9)[0, 0]

    assert int(kernel_L.argmax()) == 2


@pytest.mark.parametrize("retention", [0.1, 0.5, 0.9])
def test_a_delayed_kernel_without_delay_is_geometric(retention: float) -> None:
    found_L, wanted_L = (
        kernel(one(retention), one(0.0), 9)[0, 0] for kernel in (delayed_kernel, geometric_kernel)
    )

    torch.testing.assert_close(found_L, wanted_L, atol=3e-3, rtol=0)


@pytest.mark.parametrize("delay", [1, 2, 3])
@pytest.mark.parametrize("retention", [0.1, 0.5, 0.9])
def test_a_delayed_kernel_falls_off_with_the_square_of_the_distance_from_its_peak(
    retention: float, delay: int
) -> None:
    """Jin et al. 2017, eq. 3."""
    wanted_L = retention ** ((torch.arange(9, dtype=torch.float64) - delay) ** 2)
    found_L = delayed_kernel(one(retention), one(delay), 9)[0, 0]

    assert int(found_L.argmax()) == delay
    torch.testing.assert_close(found_L, wanted_L / wanted_L.sum(), atol=0.03, rtol=0)


def test_weibull_of_shape_one_is_geometric() -> None:
    torch.testing.assert_close(
        weibull_kernel(one(0.6), one(1.0), 5), geometric_kernel(one(0.6), one(0.0), 5), atol=1e-8, rtol=1e-8
    )


def test_weibull_shape_two_falls_as_retention_to_the_squared_lag() -> None:
    kernel_L = weibull_kernel(one(0.5), one(2.0), 3)[0, 0]

    np.testing.assert_allclose(kernel_L / kernel_L[0], [1.0, 0.5, 0.5**4], rtol=1e-8)


@pytest.mark.parametrize("kernel", [delayed_kernel, geometric_kernel, weibull_kernel])
@given(retention=RETENTION, delay=st.floats(0.2, 6.0), lags=st.integers(1, 20))
def test_weights_are_positive_and_add_up_to_one(
    kernel: Kernel, retention: float, delay: float, lags: int
) -> None:
    kernel_L = kernel(one(retention), one(delay), lags)[0, 0]

    assert kernel_L.shape == (lags,)
    assert bool((kernel_L >= 0).all())
    assert float(kernel_L.sum()) == pytest.approx(1.0, abs=1e-9)


def test_periods_before_the_first_are_without_media() -> None:
    stack_TL = lag_stack(torch.tensor([[[1.0, 2.0, 3.0]]]), 3)[0, 0]

    assert stack_TL.tolist() == [[1, 0, 0], [2, 1, 0], [3, 2, 1]]


def test_no_lag_leaves_media_as_they_are() -> None:
    media_CGT = torch.arange(6.0).reshape(1, 2, 3)

    torch.testing.assert_close(
        carry_over(lag_stack(media_CGT, 1), geometric_kernel(torch.tensor([[0.5]]), torch.zeros(1, 1), 1))[0],
        media_CGT,
    )


@given(week=st.integers(0, 11), retention=RETENTION, delay=DELAY)
def test_a_change_acts_from_its_week_on(week: int, retention: float, delay: float) -> None:
    media = torch.ones(1, 1, 12, dtype=torch.float64)
    changed = media.clone()
    changed[..., week] += 5.0
    kernel = geometric_kernel(one(retention), one(delay), 6)

    before, after = (carry_over(lag_stack(values, 6), kernel)[0, 0, 0] for values in (media, changed))

    assert torch.equal(before[:week], after[:week])
    assert bool((after >= before - 1e-12).all())


def test_members_and_channels_have_kernels_of_their_own() -> None:
    retention_MC = torch.tensor([[0.2, 0.5], [0.7, 0.9]], dtype=torch.float64)
    stack = lag_stack(torch.ones(2, 3, 10, dtype=torch.float64), 4)

    carried_MCGT = carry_over(stack, geometric_kernel(retention_MC, torch.zeros_like(retention_MC), 4))

    assert carried_MCGT.shape == (2, 2, 3, 10)
    single = carry_over(stack[1:], geometric_kernel(one(0.7 + 0.2), one(0.0), 4))
    torch.testing.assert_close(carried_MCGT[1, 1], single[0, 0])


@pytest.mark.parametrize("kernel", [delayed_kernel, geometric_kernel, weibull_kernel])
def test_gradients_of_kernels(kernel: Kernel) -> None:
    retention = torch.tensor([[0.3, 0.8]], dtype=torch.float64, requires_grad=True)
    delay = torch.tensor([[0.7, 2.0]], dtype=torch.float64, requires_grad=True)
    stack = lag_stack(torch.rand(2, 1, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0)), 4)

    assert torch.autograd.gradcheck(lambda r, d: carry_over(stack, kernel(r, d, 4)), (retention, delay))
