"""The plan that comes with every fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmm.planning.budget import CHANGE, first_plan
from tests.small import sketch, small_panel


def test_it_spends_the_same_money_within_its_limits() -> None:
    plan = first_plan(sketch())

    assert plan is not None
    assert plan.status == "optimal"
    assert sum(plan.spend.values()) == pytest.approx(sum(plan.current_spend.values()), rel=1e-6)
    for channel in plan.channels:
        assert abs(channel.spend / channel.current_spend - 1) <= CHANGE + 1e-6


def test_models_without_a_choice_of_money_have_none() -> None:
    panel = small_panel()
    one_in_exposure = replace(panel, has_spend_C=np.array([False, True, True]))
    unpaid = replace(panel, spend_GTC=np.zeros_like(panel.spend_GTC))

    assert first_plan(sketch(one_in_exposure)) is None
    assert first_plan(sketch(unpaid)) is None
    assert first_plan(sketch(small_panel(channels=1))) is None
