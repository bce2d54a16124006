"""The page of one model: cover, findings and scores around the views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmm.analysis.intervals import LEVEL
from mmm.report import shell, words
from mmm.report.shell import Drawn, Tile, escape
from mmm.report.tables import Tables

_RANK = {"critical": 0, "error": 0, "warning": 1}
"""Severities to act on, the gravest first; any other comes after."""


def page(
    tables: Tables,
    sections: Mapping[str, Sequence[Drawn]],
    left_out: Mapping[str, str],
    tiles: Sequence[Tile],
) -> str:
    """The whole report as one self-contained HTML document.

    Args:
        tables: The model's files.
        sections: Views under their headings, in order.
        left_out: Label of a view that could not be drawn, to the reason.
        tiles: Headline figures.
    """
    about = tables.about
    name = " \u00b7 ".join(part for part in (about.brand, about.market) if part)
    title = f"What brings {about.goal}" + (f": {name}" if name else "")
    before = shell.cover(title, _extent(tables)) + shell.tiles(tiles)
    missing = shell.left_out(left_out, f"{words.count(len(left_out), 'view')} left out")
    return shell.document(
        title,
        sections,
        before + _findings(tables.diagnostics) + _scores(tables.metrics),
        missing + _footer(tables),
    )


def _extent(tables: Tables) -> list[str]:
    """How much data there is."""
    parts = []
    if tables.predictions is not None and len(tables.predictions):
        dates = tables.predictions["date"]
        regions, periods = tables.predictions["region"].nunique(), dates.nunique()
        parts = [
            f"{words.day(dates.min())} to {words.day(dates.max())}",
            words.count(int(periods), tables.about.period),
            words.count(int(regions), "region"),
        ]
    return [*parts, words.count(len(tables.channels), "channel")]


def findings(diagnostics: Any) -> list[Mapping[str, Any]]:
    """The findings of ``diagnostics.json``: a list, or a mapping that holds one."""
    if isinstance(diagnostics, Mapping):
        diagnostics = diagnostics.get("findings", [])
    return (
        [item for item in diagnostics or [] if isinstance(item, Mapping)]
        if isinstance(diagnostics, list)
        else []
    )


def _findings(diagnostics: Any) -> str:
    """What the checks found, the gravest first; those that say the same of several channels are one."""
    if diagnostics is None:
        return ""
    head = "<div class='card' id='findings'><p class='kind'>Findings</p>"
    items = sorted(findings(diagnostics), key=_rank)
    if not items:
        return f"{head}<h3>The checks found nothing to report</h3></div>"
    alike: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for item in items:
        key = (*(str(item.get(field, "")) for field in ("severity", "code")), _todo(item))
        alike.setdefault(key, []).append(item)
    rows = "".join(_finding(group) for group in alike.values())
    grave = sum(_rank(item) < 2 for item in items)
    heading = f"{words.count(len(items), 'finding')}" + (f", {grave} to act on" if grave else ", none urgent")
    return f"{head}<h3>{heading}</h3><ul class='findings'>{rows}</ul></div>"


def _rank(item: Mapping[str, Any]) -> int:
    return _RANK.get(str(item.get("severity")), 2)


def _todo(item: Mapping[str, Any]) -> str:
    return str(next((item[key] for key in ("what_to_do", "what to do", "todo") if item.get(key)), ""))


def _finding(group: Sequence[Mapping[str, Any]]) -> str:
    first = group[0]
    severity = str(first.get("severity", "info"))
    mark = severity if severity in ("warning", "error", "critical") else "info"
    places = [words.label(str(item["where"])) for item in group if item.get("where")]
    head = ", ".join(part for part in (severity, words.listing(places)) if part)
    said = [escape(item.get("what") or item.get("code", "")) for item in group]
    whys = [escape(item.get("why", "")) for item in group]
    if len(group) == 1:
        text = f"<p><b>{said[0]}</b> {whys[0]}</p>"
    else:
        shared = len(set(whys)) == 1
        named = [f"{words.subject(str(item.get('where', '')))}: " for item in group]
        rows = "".join(
            f"<li>{escape(name)}{what}{'' if shared else f' {why}'}</li>"
            for name, what, why in zip(named, said, whys, strict=True)
        )
        head_line = f"<p><b>{whys[0]}</b></p>" if shared else ""
        text = f"{head_line}<ul class='alike'>{rows}</ul>"
    todo = _todo(first)
    act = f"<p class='todo'>{escape(todo)}</p>" if todo and todo != "Nothing." else ""
    return f"<li class='{mark}'><span class='severity'>{escape(head)}</span>{text}{act}</li>"


def _scores(metrics: Any) -> str:
    """All scores of all windows, folded."""
    if not isinstance(metrics, Mapping):
        return ""
    fields = (("r2", "R²"), ("r2_within", "R² within regions"), ("mae", "MAE"), ("rmse", "RMSE"),
              ("wape", "WAPE"),
              ("bias", "Bias"), ("skill", "Skill over best naive"), ("n", "Cells"))  # fmt: skip
    rows = [
        [words.capital(window), *(_score(key, score.get(key)) for key, _ in fields)]
        for window, score in metrics.items() if isinstance(score, Mapping)
    ]  # fmt: skip
    table = {"columns": ["Window", *(label for _, label in fields)], "rows": rows}
    return f"<div class='card scores'>{shell.table(table, 'All scores of all windows')}</div>" if rows else ""


def _score(key: str, value: Any) -> str:
    if not isinstance(value, (int, float)) or not words.known(float(value)):
        return "unknown"
    if key in ("r2", "r2_within"):
        return f"{value:.3f}".replace("-", "\u2212")
    return words.percent(float(value)) if key in ("wape", "skill") else words.number(float(value), 3)


def _footer(tables: Tables) -> str:
    facts = {
        key: value for key, value in tables.about.provenance.items() if isinstance(value, (str, int, float))
    }
    lines = ", ".join(
        f"{escape(key.replace('_', ' '))} <code>{escape(value)}</code>" for key, value in facts.items()
    )
    return (
        "<footer><p class='keys'>Keys: j and k go to the next and the previous chart; hover or tap for "
        "numbers.</p><p>Effects are the model's estimates, not observations. Intervals are meant to hold "
        f"the truth in {words.percent(LEVEL)} of cases, as far as members of the model differ.</p>"
        + (f"<p>Model: {lines}.</p></footer>" if lines else "</footer>")
    )
