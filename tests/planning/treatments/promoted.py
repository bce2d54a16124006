"""A model with a promotion of known effect, and the KPI and money that its plans should come to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mmm.data.panel import Floats, Panel, Treatment
from mmm.fitted import Fitted
from tests.small import market, sketch, small_panel

PERIODS = 8
EVEN = {"promo": [1.0] * PERIODS}
DEEPEST = 0.3


def promoted_panel() -> Panel:
    """Three regions; a promotion of up to 0.3 runs in a third of the weeks, price is a plain control."""
    panel = small_panel(controls=2)
    rng = np.random.default_rng(0)
    controls_GTK = panel.controls_GTK.copy()
    shape = controls_GTK.shape[:2]
    controls_GTK[..., 1] = np.where(rng.random(shape) < 0.3, rng.uniform(0.05, DEEPEST, shape), 0.0)
    controls_GTK[0, 0, 1] = DEEPEST
    return replace(
        panel,
        controls_GTK=controls_GTK,
        controls=("price", "promo"),
        treatments=(Treatment("promo", "min"),),
    )


def promoted(effect: float = 0.05, panel: Panel | None = None) -> Fitted:
    """A model, not trained: one standard deviation of promotion adds ``effect`` of a region's KPI."""
    panel = promoted_panel() if panel is None else panel
    made = sketch(panel)
    control_MK = made.parameters["control"].copy()
    own_M = effect / made.scales.control * np.linspace(0.8, 1.2, len(control_MK))
    control_MK[:, -1] = own_M
    parameters = {**made.parameters, "control": control_MK}
    if "region_treatment" in parameters:
        parameters["region_treatment"] = np.zeros_like(parameters["region_treatment"])
    return replace(made, parameters=parameters, spec=market(panel))


def effect_MG(fitted: Fitted) -> Floats:
    """KPI of one unit of promotion in a region."""
    control_MK = fitted.parameters["control"]
    per_sd_M = fitted.scales.control * control_MK[:, -1]
    found: Floats = per_sd_M[:, None] * fitted.scaling.kpi_G / fitted.scaling.control_sd_K[-1]
    return found


def volume_G(fitted: Fitted) -> Floats:
    """KPI of an average period of the last year without the promotion."""
    year = min(round(fitted.panel.periods_per_year), len(fitted.panel.dates))
    promo_GT = fitted.panel.controls_GTK[:, -year:, -1]
    brought_GT = effect_MG(fitted).mean(0)[:, None] * promo_GT
    found: Floats = (fitted.panel.kpi_GT[:, -year:] - brought_GT).mean(1)
    return found
