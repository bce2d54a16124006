"""Controls of known sign and channels that share shapes: in both inferences, alone and stacked."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from mmm.config import MarketSpec
from mmm.data.panel import Floats, Panel
from mmm.fitted import Fitted
from mmm.model.restrictions import SHAPE, Restrictions, free_of_size, signed_log_prior
from mmm.train.fit import fit, fitting
from mmm.train.prepare import restrictions_of
from mmm.train.run import together
from tests.small import market, small_panel, split_of

MODEL = {"temporal": {"enabled": False}, "graph": {"mode": "none"}, "baseline": {"season_order": 0}}
QUICK = {"epochs": 250, "members": 3, "validation": 0, "effort": 0.2, "draws": 50}
INFERENCES = ("ensemble", "posterior")


def rivals(regions: int = 2) -> Panel:
    """A panel in which a price of one standard deviation takes 6 % of the KPI, and a promotion brings 4 %."""
    panel = small_panel(regions=regions, periods=72, controls=2)
    level_G11 = panel.kpi_GT.mean(1)[:, None, None]
    away_GTK = panel.controls_GTK - panel.controls_GTK.mean(1, keepdims=True)
    moved_GTK = level_G11 * np.array([-0.06, 0.04]) * away_GTK / away_GTK.std(1, keepdims=True)
    return replace(panel, kpi_GT=panel.kpi_GT + moved_GTK.sum(-1))


def stated(panel: Panel, *, inference: str = "ensemble", **columns: Any) -> MarketSpec:
    spec = market(panel, model=MODEL, train=QUICK | {"inference": inference})
    groups = columns.pop("groups", {})
    channels = {
        name: channel.model_copy(update={"group": groups.get(name)})
        for name, channel in spec.columns.channels.items()
    }
    changed = spec.columns.model_copy(update={"channels": channels, **columns})
    return spec.model_copy(update={"columns": changed})


def control_effects(fitted: Fitted) -> Floats:
    """KPI of one standard deviation of each control, as a share of the KPI, shape MK."""
    effect: Floats = fitted.scales.control * fitted.parameters["control"]
    return effect


@pytest.mark.parametrize("inference", INFERENCES)
def test_a_known_sign_is_kept_and_an_effect_of_that_sign_is_found(inference: str) -> None:
    panel = rivals()
    spec = stated(panel, inference=inference, signs={"price": "negative", "promo": "negative"})
    effect_MK = control_effects(fit(spec, panel, split_of(panel)))

    assert (effect_MK <= 0).all()
    assert effect_MK[:, 0].mean() == pytest.approx(-0.06, rel=0.2)
    assert effect_MK[:, 1].mean() > -0.01


@pytest.mark.parametrize("inference", INFERENCES)
def test_without_a_stated_sign_the_same_control_goes_its_own_way(inference: str) -> None:
    panel = rivals()
    spec = stated(panel, inference=inference, signs={"price": "negative"})
    effect_MK = control_effects(fit(spec, panel, split_of(panel)))

    assert effect_MK[:, 0].mean() == pytest.approx(-0.06, rel=0.2)
    assert effect_MK[:, 1].mean() == pytest.approx(0.04, rel=0.25)


@pytest.mark.parametrize("inference", INFERENCES)
def test_channels_of_a_group_have_one_shape(inference: str) -> None:
    panel = small_panel(periods=72)
    spec = stated(panel, inference=inference, groups={"tv": "screen", "radio": "screen"})
    parameters = fit(spec, panel, split_of(panel)).parameters

    for name in SHAPE:
        assert_allclose(parameters[name][:, 0], parameters[name][:, 2], rtol=1e-6)
        assert not np.allclose(parameters[name][:, 0], parameters[name][:, 1], rtol=1e-3)
    assert not np.allclose(parameters["share"][:, 0], parameters["share"][:, 2], rtol=1e-3)


def test_markets_at_once_keep_their_restrictions() -> None:
    """The stacked program of like markets finds what each finds alone."""
    every = [replace(rivals(), kpi_GT=rivals().kpi_GT * factor) for factor in (1.0, 1.5)]
    said: dict[str, Any] = {
        "signs": {"price": "negative", "promo": "negative"},
        "groups": {"tv": "a", "search": "a"},
    }
    found = together([fitting(stated(panel, **said), panel, split_of(panel)) for panel in every])

    for panel, model in zip(every, found, strict=True):
        assert isinstance(model, Fitted)
        one = fit(stated(panel, **said), panel, split_of(panel))
        assert_allclose(control_effects(model), control_effects(one), rtol=1e-3, atol=1e-4)
        assert_array_equal(model.parameters["half"][:, 0], model.parameters["half"][:, 1])


def test_priors_count_shared_shapes_once_and_signed_effects_as_they_are() -> None:
    restrictions = Restrictions(sign_K=(0, -1), shape_of_C=(0, 1, 0))
    free = {name: torch.arange(3.0).expand(2, 3) for name in SHAPE}
    free["control"] = torch.zeros(2, 2)

    seen, believed = restrictions.seen(free), restrictions.believed(free)
    assert_array_equal(seen["half"], [[0.0, 1.0, 0.0]] * 2)
    assert_array_equal(believed["half"], [[0.0, 1.0, 2.0]] * 2)
    for found in (seen, believed):
        assert_allclose(found["control"], [[0.0, -math.log(2.0)]] * 2)


def test_the_prior_of_a_signed_effect_is_half_normal() -> None:
    """Its density by the effect, drawn over a grid, has the half-normal's mean and mean square."""
    free = torch.linspace(-40.0, 12.0, 200_001, dtype=torch.float64)
    size, weight = torch.nn.functional.softplus(free), torch.exp(signed_log_prior(free))

    assert float((size * weight).sum() / weight.sum()) == pytest.approx(math.sqrt(2 / math.pi), rel=1e-4)
    assert float((size**2 * weight).sum() / weight.sum()) == pytest.approx(1.0, rel=1e-4)
    assert_allclose(
        torch.nn.functional.softplus(free_of_size(torch.tensor([0.5, 0.0]))), [0.5, 1e-3], rtol=1e-4
    )


def test_the_sign_of_a_column_of_event_names_is_that_of_each_event() -> None:
    panel = replace(small_panel(controls=2), controls=("calendar: strike", "price"))
    spec = stated(panel, controls=("price",), events=("calendar",), signs={"calendar": "negative"})

    assert restrictions_of(spec, panel).sign_K == (-1, 0)
    assert not restrictions_of(spec, panel).grouped
