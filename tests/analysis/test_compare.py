"""Two models side by side: what moved, whether beyond the intervals, and why."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmm.analysis.attribution import effects_table
from mmm.analysis.compare import Comparison, compare_fitted, compare_models
from mmm.data.panel import Floats
from mmm.errors import ModelFileError
from mmm.fitted import Fitted, save_fitted
from tests.model.test_network import permuted_channels
from tests.small import market, sketch, small_panel


def scaled(fitted: Fitted, channel: int, step: float) -> Fitted:
    """The model with another share of one channel."""
    share_MC = fitted.parameters["share"].copy()
    share_MC[:, channel] += step
    return replace(fitted, parameters={**fitted.parameters, "share": share_MC})


def narrow(members: int = 4) -> Fitted:
    """Members that hardly differ."""
    fitted = sketch(members=members)
    rng = np.random.default_rng(0)
    close = {
        name: value[:1] + 1e-3 * rng.standard_normal(value.shape) for name, value in fitted.parameters.items()
    }
    return replace(fitted, parameters=close)


def why(comparison: Comparison) -> set[tuple[str, str]]:
    return {(reason.what, reason.where) for reason in comparison.reasons}


def test_a_model_agrees_with_itself() -> None:
    fitted = narrow()
    result = compare_fitted(fitted, fitted)

    assert result.moved == 0.0
    assert result.within_tolerance
    assert result.reasons == ()
    assert not result.channels[["share_beyond", "roi_beyond"]].any(axis=None)
    assert result.verdict.startswith("The models agree")


def test_moved_is_the_sum_of_changes_over_all_media() -> None:
    old, new = narrow(), scaled(narrow(), 1, 0.5)
    result = compare_fitted(old, new)

    def shares(fitted: Fitted) -> Floats:
        parts, train = fitted.predictor.parts, fitted.split.train
        brought = parts.channels_MGTC[:, :, train].sum((1, 2))
        share: Floats = (brought / parts.prediction_MGT[:, :, train].sum((1, 2))[:, None]).mean(0)
        return share

    expected = np.abs(shares(new) - shares(old)).sum() / shares(old).sum()
    assert result.moved == pytest.approx(expected)
    np.testing.assert_allclose(result.channels["share_new"], shares(new))
    np.testing.assert_allclose(result.channels["roi_new"], effects_table(new)["roi"])


def test_changes_beyond_the_intervals_are_named() -> None:
    result = compare_fitted(narrow(), scaled(narrow(), 1, 0.5), tolerance=0.01)

    assert result.channels.set_index("channel")["roi_beyond"].to_dict() == {
        "tv": False,
        "search": True,
        "radio": False,
    }
    assert not result.within_tolerance
    assert "search" in result.verdict and "nothing that is recorded" in result.verdict


def test_without_intervals_nothing_lies_beyond_them() -> None:
    old = sketch(members=1)
    result = compare_fitted(old, scaled(old, 1, 2.0))

    assert not result.channels[["share_beyond", "roi_beyond"]].any(axis=None)
    assert result.moved > 0.1


def test_the_reasons_are_listed_field_by_field() -> None:
    old = narrow()
    spec = market(
        old.panel, train={"seed": 4, "learning_rate": 0.01}, model={"saturation": {"slope_min": 1.0}}
    )
    panel = replace(old.panel, kpi_GT=1.01 * old.panel.kpi_GT)
    provenance = {**old.provenance, "data_fingerprint": "other", "epochs": 20, "versions": {"torch": "3"}}
    result = compare_fitted(old, replace(old, spec=spec, panel=panel, provenance=provenance))

    assert why(result) == {
        ("data", "fingerprint"),
        ("data", "KPI"),
        ("data", "KPI, 2023-01-02 to 2023-11-27"),
        ("spec", "model.saturation.slope_min"),
        ("spec", "train.learning_rate"),
        ("seed", "train.seed"),
        ("epochs", "epochs"),
        ("versions", "torch"),
    }
    slope = next(reason for reason in result.reasons if reason.where == "model.saturation.slope_min")
    assert (slope.old, slope.new) == ("2.0", "1.0")


def test_a_longer_history_is_a_reason_of_data() -> None:
    result = compare_fitted(narrow(), sketch(small_panel(periods=52), members=4))

    assert {("data", "periods"), ("data", "last"), ("data", "trained until")} <= why(result)


def test_the_order_of_channels_does_not_matter() -> None:
    old = sketch(members=1, model={"temporal": {"enabled": False}})
    order = [2, 0, 1]
    moved = {
        name: value[:, order] if name in ("retention", "delay", "half", "slope", "spread", "share") else value
        for name, value in old.parameters.items()
    }
    moved["region_scale"] = old.parameters["region_scale"][:, :, order]
    new = replace(
        old,
        panel=permuted_channels(old.panel, order),
        parameters=moved,
        scaling=replace(old.scaling, media_C=old.scaling.media_C[order]),
        log_half_C=old.log_half_C[order],
    )

    assert compare_fitted(old, new).moved == pytest.approx(0.0, abs=1e-9)


def test_models_of_other_channels_are_refused() -> None:
    with pytest.raises(ModelFileError, match=r"'radio' went.*models of the same channels"):
        compare_fitted(sketch(), sketch(small_panel(channels=2)))


def test_folders_are_compared(tmp_path: Path) -> None:
    old = narrow()
    save_fitted(old, tmp_path / "old")
    save_fitted(scaled(old, 0, 0.3), tmp_path / "new")
    result = compare_models(tmp_path / "old", tmp_path / "new", tolerance=0.01)
    plain: dict[str, Any] = json.loads(json.dumps(result.as_dict(), allow_nan=False))

    assert not plain["within_tolerance"]
    assert [row["channel"] for row in plain["channels"]] == ["tv", "search", "radio"]
    with pytest.raises(ModelFileError, match="holds no fitted model"):
        compare_models(tmp_path / "old", tmp_path / "nowhere")


def test_a_channel_without_spend_has_no_return_to_compare() -> None:
    panel = small_panel()
    spend_GTC = panel.spend_GTC.copy()
    spend_GTC[..., 0] = 0.0
    old = sketch(replace(panel, spend_GTC=spend_GTC))
    row = compare_fitted(old, old).as_dict()["channels"][0]

    assert row["roi_old"] is None and row["roi_change"] is None
    assert row["roi_beyond"] is False


def in_thousands(fitted: Fitted, channel: str) -> Fitted:
    """The model as it would be with the spend of a channel in thousands."""
    spend_GTC = fitted.panel.spend_GTC.copy()
    spend_GTC[..., fitted.panel.channels.index(channel)] /= 1000.0
    return replace(fitted, panel=replace(fitted.panel, spend_GTC=spend_GTC))


def test_spend_in_another_unit_is_said_though_no_share_moved() -> None:
    old = narrow()

    result = compare_fitted(old, in_thousands(old, "tv"))

    assert result.moved == 0.0
    assert not result.within_tolerance
    roi, spend = result.jumps
    assert roi.startswith("ROI of tv went from ")
    assert spend.startswith("spend of tv of 2023-01-02 to 2023-11-27 was ")
    assert spend.endswith(", 0.001 times as much")
    assert result.verdict.startswith("The models differ: ROI of tv went from ")
    assert ("data", "spend of tv, 2023-01-02 to 2023-11-27") in why(result)
    assert result.as_dict()["jumps"] == [roi, spend]


def test_a_renamed_channel_is_the_same_when_the_spec_says_so() -> None:
    old = narrow()
    panel = replace(old.panel, channels=("tv", "paid_search", "radio"))
    unsaid = replace(old, panel=panel, spec=market(panel))
    said = replace(old, panel=panel, spec=market(panel, renamed={"paid_search": "search"}))

    with pytest.raises(ModelFileError, match=r"`renamed: \{paid_search: search\}`"):
        compare_fitted(old, unsaid)
    result = compare_fitted(old, said)

    assert result.moved == 0.0 and result.within_tolerance
    assert list(result.channels["channel"]) == ["tv", "paid_search", "radio"]


def test_how_far_other_brands_moved_a_model_is_a_reason() -> None:
    alone = sketch()
    pooled = replace(alone, provenance={**alone.provenance, "pool_shift": 0.06})

    found = [reason for reason in compare_fitted(alone, pooled).reasons if reason.what == "pooling"]

    assert [(reason.old, reason.new) for reason in found] == [("fitted alone", "6.0%")]
    assert not [reason for reason in compare_fitted(pooled, pooled).reasons if reason.what == "pooling"]
