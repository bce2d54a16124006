"""What makes a member: weights of blocks, centres of priors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import softplus

from mmm.config import ModelSpec
from mmm.data.panel import Frequency
from mmm.train.ensemble import BLOCK, WIDENING, member_anchors, member_weights, recentred
from tests.small import posed, small_panel


def test_one_member_counts_every_cell_once() -> None:
    assert (member_weights(3, 20, 1, "weekly", 0) == 1.0).all()


@pytest.mark.parametrize("frequency", list(BLOCK))
def test_weights_are_constant_within_blocks_and_one_on_average(frequency: Frequency) -> None:
    block = BLOCK[frequency]
    weight_MGT = member_weights(4, 5 * block, 3, frequency, 0)[-3:]

    assert weight_MGT.shape == (3, 4, 5 * block)
    blocks = weight_MGT.reshape(3, 4, 5, block)
    assert (blocks == blocks[..., :1]).all()
    np.testing.assert_allclose(weight_MGT.mean((1, 2)), 1.0)
    assert (weight_MGT >= 0).all()
    assert blocks[..., 0].std() > 0.5


def test_weights_hang_on_the_seed() -> None:
    first, same, other = (member_weights(2, 30, 3, "weekly", seed) for seed in (1, 1, 2))

    np.testing.assert_array_equal(first, same)
    assert (first != other).any()
    assert (first[-2] != first[-1]).any()


def test_weights_spread_as_a_bayesian_bootstrap_s_do() -> None:
    """An exponential weight has variance 1, a product of two 3."""
    weight_MGT = member_weights(40, 60, 50, "weekly", 0)[-50:]

    assert 0.8 < weight_MGT.var() < 4.0


def test_centres_are_draws_from_the_priors() -> None:
    _, _, parameters = posed(small_panel(), ModelSpec(), members=60)
    anchors = member_anchors(parameters, 0)

    assert {"half", "region_scale", "share", "season"} <= set(anchors)
    assert not {"noise", "level", "gru_input", "gru_output"} & set(anchors)
    for name, value in anchors.items():
        assert value.shape == parameters[name].shape
    drawn = anchors["region_scale"]
    assert float(drawn.mean()) == pytest.approx(0.0, abs=0.15)
    assert float(drawn.std()) == pytest.approx(1.0, abs=0.15)


def test_one_member_is_centred_where_the_priors_are() -> None:
    _, _, parameters = posed(small_panel(), ModelSpec(), members=1)

    assert member_anchors(parameters, 0) == {}


def test_centres_hang_on_the_seed_alone() -> None:
    _, _, parameters = posed(small_panel(), ModelSpec(), members=2)
    moved = {name: value + 3.0 for name, value in parameters.items()}

    first, again, other = (member_anchors(p, s) for p, s in ((parameters, 1), (moved, 1), (parameters, 2)))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["half"], other["half"])


def test_members_are_moved_so_that_their_mean_effect_is_the_centre_s() -> None:
    """Softplus of shares and exponentials of regional scales, not their exponents; others as they are."""
    _, _, parameters = posed(small_panel(), ModelSpec(), members=9)
    parameters["share"] = 0.7 * torch.randn(parameters["share"].shape, dtype=torch.float64)
    moved = recentred(parameters, 0.3)

    assert all(len(value) == 8 for value in moved.values())
    for name in ("half", "retention", "level"):
        torch.testing.assert_close(moved[name].mean(0), parameters[name][0])
    shares = softplus(moved["share"])
    torch.testing.assert_close(shares.mean(0), softplus(parameters["share"])[0])
    before = softplus(parameters["share"][1:])
    distance = before / before.mean(0) - 1
    kept = (1 + WIDENING * distance > 0).all(0)
    assert kept.any()
    torch.testing.assert_close((shares / shares.mean(0) - 1)[:, kept], WIDENING * distance[:, kept])
    torch.testing.assert_close(moved["half"].std(0), WIDENING * parameters["half"][1:].std(0))
    scales = torch.exp(0.3 * moved["region_scale"])
    torch.testing.assert_close(scales.mean(0), torch.exp(0.3 * parameters["region_scale"][0]))


def test_one_fit_alone_stays_as_it_is() -> None:
    _, _, parameters = posed(small_panel(), ModelSpec(), members=1)

    assert recentred(parameters, 0.3) is parameters
