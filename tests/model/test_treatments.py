"""Treatments: counted against their references, differing by region, lasting where asked, carried ahead."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from numpy.testing import assert_allclose

from mmm.analysis.attribution import components_of
from mmm.data.panel import Panel, Treatment
from mmm.fitted import Fitted
from mmm.model.inputs import build_inputs
from mmm.model.network import forward
from mmm.model.treatments import lasting, retention_of_treatments
from tests.small import sketch
from tests.train.posterior.densities import driven_panel


def driven(**fields: Any) -> Fitted:
    return sketch(replace(driven_panel(3), **fields))


def test_a_value_that_lasts_is_spread_over_later_periods_and_nothing_is_lost() -> None:
    """Impulse 7 at retention 0.5 over 3 lags gives 4, 2, 1; a treatment that does not last stays."""
    values_GTR = torch.zeros(1, 5, 2)
    values_GTR[0, 1] = 7.0
    free_MR = torch.full((1, 2), 0.5 / 1.2)
    assert_allclose(retention_of_treatments(free_MR), 0.5, rtol=1e-6)

    found = lasting(values_GTR, torch.tensor([1.0, 0.0]), free_MR, 3)
    assert_allclose(found[0, 0, :, 0], [0, 4, 2, 1, 0], rtol=1e-5)
    assert_allclose(found[0, 0, :, 1], [0, 7, 0, 0, 0])


def test_the_baseline_is_the_kpi_at_the_references_whatever_they_are() -> None:
    """Another reference moves KPI between treatment and baseline, region by region, and nothing else."""
    fitted = driven()
    other = driven(treatments=(Treatment("promo", "max"), Treatment("depth", 140.0, carry_over=True)))
    first, second = fitted.predictor.parts, other.predictor.parts

    assert_allclose(first.prediction_MGT, second.prediction_MGT, rtol=1e-9)
    moved_MGTR = second.controls_MGTK[..., -2:] - first.controls_MGTK[..., -2:]
    assert np.ptp(moved_MGTR, axis=2).max() < 1e-6 * np.abs(moved_MGTR).max()
    assert_allclose(first.baseline_MGT - second.baseline_MGT, moved_MGTR.sum(-1), rtol=1e-6)
    assert (np.abs(moved_MGTR) > 0).all()


def test_a_treatment_at_its_reference_brings_nothing() -> None:
    """The lowest value of each region is the reference of ``promo``: only there it is 0."""
    fitted = driven()
    brought_MGT = fitted.predictor.parts.controls_MGTK[..., 1]
    lowest_G = fitted.panel.controls_GTK[..., 1].argmin(1)

    for g, t in enumerate(lowest_G):
        assert_allclose(brought_MGT[:, g, t], 0.0, atol=1e-7)
    assert (np.abs(brought_MGT) > 1e-6).mean() > 0.9


def test_regions_differ_in_proportion_and_keep_the_sign() -> None:
    fitted = driven()
    deviation_GT = fitted.panel.controls_GTK[..., 1] - fitted.panel.reference_GR[:, [0]]
    slope_MGT = fitted.predictor.parts.controls_MGTK[..., 1] / np.where(
        deviation_GT == 0, np.nan, deviation_GT
    )
    slope_MG = np.nanmedian(slope_MGT, 2) / fitted.scaling.kpi_G

    assert (np.sign(slope_MG) == np.sign(slope_MG[:, :1])).all()
    assert np.ptp(np.abs(slope_MG), axis=1).min() > 0


def test_components_say_what_they_are_and_add_up() -> None:
    fitted = driven(organic=("radio",), mediators=("search",))
    components = components_of(fitted)

    kinds = {name: kind for name, kind, _ in components}
    assert kinds | {"radio": "organic", "search": "mediator", "tv": "channel", "promo": "treatment"} == kinds
    assert kinds["price"] == "control"
    total_MGT = sum(values for _, _, values in components)
    assert_allclose(total_MGT, fitted.predictor.parts.prediction_MGT, rtol=1e-9)


def longer(panel: Panel, ahead: int) -> Panel:
    """The panel with more periods in which nothing runs and treatments go on as in the first periods."""

    def more(values: npt.NDArray[Any], fill: float | None = None) -> npt.NDArray[Any]:
        tail = values[:, :ahead] if fill is None else np.full_like(values[:, :ahead], fill)
        return np.concatenate([values, tail], 1)

    return replace(
        panel,
        dates=np.concatenate([panel.dates, panel.dates[-1] + 7 * np.arange(1, ahead + 1)]),
        present_GT=more(panel.present_GT, True),
        kpi_GT=more(panel.kpi_GT, np.nan),
        media_GTC=more(panel.media_GTC, 0.0),
        spend_GTC=more(panel.spend_GTC, 0.0),
        controls_GTK=more(panel.controls_GTK),
        kpi_value_GT=more(panel.kpi_value_GT),
    )


def test_what_is_expected_after_the_data_is_what_a_longer_panel_would_say() -> None:
    """Effects that last reach over the end of the data; a plan that begins later finds the same level."""
    fitted = driven()
    ahead = longer(fitted.panel, 6)
    inputs = build_inputs(
        ahead,
        fitted.scaling,
        fitted.spec.model,
        fitted.trained_until,
        log_half_C=fitted.log_half_C,
        dtype=torch.float64,
    )
    parameters = {name: torch.as_tensor(value) for name, value in fitted.parameters.items()}
    parts = forward(parameters, inputs, fitted.spec.model, fitted.scales, temporal=False)
    without_media = parts.prediction_MGT - parts.channels_MCGT.sum(1)
    expected_MGH = without_media[..., -6:].numpy() * fitted.scaling.kpi_G[:, None]

    found_MGH = fitted.predictor.baseline_ahead(ahead.controls_GTK[:, -6:])
    assert_allclose(found_MGH, expected_MGH, rtol=1e-9)
