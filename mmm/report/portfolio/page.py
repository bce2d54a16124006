"""The page of a portfolio: what a refit came to, as heat maps, with a way into every report."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mmm import words
from mmm.report import paging, sections, shell
from mmm.report.paging import escape
from mmm.report.portfolio import cells, learned, returns, views
from mmm.report.portfolio.advice import advice
from mmm.report.portfolio.learned import Learned
from mmm.report.portfolio.outcome import UNIT_OF_MONEY
from mmm.report.portfolio.records import MarketRecord, known, median, names_of
from mmm.report.sections import Entry
from mmm.report.shell import Tile

Records = Sequence[MarketRecord]
LISTED = 30
"""Failures, and models that wait, that are listed one below the other; a folded table has all of them."""


SECTIONS: dict[str, tuple[Entry[Records], ...]] = {
    "Which models can be trusted?": (
        Entry("skill", "Skill", views.skill),
        Entry("warnings", "Findings", views.findings),
        Entry("warning-kinds", "Kinds of findings", views.finding_kinds),
    ),
    "What does money buy?": (
        Entry("roi", "Return", returns.roi),
        Entry("roi-by-channel", "Return by channel", returns.roi_by_channel),
    ),
    "What brings the KPI?": (
        Entry("media-share", "Share of media", views.media_share),
        Entry("share-change", "Share changes", views.share_change),
    ),
}
"""Section headings and their views."""
LEARNED: dict[str, tuple[Entry[Learned], ...]] = {
    "What did the portfolio learn?": (
        Entry("forecasts", "Forecasts and what came", learned.forecasts, optional=True),
        Entry("classes", "Brands against their class", learned.classes, optional=True),
    )
}
"""The same, of the tables beside ``portfolio.parquet``."""


def render_portfolio(records: Records, *, written: str = "", tables: Learned | None = None) -> str:
    """The page as one HTML text that loads nothing.

    Args:
        records: One for each brand-market, from :func:`mmm.report.portfolio.records.market_records`.
        written: What made the page and when, for the footer.
        tables: What was learned from one another and from what came.
    """
    drawn, missing = sections.drawn(SECTIONS, records)
    drawn |= sections.drawn(LEARNED, tables or Learned())[0]
    brands, markets = names_of(records, "brand"), names_of(records, "market")
    title = "Portfolio: " + _scope(brands, markets)
    before = shell.cover(title, _parts(records)) + shell.tiles(_tiles(records))
    noun = f"{words.count(len(missing), 'view')} left out"
    return shell.document(
        title,
        drawn,
        before + advice(records) + _failures(records) + _waiting(records),
        _index(records) + shell.left_out(missing, noun) + _footer(written),
        links={"all": "All brand-markets"},
    )


def _scope(brands: Sequence[str], markets: Sequence[str]) -> str:
    """``3 brands in 2 markets``, or the name where there is one."""
    first = words.count(len(brands), "brand") if len(brands) != 1 else brands[0]
    return f"{first} in {words.count(len(markets), 'market') if len(markets) != 1 else markets[0]}"


def _parts(records: Records) -> list[str]:
    parts = [words.count(len(records), "brand-market")]
    dates = sorted(record.until for record in records if record.until)
    if dates:
        first, last = words.day(dates[0]), words.day(dates[-1])
        parts.append(f"data until {last}" if first == last else f"data until {first} to {last}")
    return parts


def _tiles(records: Records) -> list[Tile]:
    """Headline figures."""
    counts = {status: sum(r.status == status for r in records) for status in ("done", "unchanged", "failed")}
    fresh = counts["done"] + counts["unchanged"]
    status = f"brand-markets up to date: {counts['done']} fitted, {counts['unchanged']} unchanged"
    if counts["failed"]:
        status += f"; {counts['failed']} failed"
    found = [Tile(f"{fresh} of {len(records)}", status)]
    scored = [record for record in records if known(record.skill)]
    if scored:
        better = sum(record.skill > 0 for record in scored)
        found.append(Tile(f"{better} of {len(scored)}", "models beat the best guess without a model"))
    share, roi = (median(getattr(r, name) for r in records) for name in ("media_share", "media_roi"))
    if known(share):
        found.append(Tile(words.percent(share), "of the KPI brought by media in the median brand-market"))
    if known(roi):
        units = {record.outcome.unit_of_money for record in records if known(record.media_roi)}
        unit = units.pop() if len(units) == 1 else UNIT_OF_MONEY
        found.append(
            Tile(words.number(roi), f"returned by media for each {unit} spent, in the median brand-market")
        )
    return found


def _failures(records: Records) -> str:
    """Every brand-market that failed, with the whole reason."""
    failed = [record for record in records if record.failed]
    if not failed:
        return ""
    rows = "".join(
        f"<li class='error'><span class='severity'>failed</span><p><b>{escape(record.name)}</b></p>"
        f"<p class='reason'>{escape(_reason(record))}</p>{_earlier(record)}</li>"
        for record in failed[:LISTED]
    )
    every = _all_reasons(failed, "Every failure")
    heading = f"{words.count(len(failed), 'brand-market')} failed; all others stand"
    if len(failed) == len(records):
        heading = "Every brand-market failed"
    return (
        f"<div class='card' id='failures'><p class='kind'>Failures</p><h3>{heading}</h3>"
        f"<ul class='findings'>{rows}</ul>{every}</div>"
    )


def _reason(record: MarketRecord) -> str:
    return record.reason or "no reason was given"


def _all_reasons(records: Records, summary: str) -> str:
    """All of a list that is cut, as a folded table; empty where it is not."""
    if len(records) <= LISTED:
        return ""
    rows = [[record.name, _reason(record)] for record in records]
    return shell.table(
        {"columns": ["Brand-market", "Reason"], "rows": rows}, f"{summary}, {len(rows)} in all"
    )


def _earlier(record: MarketRecord) -> str:
    if not record.link:
        return ""
    return f"<p class='todo'><a href='{escape(record.link)}'>Report of its last good model</a></p>"


def _waiting(records: Records) -> str:
    """New models that wait for a person, with the reason."""
    waiting = [record for record in records if record.role == "challenger" and not record.failed]
    if not waiting:
        return ""
    rows = "".join(
        f"<li class='warning'><span class='severity'>challenger</span><p><b>{_linked(record)}</b> "
        f"{escape(record.reason)}</p></li>"
        for record in waiting[:LISTED]
    )
    every = _all_reasons(waiting, "Every model that waits")
    return (
        "<div class='card' id='waiting'><p class='kind'>To decide</p>"
        f"<h3>{words.count(len(waiting), 'new model')} not taken into use by itself</h3>"
        f"<ul class='findings'>{rows}</ul>{every}</div>"
    )


def _linked(record: MarketRecord) -> str:
    name = escape(record.name)
    return f"<a href='{escape(record.link)}'>{name}</a>" if record.link else name


_COLUMNS: tuple[
    tuple[str, Callable[[MarketRecord], tuple[float | str, str] | tuple[float, str, str]]], ...
] = (
    ("Brand", lambda r: (r.brand, r.brand)),
    ("Market", lambda r: (r.market, r.market)),
    ("Status", lambda r: (r.status, r.status)),
    ("Skill", lambda r: (r.skill, words.percent(r.skill))),
    ("Mean error", lambda r: (r.wape, words.percent(r.wape))),
    ("Media share", lambda r: (r.media_share, *cells.apart(r, "shares"))),
    ("Return", lambda r: (r.media_roi, *cells.apart(r, "roi"))),
    ("Share change", lambda r: (r.share_shift, words.percent(r.share_shift))),
    ("To act on", lambda r: (float(r.grave), str(r.grave))),
    ("Role", lambda r: (r.role, r.role)),
    ("Data until", lambda r: (r.until, words.day(r.until) if r.until else "")),
)
"""Columns of the index: heading, and what to sort by beside what to show and what is in small print below."""


def _index(records: Records) -> str:
    """Every brand-market as a row with its report; a column's heading sorts by it."""
    labels = [label for label, _ in _COLUMNS]
    head = "<th scope='col'>Report</th>" + cells.sortable_heads(labels)
    rows = [paging.Row(_index_row(record), "failed" if record.failed else "") for record in records]
    linked = sum(bool(record.link) for record in records)
    note = ""
    if linked < len(records):
        missing = words.count(len(records) - linked, "brand-market")
        note = (
            f"<p class='reading'>No report lies beside {missing}: refit with <code>--reports</code> to have "
            "one for each.</p>"
        )
    shown = paging.table(
        head, rows, label="All brand-markets", looks="all", sortable=True, heads=["Report", *labels]
    )
    return (
        f"<section><h2 id='all'>All brand-markets</h2><div class='card index'>{note}{shown}</div></section>"
    )


def _index_row(record: MarketRecord) -> list[paging.Cell]:
    row = [
        paging.Cell("open", "", link=record.link, label=f"Report of {record.name}")
        if record.link
        else paging.Cell("\u2013", "")
    ]
    for _, value_of in _COLUMNS:
        value, *shown = value_of(record)
        unknown = isinstance(value, float) and not known(value)
        row.append(paging.Cell("\u2013", "") if unknown else paging.Cell(shown[0], value, *shown[1:]))
    return row


def _footer(written: str) -> str:
    text = (
        "<footer><p class='keys'>Keys: j and k go to the next and the previous chart. A click on a cell or a "
        "dot opens that brand-market's report, and so does its link in the table of all.</p><p>Shares and "
        "returns are the models' estimates, not observations; in brackets or in small print their 90 % "
        "intervals.</p>"
    )
    return text + (f"<p>{escape(written)}</p></footer>" if written else "</footer>")
