"""Parts of one computation side by side, in threads of this process.

PyTorch lets go of the interpreter while it computes, so that threads share the processor's cores. Each part
is computed by one thread alone: what is found does not depend on how many there are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

Mapped = Callable[[Callable[[Tensor], Any], Sequence[Tensor]], Iterable[Any]]
"""Like ``map``: what a function makes of each of some parts, in their order."""


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def side_by_side(threads: int) -> Iterator[Mapped]:
    """A ``map`` whose parts are computed by so many threads; with one, ``map`` itself."""
    if threads <= 1:
        yield map
        return
    # PyTorch's number of threads holds for those that are started later, these included.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads, thread_name_prefix="mmm-sampling") as pool:
            yield (
                lambda function, parts: pool.map(function, parts) if len(parts) > 1 else map(function, parts)
            )
    finally:
        torch.set_num_threads(before)
