"""Models fitted before load, and say what they said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.golden.likeness import differences
from tests.golden.stored import MODELS, PATH, stored


@pytest.fixture(scope="module", params=MODELS)
def both(request: pytest.FixtureRequest) -> tuple[dict[str, Any], dict[str, Any]]:
    return stored(request.param), json.loads(PATH.read_text(encoding="utf-8"))[request.param]


@pytest.mark.parametrize("part", ["contributions", "effects", "curves", "hill"])
def test_a_stored_model_says_what_it_said(both: tuple[dict[str, Any], dict[str, Any]], part: str) -> None:
    """Contributions of controls cancel to 0, hence the millionth of a KPI unit; a Hill equation is found in
    steps, which end where the processor's last digits say."""
    found, expected = both
    relative, absolute = {"contributions": (1e-9, 1e-6), "hill": (1e-6, 1e-6)}.get(part, (1e-9, 1e-9))

    assert not differences(found[part], expected[part], lambda place: (relative, absolute))
