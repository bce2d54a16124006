"""Priors beside posteriors, and the prior itself."""

from __future__ import annotations

import numpy as np
import pytest

from mmm.analysis.attribution import draws_table, effect_draws, effect_sums
from mmm.analysis.priors import priors_table
from mmm.config import Belief, ModelSpec
from mmm.config.model import PriorSpec
from mmm.model.beliefs import half_normal_shares, prior_shares
from tests.small import sketch

BY_SPEND = PriorSpec(spend_weight=Belief(mean=1.0, sd=1e-6), channel_spread=1e-6)
"""All weight on spend, no spread between channels."""


def test_the_default_prior_expects_a_quarter_of_the_kpi_from_media() -> None:
    """Log-normal of mean 0.28 and standard deviation 0.15: median 0.247, 5 % 0.108, 95 % 0.563."""
    total_M = prior_shares(ModelSpec(), np.array([1.0, 1.0, 2.0]), 20_000, 0).sum(1)

    assert np.quantile(total_M, [0.05, 0.5, 0.95]) == pytest.approx([0.108, 0.247, 0.563], rel=0.04)


def test_spend_moves_what_is_expected_of_a_channel_and_the_weight_says_how_far() -> None:
    """With all weight on spend and no spread, four times the spend is four times the share."""
    shares_MC = prior_shares(ModelSpec(priors=BY_SPEND), np.array([1.0, 4.0]), 100, 0)

    assert shares_MC[:, 1] / shares_MC[:, 0] == pytest.approx(np.full(100, 4.0), rel=1e-3)


def test_a_channel_without_spend_counts_as_an_average_one() -> None:
    shares_MC = prior_shares(ModelSpec(priors=BY_SPEND), np.array([1.0, 3.0, 0.0]), 100, 0)

    assert shares_MC[:, 2] / shares_MC[:, 0] == pytest.approx(np.full(100, 2.0), rel=1e-3)


def test_what_is_not_bought_is_a_pool_of_its_own() -> None:
    """Log-normal of mean 0.1 and standard deviation 0.1, median 0.071, whatever is spent on the others."""
    bought_C, spend_C = np.array([True, True, False, False]), np.array([1.0, 4.0, 0.0, 0.0])
    shares_MC = prior_shares(ModelSpec(), spend_C, 20_000, 0, bought_C)
    narrow_MC = prior_shares(ModelSpec(priors=BY_SPEND), spend_C, 100, 0, bought_C)

    assert np.quantile(shares_MC[:, 2:].sum(1), 0.5) == pytest.approx(0.1 / 2**0.5, rel=0.04)
    assert np.quantile(shares_MC[:, :2].sum(1), 0.5) == pytest.approx(0.247, rel=0.04)
    assert narrow_MC[:, 1] / narrow_MC[:, 0] == pytest.approx(np.full(100, 4.0), rel=1e-3)
    assert narrow_MC[:, 3] / narrow_MC[:, 2] == pytest.approx(np.full(100, 1.0), rel=1e-3)


def test_prior_and_posterior_stand_side_by_side() -> None:
    fitted = sketch()
    estimands = effect_draws(fitted)
    table = priors_table(fitted, effect_sums(fitted))

    assert set(table["quantity"]) == {"share", "roi", "half_saturation", "slope", "retention"}
    assert (table["prior_lower"] < table["prior_upper"]).all()
    share = table[table["quantity"] == "share"].set_index("channel")
    kpi = np.nansum(np.where(fitted.panel.present_GT & fitted.split.mask("train"), fitted.panel.kpi_GT, 0.0))
    middle = np.median(estimands["direct"], axis=0) / kpi
    np.testing.assert_allclose(share.loc[list(fitted.panel.channels), "posterior"], middle)
    moved = 1.0 - (share["posterior_upper"] - share["posterior_lower"]) / (
        share["prior_upper"] - share["prior_lower"]
    )
    np.testing.assert_allclose(share["moved"], moved)


def test_members_of_an_ensemble_expect_half_normal_shares() -> None:
    """Of three channels 0.1 each: median 0.0674, 5 and 95 % at 0.0063 and 0.196."""
    fitted = sketch(members=8)
    table = priors_table(fitted, effect_sums(fitted))
    rows = table[table["quantity"] == "share"]

    assert fitted.spec.train.inference == "ensemble" and len(rows) == 3
    for name, value in (("prior", 0.0674), ("prior_lower", 0.0063), ("prior_upper", 0.196)):
        assert rows[name].to_numpy() == pytest.approx(np.full(3, value), rel=0.1)
    spread = rows["posterior_upper"] - rows["posterior_lower"]
    assert (spread > 0).all() and (rows["posterior_lower"] >= 0).all()


def test_what_all_media_bring_moves_what_members_expect_of_each() -> None:
    """Half-normals of 0.1 add up to 0.24; 0.6 of them all together asks for more of each."""
    scale_C, stated = np.full(3, 0.1), PriorSpec(media_share=Belief(mean=0.6, sd=0.01))
    plain_MC = half_normal_shares(ModelSpec(), scale_C, 20_000, 0)
    moved_MC = half_normal_shares(ModelSpec(priors=stated), scale_C, 20_000, 0)

    assert plain_MC.mean(0) == pytest.approx(np.full(3, 0.1 * (2 / np.pi) ** 0.5), rel=0.03)
    assert moved_MC.sum(1).mean() == pytest.approx(0.6, rel=0.02)


@pytest.mark.parametrize(("strength", "middle"), [(1.0, 0.2), (0.0, 0.0674)])
def test_a_belief_counts_as_much_as_its_strength_says(strength: float, middle: float) -> None:
    """A narrow belief decides the prior; at strength 0 nothing is stated."""
    stated = {"channels": {"tv": {"share": {"mean": 0.2, "sd": 0.001}}}, "strength": strength}
    fitted = sketch(members=8, model={"priors": stated})
    table = priors_table(fitted, effect_sums(fitted)).set_index(["channel", "quantity"])

    assert table["prior"].to_dict()["tv", "share"] == pytest.approx(middle, rel=0.1)


def test_draws_are_what_intervals_are_made_of() -> None:
    fitted = sketch()
    estimands = effect_draws(fitted)
    table = draws_table(fitted, estimands)

    assert list(table.columns) == ["draw", "channel", "direct", "total", "roi"]
    assert len(table) == fitted.members * len(fitted.panel.channels)
    means = table.groupby("channel", sort=False)["direct"].mean()
    np.testing.assert_allclose(means, estimands["direct"].mean(0))
