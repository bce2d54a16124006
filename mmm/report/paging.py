"""Tables of any length: a page holds a screenful of rows, the others lie packed in it.

Whoever searches, sorts or turns over has the browser unpack them; without a script the first rows stand
there.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mmm import words

PAGED_FROM = 200
"""Rows up to which a table has all of them in its text."""
SCREENFUL = 50
"""Rows that are shown at once of a longer one."""


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: What is shown.
        key: What rows are sorted by; empty sorts last, None is the text.
        small: Shown below in small print.
        link: Address that the text leads to; empty leads nowhere.
        label: Of the link, for those who hear it.
    """

    text: str
    key: str | float | None = None
    small: str = ""
    link: str = ""
    label: str = ""

    def html(self, *, keyed: bool, head: str = "") -> str:
        """The cell as HTML; a phone, which shows each row as a card, says its ``head`` above it."""
        key = f" data-sort='{escape(self.text if self.key is None else self.key)}'" if keyed else ""
        shown = escape(self.text)
        if self.link:
            label = f" aria-label='{escape(self.label)}'" if self.label else ""
            shown = f"<a href='{escape(self.link)}'{label}>{shown}</a>"
        below = f"<small>{escape(self.small)}</small>" if self.small else ""
        named = f" data-head='{escape(head)}'" if head else ""
        return f"<td{key}{named}>{shown}{below}</td>"

    def packed(self) -> str | list[str | float]:
        """The cell as JSON: its text, or key, text, small print, link and label as far as there are any."""
        parts: list[str | float] = [self.text if self.key is None else self.key, self.text]
        parts += [self.small, self.link, self.label]
        while len(parts) > 2 and not parts[-1]:
            parts.pop()
        return self.text if self.key is None and len(parts) == 2 else parts


@dataclass(frozen=True)
class Row:
    """A row of a table, with a class for its look."""

    cells: Sequence[Cell]
    look: str = ""


def table(
    head: str,
    rows: Sequence[Row],
    *,
    label: str,
    looks: str = "",
    sortable: bool = False,
    heads: Sequence[str] = (),
) -> str:
    """A table that scrolls within itself, as HTML.

    Args:
        head: Cells of its head, as HTML.
        rows: All of them.
        label: What it is, for those who hear it.
        looks: Classes of the table.
        sortable: Headings sort by the cells' keys.
        heads: What each cell of a row is, where phones show rows as cards below each other.
    """
    shown = rows if len(rows) <= PAGED_FROM else rows[:SCREENFUL]
    body = "".join(_row(row, heads, keyed=sortable) for row in shown)
    classes = " ".join(filter(None, ("sortable" if sortable else "", "cards" if heads else "", looks)))
    own = f" class='{classes}'" if classes else ""
    text = (
        f"<div class='scroll' tabindex='0' role='region' aria-label='{escape(label)}'>"
        f"<table{own}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
    if len(rows) <= PAGED_FROM:
        return text
    return (
        f"<div class='paged' data-size='{SCREENFUL}' data-rows='{len(rows)}'>"
        "<div class='pager'><label>Search <input type='search'></label>"
        f"<span role='status'>1 to {SCREENFUL} of {words.whole(len(rows))}</span>"
        "<button type='button' data-step='-1' disabled>Previous</button>"
        f"<button type='button' data-step='1'>Next</button></div>{text}"
        f"<script type='text/plain'>{_packed(rows)}</script></div>"
    )


def texts(rows: Iterable[Sequence[str]]) -> list[Row]:
    """Rows of plain text."""
    return [Row([Cell(cell) for cell in row]) for row in rows]


def _row(row: Row, heads: Sequence[str], *, keyed: bool) -> str:
    look = f" class='{row.look}'" if row.look else ""
    pairs = zip(row.cells, heads or [""] * len(row.cells), strict=True)
    return f"<tr{look}>{''.join(cell.html(keyed=keyed, head=head) for cell, head in pairs)}</tr>"


def packed(text: str) -> str:
    """A text as the page's script unpacks it; equal texts are packed alike."""
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()


def _packed(rows: Sequence[Row]) -> str:
    content = [[row.look, *(cell.packed() for cell in row.cells)] for row in rows]
    return packed(json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False))


def escape(value: object) -> str:
    """A value as text that HTML takes for text."""
    return html.escape(str(value))
