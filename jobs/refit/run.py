"""Bring the markets of a portfolio up to date: fit, compare with the last refit, record, write its table."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from jobs.cluster import connect
from jobs.command import Say
from jobs.lock import lock_of, locked
from jobs.record.gates import with_present_names
from jobs.record.identity import identify
from jobs.record.ledger import Ledger, Standing
from jobs.record.rows import Row, read_table, write_table
from jobs.record.store import check_place, read_row
from jobs.record.tracking import open_tracking
from jobs.record.versions import CHAMPION, Registry, model_name
from jobs.refit.monitor import forecast_finding, shift_finding
from jobs.refit.page import write_overview
from jobs.refit.pool import gather, pooled_works, read_pool, sources, with_shift, write_pool
from jobs.refit.recorder import Recorder, with_role
from jobs.refit.schedule import RefitProgress, run_all
from jobs.refit.select import Selection, with_previous
from jobs.refit.task import Work
from jobs.results import summary
from mmm.analysis.change import share_shift
from mmm.errors import MMMError
from mmm.report.portfolio.learned import Learned

SAY_EVERY = 5.0
"""Seconds between lines of progress."""


class TableError(MMMError, RuntimeError):
    """A table of the portfolio that could not be written at the end."""


@dataclass(frozen=True)
class RefitResult:
    """What a refit came to.

    Attributes:
        rows: Rows of the markets asked for, in the order of the portfolio.
        table: Place of ``portfolio.parquet``.
        page: Place of ``portfolio.html``.
        unrecorded: Rows that MLflow did not take.
        trouble: Why not.
        seconds: Wall time.
    """

    rows: tuple[Row, ...]
    table: str
    page: str
    unrecorded: tuple[Row, ...]
    trouble: str
    seconds: float

    @property
    def failed(self) -> tuple[Row, ...]:
        """Rows of markets that are not up to date."""
        return tuple(row for row in self.rows if row.status == "failed")


def refit(
    selection: Selection,
    out: str,
    *,
    address: str | None = None,
    cpus: int | None = None,
    tracking: str | None = None,
    tries: int = 3,
    together: int | None = None,
    say: Say = print,
) -> RefitResult:
    """Bring the markets of a plan up to date.

    Args:
        selection: From :func:`jobs.refit.select.select_markets`.
        out: Absolute place of the results, on storage that every worker sees.
        address: Ray cluster; None starts one here unless ``RAY_ADDRESS`` names one.
        cpus: CPUs of a cluster started here.
        tracking: MLflow's URI, ``none``, or None: see :func:`jobs.record.tracking.open_tracking`.
        tries: How often a market is begun whose worker dies.
        together: Markets of a task; None chooses.
        say: Told the progress.

    Raises:
        OutputError: ``out`` cannot be written.
        LockedError: Another job is at work there.
        TrackingError: MLflow does not answer at the start.
        ClusterError: No cluster, or one without workers.
        TableError: The models are there, the table and the page of the portfolio could not be written.
    """
    check_place(out)
    with locked(lock_of(out), "python -m jobs.refit"):
        return _refit(selection, out, address, cpus, tracking, tries, together, say)


def _refit(
    selection: Selection,
    out: str,
    address: str | None,
    cpus: int | None,
    tracking: str | None,
    tries: int,
    together: int | None,
    say: Say,
) -> RefitResult:
    started = time.perf_counter()
    before = read_table(out)
    ledger = Ledger(out)
    record = open_tracking(tracking, out)
    registry = None if record is None else Registry(record)
    if registry is not None:
        aliases = registry.models()
        for key in selection.names:
            if champion := aliases.get(model_name(*key), {}).get(CHAMPION):
                ledger.in_use(*key, champion)
    selection, before = with_previous(selection, before, ledger)
    recorder = Recorder(registry)
    rows = {(row.brand, row.market): row for row in selection.broken}
    for row in selection.broken:
        say(_line(row))
    try:
        if selection.work:
            with connect(address, cpus=cpus) as cluster:
                place = _place(cluster.address)
                say(f"{len(selection.work)} brand-markets on {cluster.cpus} CPUs of {place}")
                _run(selection, rows, before, recorder, ledger, out, tries, together, say)
    finally:
        unrecorded = recorder.finish()
        rows = {key: with_role(row, recorder.recorded.get(key)) for key, row in rows.items()}
        _stand(rows, ledger, recorded=record is not None)
        table, page = _write(selection, rows, before, ledger, out)
    ordered = tuple(rows[key] for key in selection.names if key in rows)
    return RefitResult(
        ordered, table, page, tuple(unrecorded), recorder.trouble, time.perf_counter() - started
    )


def _run(
    selection: Selection,
    rows: dict[tuple[str, str], Row],
    before: Mapping[tuple[str, str], Row],
    recorder: Recorder,
    ledger: Ledger,
    out: str,
    tries: int,
    together: int | None,
    say: Say,
) -> None:
    asked = {(work.spec.brand, work.spec.market): work for work in selection.work}

    def keep(row: Row) -> None:
        key = (row.brand, row.market)
        rows[key] = _judged(with_changes(row, before.get(key), asked[key].spec.renamed), ledger)
        if row.status != "failed":
            spec, trials = asked[key].spec, asked[key].trials
            legacy_key = identify(spec, row.data_fingerprint, trials=trials).legacy_key
            recorder.add(rows[key], spec, legacy_key, ledger.objection(*key, row.spec_digest))

    def fitted(works: Sequence[Work], known_broken: int = 0) -> Iterator[Row]:
        progress = RefitProgress(total=len(works) + known_broken, failed=known_broken)
        said = time.monotonic()
        for row in run_all(works, progress, tries=tries, together=together, judged=ledger.add):
            say(_line(row))
            yield row
            if time.monotonic() - said > SAY_EVERY:
                said = time.monotonic()
                say(progress.line())
        say(progress.line())

    if not selection.pool.pools:
        for row in fitted(selection.work, len(selection.broken)):
            keep(row)
        return
    alone = {(row.brand, row.market): row for row in fitted(selection.work, len(selection.broken))}
    for row in _pooled(selection, alone, before, out, fitted, say):
        keep(row)


def _pooled(
    selection: Selection,
    alone: Mapping[tuple[str, str], Row],
    before: Mapping[tuple[str, str], Row],
    out: str,
    fitted: Callable[[Sequence[Work]], Iterable[Row]],
    say: Say,
) -> Iterator[Row]:
    """Rows of markets after they learned from one another; a fit that fails then leaves the one alone."""
    models = sources(selection.names, {**before, **alone}, selection.verticals, out)
    table, again = pooled_works(selection.work, alone, before, gather(models), selection.pool)
    place = write_pool(table, out)
    say(f"{len(again)} of {len(alone)} brand-markets learn from others; classes: {place}")
    done: set[tuple[str, str]] = set()
    for row in fitted(again):
        key = (row.brand, row.market)
        if row.status != "failed":
            done.add(key)
            yield with_shift(row, alone[key], table)
    yield from (row for key, row in alone.items() if key not in done)


def _judged(row: Row, ledger: Ledger) -> Row:
    """A row with what its market's record of forecasts says."""
    finding = forecast_finding(ledger.remark(row.brand, row.market))
    return row if finding is None else replace(row, findings=(*row.findings, summary(finding)))


def _stand(rows: Mapping[tuple[str, str], Row], ledger: Ledger, *, recorded: bool) -> None:
    """Enter which versions stand for the markets now; without a registry every model is in use."""
    now = datetime.now(UTC)
    for row in rows.values():
        role = row.role if recorded else "champion"
        if row.status == "failed" or not role:
            continue
        ledger.stand(
            Standing(
                brand=row.brand,
                market=row.market,
                version=row.version,
                key=row.key,
                role=role,
                directory=row.directory,
                spec_digest=row.spec_digest,
                until=date.fromisoformat(row.until),
                made_at=now,
            )
        )


def with_changes(row: Row, before: Row | None, renamed: Mapping[str, str] | None = None) -> Row:
    """A row with what changed since the last refit of its market.

    A failed market keeps the directory of its last good model, and with it what later refits compare with.
    """
    if before is None or not before.key:
        return row if row.status == "failed" else replace(row, change="new")
    if row.status == "failed":
        return replace(
            row,
            key=before.key,
            directory=before.directory,
            data_fingerprint=before.data_fingerprint,
            spec_digest=before.spec_digest,
            until=before.until,
        )
    last = before if before.shares else (read_row(before.directory) or before)
    last = with_present_names(last, row, renamed)
    changes = [
        word
        for word, name in (("data", "data_fingerprint"), ("settings", "spec_digest"))
        if getattr(row, name) != getattr(before, name)
    ]
    shift = share_shift(row.shares, last.shares)
    new, old = row.scores.get("holdout_skill"), last.scores.get("holdout_skill")
    finding = shift_finding(shift)
    return replace(
        row,
        change=", ".join(changes),
        share_shift=shift,
        skill_change=None if new is None or old is None else new - old,
        findings=row.findings if finding is None else (*row.findings, summary(finding)),
    )


def _write(
    selection: Selection,
    rows: Mapping[tuple[str, str], Row],
    before: Mapping[tuple[str, str], Row],
    ledger: Ledger,
    out: str,
) -> tuple[str, str]:
    """Tables and page of the portfolio: what was not asked for, or not reached, keeps its earlier row."""
    merged = {**before, **rows}
    whole = [merged[key] for key in dict.fromkeys(selection.names) if key in merged]
    try:
        ledger.write()
        return write_table(whole, out), write_overview(whole, out, _learned(selection, ledger, out))
    except OSError as error:
        raise TableError(
            f"The table of the portfolio cannot be written below {out} ({error}). Models that are done stay: "
            "make room and run the same command again, nothing is fitted twice."
        ) from error


def _learned(selection: Selection, ledger: Ledger, out: str) -> Learned:
    """Tables of the page beside that of the markets."""
    return Learned(ledger.frame(), read_pool(out) if selection.pool.pools else None)


def _line(row: Row) -> str:
    if row.status == "failed":
        return f"failed     {row.name}: {row.reason}"
    skill = row.scores.get("holdout_skill")
    told = "" if skill is None else f", holdout skill {skill:.2f}"
    again = f", try {row.tries}" if row.tries > 1 else ""
    return f"{row.status:<10} {row.name}: {row.seconds:.1f} s{told}{again}"


def _place(address: str) -> str:
    return "this machine" if address == "local" else address
