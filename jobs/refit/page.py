"""``portfolio.html``: the page of a refit beside its ``portfolio.parquet``, with a way into every report."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from urllib.parse import quote

import pyarrow.parquet as pq
from pyarrow import fs as pafs

from jobs.record.rows import Row
from jobs.record.store import local_copy
from mmm.report.model.build import build_report
from mmm.report.portfolio.learned import Learned
from mmm.report.portfolio.outcome import Outcome, outcome_of
from mmm.report.portfolio.page import render_portfolio
from mmm.report.portfolio.records import market_records
from mmm.storage import filesystem, is_uri, read_text, write_whole

PAGE = "portfolio.html"
REPORT = "report.html"
READERS = 16
"""Models read at a time: on storage behind a network each is four requests that take their time."""


def write_overview(rows: Sequence[Row], out: str, tables: Learned | None = None) -> str:
    """Write ``portfolio.html`` below ``out``, whole or not at all.

    Args:
        rows: Every brand-market of the portfolio.
        out: Absolute place of the refit, from :func:`jobs.record.store.absolute`.
        tables: What was learned from one another and from what came.

    Returns:
        Place of the page.
    """
    fitted = [row for row in rows if row.directory]
    with ThreadPoolExecutor(READERS) as pool:
        outcomes = pool.map(market_outcome, (row.directory for row in fitted))
        told = {(row.brand, row.market): outcome for row, outcome in zip(fitted, outcomes, strict=True)}
    records = market_records(({**asdict(row), **row.scores} for row in rows), report_links(rows, out), told)
    place = f"{out.rstrip('/')}/{PAGE}"
    write_whole(place, render_portfolio(records, tables=tables).encode())
    return place


def market_outcome(place: str) -> Outcome:
    """Money, intervals and the next move of a fitted model; models of older programs lack files of it.

    Args:
        place: Folder of the model, path or URI.
    """
    system, folder = filesystem(place)
    names = ("returns.parquet", "plan.json")
    infos = system.get_file_info([posixpath.join(folder, name) for name in names])
    returns, plan = (info.path if info.type == pafs.FileType.File else None for info in infos)
    table = pq.read_table(returns, filesystem=system).to_pandas() if returns else None
    content = json.loads(read_text(f"{place}/plan.json")) if plan else None
    return outcome_of(table, content)


def report_links(rows: Iterable[Row], out: str) -> dict[tuple[str, str], str]:
    """Addresses of the reports that exist, as seen from the page, by brand and market.

    They are relative, so that they hold wherever the whole folder is moved; a model outside ``out`` has
    none.
    """
    base = out.rstrip("/") + "/"
    inside = {
        (row.brand, row.market): f"{row.directory[len(base) :]}/{REPORT}"
        for row in rows
        if row.directory.startswith(base)
    }
    system, folder = filesystem(out)
    found = system.get_file_info([posixpath.join(folder, path) for path in inside.values()])
    return {
        key: quote(path, safe="/=")
        for (key, path), info in zip(inside.items(), found, strict=True)
        if info.type == pafs.FileType.File
    }


def ensure_report(place: str) -> None:
    """Draw the report of a fitted model that has none yet.

    Args:
        place: Folder of the model, path or URI.
    """
    system, folder = filesystem(place)
    if system.get_file_info(f"{folder}/{REPORT}").type == pafs.FileType.File:
        return
    with local_copy(place) as local:
        report = build_report(local)
        if is_uri(place):
            with system.open_output_stream(f"{folder}/{REPORT}") as stream:
                stream.write(report.read_bytes())
