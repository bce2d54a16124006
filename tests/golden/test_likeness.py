"""The comparison of goldens sees what it should see."""

from __future__ import annotations

from typing import Any

import pytest

from tests.golden.likeness import Place, differences


def tolerance(place: Place) -> tuple[float, float]:
    return (0.1, 0.0) if "loose" in place else (1e-9, 0.0)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"a": 1.0, "b": None}, {"a": 1.0 + 1e-12, "b": None}),
        ({"loose": [1.05]}, {"loose": [1.0]}),
        ({"loose": "ROI 1.05, 12% of 3 weeks"}, {"loose": "ROI 1.0, 11% of 3 weeks"}),
    ],
)
def test_alike(found: Any, expected: Any) -> None:
    assert differences({"x": found}, {"x": expected}, tolerance) == []


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (1.0 + 1e-8, 1.0),
        (2, 1),
        (1, True),
        (None, 0.0),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a": 1, "b": 2}, {"a": 1}),
        ([1.0, 2.0], [1.0]),
        ("3 weeks of 1.0", "4 weeks of 1.0"),
        ("ROI 1.00001", "ROI 1.0"),
        ("ROI 1.0", "ROI 1.0 and 2.0"),
    ],
)
def test_unlike(found: Any, expected: Any) -> None:
    lines = differences({"x": found}, {"x": expected}, tolerance)

    assert lines and all(line.startswith("x") for line in lines)
