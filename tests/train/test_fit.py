"""Fitting: deterministic, blind to the holdout, resumable to the same result, more members the same way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmm.data.panel import Panel
from mmm.data.read import PanelRead
from mmm.errors import CheckpointError
from mmm.fitted import Fitted
from mmm.pipeline import fit_panel
from mmm.train.checkpoint import FileCheckpoint
from mmm.train.fit import fit
from tests.small import market, small_panel, split_of, with_gaps

TRAIN = {"epochs": 24, "members": 2, "validation": 0}
MODEL = {"temporal": {"hidden": 3}, "graph": {"mode": "none"}}


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The validation tail may choose few epochs, so that tests are quick."""
    for module in ("fit", "stacked"):
        monkeypatch.setattr(f"mmm.train.{module}.LEAST_EPOCHS", 20)


def fitted(panel: Panel | None = None, *, train: dict[str, Any] | None = None, **options: Any) -> Fitted:
    panel = with_gaps(small_panel()) if panel is None else panel
    spec = market(panel, model=MODEL, train=TRAIN | (train or {}))
    return fit(spec, panel, split_of(panel), **options)


def same(first: Fitted, second: Fitted) -> bool:
    return all(np.array_equal(value, second.parameters[name]) for name, value in first.parameters.items())


class Interrupt:
    """Progress that stops the fit at some epoch of a stage, as Ctrl-C would."""

    def __init__(self, stage: str, epoch: int) -> None:
        self.at = (stage, epoch)

    def update(self, stage: str, epoch: int, epochs: int, **figures: float) -> None:
        if (stage, epoch) == self.at:
            raise KeyboardInterrupt


class Watch:
    """Progress that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, int]] = []

    def update(self, stage: str, epoch: int, epochs: int, **figures: float) -> None:
        self.told.append((stage, epoch, epochs))


def test_a_seed_gives_one_result() -> None:
    first, again, other = fitted(), fitted(), fitted(train={"seed": 1})

    assert same(first, again)
    assert first.provenance["data_fingerprint"] == other.provenance["data_fingerprint"]
    assert not same(first, other)


def test_members_differ_from_one_another() -> None:
    values = fitted().parameters

    assert not np.array_equal(values["share"][0], values["share"][1])
    assert not np.array_equal(values["regional_level"][0], values["regional_level"][1])


@pytest.mark.parametrize("validation", [0, 6])
def test_nothing_learned_depends_on_the_holdout(validation: int) -> None:
    panel = small_panel()
    late = np.arange(48) >= 40
    poisoned = replace(
        panel,
        kpi_GT=np.where(late, 1e9, panel.kpi_GT),
        media_GTC=np.where(late[:, None], 1e9, panel.media_GTC),
        spend_GTC=np.where(late[:, None], 1e9, panel.spend_GTC),
        controls_GTK=np.where(late[:, None], -1e9, panel.controls_GTK),
        kpi_value_GT=np.where(late, 1e9, panel.kpi_value_GT),
    )
    train = {"validation": validation, "epochs": 40 if validation else 24, "members": 1}
    clean, dirty = fitted(panel, train=train), fitted(poisoned, train=train)

    assert clean.provenance["epochs"] == dirty.provenance["epochs"]
    assert same(clean, dirty)
    assert clean.scales == dirty.scales
    assert_array_equal(clean.scaling.media_C, dirty.scaling.media_C)


@pytest.mark.parametrize("filler", [0.0, 1e9])
def test_cells_without_kpi_never_train(filler: float) -> None:
    """Whatever stands for the controls of an absent cell."""
    panel = with_gaps(small_panel())
    filled = replace(panel, controls_GTK=np.where(panel.present_GT[..., None], panel.controls_GTK, filler))
    spec_free = {"members": 1, "epochs": 8}

    assert same(fitted(panel, train=spec_free), fitted(filled, train=spec_free))


@pytest.mark.parametrize(("stage", "epoch"), [("train", 1), ("train", 17), ("choose epochs", 35)])
def test_an_interrupted_fit_goes_on_to_the_same_result(tmp_path: Path, stage: str, epoch: int) -> None:
    train = {"validation": 6, "epochs": 40} if stage == "choose epochs" else {}
    with pytest.raises(KeyboardInterrupt):
        fitted(
            train=train,
            progress=Interrupt(stage, epoch),
            checkpoint=FileCheckpoint(tmp_path / "c", resume=False, every=0.0),
        )
    watch = Watch()
    resumed = fitted(
        train=train, progress=watch, checkpoint=FileCheckpoint(tmp_path / "c", resume=True, every=0.0)
    )

    assert same(resumed, fitted(train=train))
    if stage == "train":
        assert watch.told[0][1] == max(epoch, 1)


@pytest.mark.parametrize(("stage", "round_"), [("train", 9), ("sample", 3)])
def test_interrupted_sampling_goes_on_to_the_same_draws(tmp_path: Path, stage: str, round_: int) -> None:
    """The descent goes on where it was, draws begin again: from the same mode, by the same seed."""
    train = POSTERIOR | {"threads": 1}
    with pytest.raises(KeyboardInterrupt):
        fitted(
            train=train,
            progress=Interrupt(stage, round_),
            checkpoint=FileCheckpoint(tmp_path / "c", resume=False, every=0.0),
        )
    resumed = fitted(train=train, checkpoint=FileCheckpoint(tmp_path / "c", resume=True, every=0.0))

    assert same(resumed, fitted(train=train))


def test_a_checkpoint_of_another_spec_or_other_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fitted(
            progress=Interrupt("train", 5),
            checkpoint=FileCheckpoint(tmp_path / "c", resume=False, every=0.0),
        )

    def resume(panel: Panel | None = None, **train: Any) -> Fitted:
        return fitted(panel, train=train, checkpoint=FileCheckpoint(tmp_path / "c", resume=True))

    with pytest.raises(CheckpointError, match="spec changed"):
        resume(learning_rate=0.01)
    with pytest.raises(CheckpointError, match="data changed"):
        resume(small_panel(seed=5))
    assert resume(threads=1).provenance["epochs"] == 24


def test_progress_hears_of_every_epoch() -> None:
    watch = Watch()
    model = fitted(progress=watch)

    assert watch.told == [("train", epoch, 24) for epoch in range(1, 25)]
    assert model.trace["epoch"] == [10, 20, 24]
    assert model.trace["loss"][-1] < model.trace["loss"][0]


def test_the_validation_tail_chooses_the_epochs_and_is_trained_on_afterwards() -> None:
    model = fitted(train={"validation": 6, "epochs": 60, "patience": 10, "members": 1})
    stages = set(model.trace["stage"])

    assert stages == {"validation", "train"}
    assert 20 <= model.provenance["epochs"] <= 60
    assert any(value is not None for value in model.trace["validation"])


def test_a_refit_on_more_periods_takes_the_epochs_given() -> None:
    model = fitted(n_train=48, epochs=7)

    assert model.trained_until == 48
    assert model.provenance["epochs"] == 7
    assert model.split.n_train == 40


def test_a_national_market_has_no_regional_parameters() -> None:
    model = fitted(small_panel(regions=1))

    assert "regional_level" not in model.parameters
    assert model.predictor.parts.prediction_MGT.shape == (2, 1, 48)


def test_units_of_kpi_and_money_do_not_change_the_model() -> None:
    panel = small_panel()
    other = replace(
        panel, kpi_GT=1000 * panel.kpi_GT, media_GTC=0.01 * panel.media_GTC, spend_GTC=0.01 * panel.spend_GTC
    )
    plain, scaled = fitted(panel, train={"members": 1}), fitted(other, train={"members": 1})

    np.testing.assert_allclose(
        scaled.predictor.parts.prediction_MGT, 1000 * plain.predictor.parts.prediction_MGT, rtol=1e-3
    )


def test_a_fit_lowers_the_error_of_the_start() -> None:
    panel = small_panel()
    short, long = (fitted(panel, epochs=epochs, train={"members": 1}) for epochs in (1, 150))

    def error(model: Fitted) -> float:
        away = model.predictor.parts.prediction_MGT[0, :, :40] - panel.kpi_GT[:, :40]
        return float((away**2).mean())

    assert error(long) < 0.5 * error(short)


POSTERIOR = {"inference": "posterior", "draws": 50, "effort": 0.1}


def test_the_posterior_does_not_depend_on_how_long_the_descent_took() -> None:
    """One descent hardly moved from its start: the mode that is found from there is the same."""
    train = POSTERIOR | {"members": 1}
    short, long = (fitted(small_panel(), epochs=epochs, train=train) for epochs in (5, 150))
    totals = [model.predictor.parts.channels_MGTC.sum((0, 1, 2)) for model in (short, long)]

    np.testing.assert_allclose(totals[0], totals[1], rtol=0.02)


def test_a_lift_test_in_the_weeks_held_out_is_heeded() -> None:
    """One that says the channel does nothing at all, far more surely than the data say what it does."""
    panel = small_panel(regions=2)
    split = split_of(panel)
    test = {
        "channel": "tv",
        "start": str(panel.dates[split.n_train + 1]),
        "end": str(panel.dates[split.n_train + 3]),
        "lift": 0.0,
        "standard_error": 0.02 * float(panel.kpi_GT[:, : split.n_train].mean()),
        "spend_change": -float(panel.spend_GTC[:, split.n_train + 1 : split.n_train + 4, 0].sum()),
        "in_panel": False,
    }
    told, untold = (
        fit(market(panel, model=MODEL, train=TRAIN | POSTERIOR, experiments=tests), panel, split)
        for tests in ([test], [])
    )

    share = [model.predictor.parts.channels_MGTC[..., 0].sum((1, 2)).mean() for model in (told, untold)]
    assert 0 < share[0] < 0.5 * share[1]


def test_draws_of_the_posterior_are_the_same_for_a_seed_and_differ_from_one_another() -> None:
    first, again, other = (fitted(train=POSTERIOR | {"seed": seed}) for seed in (0, 0, 1))

    assert same(first, again)
    assert not same(first, other)
    assert first.members == 50
    assert len(np.unique(first.parameters["share"][:, 0])) > 25
    assert set(first.provenance["sampling"]["r_hat"]) == {*first.panel.channels, "all media"}
    assert np.isfinite(first.predictor.parts.prediction_MGT).all()


def test_a_national_market_is_drawn_too_and_analysed() -> None:
    panel = small_panel(regions=1)
    spec = market(panel, model=MODEL, train=TRAIN | POSTERIOR)
    split = split_of(panel)
    result = fit_panel(spec, PanelRead(panel=panel, split=split, findings=()))

    assert {"draws", "priors"} <= set(result.tables)
    assert len(result.tables["draws"]) == 50 * len(panel.channels)
    kept = result.tables["draws"].groupby("channel", sort=False)["direct"].mean()
    np.testing.assert_allclose(kept, result.tables["effects"]["direct"])
