"""A change that should not change numbers does not change them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tests.golden.trace import PATH, trace


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return trace()


@pytest.mark.parametrize("part", ["loss", "scales", "share", "channels", "prediction", "graph"])
def test_the_trace_is_as_it_was(found: dict[str, Any], part: str) -> None:
    """To single precision: processors add up in orders of their own."""
    expected = json.loads(PATH.read_text(encoding="utf-8"))[part]
    now = found[part]
    if isinstance(expected, dict):
        assert list(now) == list(expected)
        expected, now = list(expected.values()), list(now.values())

    np.testing.assert_allclose(
        now, expected, rtol=2e-3, atol=1e-5, err_msg=f"{part} moved; see tests/golden/trace.py"
    )
