"""What the checks found, in plain words; those that say the same of several channels are one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from mmm import words

Remark = Mapping[str, Any]
"""One finding of ``diagnostics.json``."""

_RANK = {"critical": 0, "error": 0, "warning": 1}
"""Severities to act on, the gravest first; any other comes after."""

NAMED = 4
"""Channels named in a sentence; more are counted."""
PLAIN = {
    "negative_roi": "Money spent on {of} seems to do harm, which advertising rarely does. Check the numbers "
    "before acting.",
    "implausible_roi": "Money spent on {of} seems to return far more than advertising does. Check the "
    "numbers first.",
    "uncertain_roi": "Whether money spent on {of} comes back is open: it may or it may not. A test would "
    "settle it.",
    "uncertain_effect": "The effect of {of} may be large or next to nothing. A test would settle it.",
    "unidentified_channel": "The data say little about {of}: what is shown is mostly what was assumed. "
    "A test would settle it.",
    "collinear_channels": "{of} always move together, so what each brings cannot be told apart.",
    "collinear_group": "What is brought by {of} can hardly be told from what others bring together.",
    "extrapolation": "Part of what is said about {of} lies beyond anything that was ever spent on it.",
    "prior_conflict": "The data disagree with what was believed about {of}.",
    "effectiveness_at_bound": "Over time the effect of {of} moves as far as the model allows.",
    "effect_changed": "The effect of {of} is another now than at first: what came of it in all this time "
    "says little about today.",
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
    "direct_or_mediated": "The effect of {of} may be its own or come through others, which is open.",
    "placebo_as_strong": "A made-up channel looks as strong as real ones: small effects mean nothing here.",
    "value_not_stated": "What a unit of the KPI is worth is not stated: no return in money is told.",
    "not_converged": "What is said of {of} was not sampled long enough: another fit may say something else.",
    "intervals_narrow": "With so many regions intervals are likely too narrow: take them for wider.",
    "too_many_channels": "There are many channels for so little history: each takes from the others.",
    "graph_not_searched": "Which channel moves which was not looked for.",
    "short_training": "There is less than a year to learn from: season and what runs in season are mixed up.",
    "placebo_passed": "A made-up channel was found to bring nothing, as it should be.",
}
"""What a finding means to people who do not model; ``{of}`` is what it is about."""


def findings(diagnostics: Any) -> list[Remark]:
    """The findings of ``diagnostics.json``: a list, or a mapping that holds one."""
    if isinstance(diagnostics, Mapping):
        diagnostics = diagnostics.get("findings", [])
    items = diagnostics if isinstance(diagnostics, list) else []
    return [item for item in items if isinstance(item, Mapping)]


def grave(item: Remark) -> bool:
    """Something to act on."""
    return _rank(item) < 2


def _rank(item: Remark) -> int:
    return _RANK.get(str(item.get("severity", "info")), 2)


def groups(diagnostics: Any) -> list[list[Remark]]:
    """Findings that say the same of several channels together, the gravest first."""
    alike: dict[tuple[str, ...], list[Remark]] = {}
    for item in sorted(findings(diagnostics), key=_rank):
        key = (*(str(item.get(field, "")) for field in ("severity", "code")), todo(item))
        alike.setdefault(key, []).append(item)
    return list(alike.values())


def counted(diagnostics: Any) -> str:
    """``12 findings, 3 to act on``."""
    items = findings(diagnostics)
    act = sum(grave(item) for item in items)
    return words.count(len(items), "finding") + (f", {act} to act on" if act else ", none urgent")


def todo(item: Remark) -> str:
    """What to do about a finding; empty where nothing is."""
    text = str(item.get("what_to_do") or "")
    return "" if text == "Nothing." else text


def plain(group: Sequence[Remark], names: Collection[str]) -> str:
    """A finding in words for people who do not model; its own words where it has no others.

    Args:
        group: Findings that say the same.
        names: What channels, treatments and controls of the model are called.
    """
    first, about = group[0], places(group, names)
    said = PLAIN.get(str(first.get("code")))
    if said is None or ("{of}" in said and not about):
        own = first.get("what") if len(group) == 1 else first.get("why")
        return str(own or first.get("code", ""))
    return words.capital(said.replace("{of}", about))


def places(group: Sequence[Remark], names: Collection[str]) -> str:
    """What the findings are about; counted where they are many. Arguments as of :func:`plain`."""
    named = [words.label(part) for item in group for part in parts_of(str(item.get("where") or ""), names)]
    return words.listing(named) if len(named) <= NAMED else words.count(len(named), "channel")


def parts_of(where: str, names: Collection[str]) -> list[str]:
    """What a place names one by one: names of the model, whole whatever commas they hold, else anything."""
    pieces, parts = where.split(", ") if where else [], []
    while pieces:
        ends = range(len(pieces), 0, -1)
        end = next((end for end in ends if ", ".join(pieces[:end]) in names), 1)
        parts.append(", ".join(pieces[:end]))
        pieces = pieces[end:]
    return [part for part in parts if part in names] or parts
