"""What the checks found: in plain words first, the technical sentence folded beneath."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmm import words
from mmm.report.shell import escape
from mmm.report.trust import findings

_RANK = {"critical": 0, "error": 0, "warning": 1}
"""Severities to act on, the gravest first; any other comes after."""

NAMED = 4
"""Channels named in a sentence; more are counted."""
PLAIN = {
    "negative_roi": "{of} seems to do harm, which advertising rarely does. Check its numbers before acting.",
    "implausible_roi": "{of} seems to return far more than advertising does. Check its numbers first.",
    "uncertain_roi": "Whether {of} pays for itself is open: it may or it may not. A test would settle it.",
    "unidentified_channel": "The data say little about {of}: what is shown is mostly what was assumed. "
    "A test would settle it.",
    "collinear_channels": "{of} always move together, so what each brings cannot be told apart.",
    "collinear_group": "{of} always move together, so what each brings cannot be told apart.",
    "extrapolation": "Part of what is said about {of} lies beyond anything that was ever spent on it.",
    "prior_conflict": "The data disagree with what was believed about {of}.",
    "effectiveness_at_bound": "How well {of} works over time is at the limit the model allows.",
    "experiment_conflict": "A test of {of} and the data disagree.",
    "experiment_in_holdout": "A test of {of} lies in the weeks kept back and was not learned from.",
    "training_below_naive": "The model has not found what moves the KPI: no number here can be used.",
    "holdout_below_naive": "A simple guess forecasts better than this model: it has not shown that it "
    "understands the KPI.",
    "holdout_bias": "The forecast is off in one direction: something unseen moves the KPI.",
    "residual_drift": "Of late the KPI has left the model's level: plans start from the wrong place.",
    "baseline_near_zero": "Without media next to nothing would be sold, by this model: that is too much "
    "credit for them.",
    "media_explain_nothing": "Media bring next to nothing, by this model: plans on it rest on noise.",
    "baseline_moves_wildly": "Sales without media jump about, by this model: an event may be missing.",
    "graph_inconsistent": "Which channel moves which is not settled by the data.",
    "graph_bypassed": "Which channel moves which is not settled by the data.",
    "graph_swap": "Of some channels it is open which moves the other.",
    "direct_or_mediated": "Whether {of} works itself or through others is open.",
    "placebo_as_strong": "A made-up channel looks as strong as real ones: small effects mean nothing here.",
    "placebo_passed": "A made-up channel was found to bring nothing, as it should be.",
}
"""What a finding means to people who do not model; ``{of}`` is what it is about."""


def card(diagnostics: Any) -> str:
    """The findings as HTML, the gravest first; those that say the same of several channels are one."""
    if diagnostics is None:
        return ""
    head = "<div class='card' id='findings'><p class='kind'>Findings</p>"
    items = sorted(findings(diagnostics), key=_rank)
    if not items:
        return f"{head}<h2>The checks found nothing to report</h2></div>"
    alike: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for item in items:
        key = (*(str(item.get(field, "")) for field in ("severity", "code")), _todo(item))
        alike.setdefault(key, []).append(item)
    grave = sum(_rank(item) < 2 for item in items)
    heading = words.count(len(items), "finding") + (f", {grave} to act on" if grave else ", none urgent")
    rows = "".join(_finding(group) for group in alike.values())
    return f"{head}<h2>{heading}</h2><ul class='findings'>{rows}</ul></div>"


def _rank(item: Mapping[str, Any]) -> int:
    return _RANK.get(str(item.get("severity")), 2)


def _todo(item: Mapping[str, Any]) -> str:
    return str(next((item[key] for key in ("what_to_do", "what to do", "todo") if item.get(key)), ""))


def _finding(group: Sequence[Mapping[str, Any]]) -> str:
    """Findings alike: one sentence anyone understands, and folded what was measured and what to do."""
    first = group[0]
    severity = str(first.get("severity", "info"))
    mark = severity if severity in ("warning", "error", "critical") else "info"
    places = _places(group)
    head = ", ".join(part for part in (severity, places) if part)
    todo = _todo(first)
    act = f"<p class='todo'>{escape(todo)}</p>" if todo and todo != "Nothing." else ""
    return (
        f"<li class='{mark}'><span class='severity'>{escape(head)}</span><p><b>{plain(group)}</b></p>"
        f"<details><summary>What was measured, and what to do</summary>{_measured(group)}{act}</details></li>"
    )


def plain(group: Sequence[Mapping[str, Any]]) -> str:
    """A finding in words for people who do not model, escaped; its own words where it has no others."""
    first = group[0]
    places = _places(group)
    said = PLAIN.get(str(first.get("code")))
    if said is None or ("{of}" in said and not places):
        return escape(first.get("what") if len(group) == 1 else first.get("why") or first.get("code", ""))
    return escape(words.capital(said.replace("{of}", places)))


def _places(group: Sequence[Mapping[str, Any]]) -> str:
    """What the findings are about; counted where they are many, as the folded list names them."""
    places = [words.label(str(item["where"])) for item in group if item.get("where")]
    return words.listing(places) if len(places) <= NAMED else words.count(len(places), "channel")


def _measured(group: Sequence[Mapping[str, Any]]) -> str:
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
