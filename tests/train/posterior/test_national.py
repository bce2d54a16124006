"""The likelihood of one region is the general one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from numpy.testing import assert_allclose

from mmm.train.posterior.density import Density
from mmm.train.posterior.marginal import gradient_of, log_likelihood
from mmm.train.posterior.moments import moments_of
from mmm.train.posterior.national import WALK, axes_of
from mmm.train.posterior.robust import cell_weights
from tests.small import small_panel, with_gaps
from tests.train.posterior.densities import (
    DRIVEN,
    RESTRICTED,
    VARYING,
    density_of,
    driven_panel,
    places,
    prepared,
)


def density(kind: str) -> Density:
    if kind == "driven":
        return density_of(replace(prepared(driven_panel(1)), restrictions=DRIVEN))
    panel = with_gaps(small_panel(regions=1, controls=0 if kind == "without controls" else 2))
    settings: dict[str, Any] = VARYING if kind == "varying" else {}
    item = prepared(panel, settings)
    return density_of(replace(item, restrictions=RESTRICTED) if kind == "restricted" else item)


@pytest.mark.parametrize("kind", ["plain", "driven", "varying", "restricted", "without controls"])
def test_value_and_gradient_are_those_of_the_general_likelihood(kind: str) -> None:
    found = density(kind)
    # Unequal weights: those of residuals at some place.
    weight_GT, _ = cell_weights(
        found.columns.kpi_GT, found.columns.trained_GT, found.beliefs.spec.loss, found.shards
    )
    found = found.weighted(moments_of(found.columns, weight_GT))
    assert found.axes is not None
    theta_MD = places(found, 3)
    terms, _ = found.given(theta_MD)

    value_M, slopes = found.likelihood(terms)

    expected_M, left = log_likelihood(terms, found.columns, found.moments, found.shards)
    expected = gradient_of(terms, left, found.columns, found.moments, found.shards)
    walk = found.columns.shared_names.count(WALK)
    assert_allclose(value_M, expected_M, rtol=1e-9)
    for name in ("effect_MCGT", "beside_MGT", "own_MR", "noise_M1"):
        assert_allclose(getattr(slopes, name), getattr(expected, name), rtol=1e-7, atol=1e-8, err_msg=name)
    assert_allclose(slopes.shared_MP[:, :walk].sum(1), expected.shared_MP[:, :walk].sum(1), rtol=1e-7)
    assert_allclose(slopes.shared_MP[:, walk:], expected.shared_MP[:, walk:], rtol=1e-7, atol=1e-8)


def test_a_place_without_a_density_does_not_end_the_others() -> None:
    found = density("plain")
    theta_MD = places(found, 2)
    theta_MD[0] = torch.nan

    value_M, gradient_MD = found.gradient(theta_MD)

    assert value_M[0] == -torch.inf
    assert not gradient_MD[0].any()
    assert_allclose(value_M[1:], found.gradient(theta_MD[1:])[0])


def test_panels_of_several_regions_and_those_with_shocks_have_no_axes() -> None:
    assert density_of(prepared(small_panel(regions=3))).axes is None
    shocked = density_of(prepared(small_panel(regions=1)), shocks=True)
    assert axes_of(shocked.columns, shocked.moments) is None
