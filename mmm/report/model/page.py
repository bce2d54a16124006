"""The page of one model: the first page, findings and scores before the views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmm import words
from mmm.analysis.intervals import LEVEL
from mmm.data.schema import named
from mmm.report import shell
from mmm.report.model import findings
from mmm.report.model.director import first_page
from mmm.report.paging import escape
from mmm.report.shell import Drawn
from mmm.report.tables import Tables
from mmm.report.trust import outside, score_words

_SCORES = {
    "r2": "R²",
    "r2_within": "R² within regions",
    "rmse": "RMSE",
    "nrmse": "RMSE of mean KPI",
    "mae": "MAE",
    "wape": "Mean error of KPI",
    "bias": "Bias",
    "skill": "Squared error saved",
    "n": "Cells",
}
"""Scores of a window and their headings."""
_FACTS = {"trained_until": "periods of training", "seconds": "seconds of fitting"}
"""Facts of a fit that have a plainer name than in its file."""
_TOLD_ELSEWHERE = ("format", "scores_of")
"""Facts that say nothing to readers here: views say themselves which fit they are of."""


def page(
    tables: Tables,
    sections: Mapping[str, Sequence[Drawn]],
    left_out: Mapping[str, str],
) -> str:
    """The whole report as one self-contained HTML document.

    Args:
        tables: The model's files.
        sections: Views under their headings, in order.
        left_out: Label of a view that could not be drawn, to the reason.
    """
    about = tables.about
    name = " \u00b7 ".join(part for part in (about.brand, about.market) if part)
    title = f"What brings {about.goal}" + (f": {name}" if name else "")
    before = shell.cover(title, _extent(tables)) + first_page(tables) + findings.card(tables)
    missing = shell.left_out(left_out, f"{words.count(len(left_out), 'view')} left out")
    return shell.document(
        title,
        sections,
        before + _scores(tables.metrics),
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
    parts = [*parts, words.count(len(tables.channels), "channel")]
    return [*parts, f"of {named(tables.asked, most=10)} alone"] if tables.asked else parts


def _scores(metrics: Any) -> str:
    """All scores of all windows, folded, and how far the error grows outside the training window."""
    if not isinstance(metrics, Mapping):
        return ""
    rows = [
        [words.capital(window), *(_score(key, score) for key in _SCORES)]
        for window, score in metrics.items()
        if isinstance(score, Mapping)
    ]
    if not rows:
        return ""
    table = shell.table({"columns": ["Window", *_SCORES.values()], "rows": rows}, "All scores of all windows")
    line = f"<p class='reading'>{outside(metrics)}</p>"
    return f"<div class='card scores'>{line}{table}</div>"


def _score(key: str, score: Mapping[str, Any]) -> str:
    """A score in words, or why there is none: nothing observed, nothing to explain, or not measured then."""
    value = score.get(key)
    if isinstance(value, (int, float)) and words.known(float(value)):
        return score_words(key, float(value))
    if not score.get("n", 1):
        return "no observed cells"
    return "not defined" if key in score else "not measured"


def _fact(value: str | float) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _footer(tables: Tables) -> str:
    facts = {
        key: value
        for key, value in tables.about.provenance.items()
        if isinstance(value, (str, int, float)) and key not in _TOLD_ELSEWHERE
    }
    lines = ", ".join(
        f"{escape(_FACTS.get(key, key.replace('_', ' ')))} <code>{escape(_fact(value))}</code>"
        for key, value in facts.items()
    )
    return (
        "<footer><p class='keys'>Keys: j and k go to the next and the previous chart; hover or tap for "
        "numbers.</p><p>Effects are the model's estimates, not observations. Intervals are meant to hold "
        f"the truth in {words.percent(LEVEL)} of cases, as far as members of the model differ.</p>"
        + (f"<p>Model: {lines}.</p></footer>" if lines else "</footer>")
    )
