"""Refits that start from an older model: units kept, channels expected, strangers refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmm.cli import command as cli
from mmm.config.files import load_market
from mmm.data.panel import Panel
from mmm.data.scale import fit_scaling
from mmm.errors import SpecError
from mmm.fitted import Fitted, load_fitted
from mmm.model.objective import log_prior
from mmm.train.fit import fit
from mmm.train.warm_start import begun, check_previous, expected, for_fits, kept_scaling
from tests.data.panels import frame, spec, write
from tests.model.test_objective import SPEC, target_of
from tests.small import market, posed, sketch, small_panel, split_of

QUICK: dict[str, Any] = {"train": {"epochs": 30, "members": 2}, "model": {"temporal": {"hidden": 3}}}


def longer(weeks: int = 56) -> Panel:
    return small_panel(periods=weeks)


def fitted_from(previous: Fitted | None, panel: Panel) -> Fitted:
    return fit(market(panel, **QUICK), panel, split_of(panel), previous=previous)


def test_scaling_is_kept_and_what_it_came_from_is_recorded() -> None:
    old = fitted_from(None, small_panel())
    new = fitted_from(old, longer())

    np.testing.assert_array_equal(new.scaling.kpi_G, old.scaling.kpi_G)
    np.testing.assert_array_equal(new.scaling.media_C, old.scaling.media_C)
    np.testing.assert_array_equal(new.log_half_C, old.log_half_C)
    assert new.scales == old.scales
    assert new.provenance["from_data"] == old.provenance["data_fingerprint"]
    assert "from_data" not in old.provenance
    free = fitted_from(None, longer())
    assert (free.scaling.kpi_G != old.scaling.kpi_G).any()


def test_new_regions_get_a_scale_of_their_own() -> None:
    old = sketch(small_panel(regions=3))
    panel = small_panel(regions=5)
    fresh = fit_scaling(panel, 40)
    kept = kept_scaling(fresh, panel, old)

    np.testing.assert_array_equal(kept.kpi_G[:3], old.scaling.kpi_G)
    np.testing.assert_array_equal(kept.kpi_G[3:], fresh.kpi_G[3:])
    assert kept.mean_kpi == pytest.approx(kept.kpi_G.mean())


def test_channels_are_expected_where_the_older_model_has_them() -> None:
    old = sketch(small_panel(regions=3), members=4)
    panel = small_panel(regions=5)
    _, _, start = posed(panel, market(panel).model, members=1)
    found = expected(start, panel, old)

    assert set(found) >= {"retention", "half", "share", "region_scale"}
    assert "level" not in found
    np.testing.assert_allclose(found["half"][0].numpy(), old.parameters["half"].mean(0))
    np.testing.assert_allclose(found["half"][1:].numpy(), old.parameters["half"])
    np.testing.assert_allclose(found["region_scale"][1:, :3].numpy(), old.parameters["region_scale"])
    assert (found["region_scale"][:, 3:] == 0).all()


def test_each_fit_expects_its_own_member_or_all_the_mean() -> None:
    expectation = {"half": torch.arange(6.0).reshape(3, 2)}

    assert for_fits(expectation, 3)["half"].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert for_fits(expectation, 1)["half"].tolist() == [[0, 1]]
    assert for_fits(expectation, 5)["half"].tolist() == [[0, 1]] * 5


def test_parameters_are_held_by_their_distance() -> None:
    """A quarter away, at a standard deviation of a half, costs (1/2)² / 2 for each number."""
    inputs, scaling, parameters = posed(small_panel(), SPEC)
    free = target_of(inputs, scaling)
    held = {name: parameters[name] + 0.25 for name in ("half", "region_scale")}
    size = sum(value[0].numel() for value in held.values())
    more_M = log_prior(parameters, SPEC, replace(free, held=held)) - log_prior(parameters, SPEC, free)

    np.testing.assert_allclose(more_M.numpy(), size * 0.125, rtol=1e-9)


def test_an_older_model_holds_the_new_one_where_the_data_say_nothing() -> None:
    """A channel that never varies has no shape of its own to learn."""
    panel = small_panel()
    panel.media_GTC[..., 2] = panel.media_GTC[..., 2].mean()
    panel.spend_GTC[..., 2] = panel.media_GTC[..., 2]
    old = sketch(panel, parameters={"retention": np.full((3, 3), 1.5), "half": np.full((3, 3), -1.0)})
    new, free = fitted_from(old, panel), fitted_from(None, panel)

    distance = np.abs(new.parameters["retention"][:, 2].mean() - 1.5)
    assert distance < 0.35 * np.abs(free.parameters["retention"][:, 2].mean() - 1.5)


def test_a_model_of_other_channels_is_refused() -> None:
    old, panel = sketch(small_panel(channels=3)), small_panel(channels=4)
    with pytest.raises(SpecError, match=r"it lacks email.*Fit without --from"):
        check_previous(old, market(panel), panel)
    with pytest.raises(SpecError, match="which the new one has not"):
        check_previous(sketch(panel), market(small_panel(channels=3)), small_panel(channels=3))
    turned = replace(small_panel(), channels=("search", "tv", "radio"))
    with pytest.raises(SpecError, match="their order differs"):
        check_previous(old, market(turned), turned)


def test_other_units_are_refused_together() -> None:
    old, panel = sketch(), replace(small_panel(), frequency="monthly")
    spec_ = market(panel, model={"saturation": {"slope_min": 1.0}})
    with pytest.raises(SpecError) as caught:
        check_previous(old, spec_, panel)
    assert {problem.code for problem in caught.value.problems} == {"other_frequency", "other_settings"}
    assert "model.saturation.slope_min was 2.0 and is 1.0" in str(caught.value)


def test_the_command_starts_from_an_older_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(write(tmp_path, frame(weeks=52), spec()))
    words = ["--no-report", *["--set", "train.epochs=15", "--set", "train.members=2"]]
    assert cli.main(["fit", path, "--out", str(tmp_path / "old"), *words]) == 0
    frame(weeks=56).to_csv(tmp_path / "panel.csv", index=False)
    again = ["fit", path, "--out", str(tmp_path / "new"), "--from", str(tmp_path / "old"), *words]
    assert cli.main(again) == 0

    old, new = load_fitted(tmp_path / "old"), load_fitted(tmp_path / "new")
    np.testing.assert_array_equal(old.scaling.kpi_G, new.scaling.kpi_G)
    assert new.provenance["from_data"] == old.provenance["data_fingerprint"]
    capsys.readouterr()
    other = spec()
    del other["columns"]["channels"]["search"]
    (tmp_path / "other").mkdir()
    stranger = str(write(tmp_path / "other", frame(weeks=56), other))
    assert cli.main([*again[:1], stranger, *again[2:3], str(tmp_path / "x"), *again[4:]]) == 2
    assert "older model is of other channels" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
    assert cli.main([*again[:3], str(tmp_path / "y"), "--from", str(tmp_path), *words]) == 2
    assert load_market(path).brand == "acme"


LONG: dict[str, Any] = {
    "train": {"epochs": 400, "members": 1, "validation": 0},
    "model": {"temporal": {"enabled": False}, "graph": {"mode": "none"}},
}


@pytest.mark.slow
def test_a_search_that_begins_at_an_older_model_finds_the_same_in_a_quarter_of_the_steps() -> None:
    panel = small_panel(regions=1, periods=56)
    spec_ = market(panel, **LONG)
    old = small_panel(regions=1)
    before = fit(market(old, **LONG), old, split_of(old))
    cold = fit(spec_, panel, split_of(panel))
    warm = fit(spec_, panel, split_of(panel), warm=before)

    cold_C, warm_C, before_C = (
        each.predictor.parts.channels_MGTC[0, 0, :40].sum(0) / each.panel.kpi_GT[0, :40].sum()
        for each in (cold, warm, before)
    )
    np.testing.assert_allclose(warm_C, cold_C, atol=0.02)
    assert warm.trace["epoch"][-1] == 100 and cold.trace["epoch"][-1] == 400
    assert warm.provenance["epochs"] == 400
    assert warm.provenance["begun_at"] == before.provenance["data_fingerprint"]
    assert warm.provenance["epochs_of"] == str(before.panel.dates[-1])
    assert (warm.scaling.kpi_G == cold.scaling.kpi_G).all(), "what is fitted is what is fitted without it"
    assert np.isfinite(before_C).all()


def test_levels_are_taken_over_by_the_time_of_their_knots() -> None:
    panel = small_panel(regions=1, periods=60)
    model = sketch(panel, members=2)
    inputs, _, start = posed(panel, model.spec.model, members=3, n_train=48)
    start = {name: torch.zeros_like(value) for name, value in start.items()}

    found = begun(start, model.spec.model, model.scales, 48, model)

    # Trained until 52 before and 48 now: one knot of four periods less at the end, the same times before.
    old = torch.as_tensor(model.parameters["national_level"])
    kept = found["national_level"].shape[1]
    assert kept == inputs.national_TN.shape[1] == old.shape[1] - 1
    torch.testing.assert_close(found["national_level"][1:], old[:, :kept])
    torch.testing.assert_close(found["share"][0], torch.as_tensor(model.parameters["share"]).mean(0))
