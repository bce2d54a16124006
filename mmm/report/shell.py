"""The HTML that every page of the product shares: document, navigation, tiles, views, tables of numbers.

A page is one file that loads nothing: styles, script, plotly.js and figures are inside, and its policy
forbids the rest. Words and numbers stand before the library, which is packed and unpacked by the browser
when the first figure comes into sight: Plotly's bundle of flat charts, 0.5 MB of it instead of 4.8.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from mmm.report import paging, theme
from mmm.report.paging import escape

PACKED_FROM = 4_000
"""Characters from which a figure is packed, as many layers of a map are."""
LIBRARY = "plotly-cartesian.min.js.gz"
LEAST, CHART, NAME, SPREAD = 640, 270, 44, 860
"""Pixels that a chart needs which does not fit a phone: at least, each beside others, each name below it,
with names spread over it."""
CELL, BESIDE = 38, 200
"""Pixels of a cell with a number in it, and of the names beside the cells."""
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


def document(
    title: str,
    sections: Mapping[str, Sequence[Drawn]],
    before: str,
    after: str,
    links: Mapping[str, str] | None = None,
) -> str:
    """A whole page.

    Args:
        title: Of the window and the bookmark.
        sections: Views under their headings, in order; headings without a view are left out.
        before: HTML above the views: cover, findings.
        after: HTML below them: notes, footer.
        links: Further entries of the navigation: anchor to label.
    """
    shown = {heading: views for heading, views in sections.items() if views}
    body = "".join(_section(place, heading, views) for place, (heading, views) in enumerate(shown.items()))
    head = [
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>",
        f"<meta http-equiv='Content-Security-Policy' content=\"{_POLICY}\">",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        "<meta name='color-scheme' content='light dark'>",
        f"<title>{escape(title)}</title><link rel='icon' href='data:,'>",
        f"<style>{_asset('report.css').decode()}</style></head><body>",
        "<a class='skip' href='#main'>Skip to the report</a><div class='shell'>",
    ]
    end = [
        "<noscript><p>The charts need JavaScript; the tables of numbers do not.</p></noscript>",
        f"<script type='application/json' id='theme'>{as_json(theme.template())}</script>",
        f"<script type='application/json' id='dark'>{as_json(theme.DARK)}</script>",
        f"<script type='text/plain' id='library'>{base64.b64encode(_asset(LIBRARY)).decode()}</script>",
        f"<script>{_asset('report.js').decode()}</script></body></html>\n",
    ]
    content = f"<main id='main'>{before}{body}{after}</main></div>"
    return "".join([*head, _navigation(shown, links or {}), content, *end])


def _asset(name: str) -> bytes:
    return files("mmm.report").joinpath("assets").joinpath(name).read_bytes()


def as_json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _navigation(sections: Mapping[str, Sequence[Drawn]], links: Mapping[str, str]) -> str:
    items = []
    for place, (heading, views) in enumerate(sections.items()):
        inner = "".join(f"<li><a href='#{view.key}'>{escape(view.label)}</a></li>" for view in views)
        items.append(f"<li><a href='#section-{place}'>{escape(heading)}</a><ol>{inner}</ol></li>")
    items += [f"<li><a href='#{anchor}'>{escape(label)}</a></li>" for anchor, label in links.items()]
    return f"<nav class='contents' aria-label='Contents'><ol>{''.join(items)}</ol></nav>"


def cover(title: str, parts: Sequence[str]) -> str:
    """Title of the page, and below it what it is about."""
    return f"<header class='cover'><h1>{escape(title)}</h1><p>{escape(', '.join(parts))}</p></header>"


def tiles(shown: Sequence[Tile]) -> str:
    """Headline figures side by side."""
    cells = "".join(
        f"<div class='tile'><b>{escape(t.value)}</b><span>{escape(t.text)}</span></div>" for t in shown
    )
    return f"<div class='tiles'>{cells}</div>" if cells else ""


def _section(place: int, heading: str, views: Sequence[Drawn]) -> str:
    body = "".join(_view(view) for view in views)
    return f"<section><h2 id='section-{place}'>{escape(heading)}</h2>{body}</section>"


def _view(view: Drawn) -> str:
    """One figure with its statement, reading aid, chart, notes and numbers."""
    meta = view.meta
    notes = "".join(f"<li>{escape(note)}</li>" for note in meta["notes"])
    links = " data-links" if meta["links"] else ""
    least = _least_width(view.figure)
    wide = " wide" if least else ""
    size = f"min-height:{int(meta['height'])}px" + (f";--least:{least}px" if least else "")
    kind = f"<figcaption><p class='kind'>{escape(view.label)}</p>"
    parts = [
        f"<figure class='view{wide}' id='{view.key}'{links}>{kind}<h3>{escape(meta['title'])}</h3>",
        f"<p class='reading'>{escape(meta['reading'])}</p></figcaption>",
        f"<div class='frame' tabindex='0' role='group' aria-label='{escape(meta['alt'])}'>",
        f"<div class='plot' style='{size}'></div></div>",
        f"<ul class='notes'>{notes}</ul>" if notes else "",
        table(meta["table"], "The numbers as a table", f"{view.label}: the numbers") if meta["table"] else "",
        f"{_figure(as_json(view.figure))}</figure>",
    ]
    return "".join(parts)


def _figure(text: str) -> str:
    """A figure as a script element, packed where it is large."""
    if len(text) <= PACKED_FROM:
        return f"<script type='application/json'>{text}</script>"
    return f"<script type='text/plain' class='packed'>{paging.packed(text)}</script>"


def _least_width(figure: Mapping[str, Any]) -> int:
    """Pixels that a chart needs where a phone has fewer and scrolls it; 0 where it fits any screen.

    Charts side by side, texts beside them, names below and names within are too much for a phone.
    """
    layout, traces = figure["layout"], figure["data"]
    along = [axis for name, axis in layout.items() if name.startswith("xaxis")]
    domains = [tuple(axis.get("domain", (0.0, 1.0))) for axis in along]
    beside = len({start for start, _ in domains})
    below = max(
        (len(axis.get("tickvals", ())) for axis in along if axis.get("type") == "category"), default=0
    )
    named = any("text" in str(trace.get("mode", "")) and len(trace["text"]) > 1 for trace in traces)
    if below and any(trace.get("texttemplate") or trace.get("text") is not None for trace in traces):
        return max(LEAST, BESIDE + CELL * below)
    if all(end - start >= 1.0 for start, end in domains) and not below and not named:
        return 0
    return max(LEAST, CHART * beside, NAME * below, SPREAD if named else 0)


def table(content: Mapping[str, Any], summary: str, label: str = "") -> str:
    """Numbers as a folded table; ``content`` has ``columns`` and ``rows`` of text.

    Those who hear the page know the tables apart by ``label``, the summary by default.
    """
    head = "".join(f"<th scope='col'>{escape(column)}</th>" for column in content["columns"])
    shown = paging.table(head, paging.texts(content["rows"]), label=label or summary)
    return f"<details><summary>{escape(summary)}</summary>{shown}</details>"


def left_out(reasons: Mapping[str, str], noun: str) -> str:
    """Views that could not be drawn and why; nothing if all were.

    Args:
        reasons: Label of the view to the reason.
        noun: Heading, e.g. ``2 views left out``.
    """
    if not reasons:
        return ""
    rows = "".join(f"<li><b>{escape(label)}</b>: {escape(reason)}.</li>" for label, reason in reasons.items())
    return f"<div class='card' id='left-out'><h3>{escape(noun)}</h3><ul>{rows}</ul></div>"


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
