"""The first page: what was spent, what it brought, what to do, and how far to trust it. Printable alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from mmm import words
from mmm.analysis.intervals import LEVEL
from mmm.report import marks, moves, shell
from mmm.report.about import PER
from mmm.report.advice import STILL, advice
from mmm.report.moves import Moves
from mmm.report.paging import escape
from mmm.report.shell import Tile
from mmm.report.tables import Tables
from mmm.report.totals import by_spend, media_total
from mmm.report.trust import NAMES, light

ROWS = 20
"""Channels in the table; the rest are one row."""


def first_page(tables: Tables) -> str:
    """The page as HTML; what a missing file would have told is left out."""
    plan = moves.moves_of(tables.plan)
    rows = None if tables.effects is None else by_spend(tables.effects)
    parts = [
        _light(tables),
        shell.tiles(_tiles(tables)),
        _advice(tables),
        "" if rows is None else _table(rows, tables, plan),
    ]
    buttons = (("summary", "Print this page"), ("all", "Print the whole report"))
    actions = "".join(f"<button type='button' data-print='{key}'>{text}</button>" for key, text in buttons)
    inner = f"{''.join(parts)}<p class='actions'>{actions}</p>"
    return f"<section class='director' id='summary'>{inner}</section>" if any(parts) else ""


def _light(tables: Tables) -> str:
    if tables.metrics is None and tables.diagnostics is None:
        return ""
    found = light(tables)
    reasons = words.capital("; ".join(found.reasons))
    return (
        f"<p class='light {found.colour}'><span aria-hidden='true'></span><b>{NAMES[found.colour]}</b> "
        f"{escape(reasons)}.</p>"
    )


def _tiles(tables: Tables) -> list[Tile]:
    about, total = tables.about, media_total(tables)
    if not total:
        return []
    spend, effect = words.real(total["spend"]), words.real(total["effect"])
    brought = f"{about.kpi} brought by media, by the model's account{_between(total, 'effect')}"
    tiles = (
        [Tile(words.money(spend, about.currency), "spent on media in the training window")]
        if spend > 0
        else []
    )
    tiles.append(Tile(words.number(effect), brought))
    if spend > 0 and about.priced:
        worth = f"what they are worth{_between(total, 'value')}"
        tiles.append(Tile(words.money(words.real(total["value"]), about.currency), worth))
        back = f"{about.currency} back for each {about.unit_of_money} spent{_between(total, 'roi')}"
        tiles.append(Tile(words.number(words.real(total["roi"])), back))
    elif spend > 0:
        per = f"{about.kpi} for each {words.money(PER, about.currency)} spent"
        tiles.append(Tile(words.number(PER * effect / spend), per + _between(total, "effect", PER / spend)))
    return tiles


def _between(row: Mapping[str, Any], column: str, scale: float = 1.0) -> str:
    low, high = (scale * words.real(row.get(f"{column}_{side}")) for side in ("lower", "upper"))
    return f" ({words.span(low, high)})" if words.known(low, high) else "; its interval is not known"


def _advice(tables: Tables) -> str:
    """One sentence: what to move from where to where, and what that gains."""
    said = advice(tables)
    if said is None:
        return ""
    move, gain = (escape(part) for part in said)
    return f"<p class='advice'><b>{move}</b> {gain}</p>" if gain else f"<p class='advice'>{move}</p>"


def _table(rows: pd.DataFrame, tables: Tables, plan: Moves | None) -> str:
    """Every channel: spend, its share beside that of the effect, return, next return, change in the plan."""
    about = tables.about
    per = f"{words.capital(about.kpi)} per {words.money(PER, about.currency)}"
    heads = ["Channel", "Spend", "Share of spend, of effect"]
    heads += (
        ["ROI", f"Next {about.unit_of_money}"]
        if about.priced
        else [per, f"Next {words.money(PER, about.currency)}"]
    )
    heads += ["Recommended"] if plan else []
    head = "".join(f"<th scope='col'>{escape(text)}</th>" for text in heads)
    most = float(max(rows["spend_share"].max(), rows["effect_share"].max(), 1e-9))
    body = "".join(_row(row, heads, about.priced, plan, most) for row in marks.records(rows)[:ROWS])
    left = len(rows) - ROWS
    rest = f"<tr><td colspan='{len(heads)}'>and {words.count(left, 'smaller channel')}</td></tr>"
    return (
        "<div class='card'><div class='scroll' tabindex='0' role='region' aria-label='Channels'><table>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}{rest if left > 0 else ''}</tbody></table></div>"
        "<p class='reading'>Direct effects over the training window. In brackets and small print: the range "
        f"that holds the truth in {words.percent(LEVEL)} of cases, by the model. Upper bar: share of spend, "
        "lower: share of what media bring.</p></div>"
    )


def _row(row: Mapping[str, Any], heads: list[str], priced: bool, plan: Moves | None, most: float) -> str:
    """One channel; every cell also tells its heading, which a phone shows above it."""
    name = str(row["channel"])
    spend = words.real(row["spend"])
    main, marginal = ("roi", "marginal_roi") if priced else ("per", "marginal_per")
    cells = [
        escape(words.number(spend, 3)) if spend > 0 else "&ndash;",
        _pair(words.real(row["spend_share"]), words.real(row["effect_share"]), most),
        _estimate(row, main),
        _estimate(row, marginal),
    ]
    way, change = _change(name, plan) if plan else ("", "")
    told = "".join(
        f"<td{way} data-head='{escape(head)}'>{cell}</td>"
        for head, way, cell in zip(heads[1:], ["", "", "", "", way], [*cells, change], strict=False)
    )
    return f"<tr><th scope='row'>{escape(words.subject(name))}</th>{told}</tr>"


def _estimate(row: Mapping[str, Any], column: str) -> str:
    value = words.real(row[column])
    if not words.known(value):
        return "&ndash;"
    low, high = (words.real(row.get(f"{column}_{side}")) for side in ("lower", "upper"))
    small = f"<small>{escape(words.span(low, high))}</small>" if words.known(low, high) else ""
    return f"{escape(words.number(value))}{small}"


def _pair(spend: float, effect: float, most: float) -> str:
    """Two bars beneath each other with their shares."""
    bars = [
        f"<span class='{kind}'><i style='width:{max(0.0, 60 * share / most):.1f}px'></i>"
        f"{escape(words.percent(share)) if words.known(share) else '&ndash;'}</span>"
        for kind, share in (("spend", spend), ("effect", effect))
    ]
    return f"<span class='pair'>{''.join(bars)}</span>".replace("width:nanpx", "width:0")


def _change(name: str, plan: Moves) -> tuple[str, str]:
    """Attribute of the cell that colours it, and what the plan recommends."""
    change, before = plan.changes.get(name), plan.current.get(name, 0.0)
    if change is None:
        return "", "&ndash;"
    if change == 0.0 or (before > 0 and abs(change / before) < STILL):
        return "", "as it is"
    text = words.signed(words.percent(change / before)) if before > 0 else "new"
    return f" class='{'up' if change > 0 else 'down'}'", escape(text)
