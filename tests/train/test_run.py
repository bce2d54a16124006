"""Fits at once are the fits one by one."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch

from mmm.data.panel import Panel
from mmm.errors import MMMError, TrainingError
from mmm.fitted import Fitted, load_fitted, save_fitted
from mmm.train import stacked as program
from mmm.train.fit import BEGUN_PART, WARM_PART, fit, fitting
from mmm.train.posterior import at_once as at_once_program
from mmm.train.posterior.at_once import Sampling, Search
from mmm.train.posterior.density import Density
from mmm.train.posterior.posterior import BEGUN_WARM_UP
from mmm.train.posterior.sampler import Effort
from mmm.train.run import Fit, Step, groups, together
from mmm.train.stacked import Training
from tests.small import market, small_panel, split_of, with_gaps

TRAIN = {"epochs": 40, "members": 2, "validation": 6, "patience": 15}
MODEL = {"temporal": {"hidden": 3}, "graph": {"mode": "none"}}


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The validation tail may choose few epochs, so that tests are quick."""
    for module in ("fit", "stacked"):
        monkeypatch.setattr(f"mmm.train.{module}.LEAST_EPOCHS", 10)


def panels(regions: int = 1) -> list[Panel]:
    """Three markets of like shape that have nothing else in common."""
    return [with_gaps(small_panel(regions=regions, seed=seed)) for seed in range(3)]


def spec_of(panel: Panel, model: Mapping[str, Any] | None = None) -> Any:
    return market(panel, model=MODEL | dict(model or {}), train=TRAIN)


def at_once(every: list[Panel], **options: Any) -> list[Fitted | MMMError]:
    return together([fitting(spec_of(panel), panel, split_of(panel), **options) for panel in every])


@pytest.mark.parametrize("regions", [1, 3])
def test_markets_at_once_are_fitted_as_one_by_one(regions: int) -> None:
    every = panels(regions)
    found = at_once(every)

    chosen = set()
    for panel, model in zip(every, found, strict=True):
        one = fit(spec_of(panel), panel, split_of(panel))
        assert isinstance(model, Fitted)
        chosen.add(one.provenance["epochs"])
        assert model.provenance["epochs"] == one.provenance["epochs"]
        assert model.trace["epoch"] == one.trace["epoch"]
        np.testing.assert_allclose(model.trace["loss"], one.trace["loss"], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(
            model.predictor.parts.channels_MGTC, one.predictor.parts.channels_MGTC, rtol=1e-3, atol=1e-3
        )
        np.testing.assert_allclose(
            model.predictor.parts.prediction_MGT, one.predictor.parts.prediction_MGT, rtol=1e-4
        )
    assert len(chosen) > 1, "schedules of unlike length are not tried by these panels"


@pytest.mark.parametrize(
    "model",
    [
        {"adstock": {"family": "weibull"}},
        {"temporal": {"enabled": False}},
        {"loss": {"kind": "mse"}},
        {"priors": {"media_share": {"mean": 0.3, "sd": 0.1}, "dynamic": True}},
        {"priors": {"channels": {"tv": {"roi": {"mean": 2.0, "sd": 0.5}}}}},
        {"baseline": {"season_order": 0}},
    ],
    ids=lambda model: next(iter(model)),
)
def test_every_form_of_the_model_can_be_fitted_at_once(model: dict[str, Any]) -> None:
    every = [small_panel(regions=2, controls=0, seed=seed) for seed in range(2)]
    found = together([fitting(spec_of(panel, model), panel, split_of(panel)) for panel in every])

    for panel, at_once in zip(every, found, strict=True):
        one = fit(spec_of(panel, model), panel, split_of(panel))
        assert isinstance(at_once, Fitted)
        np.testing.assert_allclose(
            at_once.predictor.parts.prediction_MGT, one.predictor.parts.prediction_MGT, rtol=1e-4
        )


DRAWN = {"inference": "posterior", "epochs": 20, "draws": 50, "effort": 0.1}


@pytest.mark.parametrize(
    ("regions", "model"),
    [
        (1, {}),
        (3, {}),
        (1, {"adstock": {"family": "weibull"}, "loss": {"kind": "mse"}}),
        (2, {"temporal": {"enabled": False}, "priors": {"demand": 0.0, "share_sd": 0.1}}),
    ],
)
def test_draws_of_markets_at_once_are_those_of_one_by_one(regions: int, model: dict[str, Any]) -> None:
    """The same gradients; then the same draws, but for rounding that trajectories make grow."""
    every = panels(regions)
    samplings = [sampling_of(panel, model) for panel in every]
    places_BMD = torch.stack([one.mode_D + 0.1 * torch.arange(-2, 3)[:, None] for one in samplings])
    value_BM, gradient_BMD = at_once_program._Stack([one.density for one in samplings]).gradient(places_BMD)
    for one, place_MD, value_M, gradient_MD in zip(
        samplings, places_BMD, value_BM, gradient_BMD, strict=True
    ):
        expected_M, expected_MD = one.density.gradient(place_MD)
        assert expected_MD.abs().max() > 1.0
        torch.testing.assert_close(value_M, expected_M, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(gradient_MD, expected_MD, rtol=1e-7, atol=1e-7)

    for panel, found in zip(every, at_once_program.draw(samplings), strict=True):
        (alone,) = at_once_program.draw([sampling_of(panel, model)])
        away = (found.theta_MND - alone.theta_MND).abs()
        assert alone.theta_MND.std() > 0.1
        assert away.median() < 1e-5
        assert away.max() < 1e-2
        assert found.step == pytest.approx(alone.step, rel=1e-5)


def test_parts_of_a_large_panel_side_by_side_find_the_very_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the number of threads, which is put back afterwards; more than one really computes."""
    panel = panels(3)[0]
    few = Effort(chains=4, warm_up=6, rounds=4, steps=3)
    sampling, again = (replace(sampling_of(panel, {}), effort=few) for _ in range(2))
    monkeypatch.setattr("mmm.train.posterior.density.CELLS_AT_ONCE", 1)
    computing: set[str] = set()
    given = Density.given

    def seen(self: Density, theta_MD: torch.Tensor) -> Any:
        computing.add(threading.current_thread().name)
        return given(self, theta_MD)

    monkeypatch.setattr(Density, "given", seen)
    before = torch.get_num_threads()
    (alone,) = at_once_program.draw([sampling])
    assert computing == {"MainThread"}
    (found,) = at_once_program.draw([replace(again, threads=3)])

    assert torch.equal(found.theta_MND, alone.theta_MND)
    assert len(computing) > 2
    assert torch.get_num_threads() == before


def test_a_fit_goes_on_from_the_chains_of_the_model_it_begins_at(tmp_path: Path) -> None:
    """On one region, and where the model has them; what it fits begins nowhere else."""
    panel = panels()[0]
    first = fit(market(panel, model=MODEL, train=DRAWN), panel, split_of(panel))
    save_fitted(first, tmp_path)
    loaded = load_fitted(tmp_path)

    anew, again = sampling_of(panel, {}), sampling_of(panel, {}, warm=loaded)

    assert anew.begun is None
    assert again.begun is not None
    assert again.effort == replace(anew.effort, warm_up=min(anew.effort.warm_up, BEGUN_WARM_UP))
    np.testing.assert_array_equal(again.begun.theta_MD, first.chains["theta_MD"])
    (found,) = at_once_program.draw([again])
    assert torch.isfinite(found.theta_MND).all()
    assert sampling_of(panel, {}, warm=replace(loaded, chains={})).begun is None
    other = {"adstock": {"delay": False}, "priors": {"demand": 0.0}}
    assert sampling_of(panel, other, warm=loaded).begun is None


def test_a_fit_that_goes_on_searches_once_in_the_directions_of_its_chains() -> None:
    panel = panels()[0]
    first = fit(market(panel, model=MODEL, train=DRAWN), panel, split_of(panel))
    searches, epochs = [], []
    for warm in (None, first, replace(first, chains={})):
        steps = list(steps_of(panel, warm))
        searches.append([step for step in steps if isinstance(step, Search)])
        epochs.append([step.schedule.epochs for step in steps if isinstance(step, Training)])
    anew, again, without = searches

    assert (
        [step.stretch_DD is None for step in anew]
        == [True, True]
        == [step.stretch_DD is None for step in without]
    )
    (only,) = again
    assert only.stretch_DD is not None
    np.testing.assert_array_equal(only.start_D, first.chains["centre_D"])
    assert at_once_program.likeness(only) != at_once_program.likeness(replace(only, stretch_DD=None))
    assert epochs == [[20], [max(round(BEGUN_PART * 20), 1)], [round(WARM_PART * 20)]]


def test_chains_that_saw_what_a_fit_is_scored_on_are_not_gone_on_from() -> None:
    """Where they mix slowly they would remember it, and the score would be too good."""
    panel = panels()[0]
    spec, split = market(panel, model=MODEL, train=DRAWN), split_of(panel)
    as_much, more = (
        fit(spec, panel, split, n_train=n_train) for n_train in (split.n_train, split.n_train + 1)
    )
    begun = []
    for warm in (as_much, more):
        *_, last = steps_of(panel, warm)
        assert isinstance(last, Sampling)
        begun.append(last.begun is not None)
    assert as_much.chains and more.chains

    assert begun == [True, False]


def test_models_of_several_regions_leave_no_chains() -> None:
    panel = panels(2)[0]

    assert not fit(market(panel, model=MODEL, train=DRAWN), panel, split_of(panel)).chains


def sampling_of(panel: Panel, model: Mapping[str, Any], warm: Fitted | None = None) -> Sampling:
    """What a fit waits for after its descent."""
    *_, last = steps_of(panel, warm, model)
    assert isinstance(last, Sampling)
    return last


def steps_of(
    panel: Panel, warm: Fitted | None, model: Mapping[str, Any] = MappingProxyType({})
) -> Iterator[Step]:
    """What a fit waits for until it samples."""
    spec = market(panel, model=MODEL | dict(model), train=DRAWN)
    inner = fitting(spec, panel, split_of(panel), warm=warm)
    step = next(inner)
    yield step
    while not isinstance(step, Sampling):
        found = program.descend([step]) if isinstance(step, Training) else at_once_program.find([step])
        step = inner.send(found[0])
        yield step


def test_draws_of_like_markets_are_one_program(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    draw = at_once_program.draw

    def counted(samplings: Any) -> Any:
        sizes.append(len(samplings))
        return draw(samplings)

    monkeypatch.setattr("mmm.train.posterior.at_once.draw", counted)
    stated = {"priors": {"channels": {"tv": {"roi": {"mean": 2.0, "sd": 0.5}}}}}
    every = [(panel, MODEL) for panel in panels()] + [(panels()[0], MODEL | stated)]
    together(
        [fitting(market(panel, model=model, train=DRAWN), panel, split_of(panel)) for panel, model in every]
    )

    assert sorted(sizes) == [1, 3]


def test_like_markets_are_one_program(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    descend = program.descend

    def counted(trainings: Any) -> Any:
        sizes.append(len(trainings))
        return descend(trainings)

    monkeypatch.setattr("mmm.train.run.descend", counted)
    at_once([*panels(), small_panel(regions=2)])

    assert sorted(sizes) == [1, 1, 3, 3]


def spoiled(panel: Panel) -> Fit[Fitted]:
    """A fit whose first training has a loss that is not a number."""
    inner = fitting(spec_of(panel), panel, split_of(panel))
    training = next(inner)
    assert isinstance(training, Training)
    inputs = replace(training.inputs, kpi_GT=training.inputs.kpi_GT * torch.nan)
    found = yield replace(training, inputs=inputs)
    inner.send(found)
    raise AssertionError("a training without a loss came to an end")


def test_a_market_that_diverges_fails_alone() -> None:
    first, second, third = panels()
    good = [fitting(spec_of(panel), panel, split_of(panel)) for panel in (first, third)]

    found = together([good[0], spoiled(second), good[1]])

    assert isinstance(found[1], TrainingError)
    one = fit(spec_of(third), third, split_of(third))
    assert isinstance(found[0], Fitted) and isinstance(found[2], Fitted)
    np.testing.assert_allclose(found[2].parameters["noise"], one.parameters["noise"], rtol=1e-4)


def trainings(count: int, cells: int) -> dict[int, Training]:
    """Trainings as far as grouping cares."""
    every = panels()[:1] * count
    found = {}
    for index, panel in enumerate(every):
        training = next(fitting(spec_of(panel), panel, split_of(panel)))
        assert isinstance(training, Training)
        size = cells // training.inputs.stack_CGTL[..., 0].numel() + 1
        found[index] = replace(
            training, start={name: torch.cat([value] * size) for name, value in training.start.items()}
        )
    return found


def test_a_program_is_no_larger_than_pays() -> None:
    assert list(groups(trainings(3, cells=160_000))) == [[0, 1], [2]]
    assert list(groups(trainings(3, cells=500_000))) == [[0], [1], [2]]


def test_other_settings_are_another_program() -> None:
    panel = panels()[0]
    every = dict(
        enumerate(
            next(fitting(spec_of(panel, model), panel, split_of(panel)))
            for model in ({}, {"saturation": {"slope_min": 1.0}}, {"graph": {"mode": "triangular"}})
        )
    )

    assert list(groups(every)) == [[0, 2], [1]]
