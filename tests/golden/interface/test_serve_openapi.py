"""The interface of the service is the one that callers build on."""

from __future__ import annotations

import json
from pathlib import Path

from tests.golden.interface.serve_openapi import PATH, openapi


def test_the_interface_is_as_it_was(tmp_path: Path) -> None:
    """Changed on purpose? ``python -m tests.golden.interface.serve_openapi`` writes the file anew."""
    before = json.loads(PATH.read_text(encoding="utf-8"))
    now = openapi(tmp_path)

    assert list(now["paths"]) == list(before["paths"])
    for name, schema in before["components"]["schemas"].items():
        assert now["components"]["schemas"].get(name) == schema, name
    assert json.dumps(now, indent=1) == json.dumps(before, indent=1)
