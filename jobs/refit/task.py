"""What a worker does with brand-markets: read, look whether they are done, fit at once, write, tell.

A broken market comes back as a row that says what is wrong; only a dying worker does not come back.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from types import FrameType
from typing import TYPE_CHECKING, Any

from jobs.record.identity import FitIdentity, find_fit, identify
from jobs.record.ledger import Entry, Standing
from jobs.record.rows import Row
from jobs.record.store import local_copy, read_row, result_place
from jobs.refit.adapt import begin_at
from jobs.refit.judge import judge
from jobs.refit.monitor import drift, restated
from jobs.refit.page import ensure_report
from jobs.refit.priors import PRIORS, priors_digest, with_priors
from jobs.results import keep_fit, result_row
from mmm.analysis.change import share_shift
from mmm.config import MarketSpec
from mmm.data.panel import data_fingerprint
from mmm.data.read import PanelRead, read_panel
from mmm.data.schema import Finding
from mmm.errors import MMMError, ModelFileError, PanelError

if TYPE_CHECKING:
    from mmm.fitted import Fitted
    from mmm.pipeline import Result

GRACE = 30.0
"""Seconds after a timeout in which a fit may stop by itself before its process is ended."""
AGAIN = 2.0
"""Seconds after which an alarm goes off again: Python drops what is raised while it finalises an object."""
ESTIMATES = "estimates"
"""Table of a fitted model of what other brands may learn of it."""
LARGE = 100_000
"""Cells by channel and member from which a market gains nothing by being fitted with others."""


@dataclass(frozen=True)
class Work:
    """One brand-market to refit.

    Attributes:
        spec: The market.
        out: Where results lie, from :func:`jobs.record.store.absolute`.
        report: Also write ``report.html``.
        timeout: Seconds it may take; None for no limit. Markets fitted at once have no more in all.
        threads: CPUs of the task.
        trials: Settings tried before the fit; 0 takes those of the spec.
        previous: Where the last refit had the market's model; empty if it had none.
        standings: Versions that may have to be judged by what came since.
        judged: Key and period of what the ledger has of them.
        pools: Also write what other brands may learn of the model.
        priors: What other brands let expect of its channels' returns, as a spec has it; with any, the model
            ``alone`` is fitted once more with them.
        alone: The model fitted alone.
        fresh: Begin every fit anew instead of at the champion.
    """

    spec: MarketSpec
    out: str
    report: bool = False
    timeout: float | None = None
    threads: int = 1
    trials: int = 0
    previous: str = ""
    standings: tuple[Standing, ...] = ()
    judged: frozenset[tuple[str, date]] = frozenset()
    pools: bool = False
    priors: Mapping[str, Any] = field(default_factory=dict)
    alone: str = ""
    fresh: bool = False

    @property
    def name(self) -> str:
        """Brand and market for people."""
        return f"{self.spec.brand} / {self.spec.market}"


@dataclass(frozen=True)
class TaskResult:
    """What came of the markets a worker was given.

    Attributes:
        rows: Markets that are dealt with.
        left: Those that had better be fitted one by one.
        entries: What earlier versions of the markets dealt with were judged.
    """

    rows: tuple[Row, ...]
    left: tuple[Work, ...] = ()
    entries: tuple[Entry, ...] = ()


class FitTimeoutError(Exception):
    """A fit that took longer than it was given.

    It is no ``OSError``, as a ``TimeoutError`` would be: an alarm goes off anywhere, also where a file that
    cannot be read is an answer, in the import system for one.
    """


@dataclass(frozen=True, eq=False)
class _Unfitted:
    """A market whose panel is read and that no earlier refit has fitted."""

    work: Work
    spec: MarketSpec
    read: PanelRead
    identity: FitIdentity
    settings: dict[str, Any]
    seconds: float
    warm: Fitted | None = None

    @property
    def is_large(self) -> bool:
        """Whether it is too large to gain from company."""
        regions, periods, channels = self.read.panel.media_GTC.shape
        return bool(regions * periods * channels * self.spec.train.members > LARGE)


def refit_markets(works: Sequence[Work]) -> TaskResult:
    """Bring markets up to date, those that must be fitted at once where that is faster.

    Returns:
        Rows that are ``done``, ``unchanged``, or ``failed`` with every problem of the input or the reason.
        Of several markets those that are large, and all that is not done when time or memory is up, are
        left to be fitted one by one.
    """
    started = time.perf_counter()
    rows: list[Row] = []
    entries: list[Entry] = []
    try:
        with time_limit(works[0].timeout, " and ".join(work.name for work in works[:3])):
            left = _refit(works, rows, entries)
    except (FitTimeoutError, MemoryError) as error:
        dealt_with = {row.name for row in rows}
        left = [work for work in works if work.name not in dealt_with]
        if len(works) == 1 and left:
            reason = f"out of memory {error}".strip() if isinstance(error, MemoryError) else str(error)
            seconds = round(time.perf_counter() - started, 3)
            return TaskResult((failed(works[0], reason, seconds),))
    return TaskResult(tuple(rows), tuple(left), tuple(entries))


def failed(work: Work, reason: str, seconds: float = 0.0) -> Row:
    """The row of a market that could not be brought up to date."""
    return Row(work.spec.brand, work.spec.market, "failed", reason, seconds=seconds)


def _refit(works: Sequence[Work], rows: list[Row], entries: list[Entry]) -> list[Work]:
    """Append rows and entries of markets as they are dealt with; returns those to be fitted one by one."""
    due: list[_Unfitted] = []
    left: list[Work] = []
    for work in works:
        begun = time.perf_counter()
        try:
            found = _read_or_find(work, entries)
        except (MMMError, OSError) as error:
            rows.append(failed(work, str(error), round(time.perf_counter() - begun, 3)))
            continue
        if isinstance(found, Row):
            rows.append(replace(found, seconds=round(time.perf_counter() - begun, 3)))
        elif len(works) > 1 and found.is_large:
            left.append(work)
        else:
            due.append(replace(found, seconds=time.perf_counter() - begun))
    if due:
        rows.extend(_fit(due))
    return left


def _read_or_find(work: Work, entries: list[Entry]) -> _Unfitted | Row:
    """A market's panel, or its row if a fit with these data and settings is there."""
    spec = work.spec
    read = _read(spec)
    entries += judge(read.panel, work.standings, work.judged, spec.renamed)
    note = f"-pool{priors_digest(work.priors)}" if work.priors else ""
    identity = identify(spec, data_fingerprint(read.panel), trials=work.trials, note=note)
    if (row := find_fit(work.out, spec, identity, work.previous)) is not None:
        if work.report:
            ensure_report(row.directory)
        return row
    from mmm.market import with_market_findings

    if work.priors:
        return _with_priors(work, with_market_findings(spec, read), identity)
    settings: dict[str, Any] = {}
    if work.trials:
        spec, read, settings = _tuned(work, read)
    standings = () if work.fresh or work.trials else work.standings
    warm = begin_at(read.panel, standings, identity.digest)
    return _Unfitted(work, spec, with_market_findings(spec, read), identity, settings, 0.0, warm)


def _with_priors(work: Work, read: PanelRead, identity: FitIdentity) -> _Unfitted:
    """The market with what other brands let expect, its search to begin at the model fitted alone."""
    from mmm.fitted import load_fitted

    with local_copy(work.alone, ("model",)) as folder:
        alone = load_fitted(folder)
    row = read_row(work.alone)
    settings = {**({} if row is None else row.settings), PRIORS: dict(work.priors)}
    return _Unfitted(work, with_priors(alone.spec, work.priors), read, identity, settings, 0.0, alone)


def _read(spec: MarketSpec) -> PanelRead:
    """A market's panel.

    Raises:
        PanelError: It has problems, all of them; those of settings that contradict one another beside them.
    """
    try:
        return read_panel(spec)
    except PanelError:
        # Torch comes with it: seconds, which a market that is up to date is not to cost.
        from mmm.market import read_market

        return read_market(spec)


def _tuned(work: Work, read: PanelRead) -> tuple[MarketSpec, PanelRead, dict[str, Any]]:
    """The spec with the settings a search found, a finding that says so, and those settings."""
    import torch

    from jobs.tune.search import search_in_process

    torch.set_num_threads(work.threads)
    found = search_in_process(work.spec, read, trials=work.trials)
    finding = Finding(
        severity="info",
        code="settings_tuned",
        where="model",
        what=f"Settings were chosen among {len(found.trials)}.",
        why=found.choice.reason,
        what_to_do="To fit with the spec's own settings, leave out --tune.",
    )
    return found.spec, replace(read, findings=(*read.findings, finding)), dict(found.settings)


def _fit(due: Sequence[_Unfitted]) -> Iterator[Row]:
    """Rows of markets fitted at once; each is charged its equal part of the time."""
    import torch

    from mmm.pipeline import fit_panels

    torch.set_num_threads(due[0].work.threads)
    started = time.perf_counter()
    results = fit_panels((market.spec, market.read, market.warm) for market in due)
    part = (time.perf_counter() - started) / len(due)
    for market, result in zip(due, results, strict=True):
        begun = time.perf_counter()
        try:
            row = failed(market.work, str(result)) if isinstance(result, MMMError) else _keep(market, result)
        except (MMMError, OSError) as error:
            row = failed(market.work, str(error))
        yield replace(row, seconds=round(market.seconds + part + time.perf_counter() - begun, 3))


def _keep(market: _Unfitted, result: Result) -> Row:
    """Write a fitted model; returns its row."""
    findings = (*result.findings, *drift(market.read.panel, market.read.split), *_restated(market))
    result = replace(result, findings=findings)
    if market.work.priors:
        result = _with_pool_shift(market, result)
    if market.work.pools:
        from mmm.analysis.estimates import channel_estimates

        estimates = channel_estimates(result.fitted)
        result = replace(result, tables={**result.tables, ESTIMATES: estimates})
    return keep_fit(
        result,
        market.spec,
        market.identity,
        result_place(market.work.out, market.spec.brand, market.spec.market, market.identity.key),
        report=market.work.report,
        settings=market.settings,
    )


def _with_pool_shift(market: _Unfitted, result: Result) -> Result:
    """The fit with how far other brands moved it, in its provenance."""
    from mmm.analysis.compare import POOL_SHIFT

    alone = read_row(market.work.alone)
    moved = 0.0 if alone is None else share_shift(result_row(market.spec, result).shares, alone.shares)
    provenance = {**result.fitted.provenance, POOL_SHIFT: round(moved, 4)}
    return replace(result, fitted=replace(result.fitted, provenance=provenance))


def _restated(market: _Unfitted) -> list[Finding]:
    """What the data tell otherwise than those of the market's model before, if that is there."""
    from mmm.fitted import load_fitted

    place = market.work.previous
    if not place or read_row(place) is None:
        return []
    try:
        with local_copy(place, ("model",)) as folder:
            before = load_fitted(folder).panel
    except ModelFileError as error:
        return [
            Finding(
                severity="info",
                code="model_before_unreadable",
                where="data",
                what=f"The data were not compared with those of the model before: {error}",
                why="A feed that tells its past otherwise is not noticed.",
                what_to_do="Nothing, if the model before was removed or is of an older program.",
            )
        ]
    return restated(before, market.read.panel, market.spec.renamed)


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
        signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
        yield
    finally:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
        finally:
            watchdog.cancel()
            signal.signal(signal.SIGALRM, before)
