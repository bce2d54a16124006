"""The page around the views: cover, findings, navigation, figures as JSON that are drawn when seen."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from plotly.offline import get_plotlyjs

from mmm.analysis.intervals import LEVEL
from mmm.report import theme, words
from mmm.report.tables import Tables

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "font-src data:"
)
"""The page may load nothing from anywhere: it works offline and gives nothing away."""


@dataclass(frozen=True)
class Drawn:
    """A view that was drawn: Plotly's JSON and the words around it."""

    key: str
    label: str
    figure: Mapping[str, Any]
    meta: Mapping[str, Any]


@dataclass(frozen=True)
class Tile:
    """A figure of the cover."""

    value: str
    text: str


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
    title = f"What brings {about.kpi}" + (f": {name}" if name else "")
    shown = {heading: views for heading, views in sections.items() if views}
    body = "".join(_section(place, heading, views) for place, (heading, views) in enumerate(shown.items()))
    return "".join((
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>",
        f"<meta http-equiv='Content-Security-Policy' content=\"{_POLICY}\">",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>{_text(title)}</title><link rel='icon' href='data:,'>",
        f"<style>{_asset('report.css')}</style></head><body>",
        "<a class='skip' href='#main'>Skip to the report</a><div class='shell'>",
        _navigation(shown),
        f"<main id='main'>{_cover(tables, title)}{_tiles(tiles)}",
        _findings(tables.diagnostics), _scores(tables.metrics),
        body, _left_out(left_out), _footer(tables),
        "</main></div>",
        "<noscript><p>The charts need JavaScript; the tables of numbers do not.</p></noscript>",
        f"<script type='application/json' id='theme'>{_json(theme.template())}</script>",
        f"<script>{get_plotlyjs()}</script><script>{_asset('report.js')}</script></body></html>\n",
    ))  # fmt: skip


def _asset(name: str) -> str:
    return files("mmm.report").joinpath("assets").joinpath(name).read_text(encoding="utf-8")


def _text(value: object) -> str:
    return html.escape(str(value))


def _navigation(sections: Mapping[str, Sequence[Drawn]]) -> str:
    items = []
    for place, (heading, views) in enumerate(sections.items()):
        inner = "".join(f"<li><a href='#{view.key}'>{_text(view.label)}</a></li>" for view in views)
        items.append(f"<li><a href='#section-{place}'>{_text(heading)}</a><ol>{inner}</ol></li>")
    return f"<nav class='contents' aria-label='Contents'><ol>{''.join(items)}</ol></nav>"


def _cover(tables: Tables, title: str) -> str:
    """Title, extent of the data."""
    parts = []
    if tables.predictions is not None and len(tables.predictions):
        dates = tables.predictions["date"]
        regions, periods = tables.predictions["region"].nunique(), dates.nunique()
        parts = [
            f"{words.day(dates.min())} to {words.day(dates.max())}",
            words.count(int(periods), tables.about.period),
            words.count(int(regions), "region"),
        ]
    parts.append(words.count(len(tables.channels), "channel"))
    return f"<header class='cover'><h1>{_text(title)}</h1><p>{_text(', '.join(parts))}</p></header>"


def _tiles(tiles: Sequence[Tile]) -> str:
    cells = "".join(
        f"<div class='tile'><b>{_text(t.value)}</b><span>{_text(t.text)}</span></div>" for t in tiles
    )
    return f"<div class='tiles'>{cells}</div>" if cells else ""


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
    """What the checks found, the gravest first."""
    if diagnostics is None:
        return ""
    head = "<div class='card' id='findings'><p class='kind'>Findings</p>"
    rank = {"critical": 0, "error": 0, "warning": 1}
    items = sorted(findings(diagnostics), key=lambda item: rank.get(str(item.get("severity")), 2))
    if not items:
        return f"{head}<h3>The checks found nothing to report</h3></div>"
    rows = "".join(_finding(item) for item in items)
    grave = sum(rank.get(str(item.get("severity")), 2) < 2 for item in items)
    heading = f"{words.count(len(items), 'finding')}" + (f", {grave} to act on" if grave else ", none urgent")
    return f"{head}<h3>{heading}</h3><ul class='findings'>{rows}</ul></div>"


def _finding(item: Mapping[str, Any]) -> str:
    severity = str(item.get("severity", "info"))
    todo = next((item[key] for key in ("what_to_do", "what to do", "action", "todo") if item.get(key)), "")
    mark = severity if severity in ("warning", "error", "critical") else "info"
    place = [part for part in (severity, str(item.get("where") or "")) if part]
    return (
        f"<li class='{mark}'><span class='severity'>{_text(', '.join(place))}</span>"
        f"<p><b>{_text(item.get('what', item.get('code', '')))}</b> {_text(item.get('why', ''))}</p>"
        + (f"<p class='todo'>{_text(todo)}</p></li>" if todo else "</li>")
    )


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
    return f"<div class='card scores'>{_table(table, 'All scores of all windows')}</div>" if rows else ""


def _score(key: str, value: Any) -> str:
    if not isinstance(value, (int, float)) or not words.known(float(value)):
        return "unknown"
    if key in ("r2", "r2_within"):
        return f"{value:.3f}".replace("-", "\u2212")
    return words.percent(float(value)) if key in ("wape", "skill") else words.number(float(value), 3)


def _section(place: int, heading: str, views: Sequence[Drawn]) -> str:
    body = "".join(_view(view) for view in views)
    return f"<section><h2 id='section-{place}'>{_text(heading)}</h2>{body}</section>"


def _view(view: Drawn) -> str:
    """One figure with its statement, reading aid, chart, notes and numbers."""
    meta = view.meta
    notes = "".join(f"<li>{_text(note)}</li>" for note in meta["notes"])
    return "".join((
        f"<figure class='view' id='{view.key}'><figcaption><p class='kind'>{_text(view.label)}</p>",
        f"<h3>{_text(meta['title'])}</h3><p class='reading'>{_text(meta['reading'])}</p></figcaption>",
        f"<div class='plot' tabindex='0' role='img' aria-label='{_text(meta['alt'])}' ",
        f"style='min-height:{int(meta['height'])}px'></div>",
        f"<ul class='notes'>{notes}</ul>" if notes else "",
        _table(meta["table"], "The numbers as a table") if meta["table"] else "",
        f"<script type='application/json'>{_json(view.figure)}</script></figure>",
    ))  # fmt: skip


def _json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _table(table: Mapping[str, Any], summary: str) -> str:
    head = "".join(f"<th scope='col'>{_text(column)}</th>" for column in table["columns"])
    rows = "".join(
        "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in table["rows"]
    )
    return (
        f"<details><summary>{_text(summary)}</summary><div class='scroll' "
        f"tabindex='0'><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></details>"
    )


def _left_out(left_out: Mapping[str, str]) -> str:
    if not left_out:
        return ""
    rows = "".join(f"<li><b>{_text(label)}</b>: {_text(reason)}.</li>" for label, reason in left_out.items())
    heading = f"{words.count(len(left_out), 'view')} left out"
    return f"<div class='card' id='left-out'><h3>{heading}</h3><ul>{rows}</ul></div>"


def _footer(tables: Tables) -> str:
    facts = {
        key: value for key, value in tables.about.provenance.items() if isinstance(value, (str, int, float))
    }
    lines = ", ".join(
        f"{_text(key.replace('_', ' '))} <code>{_text(value)}</code>" for key, value in facts.items()
    )
    return (
        "<footer><p class='keys'>Keys: j and k go to the next and the previous chart; hover or tap for "
        "numbers.</p><p>Effects are the model's estimates, not observations. Intervals are meant to hold "
        f"the truth in {words.percent(LEVEL)} of cases, as far as members of the model differ.</p>"
        + (f"<p>Model: {lines}.</p></footer>" if lines else "</footer>")
    )


def strip(figure: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A figure's JSON without the parts the page sets in type, and those parts."""
    content: dict[str, Any] = json.loads(figure.to_json())
    layout = content["layout"]
    meta: dict[str, Any] = layout.pop("meta")
    layout.pop("title", None)
    layout["margin"]["t"] = meta["top"]
    layout["height"] = meta["height"]
    del layout["template"]
    return content, meta
