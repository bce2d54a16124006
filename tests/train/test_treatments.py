"""Fits of markets with treatments: known effects are found, of the stated sign, in every region."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmm.analysis.attribution import components_of
from mmm.config import TreatmentColumns
from mmm.data.panel import Treatment
from mmm.fitted import Fitted
from mmm.train.fit import fit
from tests.small import split_of
from tests.train.test_restrictions import INFERENCES, rivals, stated


def fitted(inference: str, sign: str) -> Fitted:
    """Price takes 6 % of the KPI per standard deviation, a promotion brings 4 %."""
    panel = replace(rivals(), treatments=(Treatment("price", "max"), Treatment("promo", "min")))
    treatments = {
        "price": TreatmentColumns(reference="max", sign=sign),  # type: ignore[arg-type]
        "promo": TreatmentColumns(reference="min", sign="any", carry_over=False),
    }
    spec = stated(panel, inference=inference, controls=(), treatments=treatments)
    return fit(spec, panel, split_of(panel))


@pytest.mark.parametrize("inference", INFERENCES)
def test_effects_against_references_are_found(inference: str) -> None:
    found = fitted(inference, "negative")
    panel, components = found.panel, {name: values for name, _, values in components_of(found)}
    level_G1 = found.scaling.kpi_G[:, None]
    for place, (name, effect) in enumerate((("price", -0.06), ("promo", 0.04))):
        values_GT = panel.controls_GTK[..., place]
        away_GT = (values_GT - panel.reference_GR[:, [place]]) / values_GT.std(1, keepdims=True)
        true_G = (level_G1 * effect * away_GT).sum(1)

        assert (true_G > 0).all()
        np.testing.assert_allclose(components[name].mean(0).sum(1), true_G, rtol=0.2)
    assert (components["price"] >= -1e-9).all()


@pytest.mark.parametrize("inference", INFERENCES)
def test_an_effect_of_the_other_sign_is_ruled_out_in_every_region(inference: str) -> None:
    found = fitted(inference, "positive")
    price_MGT = next(values for name, _, values in components_of(found) if name == "price")

    assert (price_MGT <= 1e-9).all()
    assert (np.abs(price_MGT.mean(0)) < 0.03 * found.scaling.kpi_G[:, None]).all()
