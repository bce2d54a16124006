"""The same spec and the same data have the digests they had, so that nothing is fitted twice."""

from __future__ import annotations

import json
from pathlib import Path

from tests.golden.digest_literals import PATH, literals


def test_digests_are_those_that_models_were_recorded_under(tmp_path: Path) -> None:
    assert literals(tmp_path) == json.loads(PATH.read_text(encoding="utf-8"))
