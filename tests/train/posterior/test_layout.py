"""Coordinates by name, and the products that stay the same from draw to draw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from mmm.model.restrictions import SHAPE, Restrictions
from mmm.train.posterior.layout import SIGNED, layout
from mmm.train.posterior.moments import columns_of, moments_of
from tests.small import small_panel, with_gaps
from tests.train.posterior.densities import RESTRICTED, density_of, prepared

FREE = Restrictions(sign_K=(0, 0), shape_of_C=(0, 1, 2, 3))
GROUPED = Restrictions(sign_K=(1, -1), shape_of_C=(0, 1, 0, 1))


def test_splitting_and_joining_are_inverse() -> None:
    found = layout(4, GROUPED, national=False, demand=True)
    theta_MD = torch.randn(3, found.length, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    parts = found.split(theta_MD)

    assert torch.equal(found.join(parts), theta_MD)
    assert {name: part.shape[1] for name, part in parts.items()} == dict(found.sizes)
    assert torch.equal(found.join({"noise": parts["noise"]}).count_nonzero(), torch.tensor(3))


def test_channels_of_a_group_have_one_shape_and_all_else_of_their_own() -> None:
    found, free = (layout(4, kind, national=False, demand=True) for kind in (GROUPED, FREE))

    assert all(found.sizes[name] == 2 and free.sizes[name] == 4 for name in SHAPE)
    assert found.sizes["deviation"] == found.sizes["demand"] == found.sizes["region_width"] == 4
    assert found.sizes[SIGNED] == 2
    assert SIGNED not in free.sizes
    assert found.group_C == (0, 1, 0, 1)


def test_a_national_model_has_no_regions_to_differ() -> None:
    found = layout(4, FREE, national=True, demand=False)

    assert not {"per_head", "regional_level", "region_season", "region_width", "demand"} & found.sizes.keys()


def test_shapes_of_groups_go_to_their_channels_and_back_as_means() -> None:
    found = layout(4, GROUPED, national=True, demand=False)
    coordinates = found.split(torch.arange(found.length, dtype=torch.float64).unsqueeze(0))
    of_channels = found.of_channels(coordinates)

    for name in SHAPE:
        assert of_channels[name][0].tolist() == [*coordinates[name][0].tolist()] * 2
        assert torch.equal(found.of_groups(of_channels[name]), coordinates[name])
    assert found.of_groups(torch.tensor([[1.0, 10.0, 3.0, 30.0]])).tolist() == [[2.0, 20.0]]


@pytest.mark.parametrize("regions", [1, 3])
def test_products_are_sums_over_known_cells(regions: int) -> None:
    item = replace(prepared(with_gaps(small_panel(regions=regions, controls=2))), restrictions=RESTRICTED)
    density = density_of(item)
    columns = columns_of(density.inputs, RESTRICTED, national=regions == 1)
    weight_GT = torch.rand(columns.kpi_GT.shape, generator=torch.Generator().manual_seed(1)).double()
    moments = moments_of(columns, weight_GT)
    periods = columns.kpi_GT.shape[1]
    expected_GFF = np.zeros(moments.product_GFF.shape)
    cells = 0
    for g in range(regions):
        for t in range(periods):
            if not columns.trained_GT[g, t]:
                continue
            cells += 1
            row = np.concatenate([columns.own_TR[t], columns.shared_GTQ[g, t], columns.kpi_GT[g, t : t + 1]])
            expected_GFF[g] += float(weight_GT[g, t]) * np.outer(row, row)

    assert 0 < cells < regions * periods
    assert float(moments.cells) == cells
    assert_allclose(moments.product_GFF, expected_GFF, rtol=1e-9, atol=1e-12)
    assert_allclose(moments.weighted_GTF[..., -1], weight_GT * columns.trained_GT * columns.kpi_GT)
    # Of which only a share is known: every product, and every cell, counts for so much less.
    less = moments_of(columns, weight_GT, 0.7)
    assert_allclose(less.product_GFF, 0.7 * moments.product_GFF, rtol=1e-12)
    assert_allclose(less.shared_PP, 0.7 * moments.shared_PP, rtol=1e-12)
    assert float(less.cells) == pytest.approx(0.7 * cells)


def test_controls_of_a_known_sign_are_turned_and_stand_apart() -> None:
    density = density_of(prepared(small_panel(controls=2)))
    columns = columns_of(density.inputs, RESTRICTED, national=False)

    assert_allclose(columns.signed_GTK[..., 0], -density.inputs.controls_GTK[..., 0])
    assert columns.shared_names.count("control") == 1
    assert_allclose(
        columns.shared_GTQ[..., columns.shared_names.index("control")], density.inputs.controls_GTK[..., 1]
    )
    assert columns.own_names[0] == "level"
    assert_allclose(columns.own_TR[:, 0], 1.0)
