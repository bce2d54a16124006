"""The commands have the options they had."""

from __future__ import annotations

import pytest

from tests.golden.interface.jobs_help import MODULES, PATH, helped


@pytest.mark.parametrize("module", MODULES)
def test_the_help_of_a_command_is_as_it_was(module: str) -> None:
    """Reworded on purpose? ``python -m tests.golden.interface.jobs_help`` writes the file anew."""
    before = PATH.read_text(encoding="utf-8").split("$ python -m ")

    assert [text.partition(" ")[0] for text in before[1:]] == list(MODULES)
    assert helped()[module].strip() == f"$ python -m {before[1 + MODULES.index(module)]}".strip()
