"""Rows recorded beside the fits: one thread, so that a slow server holds up no worker.

While the server is away rows wait in order; whatever is not recorded at the end is recorded by the next run
of the same command, which fits nothing again.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from jobs.record.outbox import PAUSE, Outbox
from jobs.record.rows import Row
from jobs.record.versions import Registry
from mmm.config import MarketSpec


class Recorder:
    """Records rows in the background.

    Args:
        registry: Where to; None records nothing.
        pause: Seconds between tries while the server is away.
    """

    def __init__(self, registry: Registry | None, pause: float = PAUSE) -> None:
        self._registry = registry
        self._outbox = Outbox(pause)
        self._added: list[Row] = []
        self.recorded: dict[tuple[str, str], Row] = {}

    @property
    def trouble(self) -> str:
        """What the server last said when it did not take a row."""
        return self._outbox.trouble

    def add(self, row: Row, spec: MarketSpec, legacy_key: str | None = None, objection: str = "") -> None:
        """Record a row when its turn comes; see :meth:`jobs.record.versions.Registry.record`."""
        if self._registry is not None:
            self._added.append(row)
            self._outbox.add(partial(self._record, self._registry, row, spec, legacy_key, objection))

    def finish(self, wait: float = 60.0) -> list[Row]:
        """Wait for the rest.

        Args:
            wait: Seconds the server is given if it is away; rows that it takes have all the time they need.

        Returns:
            Rows that are not recorded.
        """
        left = self._outbox.finish(wait)
        return self._added[len(self._added) - left :]

    def _record(
        self, registry: Registry, row: Row, spec: MarketSpec, legacy_key: str | None, objection: str
    ) -> None:
        self.recorded[row.brand, row.market] = registry.record(row, spec, legacy_key, objection)


def with_role(row: Row, recorded: Row | None) -> Row:
    """A row with what the registry made of it."""
    if recorded is None:
        return row
    return replace(row, version=recorded.version, role=recorded.role, reason=recorded.reason or row.reason)
