"""A fit in a screen of words and tables, from the files that the report is drawn from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from mmm import words
from mmm.pipeline import Result
from mmm.report import remarks
from mmm.report.advice import advice
from mmm.report.marks import records
from mmm.report.tables import Tables, load_tables
from mmm.report.totals import by_spend
from mmm.report.trust import NAMES, light, outside, score_words

WIDTH = 80
"""Letters of a line of prose."""
CHANNELS = 5
"""Channels shown, the largest; the rest are counted."""
REMARKS = 2
"""Kinds of findings shown, the gravest that ask for something; all are in the report."""
ADVICE = 3
"""Lines of the advice."""
NAME = 22
"""Letters of a channel's name."""
SCORES = {
    "r2": "R²",
    "r2_within": "within regions",
    "rmse": "RMSE",
    "nrmse": "of mean KPI",
    "wape": "mean error",
    "skill": "error saved",
}
"""Scores shown of a window and their headings."""


def summarise(result: Result, directory: Path) -> Group:
    """How well it forecasts, what channels brought, what to do, what was found, and what to open next.

    At most 25 lines of ``WIDTH`` letters, whatever the model.

    Args:
        result: The fit.
        directory: Where its files lie.
    """
    tables = load_tables(directory)
    parts = [
        _lines(_head(result, tables.about.period)),
        scores_table(tables.metrics),
        _lines(outside(tables.metrics)),
        effects_table(tables),
        _lines(_trust(tables), most=2),
        _lines(_advice(tables), most=ADVICE),
        *_findings(tables),
        *(Text(line) for line in _next(directory)),
    ]
    return Group(*(part for part in parts if part is not None))


def _head(result: Result, period: str) -> str:
    fitted, sampling = result.fitted, result.fitted.provenance.get("sampling")
    panel = fitted.panel
    how = f"{words.count(fitted.members, 'member')}, {words.count(int(fitted.provenance['epochs']), 'epoch')}"
    if sampling:
        how = f"{words.count(fitted.members, 'draw')} of {words.count(int(sampling['chains']), 'chain')}"
    data = f"{words.count(len(panel.dates), period)} of {words.count(len(panel.regions), 'region')}"
    name = f"{fitted.spec.brand} / {fitted.spec.market}"
    return f"{name}: {data} to {words.day(panel.dates[-1])}; {how}"


def scores_table(metrics: Mapping[str, Mapping[str, Any]]) -> Table:
    """Scores by window, on observed cells."""
    table = _table("Forecast", SCORES.values())
    for window, scores in metrics.items():
        if scores.get("n"):
            table.add_row(window, *(_score(name, scores.get(name)) for name in SCORES))
    return table


def _score(name: str, value: float | None) -> str:
    return "-" if value is None else score_words(name, value)


def effects_table(tables: Tables) -> Table:
    """What the largest channels brought over the training window, with intervals."""
    about, rows = tables.about, records(by_spend(tables.frame("effects")))
    kpi = _training_kpi(tables)
    main, marginal = ("roi", "marginal_roi") if about.priced else ("per", "marginal_per")
    returns = "ROI" if about.priced else "return"
    table = _table("Channel", ("spend", "of the KPI", returns, "90 % interval", "next"))
    for row in rows[:CHANNELS]:
        spend, value, following = (words.real(row[name]) for name in ("spend", main, marginal))
        low, high = (words.real(row.get(f"{main}_{side}")) for side in ("lower", "upper"))
        table.add_row(
            _short(str(row["channel"])),
            words.number(spend, 3) if spend > 0 else "-",
            words.percent(words.real(row["direct"]) / kpi),
            words.number(value) if words.known(value) else "-",
            words.span(low, high) if words.known(value) else "-",
            words.number(following) if words.known(following) else "-",
        )
    left = len(rows) - CHANNELS
    more = f"and {words.count(left, 'smaller channel')}; " if left > 0 else ""
    table.caption = _short(f"{more}direct effects in training; returns in {about.return_unit}", WIDTH)
    return table


def _training_kpi(tables: Tables) -> float:
    """What the model accounts for in the training window, KPI units."""
    rows = tables.frame("contributions")
    return float(rows["value"][rows["date"].isin(tables.training_dates)].sum())


def _trust(tables: Tables) -> str:
    found = light(tables)
    return f"{NAMES[found.colour]}: {'; '.join(found.reasons)}."


def _advice(tables: Tables) -> str:
    """What to move and what that gains: with fewer, shorter names where it would be cut before its odds."""
    told = " ".join(advice(tables) or ())
    if len(words.wrap(told, WIDTH)) <= ADVICE:
        return told
    return " ".join(advice(tables, named=1, name=lambda name: _short(words.label(name))) or ())


def _findings(tables: Tables) -> Iterator[Text | None]:
    """The gravest findings in plain words, those alike as one."""
    diagnostics = tables.diagnostics
    shown = [group for group in remarks.groups(diagnostics) if remarks.todo(group[0])][:REMARKS]
    yield Text(f"{words.capital(remarks.counted(diagnostics))}{': all are in the report' if shown else ''}.")
    for group in shown:
        yield _lines(remarks.plain(group, tables.names), most=2, start="- ")


def _next(directory: Path) -> list[str]:
    """What to open and what to do next."""
    report, plan = directory / "report.html", directory / "plan.json"
    seen = f"open {report}" if report.exists() else f"mmm report {directory}"
    planned = f"mmm optimize {directory} REQUEST.yaml (see docs/plans.md), " if plan.exists() else ""
    return [f"Next: {seen}", f"      {planned}mmm export {directory}"]


def _table(first: str, heads: Iterable[str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), caption_justify="left", caption_style="")
    table.add_column(Text(first, style="bold"), no_wrap=True)
    for head in heads:
        table.add_column(Text(head, style="bold"), justify="right", no_wrap=True)
    return table


def _short(text: str, most: int = NAME) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _lines(text: str, *, most: int = 1, start: str = "") -> Text | None:
    """Prose in lines of ``WIDTH`` letters, ended by an ellipsis where it would be more than ``most``."""
    if not text:
        return None
    lines = words.wrap(text, WIDTH - len(start))
    if len(lines) > most:
        lines = [*lines[: most - 1], _short(f"{lines[most - 1]} …", WIDTH - len(start))]
    told = f"\n{' ' * len(start)}".join(lines)
    return Text(f"{start}{told}")
