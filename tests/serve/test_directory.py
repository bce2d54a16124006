"""New models without a restart; models that are broken; questions beyond what can be taken on."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmm.errors import Problem
from mmm.fitted import save_fitted
from serve.directory import Change, ModelDirectory
from serve.metrics import LocalMeters
from serve.models.catalogue import Catalogue, Snapshot, open_source
from serve.models.source import ModelEntry, SourceError
from serve.planner.local import LocalCatalogue
from serve.planner.protocol import ModelCard, Question, Reply
from serve.problems import RequestProblem
from serve.settings import Limits, ServeSettings
from tests.serve.fitted_models import client_of, named, place_model, place_three
from tests.small import sketch

ENTRY = ModelEntry("acme", "us", "1", "/nowhere")


class FakePlanner:
    """Answers at once, or after some seconds; knows no broken model but those named."""

    def __init__(self, reply: Reply | None = None, seconds: float = 0.0, broken: str = "") -> None:
        self.reply, self.seconds, self.broken = reply or Reply(b"{}"), seconds, broken
        self.prepared: list[str] = []
        self.questions: list[Question] = []

    async def prepare(self, entry: ModelEntry) -> ModelCard:
        self.prepared.append(entry.key)
        if entry.version == self.broken:
            raise SourceError("gone")
        return ModelCard(entry, {}, b"{}", b"{}", "e", ("tv",), ("r",), "USD", 52, 4, 0.1)

    async def ask(self, question: Question) -> Reply:
        self.questions.append(question)
        await asyncio.sleep(self.seconds)
        return self.reply


class FakeCatalogue:
    """Whatever snapshot it is given."""

    def __init__(self, *entries: ModelEntry) -> None:
        self.snapshot = Snapshot(1, 0.0, entries)
        self.confirmed: list[tuple[ModelEntry, ...]] = []
        self.wait = 0.0

    async def latest(self) -> Snapshot:
        return self.snapshot

    look = latest

    async def confirm(self, entries: Sequence[ModelEntry]) -> None:
        self.confirmed.append(tuple(entries))

    async def admit(self, token: str) -> float:
        return self.wait if token else 0.0


def directory_of(
    planners: FakePlanner, catalogue: FakeCatalogue, **limits: Any
) -> tuple[ModelDirectory, LocalMeters]:
    meters = LocalMeters()
    settings = ServeSettings(models="x", limits=Limits(**limits))
    return ModelDirectory(settings, planners, catalogue, meters, 3600.0), meters


async def asked(directory: ModelDirectory, count: int = 1) -> list[Any]:
    await directory.start()
    card = directory.find("acme", "us")
    questions = (directory.ask("optimize", [card], {}) for _ in range(count))
    found = await asyncio.gather(*questions, return_exceptions=True)
    await directory.stop()
    return list(found)


def test_infeasible_answers_are_counted() -> None:
    directory, meters = directory_of(FakePlanner(Reply(b"{}", feasible=False)), FakeCatalogue(ENTRY))

    assert asyncio.run(asked(directory)) == [b"{}"]
    assert meters.counts["infeasible", "optimize"] == 1


def test_problems_of_the_model_are_422() -> None:
    planners = FakePlanner(Reply(problems=(Problem("a", "b", "c"),)))
    (error,) = asyncio.run(asked(directory_of(planners, FakeCatalogue(ENTRY))[0]))

    assert (error.status, error.errors[0].where) == (422, "b")


def test_too_many_questions_are_503_at_once() -> None:
    directory, _ = directory_of(FakePlanner(seconds=0.05), FakeCatalogue(ENTRY), queue=2)
    found = asyncio.run(asked(directory, 5))

    assert found[:2] == [b"{}", b"{}"]
    assert {error.status for error in found[2:]} == {503}
    assert found[2].headers["Retry-After"] == "1"


def test_an_answer_that_takes_too_long_is_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serve.directory.GRACE", 0.0)
    directory, _ = directory_of(FakePlanner(seconds=5.0), FakeCatalogue(ENTRY), plan_seconds=0.05)
    (error,) = asyncio.run(asked(directory))

    assert error.status == 503 and "within 0.05 s" in error.detail


def test_a_model_that_went_away_is_503_without_its_path() -> None:
    directory, _ = directory_of(FakePlanner(Reply(unavailable="/secret/place is gone")), FakeCatalogue(ENTRY))
    (error,) = asyncio.run(asked(directory))

    assert error.status == 503 and "/secret" not in error.detail


def test_a_broken_champion_leaves_the_one_before() -> None:
    planners, catalogue = FakePlanner(broken="2"), FakeCatalogue(ENTRY)
    directory, meters = directory_of(planners, catalogue)

    async def story() -> list[Change]:
        await directory.start()
        catalogue.snapshot = Snapshot(2, 0.0, (ModelEntry("acme", "us", "2", "/nowhere"),))
        changes = await directory.reload()
        assert directory.find("acme", "us").entry.version == "1"
        assert list(directory.broken) == ["brand=acme,market=us@2"]
        await directory.stop()
        return changes

    assert asyncio.run(story()) == []
    assert meters.counts["loaded", "failed"] == 1


def test_a_model_no_planner_can_load_yet_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(FakePlanner):
        async def prepare(self, entry: ModelEntry) -> ModelCard:
            if not self.prepared:
                self.prepared.append("asked in vain")
                raise RequestProblem(503, "busy", "No planner answers.")
            return await super().prepare(entry)

    monkeypatch.setattr("serve.directory.STARTING", (0.0, 0.0))
    directory, _ = directory_of(Late(), FakeCatalogue(ENTRY))

    assert asyncio.run(asked(directory)) == [b"{}"]
    assert directory.broken == {}


def test_a_champion_counts_from_its_moment_and_is_ready_before() -> None:
    planners, catalogue = FakePlanner(), FakeCatalogue(ENTRY)
    directory, _ = directory_of(planners, catalogue)

    async def story() -> None:
        await directory.start()
        catalogue.snapshot = Snapshot(2, 1.0, (ModelEntry("acme", "us", "2", "/nowhere"),))
        switching = asyncio.create_task(directory.reload())
        await asyncio.sleep(0.05)
        assert planners.prepared[-1].endswith("@2")
        assert directory.find("acme", "us").entry.version == "1"
        with pytest.raises(RequestProblem, match="Another reload"):
            await directory.reload()
        assert await switching == [Change("acme/us", "1", "2")]
        assert directory.find("acme", "us").entry.version == "2"
        await directory.stop()

    asyncio.run(story())


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_a_clock_that_is_set_neither_delays_nor_hastens_a_champion(
    jump: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place_model(tmp_path, "acme", "us")
    catalogue = Catalogue(open_source(str(tmp_path)), lead=0.3)
    settings = ServeSettings(models="x")
    real = time.time

    def directory() -> ModelDirectory:
        return ModelDirectory(settings, FakePlanner(), LocalCatalogue(catalogue), LocalMeters(), 3600.0)

    async def story() -> None:
        monkeypatch.setattr(time, "time", lambda: real() + jump)
        first, later = directory(), directory()
        await asyncio.wait_for(first.start(), 5)
        place_model(tmp_path, "acme", "de", seed=4)
        began = time.monotonic()
        monkeypatch.setattr(time, "time", real)
        await asyncio.wait_for(first.reload(), 5)
        assert 0.3 <= time.monotonic() - began < 5
        assert set(first.models) == {"acme/us", "acme/de"}
        # One that starts now, after another set.
        monkeypatch.setattr(time, "time", lambda: real() + jump)
        await asyncio.wait_for(later.start(), 5)
        await first.stop()
        await later.stop()

    asyncio.run(story())


def test_new_replaced_and_removed_models_are_served_after_a_reload(tmp_path: Path) -> None:
    place_three(tmp_path)
    with client_of(tmp_path) as client:
        before = client.get("/v1/models/acme/us").json()["version"]
        assert client.post("/v1/reload").json()["changes"] == []

        place_model(tmp_path, "acme", "us", seed=9)
        place_model(tmp_path, "zeta", "us", seed=3)
        shutil.rmtree(tmp_path / "brand=bolt")
        told = client.post("/v1/reload").json()

        assert [change["name"] for change in told["changes"]] == ["acme/us", "bolt/us", "zeta/us"]
        assert told["changes"][0]["before"] == before
        assert client.get("/v1/models/acme/us").json()["version"] != before
        assert client.get("/v1/models/bolt/us").status_code == 404
        assert client.post("/v1/models/zeta/us/optimize", json={"budget": "current"}).status_code == 200


def test_new_models_are_found_without_being_told(tmp_path: Path) -> None:
    place_model(tmp_path, "acme", "us")
    with client_of(tmp_path, poll=0.2) as client:
        place_model(tmp_path, "acme", "de", seed=4)
        until = time.monotonic() + 20
        while client.get("/v1/models/acme/de").status_code == 404:
            assert time.monotonic() < until
            time.sleep(0.05)


def test_of_two_fits_the_newest_is_served_and_damaged_ones_are_left_out(tmp_path: Path) -> None:
    place_model(tmp_path / "old", "acme", "us")
    place_model(tmp_path / "new", "acme", "us", seed=1)
    os.utime(tmp_path / "old/brand=acme/market=us/fit/model/provenance.json", (1, 1))
    place_model(tmp_path, "bolt", "us")
    (tmp_path / "brand=bolt/market=us/fit/model/weights.npz").unlink()
    (entry,) = open_source(str(tmp_path)).entries()

    assert "/new/" in entry.source


def test_a_model_that_loads_but_cannot_plan_is_left_out(tmp_path: Path) -> None:
    place_three(tmp_path)
    fitted = named(sketch(), "odd", "us")
    shortened = {**fitted.parameters, "level": fitted.parameters["level"][..., :-3]}
    save_fitted(replace(fitted, parameters=shortened), tmp_path / "odd")
    with client_of(tmp_path) as client:
        assert len(client.get("/v1/models").json()["models"]) == 3
        (reason,) = client.post("/v1/reload").json()["broken"].values()

    assert "cannot plan" in reason


def test_a_place_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is no folder"):
        open_source(str(tmp_path / "none"))


def test_a_catalogue_keeps_what_it_knows_if_the_place_goes_away(tmp_path: Path) -> None:
    class Fickle:
        away = False

        def holds(self, entry: ModelEntry) -> bool:
            return entry == ENTRY

        def entries(self) -> tuple[ModelEntry, ...]:
            if self.away:
                raise SourceError("no answer")
            return (ENTRY,)

    source = Fickle()
    catalogue = Catalogue(source)
    source.away = True

    assert catalogue.look().entries == (ENTRY,)


def test_without_any_model_the_service_is_not_healthy(tmp_path: Path) -> None:
    with client_of(tmp_path) as client:
        answer = client.get("/healthz")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"


class Selective(FakePlanner):
    """Versions that cannot be loaded, each in its own way."""

    def __init__(self, **errors: Exception) -> None:
        super().__init__()
        self.errors = errors

    async def prepare(self, entry: ModelEntry) -> ModelCard:
        if entry.version in self.errors:
            self.prepared.append(entry.key)
            raise self.errors[entry.version]
        return await super().prepare(entry)


V2 = ModelEntry("acme", "us", "2", "/damaged")
DAMAGES = (zlib.error("bad data"), EOFError(), UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"), MemoryError())


@pytest.mark.parametrize("error", DAMAGES, ids=[type(error).__name__ for error in DAMAGES])
def test_any_error_while_loading_breaks_that_entry_alone(error: Exception) -> None:
    other = ModelEntry("bolt", "us", "1", "/b")
    catalogue = FakeCatalogue(ENTRY, other)
    directory, _ = directory_of(Selective(**{"2": error}), catalogue)

    async def story() -> None:
        await directory.start()
        catalogue.snapshot = Snapshot(2, 0.0, (V2, replace(other, version="3")))
        changes = await directory.reload()
        assert changes == [Change("bolt/us", "1", "3")]
        assert directory.find("acme", "us").entry == ENTRY
        assert list(directory.broken) == [V2.key]
        assert directory.follows
        await directory.stop()

    asyncio.run(story())


def test_a_new_process_serves_the_version_served_last_in_place_of_a_broken_champion() -> None:
    catalogue = FakeCatalogue(V2)
    catalogue.snapshot = Snapshot(1, 0.0, (V2,), last_good=(ENTRY,))
    planners = Selective(**{"2": EOFError()})
    directory, _ = directory_of(planners, catalogue)

    async def story() -> None:
        await directory.start()
        assert directory.find("acme", "us").entry == ENTRY
        await directory.reload()
        assert directory.find("acme", "us").entry == ENTRY
        await directory.stop()

    asyncio.run(story())
    assert catalogue.confirmed == [(ENTRY,)]
    assert planners.prepared.count(ENTRY.key) == 1


def test_what_goes_wrong_while_following_does_not_end_it() -> None:
    class Failing(FakeCatalogue):
        looks, looked_on = 0, asyncio.Event()

        async def latest(self) -> Snapshot:
            self.looks += 1
            if self.looks == 2:
                raise ZeroDivisionError
            if self.looks == 4:
                self.looked_on.set()
            return self.snapshot

    catalogue = Failing(ENTRY)
    settings = ServeSettings(models="x")
    directory = ModelDirectory(settings, FakePlanner(), catalogue, LocalMeters(), 0.01)

    async def story() -> None:
        await directory.start()
        await catalogue.looked_on.wait()
        assert directory.follows
        await directory.stop()

    asyncio.run(asyncio.wait_for(story(), 5.0))
