from __future__ import annotations

from collections.abc import Callable

from jobs.record.outbox import Outbox
from jobs.record.tracking import TrackingError


def server(down: int, done: list[int], number: int) -> Callable[[], None]:
    """Work that is refused some times before it is taken."""
    left = [down]

    def work() -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise TrackingError("the server is away")
        done.append(number)

    return work


def test_work_waits_for_the_server_and_keeps_its_order() -> None:
    waiting, done = Outbox(pause=0.01), list[int]()

    for number, down in enumerate((3, 0, 2)):
        waiting.add(server(down, done, number))

    assert waiting.finish(wait=30.0) == 0
    assert done == [0, 1, 2]
    assert waiting.trouble == "the server is away"


def test_what_the_server_never_takes_is_counted() -> None:
    waiting, done = Outbox(pause=0.01), list[int]()
    waiting.add(server(10**9, done, 0))
    waiting.add(server(0, done, 1))

    assert waiting.finish(wait=0.05) == 2
    assert done == []
