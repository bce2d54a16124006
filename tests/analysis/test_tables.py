"""Tables that explain a model: they agree with the model and with the data."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mmm.analysis.attribution import effects_table
from mmm.analysis.quality import data_quality
from mmm.analysis.tables import (
    adstock_table,
    correlations_table,
    effectiveness_table,
    regions_table,
    returns_between,
    returns_table,
    training_table,
)
from mmm.errors import RequestError
from tests.small import sketch, small_panel, with_gaps


def test_weights_of_carry_over_add_up() -> None:
    table = adstock_table(sketch())

    np.testing.assert_allclose(table.groupby("channel")["weight"].sum(), 1.0)
    assert table["lower"].min() >= 0 and table["upper"].max() <= 1


def test_effectiveness_is_a_mean_over_regions_for_every_date() -> None:
    fitted = sketch()
    table = effectiveness_table(fitted)
    one = table[table["channel"] == "search"]

    np.testing.assert_allclose(one["value"], fitted.predictor.effectiveness_MCGT[:, 1].mean((0, 1)))
    assert len(table) == 3 * 48


def test_regions_add_up_to_the_nation() -> None:
    fitted = sketch(with_gaps(small_panel()))
    table = regions_table(fitted)
    direct = effects_table(fitted).set_index("channel")["direct"]

    sums = table.groupby("channel")["effect"].sum()
    np.testing.assert_allclose(sums.loc[direct.index], direct)
    np.testing.assert_allclose(table.groupby("channel")["scale"].mean(), 1.0)
    known = fitted.panel.kpi_GT[0, :40]
    assert table.loc[table["region"] == "r0", "kpi"].iloc[0] == pytest.approx(np.nansum(known))


def test_training_is_listed_by_stage_and_epoch() -> None:
    table = training_table(sketch())

    assert table.to_dict("list") == {
        "stage": ["train"],
        "epoch": [10],
        "loss": [0.5],
        "validation": [pytest.approx(np.nan, nan_ok=True)],
    }


def test_correlations_are_within_regions_over_training() -> None:
    panel = small_panel()
    media_GTC = panel.media_GTC.copy()
    media_GTC[..., 1] = 2.0 * media_GTC[..., 0]
    media_GTC[:, 40:, 1] = 0.0
    table = correlations_table(sketch(replace(panel, media_GTC=media_GTC)))
    value = table.set_index(["a", "b"])["value"]

    assert value["tv", "search"] == pytest.approx(1.0)
    assert value["radio", "radio"] == pytest.approx(1.0)
    assert value["tv", "radio"] == pytest.approx(value["radio", "tv"])
    assert abs(value["tv", "radio"]) < 0.4


def test_data_quality_counts_what_is_missing_and_names_outliers() -> None:
    panel = with_gaps(small_panel())
    kpi_GT = panel.kpi_GT.copy()
    kpi_GT[1, 12] *= 50.0
    quality = data_quality(sketch(replace(panel, kpi_GT=kpi_GT)))

    assert (quality["missing_cells"], quality["missing_kpi"]) == (2, 1)
    assert quality["present"] == 3 * 48 - 2
    assert quality["outliers"][0]["region"] == "r1"
    assert quality["outliers"][0]["date"] == str(panel.dates[12])
    assert [channel["name"] for channel in quality["channels"]] == ["tv", "search", "radio"]
    json.dumps(quality, allow_nan=False)


def test_a_channel_that_never_ran_has_no_first_period() -> None:
    panel = small_panel()
    media_GTC = panel.media_GTC.copy()
    media_GTC[..., 2] = 0.0
    channel = data_quality(sketch(replace(panel, media_GTC=media_GTC)))["channels"][2]

    assert channel["first_active"] is None
    assert channel["zero_share"] == 1.0


def test_returns_of_the_training_window_are_those_of_the_effects() -> None:
    """The same window, the same cells: direct effect and ROI agree, and an empty channel is their sum."""
    fitted = sketch()
    table, effects = returns_table(fitted), effects_table(fitted)
    whole = table[table["window"] == "training"]
    channels, total = whole[whole["channel"] != ""], whole[whole["channel"] == ""].iloc[0]

    np.testing.assert_allclose(channels["effect"], effects["direct"])
    np.testing.assert_allclose(channels["roi"], effects["roi"])
    np.testing.assert_allclose(total["effect"], effects["direct"].sum())
    np.testing.assert_allclose(total["roi"], total["value"] / effects["spend"].sum())


def test_quarters_add_up_to_the_training_window_but_for_those_with_few_periods() -> None:
    table = returns_table(sketch())
    sums = table.groupby(["window", "channel"])["effect"].sum().unstack("window")
    quarters = sums.drop(columns="training").sum(axis=1)

    assert all(name == "training" or name[4:6] == " Q" for name in sums.columns)
    assert (quarters <= sums["training"] * (1 + 1e-9)).all()
    assert (quarters > 0.8 * sums["training"]).all()


def test_returns_of_any_window_add_up_to_those_of_their_parts() -> None:
    """Every other period of the data belongs to the first or the second of two windows."""
    fitted = sketch()
    dates = [str(day) for day in fitted.panel.dates]
    first, second, both = (
        returns_between(fitted, *days)
        for days in ((dates[0], dates[19]), (dates[20], dates[39]), (dates[0], dates[39]))
    )

    for column in ("spend", "effect", "value"):
        np.testing.assert_allclose(first[column] + second[column], both[column])
    assert set(both["window"]) == {f"{dates[0]} to {dates[39]}"}
    training = returns_table(fitted).query("window == 'training'").reset_index(drop=True)
    assert fitted.split.n_train == 40
    pd.testing.assert_frame_equal(both.drop(columns="window"), training.drop(columns="window"))


@pytest.mark.parametrize(
    ("days", "said"),
    [(("2024-02-30", "2024-03-01"), "write days as"), (("1990-01-01", "1990-02-01"), "data run from")],
)
def test_a_window_without_periods_is_refused(days: tuple[str, str], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        returns_between(sketch(), *days)
