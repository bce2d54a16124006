"""The estimator as the paper's example uses it is a thin door to the same fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mmm import DeepCausalMMM
from mmm.errors import PanelError, RequestError, SpecError
from mmm.simulate.portfolio import Design, simulate_market

QUICK = {"train": {"epochs": 60, "members": 1}, "splits": {"holdout": 8}}


def _example() -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    world = simulate_market(Design(regions=4, weeks=80, channels=3), seed=5)
    frame = world.frame()
    media = frame[[name for name in frame.columns if name.endswith(("_spend", "_S"))]].iloc[:, :3]
    return media, frame["kpi"], frame["region"]


@pytest.fixture(scope="module")
def fitted() -> DeepCausalMMM:
    media, kpi, regions = _example()
    overrides = {"loss": "huber", "regularization": {"l1": 1e-4, "l2": 1e-3}, **QUICK}
    return DeepCausalMMM().fit(X=media, y=kpi, regions=list(regions), config_overrides=overrides)


def test_contributions_of_every_channel_region_and_period(fitted: DeepCausalMMM) -> None:
    contributions = fitted.get_channel_contributions()
    assert len(contributions) == 3 * 4 * 80
    assert set(contributions["channel"]) == set(_example()[0].columns)


def test_overrides_reach_the_fit(fitted: DeepCausalMMM) -> None:
    loss = fitted.result.fitted.spec.model.loss
    assert (loss.kind, loss.l1, loss.l2) == ("huber", 1e-4, 1e-3)


def test_arrays_get_channel_names() -> None:
    media, kpi, regions = _example()
    overrides = {"loss": "mse", **QUICK}
    model = DeepCausalMMM(overrides).fit(
        media.to_numpy(), kpi.to_numpy(), regions=regions.to_numpy().tolist()
    )
    assert list(model.get_effects()["channel"]) == ["channel_1", "channel_2", "channel_3"]
    assert model.result.fitted.spec.model.loss.kind == "mse"


def test_figures(fitted: DeepCausalMMM) -> None:
    assert len(fitted.plot_contributions().data) > 0
    assert fitted.plot_dag().layout.title.text


def test_asking_before_fitting() -> None:
    with pytest.raises(RequestError, match="Call fit"):
        DeepCausalMMM().get_effects()


def test_every_wrong_length_at_once() -> None:
    media, kpi, _ = _example()
    with pytest.raises(PanelError) as caught:
        DeepCausalMMM().fit(media, kpi.iloc[:-1], regions=["a", "b"], controls=np.zeros((3, 1)))
    assert {problem.where for problem in caught.value.problems} == {"y", "regions", "controls"}


def test_unknown_setting_is_refused() -> None:
    media, kpi, regions = _example()
    with pytest.raises(SpecError, match="epoch"):
        DeepCausalMMM({"train": {"epoch": 3}}).fit(media, kpi, regions=list(regions))
