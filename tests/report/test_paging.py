"""Tables of any length: short ones stand in the page, of long ones a screenful."""

from __future__ import annotations

import base64
import gzip
import json
import re
from typing import Any

from mmm.report.paging import PAGED_FROM, SCREENFUL, Cell, Row, table, texts


def rows(count: int) -> list[Row]:
    return [
        Row(
            [Cell("open", "", link=f"{n}.html", label=f"Report {n}"), Cell(f"{n} %", n / 100, small="1 to 2")]
        )
        for n in range(count)
    ]


def packed(text: str) -> Any:
    """What lies packed in a table."""
    (content,) = re.findall(r"<script type='text/plain'>([^<]+)</script>", text)
    return json.loads(gzip.decompress(base64.b64decode(content)))


def test_a_short_table_has_all_of_its_rows_and_nothing_to_turn_over() -> None:
    text = table("<th>A</th>", rows(PAGED_FROM), label="Markets", sortable=True)

    assert text.count("<td data-sort=") == 2 * PAGED_FROM
    assert "<a href='7.html' aria-label='Report 7'>open</a>" in text
    assert "<td data-sort='0.07'>7 %<small>1 to 2</small></td>" in text
    assert "paged" not in text and "<script" not in text


def test_of_a_long_table_a_screenful_stands_there_and_all_lies_packed() -> None:
    text = table("<th>A</th>", rows(PAGED_FROM + 1), label="Markets", sortable=True)

    assert text.count("<td data-sort=") == 2 * SCREENFUL
    assert f"1 to {SCREENFUL} of {PAGED_FROM + 1}" in text
    content = packed(text)
    assert len(content) == PAGED_FROM + 1
    assert content[200] == ["", ["", "open", "", "200.html", "Report 200"], [2.0, "200 %", "1 to 2"]]


def test_plain_text_is_packed_as_it_is_and_equal_tables_are_equal() -> None:
    content = [[f"<b>{n}</b>", "&"] for n in range(300)]
    one, other = (table("", texts(content), label="T") for _ in range(2))

    assert one == other
    assert packed(one)[299] == ["", "<b>299</b>", "&"]
    assert "<b>" not in one and "&lt;b&gt;0&lt;/b&gt;" in one
