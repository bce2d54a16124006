"""A model that scenarios are asked of."""

from __future__ import annotations

import pytest

from mmm.fitted import Fitted
from tests.small import sketch


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return sketch()
