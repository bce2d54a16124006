"""Commands and options are those that were."""

from __future__ import annotations

import pytest

from tests.golden.interface.usage import FOLDER, WORDS, usage


def test_no_command_came_or_went() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.txt")) == sorted(WORDS)


@pytest.mark.parametrize("name", list(WORDS))
def test_help_says_what_it_said(name: str) -> None:
    assert usage(name) == (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
