from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from jobs.data import EFFECTS, fit_panel
from mmm.config import MarketSpec
from mmm.config.files import validate
from mmm.simulate.draws import Design, simulate_market
from mmm.simulate.portfolio import shared_spec

WORLD = simulate_market(Design(regions=1, weeks=60, channels=2))


@pytest.fixture
def spec() -> MarketSpec:
    """What two small markets share, in a fit of a second."""
    quick = {"members": 2, "epochs": 40, "validation": 0}
    model = {"graph": {"mode": "none"}, "temporal": {"enabled": False}}
    values = {"brand": "any", "market": "any", "data": {"path": "none"}, **shared_spec(WORLD)}
    return validate(MarketSpec, {**values, "train": quick, "model": model}, "test")


@pytest.fixture
def rows() -> pd.DataFrame:
    """The rows of one market, as Ray Data hands them over: Arrow underneath."""
    frame = WORLD.frame().assign(brand="acme", market="us")
    return frame.astype({"kpi": "double[pyarrow]"})


def test_a_group_is_fitted_and_says_its_effects(spec: MarketSpec, rows: pd.DataFrame) -> None:
    table = fit_panel(spec)(rows)

    assert list(table) == ["brand", "market", "channel", *EFFECTS, "problem"]
    assert table["channel"].tolist() == list(WORLD.channels)
    assert set(table["brand"]) == {"acme"} and set(table["problem"]) == {""}
    assert (table["direct_lower"] <= table["direct"]).all()
    assert np.isfinite(table[list(EFFECTS)]).all(axis=None)


def test_a_market_that_cannot_be_fitted_says_why_and_stops_no_other(
    spec: MarketSpec, rows: pd.DataFrame
) -> None:
    spend = str(spec.columns.channels[WORLD.channels[0]].spend)

    table = fit_panel(spec)(rows.assign(**{spend: -1.0}))

    assert len(table) == 1
    assert spend in table["problem"].iloc[0]
    assert table[list(EFFECTS)].isna().all(axis=None)
    assert list(table) == list(fit_panel(spec)(rows))


def test_it_travels_to_workers(spec: MarketSpec) -> None:
    cloudpickle = pytest.importorskip("ray.cloudpickle")

    assert callable(pickle.loads(cloudpickle.dumps(fit_panel(spec))))
