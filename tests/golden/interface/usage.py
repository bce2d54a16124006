"""What every command says of itself. ``python -m tests.golden.interface.usage`` writes it anew.

Commands and options are what scripts of users call: one that goes or is renamed breaks them. A new one
rewrites the files under ``usage/`` in the commit that brings it.
"""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from unittest import mock

from tests.golden.doors import COMMAND_NAMES, mmm

FOLDER = Path(__file__).with_name("usage")
WIDTH = "100"
WORDS: dict[str, tuple[str, ...]] = {
    "mmm": (),
    **{name: (name,) for name in COMMAND_NAMES},
    **{f"design_{step}": ("design", step) for step in ("tests", "freeze", "result")},
}
"""Name of the file to the words before ``--help``."""


def usage(name: str) -> str:
    """Text of ``--help`` in a terminal 100 columns wide without colours."""
    told = io.StringIO()
    plain = mock.patch.dict(os.environ, {"COLUMNS": WIDTH, "NO_COLOR": "1"})
    with plain, contextlib.redirect_stdout(told), contextlib.suppress(SystemExit):
        mmm(*WORDS[name], "--help")
    return told.getvalue()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for word in WORDS:
        (FOLDER / f"{word}.txt").write_text(usage(word), encoding="utf-8")
