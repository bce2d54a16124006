"""Findings: each appears where it should, with its numbers, and not on a sound model."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from mmm.analysis.attribution import effects_table
from mmm.analysis.score import score_splits
from mmm.analysis.tables import correlations_table
from mmm.checks.diagnose import diagnose
from mmm.checks.graph import swap_graph
from mmm.checks.placebo import placebo_slopes
from mmm.data.panel import Floats
from mmm.data.schema import Finding
from mmm.fitted import Fitted
from tests.small import CHANNELS, chain_graph, sketch, small_panel

STEADY: dict[str, Any] = {"temporal": {"enabled": False}, "adstock": {"max_lag": 4}}


def sound(
    periods: int = 64, regions: int = 5, *, noise: float = 0.01, seed: int = 0, **settings: Any
) -> Fitted:
    """A model that is right: the KPI is its own prediction with a little noise."""
    base = small_panel(regions=regions, periods=periods, seed=seed)
    fitted = sketch(base, seed=seed, **{"model": STEADY, **settings})
    return told(fitted, fitted.predictor.parts.prediction_MGT[0], noise=noise)


def told(fitted: Fitted, kpi_GT: Floats, *, noise: float = 0.0) -> Fitted:
    """The model with another KPI in its panel; units stay as they were."""
    rng = np.random.default_rng(7)
    kpi_GT = kpi_GT + noise * fitted.scaling.kpi_G[:, None] * rng.standard_normal(kpi_GT.shape)
    return replace(fitted, panel=replace(fitted.panel, kpi_GT=kpi_GT))


def with_media(fitted: Fitted, media_GTC: Floats) -> Fitted:
    return replace(fitted, panel=replace(fitted.panel, media_GTC=media_GTC))


def found(fitted: Fitted) -> list[Finding]:
    metrics = score_splits(fitted.panel, fitted.split, fitted.predictor.parts.prediction_MGT.mean(0))
    tables = {"effects": effects_table(fitted), "correlations": correlations_table(fitted)}
    return diagnose(fitted, metrics, tables)


def of_code(findings: list[Finding], code: str) -> list[Finding]:
    return [finding for finding in findings if finding.code == code]


def test_a_sound_model_has_no_warning() -> None:
    findings = found(sound(members=1))

    assert [str(finding) for finding in findings if finding.severity != "info"] == []
    assert of_code(findings, "placebo_passed")


def test_findings_are_plain_text_sorted_by_severity() -> None:
    fitted = sound(members=1)
    findings = found(told(fitted, 2 * fitted.panel.kpi_GT, noise=0.0))
    severities = [finding.severity for finding in findings]

    assert severities == sorted(severities, key=["error", "warning", "info"].index)
    for row in json.loads(json.dumps([finding.as_row() for finding in findings])):
        assert all(row[key] for key in ("code", "where", "what", "why", "what_to_do"))


def test_a_holdout_below_naive_and_its_bias_are_said() -> None:
    fitted = sound(members=1)
    kpi_GT = fitted.panel.kpi_GT.copy()
    kpi_GT[:, fitted.split.holdout] *= 0.7
    codes = {finding.code: finding for finding in found(told(fitted, kpi_GT))}

    assert "43\u00a0% too high" in codes["holdout_bias"].what
    level_GT = np.repeat(kpi_GT[:, [0]], kpi_GT.shape[1], 1)
    assert of_code(found(told(fitted, level_GT, noise=0.005)), "holdout_below_naive")


def test_intervals_that_were_found_too_narrow_are_said() -> None:
    """On panels larger than those on which they held; not where there are none, or none of the sampler's."""
    many, few, one, refits = (
        of_code(found(sound(regions=regions, members=members, train={"inference": how})), "intervals_narrow")
        for regions, members, how in [
            (13, 3, "posterior"),
            (12, 3, "posterior"),
            (13, 1, "posterior"),
            (13, 3, "ensemble"),
        ]
    )

    assert (len(many), few, one, refits) == (1, [], [], [])
    assert "13 regions" in many[0].what and many[0].severity == "info"


def test_a_drift_of_residuals_is_said() -> None:
    fitted = sound(members=1)
    kpi_GT = fitted.panel.kpi_GT.copy()
    kpi_GT[:, 43:56] *= 1.1
    (finding,) = of_code(found(told(fitted, kpi_GT)), "residual_drift")

    assert "last 13 periods" in finding.where
    assert "above the fit" in finding.what


def test_a_baseline_near_zero_or_wild_is_said() -> None:
    fitted = sound(members=1)
    gone = {**fitted.parameters, "level": fitted.parameters["level"] - 20.0}
    codes = {finding.code for finding in found(replace(fitted, parameters=gone))}
    walk = fitted.parameters["national_level"].copy()
    walk[:, ::2] += 200.0
    walk[:, 1::2] -= 200.0
    wild = {**fitted.parameters, "national_level": walk, "level": fitted.parameters["level"] + 0.5}

    assert "baseline_near_zero" in codes
    assert of_code(found(replace(fitted, parameters=wild)), "baseline_moves_wildly")


def test_media_without_effect_are_said() -> None:
    fitted = sound(members=1)
    dead = {**fitted.parameters, "share": fitted.parameters["share"] - 30.0}

    assert of_code(found(replace(fitted, parameters=dead)), "media_explain_nothing")


def test_an_implausible_return_is_said() -> None:
    fitted = sound(members=1)
    cheap = replace(fitted, panel=replace(fitted.panel, spend_GTC=1e-4 * fitted.panel.spend_GTC))

    assert {finding.where for finding in of_code(found(cheap), "implausible_roi")} == set(CHANNELS[:3])


def test_an_interval_over_orders_of_magnitude_is_said() -> None:
    fitted = sound(members=4)
    share_MC = fitted.parameters["share"].copy()
    share_MC[:, 1] = [-3.0, 1.0, 0.0, 2.0]
    wide = replace(fitted, parameters={**fitted.parameters, "share": share_MC})

    assert "search" in {finding.where for finding in of_code(found(wide), "uncertain_roi")}


@pytest.mark.parametrize(("media", "words"), [(0.0, "never ran"), (70.0, "always on")])
def test_a_channel_without_variation_is_said(media: float, words: str) -> None:
    fitted = sound(members=1)
    media_GTC = fitted.panel.media_GTC.copy()
    media_GTC[..., 1] = media
    (finding,) = of_code(found(with_media(fitted, media_GTC)), "unidentified_channel")

    assert finding.where == "search"
    assert words in finding.what


def test_a_share_as_uncertain_as_its_prior_is_said() -> None:
    fitted = sound(members=8)
    prior_M = np.log(np.expm1(stats.halfnorm.ppf((np.arange(8) + 0.5) / 8)))
    share_MC = np.repeat(fitted.parameters["share"][:1], 8, 0)
    share_MC[:, 2] = prior_M
    alike = {name: np.repeat(value[:1], 8, 0) for name, value in fitted.parameters.items()}
    codes = of_code(found(replace(fitted, parameters={**alike, "share": share_MC})), "unidentified_channel")

    assert [finding.where for finding in codes] == ["radio"]
    assert "prior's width" in codes[0].what


def test_channels_that_move_together_are_said() -> None:
    fitted = sound(members=1)
    media_GTC = fitted.panel.media_GTC.copy()
    media_GTC[..., 2] = 3.0 * media_GTC[..., 0]
    (finding,) = of_code(found(with_media(fitted, media_GTC)), "collinear_channels")

    assert finding.where == "tv, radio"
    assert "1.00" in finding.what


def test_a_channel_that_is_a_mixture_of_others_is_said() -> None:
    fitted = sound(members=1)
    media_GTC = fitted.panel.media_GTC.copy()
    media_GTC[..., 2] = media_GTC[..., 0] / 6 + media_GTC[..., 1]

    assert "radio" in {f.where for f in of_code(found(with_media(fitted, media_GTC)), "collinear_group")}


def test_levels_beyond_training_are_said_with_their_size() -> None:
    fitted = sound(members=1)
    media_GTC = fitted.panel.media_GTC.copy()
    media_GTC[:, 56:, 0] *= 11.0
    (finding,) = of_code(found(with_media(fitted, media_GTC)), "extrapolation")

    assert finding.where == "tv"
    assert "8 of 8 periods" in finding.what


def test_a_channel_that_first_runs_in_the_holdout_is_said() -> None:
    fitted = sound(members=1)
    media_GTC = fitted.panel.media_GTC.copy()
    media_GTC[:, :56, 0] = 0.0
    (finding,) = of_code(found(with_media(fitted, media_GTC)), "extrapolation")

    assert "never before" in finding.what


def test_beliefs_that_data_contradict_are_said() -> None:
    priors = {
        "media_share": {"mean": 0.9, "sd": 0.01},
        "channels": {
            "tv": {"share": {"mean": 0.9, "sd": 0.01}},
            "search": {"roi": {"mean": 4000.0, "sd": 1.0}},
            "radio": {"share": {"mean": 0.1, "sd": 5.0}},
        },
    }
    conflicts = of_code(found(sound(members=1, model={**STEADY, "priors": priors})), "prior_conflict")

    assert {finding.where for finding in conflicts} == {"all media", "tv", "search"}


def test_effectiveness_on_its_bound_is_said() -> None:
    fitted = sound(members=1, model={"temporal": {"hidden": 3, "stride": 4, "bound": 0.3}})
    pushed = {
        **fitted.parameters,
        "gru_output": 1e4 * fitted.parameters["gru_output"],
        "bound": fitted.parameters["bound"] + 20.0,
    }

    assert of_code(found(replace(fitted, parameters=pushed)), "effectiveness_at_bound")
    assert not of_code(found(fitted), "effectiveness_at_bound")


def test_an_effect_that_changed_is_said_with_its_size_and_date() -> None:
    """An effect that loses two fifths at once: the course bends towards it, the data tell when."""
    fitted = sound(members=8, model={"temporal": {"hidden": 3, "stride": 4}, "adstock": {"max_lag": 4}})
    steady = of_code(found(fitted), "effect_changed")
    size_MCV = np.zeros((8, 3, 2))
    size_MCV[:, 0, 0] = np.linspace(0.15, 0.18, 8)
    moved = replace(fitted, parameters={**fitted.parameters, "course": size_MCV})
    until = moved.trained_until
    brought_GT = fitted.predictor.parts.channels_MGTC[..., 0].mean(0)
    factor_T = np.where(np.arange(brought_GT.shape[1]) < until // 2, 1.2, 0.75)
    others_GT = fitted.predictor.parts.prediction_MGT.mean(0) - brought_GT
    (finding,) = of_code(found(told(moved, others_GT + brought_GT * factor_T)), "effect_changed")

    assert not steady
    assert finding.where == fitted.panel.channels[0]
    assert "% less than in the first" in finding.what
    assert str(fitted.panel.dates[until // 2]) in finding.what


# --- placebo ----------------------------------------------------------------------------------------


def test_real_media_explain_the_kpi_and_shifted_media_do_not() -> None:
    real_C, placebo_DC = placebo_slopes(sound(members=1, regions=8))

    np.testing.assert_allclose(real_C, 1.0, atol=0.2)
    assert (np.abs(placebo_DC.mean(0)) < 0.35).all()
    assert (placebo_DC.mean(0) + 2 * placebo_DC.std(0, ddof=1) < real_C).all()


def test_a_channel_credited_for_nothing_is_exposed() -> None:
    """The KPI never moved with the second channel, though the model credits it."""
    fitted = sound(members=1, regions=8, model={"baseline": {"flexibility": 1.0}})
    own_GT = fitted.predictor.parts.channels_MGTC[0, ..., 1]
    steady_GT = np.repeat(own_GT.mean(1, keepdims=True), own_GT.shape[1], 1)
    findings = found(told(fitted, fitted.panel.kpi_GT - own_GT + steady_GT, noise=0.02))

    assert "search" in {finding.where for finding in of_code(findings, "placebo_as_strong")}
    passed = of_code(findings, "placebo_passed")
    assert all("search" not in finding.where for finding in passed)


def test_the_placebo_is_the_same_every_time() -> None:
    fitted = sound(members=1)

    for first, second in zip(placebo_slopes(fitted), placebo_slopes(fitted), strict=True):
        np.testing.assert_array_equal(first, second)


# --- graph ------------------------------------------------------------------------------------------


def test_the_swap_moves_indirect_effects_as_the_graph_says() -> None:
    swap = swap_graph(sound(members=3, graph=chain_graph(CHANNELS[:3], 0.05)))

    assert swap.indirect_C[0] > 0 and not swap.indirect_C[1:].any()
    assert not swap.empty_C.any()
    assert swap.reversed_C[1] > 0 and not swap.reversed_C[[0, 2]].any()
    assert swap.changed == 0.0


def test_the_swap_is_reported_with_its_numbers() -> None:
    (finding,) = of_code(found(sound(members=3, graph=chain_graph(CHANNELS[:3], 0.05))), "graph_swap")

    assert finding.severity == "info"
    assert "0\u00a0% under an empty one" in finding.what
    assert not of_code(found(sound(members=1)), "graph_swap")


def test_an_outcome_that_bypasses_its_graph_is_said() -> None:
    (finding,) = of_code(found(sound(members=3, graph=chain_graph(CHANNELS[:3], 1e-6))), "graph_bypassed")

    assert finding.severity == "warning"


def test_a_direct_effect_like_the_mediated_one_is_said() -> None:
    """The second channel is a copy of the first, as one that is wholly moved by it."""
    fitted = sound(members=1, graph=chain_graph(CHANNELS[:3], 1 / 12))
    media_GTC = fitted.panel.media_GTC.copy()
    media_GTC[..., 1] = media_GTC[..., 0] / 12
    same = {**fitted.parameters}
    for name in ("retention", "delay", "half", "slope", "spread", "share"):
        same[name] = fitted.parameters[name].copy()
        same[name][:, 1] = same[name][:, 0]
    findings = found(replace(with_media(fitted, media_GTC), parameters=same))

    assert [finding.where for finding in of_code(findings, "direct_or_mediated")] == ["tv -> search"]


def test_a_fit_that_fails_where_it_was_trained_is_an_error() -> None:
    fitted = sound(members=1)
    level = fitted.scaling.kpi_G[:, None]
    findings = found(told(fitted, fitted.panel.kpi_GT + 3.0 * level))

    (said,) = of_code(findings, "training_below_naive")
    assert said.severity == "error"
