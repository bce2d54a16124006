"""The model's equation: adds up, causal, symmetric under permutation, exact in its units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm.config import AdstockSpec, BaselineSpec, ModelSpec, RegionSpec, SaturationSpec, TemporalSpec
from mmm.data.panel import Panel
from mmm.data.scale import fit_scaling
from mmm.model.adstock import delayed_kernel, geometric_kernel
from mmm.model.beliefs import prior_shapes
from mmm.model.inputs import build_inputs
from mmm.model.network import (
    channel_shape,
    channel_weight,
    delay_of,
    expected_retention,
    expected_shape,
    forward,
    retention_of,
    standard_retention,
    standard_shape,
)
from mmm.model.parameters import REGIONAL, Parameters
from mmm.model.restrictions import SHAPE
from mmm.model.saturation import hill
from mmm.model.scales import Scales
from tests.small import posed, sketch, small_panel, some_regions

SPEC = ModelSpec(temporal=TemporalSpec(hidden=3, stride=4))
SCALES = Scales()
PER_CHANNEL = ("retention", "delay", "half", "slope", "spread", "share", "bound", "gru_output")


@pytest.mark.parametrize("regions", [1, 3])
def test_components_add_up_to_the_prediction(regions: int) -> None:
    inputs, _, parameters = posed(small_panel(regions=regions), SPEC)
    parts = forward(parameters, inputs, SPEC, SCALES)

    total = parts.baseline_MGT + parts.season_MGT
    total = total + parts.controls_MGTK.sum(-1) + parts.channels_MCGT.sum(1)
    assert parts.prediction_MGT.shape == (2, regions, 48)
    torch.testing.assert_close(total, parts.prediction_MGT, atol=1e-12, rtol=0)


@settings(max_examples=15)
@given(week=st.integers(1, 47), factor=st.floats(0.0, 5.0))
def test_media_and_controls_of_a_week_change_nothing_before_it(week: int, factor: float) -> None:
    fitted = sketch(model={"temporal": {"hidden": 3, "stride": 4}})
    panel = fitted.panel
    media_GTC, controls_GTK = panel.media_GTC.copy(), panel.controls_GTK.copy()
    media_GTC[:, week:] *= factor
    controls_GTK[:, week:] += factor
    before, after = (
        forward(
            {name: torch.as_tensor(value) for name, value in fitted.parameters.items()},
            build_inputs(
                data, fitted.scaling, fitted.spec.model, 40, log_half_C=fitted.log_half_C, dtype=torch.float64
            ),
            fitted.spec.model,
            fitted.scales,
        ).prediction_MGT
        for data in (panel, replace(panel, media_GTC=media_GTC, controls_GTK=controls_GTK))
    )

    assert torch.equal(before[..., :week], after[..., :week])


def permuted_regions(parameters: Parameters, order: list[int]) -> Parameters:
    return {name: value[:, order] if name in REGIONAL else value for name, value in parameters.items()}


def test_permuting_regions_permutes_the_output() -> None:
    panel, order = small_panel(), [2, 0, 1]
    inputs, _, parameters = posed(panel, SPEC)
    turned, _, _ = posed(some_regions(panel, order), SPEC)

    expected = forward(parameters, inputs, SPEC, SCALES).prediction_MGT[:, order]
    found = forward(permuted_regions(parameters, order), turned, SPEC, SCALES).prediction_MGT
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=1e-12)


def permuted_channels(panel: Panel, order: list[int]) -> Panel:
    return replace(
        panel,
        channels=tuple(panel.channels[c] for c in order),
        media_GTC=panel.media_GTC[..., order],
        spend_GTC=panel.spend_GTC[..., order],
        has_spend_C=panel.has_spend_C[order],
        has_exposure_C=panel.has_exposure_C[order],
    )


def test_permuting_channels_permutes_the_output() -> None:
    panel, order = small_panel(), [1, 2, 0]
    inputs, _, parameters = posed(panel, SPEC)
    turned, _, _ = posed(permuted_channels(panel, order), SPEC)
    moved = {name: value[:, order] if name in PER_CHANNEL else value for name, value in parameters.items()}
    moved["region_scale"] = parameters["region_scale"][:, :, order]
    reads = [*order, *range(len(order), inputs.steps_GSI.shape[2])]
    moved["gru_input"] = parameters["gru_input"][:, :, reads]

    expected = forward(parameters, inputs, SPEC, SCALES)
    found = forward(moved, turned, SPEC, SCALES)
    torch.testing.assert_close(found.prediction_MGT, expected.prediction_MGT, atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(found.channels_MCGT, expected.channels_MCGT[:, order], atol=1e-12, rtol=1e-12)


@settings(max_examples=10)
@given(money=st.floats(1e-4, 1e4), kpi=st.floats(1e-4, 1e4), population=st.booleans())
def test_units_of_money_and_kpi_cancel(money: float, kpi: float, population: bool) -> None:
    panel = small_panel() if population else replace(small_panel(), population_G=None)
    other = replace(
        panel,
        kpi_GT=panel.kpi_GT * kpi,
        media_GTC=panel.media_GTC * money,
        spend_GTC=panel.spend_GTC * money,
    )
    inputs, scaling, parameters = posed(panel, SPEC)
    changed, other_scaling, _ = posed(other, SPEC)

    np.testing.assert_allclose(other_scaling.kpi_G, scaling.kpi_G * kpi, rtol=1e-9)
    torch.testing.assert_close(
        forward(parameters, changed, SPEC, SCALES).prediction_MGT,
        forward(parameters, inputs, SPEC, SCALES).prediction_MGT,
        rtol=1e-9,
        atol=1e-9,
    )


def test_the_baseline_is_never_negative() -> None:
    inputs, _, parameters = posed(small_panel(), SPEC)
    parameters["level"] = parameters["level"] - 50.0

    assert float(forward(parameters, inputs, SPEC, SCALES).baseline_MGT.min()) >= 0.0


@pytest.mark.parametrize(("order", "carried"), [(4, 7), (0, 1)])
def test_the_level_after_training_is_that_of_its_last_periods(order: int, carried: int) -> None:
    """Forty weeks do not tell a season from a level; without a season the last week's level goes on."""
    spec = SPEC.model_copy(update={"baseline": SPEC.baseline.model_copy(update={"season_order": order})})
    inputs, _, parameters = posed(small_panel(), spec, n_train=40)
    level_MGT = forward(parameters, inputs, spec, SCALES).baseline_MGT

    last_MG1 = level_MGT[..., 40 - carried : 40].mean(-1, keepdim=True)
    torch.testing.assert_close(level_MGT[..., 40:], last_MG1.expand(-1, -1, 8))


def test_share_is_the_contribution_of_the_mean_volume() -> None:
    """In a region of average KPI per head, at volume 1, without deviations."""
    inputs, _, parameters = posed(small_panel(regions=1), SPEC)
    shape = channel_shape(parameters, inputs, SPEC)
    weight_MC = channel_weight(parameters, inputs, shape, SPEC)[..., 0]
    level_MC = hill(torch.ones_like(shape.half_MC), shape.half_MC, shape.slope_MC)

    usual = level_MC > 0.02
    torch.testing.assert_close((weight_MC * level_MC)[usual], shape.share_MC[usual])


@pytest.mark.parametrize(
    "spec",
    [
        ModelSpec(adstock=AdstockSpec(family="weibull", max_lag=4)),
        ModelSpec(adstock=AdstockSpec(delay=False, max_lag=0)),
        ModelSpec(saturation=SaturationSpec(slope_min=1.0, spread=0.0)),
        ModelSpec(baseline=BaselineSpec(season_order=0, national_knots=1, regional_knots=13)),
        ModelSpec(regions=RegionSpec(scale_sd=0.0), temporal=TemporalSpec(enabled=False)),
    ],
    ids=["weibull", "no carry-over", "all alike", "no season", "shared effects"],
)
def test_every_structure_gives_finite_components_and_gradients(spec: ModelSpec) -> None:
    panel = small_panel()
    scaling = fit_scaling(panel, 40)
    inputs, _, parameters = posed(panel, spec)
    for value in parameters.values():
        value.requires_grad_(True)
    parts = forward(parameters, inputs, spec, SCALES)
    parts.prediction_MGT.square().mean().backward()  # type: ignore[no-untyped-call]

    assert scaling.kpi_G.shape == (3,)
    assert bool(torch.isfinite(parts.prediction_MGT).all())
    assert all(bool(torch.isfinite(p.grad).all()) for p in parameters.values() if p.grad is not None)
    assert bool((parts.channels_MCGT >= 0).all())


def test_no_carry_over_ends_in_its_own_week() -> None:
    spec = ModelSpec(adstock=AdstockSpec(max_lag=0), temporal=TemporalSpec(enabled=False))
    inputs, _, parameters = posed(small_panel(), spec)
    stack_CGTL = inputs.stack_CGTL.clone()
    stack_CGTL[:, :, 10] = 0.0
    parts = forward(parameters, replace(inputs, stack_CGTL=stack_CGTL), spec, SCALES)
    full = forward(parameters, inputs, spec, SCALES)

    assert float(parts.channels_MCGT[..., 10].abs().max()) == 0.0
    assert torch.equal(parts.channels_MCGT[..., 11:], full.channels_MCGT[..., 11:])


def test_effectiveness_is_a_factor_and_can_be_held() -> None:
    inputs, _, parameters = posed(small_panel(), SPEC)
    varying = forward(parameters, inputs, SPEC, SCALES).channels_MCGT
    held = forward(parameters, inputs, SPEC, SCALES, temporal=False).channels_MCGT

    ratio = (varying / held)[held > 1e-12]
    assert float((ratio - 1).abs().max()) <= SPEC.temporal.bound + 1e-9
    assert float((ratio - 1).abs().max()) > 0.0


LAGS = 13


DELAYED = SPEC.model_copy(update={"adstock": AdstockSpec(family="delayed")})


def of_grid(spec: ModelSpec = SPEC) -> tuple[Parameters, torch.Tensor]:
    """Free parameters within 3.5 standard deviations, and the kernels that draws of the posterior have."""
    one = torch.linspace(-3.5, 3.5, 71, dtype=torch.float64)
    retention, delay = torch.meshgrid(one, one, indexing="ij")
    free = {"retention": retention.reshape(1, -1), "delay": delay.reshape(1, -1)}
    seen = free | {"retention": expected_retention(free, spec, LAGS)}
    kernel = geometric_kernel if spec.adstock.family == "geometric" else delayed_kernel
    return free, kernel(retention_of(seen), delay_of(free, spec, LAGS), LAGS)[0]


@pytest.mark.parametrize(("spec", "likely", "nearest"), [(SPEC, 4.1, 0.065), (DELAYED, 3.2, 0.045)])
@pytest.mark.parametrize("delay", [0, 1, 2, 3])
@pytest.mark.parametrize("decay", [0.15, 0.3, 0.5, 0.7])
def test_carry_over_of_the_field_is_within_what_is_expected(
    decay: float, delay: int, spec: ModelSpec, likely: float, nearest: float
) -> None:
    """Jin et al. 2017: ``decay ** lag``, or ``decay ** (lag - delay)²`` of an effect that peaks late."""
    lag = torch.arange(LAGS, dtype=torch.float64)
    wanted = decay ** ((lag - delay) ** 2 if delay else lag)
    free, kernel = of_grid(spec)
    distance = 0.5 * (kernel - wanted / wanted.sum()).abs().sum(1)
    is_likely = (free["retention"].square() + free["delay"].square())[0] < likely**2

    assert float(distance[is_likely].min()) < nearest


def test_expected_retention_is_that_of_effects_without_delay_and_can_be_turned_back() -> None:
    free, _ = of_grid()
    seen = free | {"retention": expected_retention(free, SPEC, LAGS)}

    back = standard_retention(seen, SPEC, LAGS)
    torch.testing.assert_close(back, free["retention"], rtol=1e-6, atol=1e-6)
    assert (seen["retention"] - free["retention"]).abs().max() > 1.0
    early = free | {"delay": torch.full_like(free["delay"], -30.0)}
    expected = expected_retention(early, SPEC, LAGS)
    torch.testing.assert_close(expected, free["retention"], rtol=1e-6, atol=1e-6)
    others = (AdstockSpec(delay=False), AdstockSpec(family="delayed"), AdstockSpec(family="weibull"))
    for adstock in others:
        spec = SPEC.model_copy(update={"adstock": adstock})
        torch.testing.assert_close(expected_retention(free, spec, LAGS), free["retention"], rtol=0, atol=1e-9)


def test_shapes_that_the_sampler_expects_can_be_turned_back() -> None:
    generator = torch.Generator().manual_seed(0)
    free = {name: torch.randn(50, 3, generator=generator, dtype=torch.float64) for name in SHAPE}
    there = free | expected_shape(free, SPEC, LAGS)

    back = there | standard_shape(there, SPEC, LAGS)
    for name, value in free.items():
        torch.testing.assert_close(back[name], value, rtol=1e-6, atol=1e-6)


def test_steep_and_nearly_straight_curves_of_markets_are_within_reach() -> None:
    """Slopes of two and more are what the model family begins with: the sampler must be able to get there."""
    drawn = prior_shapes(SPEC, np.zeros(1), 20_000, 0, lags=LAGS)["slope"]
    ensemble = prior_shapes(SPEC, np.zeros(1), 20_000, 0)["slope"]

    assert np.quantile(drawn, [0.025, 0.5, 0.975]) == pytest.approx([0.38, 1.45, 2.92], abs=0.05)
    assert np.quantile(ensemble, [0.025, 0.5, 0.975]) == pytest.approx([0.66, 1.44, 2.23], abs=0.05)
