"""Plans for scenarios, and what is said to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmm.errors import RequestError
from mmm.fitted import Fitted
from mmm.planning.scenario.evaluate import evaluate_scenario
from mmm.planning.scenario.result import ScenarioPlan

HORIZON = 4


def spent(fitted: Fitted) -> dict[str, float]:
    """The last periods' amounts."""
    totals = fitted.panel.spend_GTC[:, -HORIZON:].sum((0, 1))
    return dict(zip(fitted.panel.channels, totals.tolist(), strict=True))


def rows(fitted: Fitted, *, by_region: bool = True) -> pd.DataFrame:
    """The last periods' amounts as a plan for the next ones."""
    panel = fitted.panel
    dates = panel.dates[-1] + 7 * np.arange(1, HORIZON + 1)
    index = pd.MultiIndex.from_product(
        [panel.regions, dates.astype("datetime64[s]"), panel.channels], names=["region", "date", "channel"]
    )
    table = pd.DataFrame({"spend": panel.spend_GTC[:, -HORIZON:].ravel()}, index=index).reset_index()
    if by_region:
        return table
    return table.groupby(["date", "channel"], as_index=False).agg(spend=("spend", "sum"))


def ask(fitted: Fitted, plan: dict[str, Any], **fields: Any) -> ScenarioPlan:
    return evaluate_scenario(fitted, {"horizon": HORIZON, **fields, "plans": {"p": plan}}).plans[0]


def problems(fitted: Fitted, request: object, **settings: Any) -> str:
    with pytest.raises(RequestError) as caught:
        evaluate_scenario(fitted, request, **settings)  # type: ignore[arg-type]
    return str(caught.value)
