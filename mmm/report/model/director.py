"""The first page: what was spent, what it brought, what to do, and how far to trust it. Printable alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from mmm import words
from mmm.report import marks, moves, shell
from mmm.report.about import PER
from mmm.report.moves import Gain, Moves
from mmm.report.shell import Tile, escape
from mmm.report.tables import Tables
from mmm.report.trust import NAMES, light

ROWS = 20
"""Channels in the table; the rest are one row."""
NAMED = 2
"""Channels that the advice names; the rest it counts."""
STILL = 0.005
"""Part of the budget under which a plan leaves everything as it is."""


def first_page(tables: Tables) -> str:
    """The page as HTML; what a missing file would have told is left out."""
    plan = moves.moves_of(tables.plan)
    rows = None if tables.effects is None else _by_spend(tables.effects)
    parts = [
        _light(tables),
        shell.tiles(_tiles(tables)),
        _advice(tables, plan),
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


def _by_spend(effects: pd.DataFrame) -> pd.DataFrame:
    """Channels by spend with their shares and, of all alike, KPI per ``PER`` of spend."""
    rows = effects.assign(channel=effects["channel"].astype(str)).sort_values("spend", ascending=False)
    spend = rows["spend"].astype(float).where(lambda s: s > 0)
    rows["spend_share"] = spend / spend.sum()
    rows["effect_share"] = rows["direct"] / rows["direct"].sum()
    for side in ("", "_lower", "_upper"):
        if f"direct{side}" in rows:
            rows[f"per{side}"] = PER * rows[f"direct{side}"] / spend
        if f"marginal_roi{side}" in rows:
            rows[f"marginal_per{side}"] = PER * rows[f"marginal_roi{side}"]
    return rows


def _total(tables: Tables) -> Mapping[str, Any]:
    """All media over the training window: spend, and effect, value and ROI with bounds where known."""
    if tables.returns is not None:
        rows = tables.returns[(tables.returns["window"] == "training") & (tables.returns["channel"] == "")]
        if len(rows):
            return marks.records(rows)[0]
    if tables.effects is None:
        return {}
    spend, effect = (float(tables.effects[name].sum()) for name in ("spend", "direct"))
    value = float((tables.effects["roi"] * tables.effects["spend"]).sum())
    return {"spend": spend, "effect": effect, "value": value, "roi": value / spend if spend > 0 else None}


def _tiles(tables: Tables) -> list[Tile]:
    about, total = tables.about, _total(tables)
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
        back = f"{about.currency} back for each {about.currency} spent{_between(total, 'roi')}"
        tiles.append(Tile(words.number(words.real(total["roi"])), back))
    elif spend > 0:
        per = f"{about.kpi} for each {words.money(PER, about.currency)} spent"
        tiles.append(Tile(words.number(PER * effect / spend), per + _between(total, "effect", PER / spend)))
    return tiles


def _between(row: Mapping[str, Any], column: str, scale: float = 1.0) -> str:
    low, high = (scale * words.real(row.get(f"{column}_{side}")) for side in ("lower", "upper"))
    return f" ({words.span(low, high)})" if words.known(low, high) else "; its interval is not known"


def _advice(tables: Tables, plan: Moves | None) -> str:
    """One sentence: what to move from where to where, and what that gains."""
    if plan is None:
        return ""
    about, total = tables.about, sum(plan.current.values())
    horizon = tables.plan.get("horizon")
    over = f" over {words.count(horizon, about.period)}" if isinstance(horizon, int) else ""
    givers, takers = (_named(names) for names in plan.ends())
    if plan.moved <= STILL * total or not takers:
        text = "Leave the split of the budget as it is: no move is expected to gain anything."
        return f"<p class='advice'>{escape(text)}</p>"
    unit = str(tables.plan.get("unit") or about.currency)
    source = f"from {givers} to" if givers else "more to"
    text = f"Move {words.money(plan.moved, unit)}{over} {source} {takers}:"
    if light(tables).colour == "red":
        text = f"Could this model be relied on: {text[:1].lower()}{text[1:]}"
    gain = _gained(plan.gain, about.kpi)
    money = (
        f", worth {_gained(plan.money, about.currency)}"
        if about.priced and words.known(plan.money.mean)
        else ""
    )
    chance = plan.chance
    sure = f"; the chance that it gains at all is {_chance(chance)}" if words.known(chance) else ""
    return f"<p class='advice'><b>{escape(text)}</b> {escape(f'{gain}{money}{sure}.')}</p>"


def _named(names: list[str]) -> str:
    """Channels in words, the smaller ones counted where they are many."""
    most = [words.label(name) for name in names[:NAMED]]
    left = len(names) - NAMED
    return words.listing([*most, words.count(left, "other")] if left > 0 else most)


def _gained(gain: Gain, unit: str) -> str:
    """``1.2 k visits more (400 to 2 k)``."""
    if not words.known(gain.mean):
        return "what it gains is not said"
    told = f"{words.number(abs(gain.mean))} {unit} {'more' if gain.mean >= 0 else 'less'}"
    return f"{told} ({words.span(gain.lower, gain.upper)})"


def _chance(value: float) -> str:
    """A chance in whole per cent, never certain."""
    return f"{min(99, max(1, round(100 * value)))}{words.NBSP}%"


def _table(rows: pd.DataFrame, tables: Tables, plan: Moves | None) -> str:
    """Every channel: spend, its share beside that of the effect, return, next return, change in the plan."""
    about = tables.about
    per = f"{words.capital(about.kpi)} per {words.money(PER, about.currency)}"
    heads = ["Channel", "Spend", "Share of spend, of effect"]
    heads += (
        ["ROI", f"Next {about.currency}"]
        if about.priced
        else [per, f"Next {words.money(PER, about.currency)}"]
    )
    heads += ["Recommended"] if plan else []
    head = "".join(f"<th scope='col'>{escape(text)}</th>" for text in heads)
    most = float(max(rows["spend_share"].max(), rows["effect_share"].max(), 1e-9))
    body = "".join(_row(row, about.priced, plan, most) for row in marks.records(rows)[:ROWS])
    left = len(rows) - ROWS
    rest = f"<tr><td colspan='{len(heads)}'>and {words.count(left, 'smaller channel')}</td></tr>"
    return (
        "<div class='card'><div class='scroll' tabindex='0' role='region' aria-label='Channels'><table>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}{rest if left > 0 else ''}</tbody></table></div>"
        "<p class='reading'>Direct effects over the training window; in small print their intervals. Upper "
        "bar: share of spend, lower: share of what media bring.</p></div>"
    )


def _row(row: Mapping[str, Any], priced: bool, plan: Moves | None, most: float) -> str:
    name = str(row["channel"])
    spend = words.real(row["spend"])
    main, marginal = ("roi", "marginal_roi") if priced else ("per", "marginal_per")
    cells = [
        f"<th scope='row'>{escape(words.subject(name))}</th>",
        f"<td>{escape(words.number(spend, 3)) if spend > 0 else '&ndash;'}</td>",
        f"<td>{_pair(words.real(row['spend_share']), words.real(row['effect_share']), most)}</td>",
        f"<td>{_estimate(row, main)}</td>",
        f"<td>{_estimate(row, marginal)}</td>",
    ]
    return f"<tr>{''.join(cells)}{_change(name, plan) if plan else ''}</tr>"


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


def _change(name: str, plan: Moves) -> str:
    change, before = plan.changes.get(name), plan.current.get(name, 0.0)
    if change is None:
        return "<td>&ndash;</td>"
    if change == 0.0 or (before > 0 and abs(change / before) < STILL):
        return "<td>as it is</td>"
    text = words.signed(words.percent(change / before)) if before > 0 else "new"
    return f"<td class='{'up' if change > 0 else 'down'}'>{escape(text)}</td>"
