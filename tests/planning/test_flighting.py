from __future__ import annotations

import numpy as np
import pytest

from mmm.planning.amounts import Flighting, flighting_weights

HISTORY_TC = np.array([[1.0, 0.0], [3.0, 0.0]])


@pytest.mark.parametrize(
    ("flighting", "expected"),
    [
        ("history", [[0.25, 0.5], [0.75, 0.5]]),
        ("even", [[0.5, 0.5], [0.5, 0.5]]),
        ([4, 1], [[0.8, 0.8], [0.2, 0.2]]),
        ({"search": [4, 1]}, [[0.25, 0.8], [0.75, 0.2]]),
    ],
)
def test_weights(flighting: Flighting, expected: list[list[float]]) -> None:
    assert flighting_weights(flighting, ["tv", "search"], HISTORY_TC).tolist() == expected
