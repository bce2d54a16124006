"""What brought the KPI: adds up, follows its graph, pays in the right currency."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmm.analysis.attribution import (
    contributions_table,
    direct_totals,
    effects_table,
    graph_table,
    indirect_totals,
    predictions_table,
    predictive_sd,
    started_totals,
)
from tests.small import CHANNELS, chain_graph, sketch, small_panel, with_gaps

PASSED_ON = 0.4


def test_contributions_add_up_to_the_prediction_in_every_cell() -> None:
    fitted = sketch(with_gaps(small_panel(controls=2)))
    total = contributions_table(fitted).groupby(["region", "date"])["value"].sum()
    predicted = predictions_table(fitted).set_index(["region", "date"])["predicted"]

    np.testing.assert_allclose(total.loc[predicted.index], predicted, rtol=1e-12)
    assert len(predicted) == fitted.panel.present_GT.sum()


def test_contributions_name_their_kind_and_have_intervals() -> None:
    table = contributions_table(sketch())

    kinds = table.drop_duplicates("component").set_index("component")["kind"].to_dict()
    assert kinds == {
        "baseline": "baseline",
        "seasonality": "seasonality",
        "price": "control",
        "tv": "channel",
        "search": "channel",
        "radio": "channel",
    }
    assert (table["lower"] <= table["value"]).all() and (table["value"] <= table["upper"]).all()
    assert table["date"].dtype.kind == "M"


def test_predictions_carry_the_kpi_and_its_split() -> None:
    panel = with_gaps(small_panel())
    table = predictions_table(sketch(panel))

    np.testing.assert_array_equal(table["actual"], panel.kpi_GT[panel.present_GT])
    assert table["split"].value_counts().to_dict() == {"train": 3 * 40 - 1, "holdout": 3 * 8 - 1}
    assert table["actual"].isna().sum() == 1
    assert table["predicted"].notna().all()


def test_intervals_of_predictions_widen_after_training() -> None:
    sd_GT = predictive_sd(sketch(members=1))

    np.testing.assert_allclose(sd_GT[:, :40], sd_GT[:, :1].repeat(40, 1))
    assert (np.diff(sd_GT[:, 39:], axis=1) > 0).all()


def test_direct_effects_are_sums_of_contributions() -> None:
    fitted = sketch()
    table = contributions_table(fitted)
    early = table[table["date"].isin(fitted.panel.dates[:40].astype("datetime64[s]"))]
    sums = early[early["kind"] == "channel"].groupby("component")["value"].sum()
    effects = effects_table(fitted).set_index("channel")

    np.testing.assert_allclose(effects["direct"], sums.loc[effects.index], rtol=1e-10)


def test_without_a_graph_total_is_direct() -> None:
    effects = effects_table(sketch())

    assert not effects["indirect"].any()
    np.testing.assert_array_equal(effects["total"], effects["direct"])
    np.testing.assert_array_equal(effects["roi_total"], effects["roi"])


def test_an_indirect_effect_is_what_the_moved_channel_loses() -> None:
    """Half of the second channel's media follow from the first: by hand from the model's own curve."""
    fitted = sketch(graph=chain_graph(CHANNELS[:3], 1e-3))
    panel = fitted.panel
    media_GTC = panel.media_GTC.copy()
    media_GTC[..., 1] = np.maximum(media_GTC[..., 1] - 1e-3 * media_GTC[..., 0], 0.0)
    lost = fitted.predictor.parts.channels_MGTC - fitted.predictor.contributions_under(media_GTC)
    ones = np.ones(panel.present_GT.shape)
    found_MC = indirect_totals(fitted, ones)

    np.testing.assert_allclose(found_MC[:, 0], lost[..., 1].sum((1, 2)), rtol=1e-10)
    assert (found_MC[:, 0] > 0).all()
    assert not found_MC[:, 1:].any()


def test_what_channels_started_adds_up_to_all_direct_effects() -> None:
    fitted = sketch(graph=chain_graph(CHANNELS[:3], 1e-3))
    ones = np.ones(fitted.panel.present_GT.shape)
    direct_MC, started_MC = direct_totals(fitted, ones), started_totals(fitted, ones)

    np.testing.assert_allclose(started_MC.sum(1), direct_MC.sum(1), rtol=1e-10)
    assert (started_MC[:, 0] > direct_MC[:, 0]).all()
    assert (started_MC[:, 1] < direct_MC[:, 1]).all()


def test_a_channel_that_only_follows_another_started_nothing() -> None:
    """Two units of the second channel follow from each unit of the first, in the same period."""
    panel = small_panel()
    media_GTC = panel.media_GTC.copy()
    media_GTC[..., 1] = 2.0 * media_GTC[..., 0]
    fitted = sketch(replace(panel, media_GTC=media_GTC), graph=chain_graph(CHANNELS[:3], 2.0))
    ones = np.ones(panel.present_GT.shape)
    direct_MC, started_MC = direct_totals(fitted, ones), started_totals(fitted, ones)

    np.testing.assert_allclose(started_MC[:, 1], 0.0, atol=1e-9 * direct_MC[0, 1])
    np.testing.assert_allclose(started_MC[:, 0], direct_MC[:, :2].sum(1))
    np.testing.assert_allclose(started_MC[:, 2], direct_MC[:, 2])


def test_swapping_the_graph_moves_indirect_effects_and_nothing_else() -> None:
    graph = chain_graph(CHANNELS[:3], PASSED_ON)
    fitted = sketch(graph=graph)
    empty, turned = (replace(fitted, graph=other) for other in (graph.without_edges(), graph.reversed()))
    ones = np.ones(fitted.panel.present_GT.shape)

    for swapped in (empty, turned):
        np.testing.assert_array_equal(direct_totals(swapped, ones), direct_totals(fitted, ones))
    assert not indirect_totals(empty, ones).any()
    assert indirect_totals(turned, ones)[:, 1].all() and not indirect_totals(turned, ones)[:, 0].any()


def test_roi_is_value_of_kpi_over_spend() -> None:
    fitted = sketch()
    effects = effects_table(fitted).set_index("channel")
    spend_C = fitted.panel.spend_GTC[:, :40].sum((0, 1))

    np.testing.assert_allclose(effects["spend"], spend_C)
    np.testing.assert_allclose(effects["roi"], effects["direct"] * 2.0 / spend_C, rtol=1e-10)
    assert (effects["roi_lower"] <= effects["roi"]).all()


def test_marginal_roi_is_that_of_one_per_cent_more() -> None:
    fitted = sketch(members=1)
    more = fitted.predictor.contributions_under(1.0001 * fitted.panel.media_GTC)
    less = fitted.predictor.contributions_under(0.9999 * fitted.panel.media_GTC)
    gain_C = (more - less)[0, :, :40].sum((0, 1)) * 2.0 / 0.0002
    effects = effects_table(fitted)

    np.testing.assert_allclose(effects["marginal_roi"], gain_C / effects["spend"], rtol=1e-4)


def test_channels_without_spend_have_no_roi() -> None:
    panel = small_panel()
    spend_GTC, has_spend_C = panel.spend_GTC.copy(), panel.has_spend_C.copy()
    spend_GTC[..., 0], has_spend_C[0] = 0.0, False
    effects = effects_table(sketch(replace(panel, spend_GTC=spend_GTC, has_spend_C=has_spend_C)))

    assert effects.loc[0, "spend"] == 0.0
    assert effects.loc[0, ["roi", "marginal_roi", "roi_total"]].isna().all()
    assert effects.loc[1:, "roi"].notna().all()


def test_one_member_has_no_intervals() -> None:
    effects = effects_table(sketch(members=1))

    assert effects["direct"].notna().all()
    assert effects[["direct_lower", "total_upper", "roi_lower"]].isna().all(axis=None)


def test_rescaling_currency_rescales_roi() -> None:
    fitted = sketch()
    panel = fitted.panel
    cents = replace(fitted, panel=replace(panel, spend_GTC=100 * panel.spend_GTC))

    np.testing.assert_allclose(effects_table(cents)["roi"], effects_table(fitted)["roi"] / 100)


def test_the_graph_table_lists_pairs_by_evidence() -> None:
    table = graph_table(sketch(graph=chain_graph(CHANNELS[:3], PASSED_ON)))

    assert table[["cause", "effect"]].to_numpy().tolist() == [["tv", "search"]]
    assert table.loc[0, "passed_on"] == pytest.approx(PASSED_ON)
    assert table.loc[0, "probability"] == 1.0
    assert graph_table(sketch()).empty
