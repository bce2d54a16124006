"""What a worker does with one brand-market: read, look whether it is done, fit, write, tell.

A broken market comes back as a row that says what is wrong; only a dying worker does not come back.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FrameType

import pandas as pd

from jobs.monitor import drift
from jobs.rows import SCORES, WINDOWS, Row
from jobs.shares import channel_shares
from jobs.store import put, read_row, result_key, result_place
from mmm.config import MarketSpec
from mmm.config.files import spec_digest
from mmm.data.panel import data_fingerprint
from mmm.data.read import read_panel
from mmm.data.schema import Finding
from mmm.errors import MMMError

GRACE = 30.0
"""Seconds after a timeout in which a fit may stop by itself before its process is ended."""


@dataclass(frozen=True)
class Work:
    """One brand-market to refit.

    Attributes:
        spec: The market.
        out: Where results lie, from :func:`jobs.store.absolute`.
        report: Also write ``report.html``.
        timeout: Seconds it may take; None for no limit.
        threads: CPUs of the task.
    """

    spec: MarketSpec
    out: str
    report: bool = False
    timeout: float | None = None
    threads: int = 1

    @property
    def name(self) -> str:
        """Brand and market for people."""
        return f"{self.spec.brand} / {self.spec.market}"


class FitTimeoutError(MMMError, TimeoutError):
    """A fit that took longer than it was given."""


def refit_market(work: Work) -> Row:
    """Bring one market up to date.

    Returns:
        ``done``, ``unchanged``, or ``failed`` with every problem of the input or the reason.
    """
    started = time.perf_counter()
    try:
        with time_limit(work.timeout, work.name):
            row = _refit(work)
    except (MMMError, OSError, MemoryError) as error:
        reason = f"out of memory {error}".strip() if isinstance(error, MemoryError) else str(error)
        row = Row(work.spec.brand, work.spec.market, "failed", reason)
    return replace(row, seconds=round(time.perf_counter() - started, 3))


def _refit(work: Work) -> Row:
    spec = work.spec
    read = read_panel(spec)
    fingerprint, digest = data_fingerprint(read.panel), spec_digest(spec)
    key = result_key(fingerprint, digest)
    place = result_place(work.out, spec.brand, spec.market, key)
    if (known := read_row(place)) is not None:
        return replace(known, status="unchanged", directory=place, tries=1)

    import torch

    from mmm.pipeline import fit_panel, write_result

    torch.set_num_threads(work.threads)
    result = fit_panel(spec, read)
    findings = (*result.findings, *drift(read.panel, read.split))
    shares = channel_shares(*(result.tables[name] for name in ("effects", "contributions", "predictions")))
    row = Row(
        brand=spec.brand,
        market=spec.market,
        status="done",
        scores={
            f"{window}_{score}": result.metrics.get(window, {}).get(score)
            for window in WINDOWS
            for score in SCORES
        },
        shares=_by_channel(shares, "share"),
        roi=_by_channel(shares, "roi"),
        findings=tuple(summary(finding) for finding in findings),
        key=key,
        directory=place,
        data_fingerprint=fingerprint,
        spec_digest=digest,
        until=str(read.panel.dates[-1]),
    )
    put(
        place,
        row,
        lambda folder: write_result(replace(result, findings=findings), folder, report=work.report),
    )
    return row


def _by_channel(shares: pd.DataFrame, column: str) -> dict[str, float]:
    known = shares.dropna(subset=[column])
    return {str(name): float(value) for name, value in zip(known["channel"], known[column], strict=True)}


def summary(finding: Finding) -> str:
    """A finding in one line."""
    return f"{finding.severity} {finding.code} {finding.where}: {finding.what}"


@contextmanager
def time_limit(seconds: float | None, name: str) -> Iterator[None]:
    """Interrupt the block when its time is up, and end the process if it does not let itself be interrupted.

    Raises:
        FitTimeoutError: The time was up.
    """
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise FitTimeoutError(
            f"{name} took longer than {seconds:g} s. Give a longer --timeout or fewer epochs."
        )

    watchdog = threading.Timer(seconds + GRACE, os._exit, (124,))
    watchdog.daemon = True
    watchdog.start()
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        # From here the alarm may go off anywhere, in the first `finally` too.
        signal.setitimer(signal.ITIMER_REAL, seconds)
        yield
    finally:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
        finally:
            watchdog.cancel()
            signal.signal(signal.SIGALRM, before)
