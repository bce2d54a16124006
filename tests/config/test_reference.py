"""The page of settings is that of the classes, and says what a reader needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmm.config.reference import spec_page


@pytest.fixture(scope="module")
def page() -> str:
    return spec_page()


def test_the_page_is_current(repository: Path, page: str) -> None:
    written = (repository / "docs" / "spec.md").read_text(encoding="utf-8")

    assert written == page, "write it anew: python -m mmm.config.reference docs/spec.md"


@pytest.mark.parametrize(
    "line",
    [
        "| `brand` | required | text | Brand, part of the model's key. |",
        "| `members` | `8` | whole number, at least 1, at most 256 |",
        "| `media` | `refuse` | `refuse`, `zero` |",
        "## `columns.channels.NAME`",
        "## `model.priors.channels.NAME`",
        "## A portfolio",
    ],
)
def test_default_range_and_meaning_stand_beside_each_setting(line: str, page: str) -> None:
    assert any(row.startswith(line) for row in page.splitlines())


def test_every_setting_has_a_meaning(page: str) -> None:
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]

    assert len(rows) > 80
    assert [row[0] for row in rows if not row[-1].strip(" |")] == []
