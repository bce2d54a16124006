"""What is counted: requests with their time by route, loads of models, infeasible requests.

Under Ray the numbers leave through Ray's own metrics, which Prometheus reads on each node; they carry
application, deployment and replica by themselves. Without Ray they are kept here.
"""

from __future__ import annotations

from collections import Counter
from typing import Protocol

BOUNDARIES = [2.0, 5.0, 10.0, 20.0, 40.0, 80.0, 200.0, 500.0, 2_000.0, 10_000.0]
"""Upper bounds of the histogram's buckets, milliseconds."""


class Meters(Protocol):
    """What the interface counts."""

    def request(self, route: str, method: str, status: int, milliseconds: float) -> None:
        """A request was answered."""
        ...

    def loaded(self, seconds: float, *, done: bool) -> None:
        """A model was loaded, or could not be."""
        ...

    def infeasible(self, task: str) -> None:
        """No plan kept the limits asked for."""
        ...


class LocalMeters:
    """Counts in this process."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, ...]] = Counter()

    def request(self, route: str, method: str, status: int, milliseconds: float) -> None:
        """See :meth:`Meters.request`."""
        del milliseconds
        self.counts["request", route, method, str(status)] += 1

    def loaded(self, seconds: float, *, done: bool) -> None:
        """See :meth:`Meters.loaded`."""
        del seconds
        self.counts["loaded", "done" if done else "failed"] += 1

    def infeasible(self, task: str) -> None:
        """See :meth:`Meters.infeasible`."""
        self.counts["infeasible", task] += 1


class RayMeters:
    """Counts in Ray's metrics: `mmm_http_milliseconds`, `mmm_model_loads`, `mmm_infeasible_requests`."""

    def __init__(self) -> None:
        from ray.serve import metrics

        self._latency = metrics.Histogram(
            "mmm_http_milliseconds",
            description="Time to answer a request.",
            boundaries=BOUNDARIES,
            tag_keys=("route", "method", "status"),  # type: ignore[arg-type]  # any number of them
        )
        self._loads = metrics.Counter(
            "mmm_model_loads", description="Models loaded, or not.", tag_keys=("outcome",)
        )
        self._infeasible = metrics.Counter(
            "mmm_infeasible_requests", description="Requests no plan keeps.", tag_keys=("task",)
        )

    def request(self, route: str, method: str, status: int, milliseconds: float) -> None:
        """See :meth:`Meters.request`."""
        self._latency.observe(milliseconds, tags={"route": route, "method": method, "status": str(status)})

    def loaded(self, seconds: float, *, done: bool) -> None:
        """See :meth:`Meters.loaded`."""
        del seconds
        self._loads.inc(tags={"outcome": "done" if done else "failed"})

    def infeasible(self, task: str) -> None:
        """See :meth:`Meters.infeasible`."""
        self._infeasible.inc(tags={"task": task})
