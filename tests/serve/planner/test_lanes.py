"""Lines before a planning process: brands in turn, time limits, questions nobody waits for any more."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from serve.planner.lanes import Lane
from serve.planner.process import WorkerLateError, WorkerLostError


class FakeWorker:
    """Notes what it is called with; waits where told to; ends by itself so many times."""

    def __init__(self, losses: int = 0) -> None:
        self.made: list[Any] = []
        self.losses, self.interrupted = losses, threading.Event()

    def call(self, method: str, *arguments: Any, seconds: float) -> Any:
        self.made.append(arguments[0])
        if self.losses:
            self.losses -= 1
            raise WorkerLostError("ended")
        if method == "wait":
            if self.interrupted.wait(min(seconds, 5.0)):
                self.interrupted.clear()
                raise WorkerLostError("interrupted")
            raise WorkerLateError("late")
        return arguments[0]

    def interrupt(self) -> None:
        self.interrupted.set()


def test_brands_take_turns_however_much_one_of_them_asks() -> None:
    async def story() -> list[Any]:
        worker = FakeWorker()
        lane = Lane(worker, "test")
        many = [lane.run("acme", "answer", f"acme {n}", seconds=9) for n in range(4)]
        await asyncio.gather(*many, lane.run("bolt", "answer", "bolt", seconds=9))
        return worker.made

    assert asyncio.run(story()).index("bolt") <= 1


def test_a_question_whose_time_is_over_before_its_turn_is_not_worked_on() -> None:
    async def story() -> list[Any]:
        worker = FakeWorker()
        lane = Lane(worker, "test")
        slow = asyncio.create_task(lane.run("acme", "wait", "slow", seconds=1.0))
        await asyncio.sleep(0.05)
        with pytest.raises(WorkerLateError, match="before its turn"):
            await lane.run("acme", "answer", "late", seconds=0.1)
        with pytest.raises(WorkerLateError):
            await slow
        assert await lane.run("acme", "answer", "next", seconds=9) == "next"
        return worker.made

    assert asyncio.run(story()) == ["slow", "next"]


def test_a_question_nobody_waits_for_is_interrupted_and_the_next_one_goes_on() -> None:
    async def story() -> Any:
        lane = Lane(FakeWorker(), "test")
        gone = asyncio.create_task(lane.run("acme", "wait", "gone", seconds=9))
        await asyncio.sleep(0.05)
        gone.cancel()
        return await asyncio.wait_for(lane.run("acme", "answer", "next", seconds=9), 2.0)

    assert asyncio.run(story()) == "next"


@pytest.mark.parametrize(("losses", "answered"), [(1, True), (2, False)])
def test_a_call_whose_process_ends_by_itself_is_made_once_more(losses: int, answered: bool) -> None:
    async def story() -> Any:
        return await Lane(FakeWorker(losses), "test").run("acme", "answer", "question", seconds=9)

    if answered:
        assert asyncio.run(story()) == "question"
    else:
        with pytest.raises(WorkerLostError):
            asyncio.run(story())
