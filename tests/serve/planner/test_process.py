"""A real planning process: it answers, it is ended over its time, it comes back, it outlives nobody."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmm.errors import ModelFileError
from mmm.planning.request import parse_request
from serve.models.source import ModelEntry
from serve.planner.lanes import PlannerPool
from serve.planner.process import Template, Worker, WorkerFailedError, WorkerLateError, WorkerLostError
from serve.planner.protocol import Question
from tests.serve.fitted_models import HALF
from tests.serve.planner.placed import placed

NOWHERE = ModelEntry("nobody", "us", "1", "/nowhere")
PLAIN = {"request": parse_request(HALF)}
EVOLVED = {"request": parse_request({**HALF, "method": "differential_evolution"})}


@pytest.fixture(scope="module")
def template() -> Iterator[Template]:
    template = Template(keep=2, registry=None)
    yield template
    template.close()


def test_a_question_is_answered_as_in_this_process(template: Template, tmp_path: Path) -> None:
    entry = placed(tmp_path, "acme")
    worker = Worker(template, slow=False)

    card = worker.call("prepare", entry, seconds=60)
    reply = worker.call("answer", Question("optimize", (entry,), PLAIN), seconds=60)

    assert card.channels == ("tv", "search", "radio")
    assert json.loads(reply.body)["model"]["version"] == "1"
    assert worker.call("load", entry, seconds=60) is None
    worker.interrupt()


def test_a_plan_over_its_time_is_ended_and_the_next_one_is_answered(
    template: Template, tmp_path: Path
) -> None:
    entry = placed(tmp_path, "acme")
    worker = Worker(template, slow=True)
    worker.call("prepare", entry, seconds=60)
    began = time.perf_counter()
    with pytest.raises(WorkerLateError):
        worker.call("answer", Question("optimize", (entry,), EVOLVED), seconds=0.05)

    assert worker.call("answer", Question("optimize", (entry,), PLAIN), seconds=60).body
    assert time.perf_counter() - began < 20
    worker.interrupt()


def test_a_process_that_is_killed_is_told_and_made_anew(template: Template, tmp_path: Path) -> None:
    entry = placed(tmp_path, "acme")
    worker = Worker(template, slow=False)
    worker.call("prepare", entry, seconds=60)
    worker.interrupt()
    with pytest.raises(WorkerLostError):
        worker.call("check", seconds=60)

    assert worker.call("prepare", entry, seconds=60).channels
    worker.interrupt()


def test_errors_come_over_as_they_are_and_unforeseen_ones_with_their_trace(template: Template) -> None:
    worker = Worker(template, slow=False)
    with pytest.raises(ModelFileError, match="holds no fitted model"):
        worker.call("prepare", NOWHERE, seconds=60)
    with pytest.raises(WorkerFailedError, match="TypeError"):
        worker.call("check", "too many arguments", seconds=60)
    worker.interrupt()


def test_a_killed_template_is_started_again(tmp_path: Path) -> None:
    template = Template(keep=1, registry=None)
    entry = placed(tmp_path, "acme")
    Worker(template, slow=False).call("prepare", entry, seconds=60)
    assert template._process is not None
    os.kill(template._process.pid, signal.SIGKILL)
    template._process.wait()

    assert Worker(template, slow=False).call("prepare", entry, seconds=60).channels
    template.close()


def test_one_brands_long_plan_holds_up_nobody_elses_quick_one(tmp_path: Path) -> None:
    acme, bolt = placed(tmp_path, "acme"), placed(tmp_path, "bolt", seed=1)
    pool = PlannerPool(keep=4, registry=None)

    async def story() -> tuple[float, float]:
        await pool.prepare(acme)
        await pool.prepare(bolt)
        await pool.ask(Question("optimize", (acme,), PLAIN, price=1.0))
        began = time.perf_counter()
        long = asyncio.create_task(pool.ask(Question("optimize", (acme,), EVOLVED, price=1.0)))
        await asyncio.sleep(0.01)
        assert (await pool.ask(Question("optimize", (bolt,), PLAIN))).body
        quick = time.perf_counter() - began
        assert (await long).body
        return quick, time.perf_counter() - began

    quick, long = asyncio.run(story())
    pool.close()
    assert quick < long


def test_a_late_answer_and_a_model_that_cannot_be_loaded_are_replies(tmp_path: Path) -> None:
    entry = placed(tmp_path, "acme")
    pool = PlannerPool(keep=4, registry=None)

    async def story() -> None:
        with pytest.raises(ModelFileError):
            await pool.prepare(NOWHERE)
        await pool.check()
        await pool.prepare(entry)
        late = await pool.ask(Question("optimize", (entry,), EVOLVED, seconds=0.05, price=1.0))
        assert late.late
        gone = await pool.ask(Question("optimize", (NOWHERE,), PLAIN))
        assert "no fitted model" in gone.unavailable
        await pool.check()

    asyncio.run(story())
    pool.close()
