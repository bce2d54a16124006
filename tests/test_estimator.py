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


def _weekly(rows: int = 104) -> tuple[pd.DataFrame, pd.Series]:
    media = pd.DataFrame(
        {"tv": [100.0 + 7 * (i % 5) for i in range(rows)], "ooh": [50.0 + i % 7 for i in range(rows)]}
    )
    return media, 1000.0 + 2 * media["tv"] + [i % 3 for i in range(rows)]


@pytest.mark.parametrize(
    ("form", "start", "freq"),
    [("%d/%m/%Y", "2022-01-03", "7D"), ("%d.%m.%Y", "2021-02-01", "MS"), ("%b-%y", "2020-01-01", "MS")],
)
def test_dates_as_text_follow_the_rules_of_the_panel(form: str, start: str, freq: str) -> None:
    """The first weekly dates read month first would be in March, October, and then no date at all."""
    media, kpi = _weekly()
    dates = list(pd.date_range(start, periods=104, freq=freq).strftime(form))
    with pytest.raises(PanelError, match="date_format"):
        DeepCausalMMM(QUICK).fit(media, kpi, dates=dates)

    model = DeepCausalMMM(QUICK).fit(
        media, kpi, dates=dates, config_overrides={"data": {"date_format": form}}
    )
    assert str(model.predict()["date"].min())[:10] == start


def test_numbers_of_weeks_are_no_dates() -> None:
    media, kpi = _weekly()
    with pytest.raises(PanelError, match="number and no date"):
        DeepCausalMMM(QUICK).fit(media, kpi, dates=list(range(1, 105)))


def test_text_for_numbers_is_the_panels_error() -> None:
    media, kpi = _weekly()
    with pytest.raises(PanelError, match="not a number"):
        DeepCausalMMM(QUICK).fit(media, [*kpi[:-1], "n/k"])


def test_regions_that_are_missing_are_no_region_called_nan() -> None:
    media, kpi = _weekly()
    with pytest.raises(PanelError, match="no region"):
        DeepCausalMMM(QUICK).fit(media, kpi, regions=["a"] * 103 + [None])
