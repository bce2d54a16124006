"""Fits recorded under the legacy digest are found, fitted no more, and recorded anew."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.record.identity import FitIdentity, find_fit, identify, upgraded
from jobs.record.rows import Row, read_table, write_table
from jobs.record.runs import find_run
from jobs.record.store import put, read_row, result_place
from jobs.record.tracking import Tracking, open_tracking
from jobs.record.versions import Registry, model_name
from jobs.refit.command import main
from jobs.refit.select import select_markets
from jobs.refit.task import Work, refit_markets
from jobs.train.assemble import inspect_panel
from jobs.train.command import TrainOptions, _existing_fit
from jobs.train.ray_train import Workers
from jobs.tune.final_fit import deliver, delivered_identity
from mmm.config import MarketSpec
from mmm.config.files import load_market
from mmm.data.panel import data_fingerprint
from tests.golden.digest_literals import SPECS
from tests.golden.jobs.world import write_world
from tests.jobs.portfolios import QUICK
from tests.jobs.rows import row
from tests.jobs.tune.sweeps import sweep_of

CONTENT = SPECS["experiment and sweep"]
SPEC = MarketSpec.model_validate(CONTENT | {"train": {**CONTENT.get("train", {}), "inference": "ensemble"}})
"""Fits of before were ensembles."""
THEN = (*QUICK, "train.inference=ensemble")


def legacy_row(row: Row, of: FitIdentity, directory: str) -> Row:
    """The row that was written before decision 0011."""
    assert of.legacy is not None and of.legacy_key is not None
    return replace(row, key=of.legacy_key, spec_digest=of.legacy, directory=directory)


def made_legacy(work: Work, row: Row) -> Row:
    """Put a fitted model where it would lie had it been fitted before decision 0011."""
    of = identify(work.spec, row.data_fingerprint, trials=work.trials)
    assert of.legacy_key is not None
    place = result_place(work.out, row.brand, row.market, of.legacy_key)
    old = legacy_row(row, of, place)
    shutil.move(row.directory, place)
    (Path(place) / "refit.json").write_text(old.to_json())
    return old


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the legacy digest were gone."""
    monkeypatch.setattr("jobs.record.identity.legacy_digest", lambda _: None)


@pytest.fixture
def work(portfolio: Path, tmp_path: Path) -> Work:
    """The first market of the portfolio."""
    return select_markets(str(portfolio), str(tmp_path / "out"), overrides=THEN).work[0]


def test_a_model_of_the_legacy_digest_is_unchanged_and_recorded_anew(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = refit_markets([work]).rows
    old = made_legacy(work, first)

    (second,) = refit_markets([work]).rows

    assert (first.status, second.status) == ("done", "unchanged")
    assert (second.key, second.spec_digest) == (first.key, first.spec_digest)
    assert second.directory == old.directory
    assert second.shares == first.shares
    kept = read_row(old.directory)
    assert kept is not None and (kept.key, kept.status) == (first.key, "done")

    forget(monkeypatch)
    (third,) = refit_markets([replace(work, previous=second.directory)]).rows
    assert third == replace(second, seconds=third.seconds)


def test_other_settings_or_data_are_not_taken_for_it(work: Work) -> None:
    (first,) = refit_markets([work]).rows
    old = made_legacy(work, first)
    seeded = work.spec.model_copy(update={"train": work.spec.train.model_copy(update={"seed": 9})})

    for spec, data in ((seeded, first.data_fingerprint), (work.spec, "other")):
        assert find_fit(work.out, spec, identify(spec, data), previous=old.directory) is None


def test_how_a_search_was_made_counts(tmp_path: Path) -> None:
    of = identify(SPEC, "data", trials=20)
    place = result_place(str(tmp_path), "acme", "us", str(of.legacy_key))
    put(place, legacy_row(row(), of, place), lambda folder: None)

    assert of.legacy is not None and of.legacy.endswith("-tune20-26110786")
    assert find_fit(str(tmp_path), SPEC, identify(SPEC, "data", trials=30)) is None
    assert find_fit(str(tmp_path), SPEC, identify(SPEC, "data")) is None
    found = find_fit(str(tmp_path), SPEC, of)
    assert found is not None and found.key == of.key


def test_an_earlier_row_of_these_settings_is_brought_up_and_no_other() -> None:
    of = identify(SPEC, "data")
    old = legacy_row(row(), of, "/models/old")

    assert upgraded(old, SPEC) == replace(old, key=of.key, spec_digest=of.digest)
    assert upgraded(row(), SPEC) == row()
    assert upgraded(old, MarketSpec.model_validate(SPECS["minimal"])) == old


def test_what_a_sweep_delivered_before_is_not_fitted_again(tmp_path: Path) -> None:
    spec, read = sweep_of()
    of = delivered_identity(spec, data_fingerprint(read.panel), read.split)
    place = result_place(str(tmp_path), spec.brand, spec.market, str(of.legacy_key))
    put(place, legacy_row(row(), of, place), lambda folder: None)

    found = deliver(spec, read, str(tmp_path))

    assert (found.status, found.key, found.directory) == ("unchanged", of.key, place)


def test_a_training_done_before_is_not_begun_again(tmp_path: Path) -> None:
    write_world(tmp_path)
    spec = load_market(str(tmp_path / "sweep.yaml"))
    facts, out = inspect_panel(spec), str(tmp_path / "model")
    of = facts.identity(spec)
    put(out, legacy_row(row(), of, out), lambda folder: None)

    found = _existing_fit(spec, facts, TrainOptions(out, Workers(1)))

    assert found is not None
    assert (found.status, found.key, found.directory) == ("unchanged", of.key, out)


# --- with Ray ------------------------------------------------------------------------------------


def registered_as_legacy(tracking: Tracking, now: Row, old: Row) -> None:
    """Run and version with the tags they had before decision 0011."""
    run = find_run(tracking, now.key)
    assert run is not None
    run.log(tags={"key": old.key, "spec_digest": old.spec_digest})
    for tag, text in (("key", old.key), ("row", old.to_json())):
        tracking.client.set_model_version_tag(model_name(now.brand, now.market), str(now.version), tag, text)


@pytest.mark.ray
@pytest.mark.usefixtures("own_ray")
def test_a_portfolio_refitted_before_is_unchanged_in_table_registry_and_folders(
    portfolio: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    command = [str(portfolio), "--out", out, *(word for setting in THEN for word in ("--set", setting))]
    assert main(command) == 0
    first, tracking = read_table(out), open_tracking(None, out)
    assert tracking is not None
    old = []
    for work in select_markets(str(portfolio), out, overrides=THEN).work:
        now = first[work.spec.brand, work.spec.market]
        old.append(made_legacy(work, now))
        registered_as_legacy(tracking, now, old[-1])
    write_table(old, out)

    for _ in range(2):
        assert main(command) == 0
        assert "0 done, 4 unchanged, 0 failed" in capsys.readouterr().out
        second = read_table(out)
        for name, row_ in second.items():
            assert (row_.status, row_.change, row_.version) == ("unchanged", "", 1)
            assert (row_.key, row_.spec_digest) == (first[name].key, first[name].spec_digest)
        for model in Registry(tracking).models():
            (version,) = tracking.client.search_model_versions(f"name = '{model}'")
            assert version.tags["key"] in {row_.key for row_ in second.values()}
            run = find_run(tracking, version.tags["key"])
            assert run is not None and run.id == version.run_id
