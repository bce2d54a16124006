"""What the checks found, as a card: in plain words first, the technical sentence folded beneath."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mmm import words
from mmm.report import remarks
from mmm.report.paging import escape
from mmm.report.remarks import Remark
from mmm.report.tables import Tables


def card(tables: Tables) -> str:
    """The findings as HTML, the gravest first; those that say the same of several channels are one."""
    diagnostics = tables.diagnostics
    if diagnostics is None:
        return ""
    head = "<div class='card' id='findings'><p class='kind'>Findings</p>"
    groups = remarks.groups(diagnostics)
    if not groups:
        return f"{head}<h2>The checks found nothing to report</h2></div>"
    rows = "".join(_finding(group, tables.names) for group in groups)
    return f"{head}<h2>{remarks.counted(diagnostics)}</h2><ul class='findings'>{rows}</ul></div>"


def _finding(group: Sequence[Remark], names: Collection[str]) -> str:
    """Findings alike: one sentence anyone understands, and folded what was measured and what to do."""
    first = group[0]
    severity = str(first.get("severity", "info"))
    mark = severity if severity in ("warning", "error", "critical") else "info"
    head = ", ".join(part for part in (severity, remarks.places(group, names)) if part)
    todo = remarks.todo(first)
    act = f"<p class='todo'>{escape(todo)}</p>" if todo else ""
    said = escape(remarks.plain(group, names))
    return (
        f"<li class='{mark}'><span class='severity'>{escape(head)}</span><p><b>{said}</b></p>"
        f"<details><summary>What was measured, and what to do</summary>{_measured(group)}{act}</details></li>"
    )


def _measured(group: Sequence[Remark]) -> str:
    """The technical sentences: one, or a list where several say the same."""
    said = [escape(item.get("what") or item.get("code", "")) for item in group]
    whys = [escape(item.get("why", "")) for item in group]
    if len(group) == 1:
        return f"<p>{said[0]} {whys[0]}</p>"
    shared = len(set(whys)) == 1
    named = [escape(f"{words.subject(str(item.get('where', '')))}: ") for item in group]
    rows = zip(named, said, whys, strict=True)
    listed = "".join(f"<li>{name}{what}{'' if shared else f' {why}'}</li>" for name, what, why in rows)
    return f"{f'<p>{whys[0]}</p>' if shared else ''}<ul class='alike'>{listed}</ul>"
