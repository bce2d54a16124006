"""One model with regions and one without, drawn rather than fitted, and a request."""

from __future__ import annotations

from typing import Any

import pytest

from mmm.design.designer import Designer
from mmm.design.request import DesignRequest, parse_design
from tests.small import sketch, small_panel

BUDGET = {
    "budget": "current",
    "horizon": 13,
    "default_bounds": {"min_change": -0.5, "max_change": 0.5},
}


def request_of(**fields: Any) -> DesignRequest:
    return parse_design({"budget": BUDGET, "weeks": [4], **fields})


@pytest.fixture(scope="package")
def regional() -> Designer:
    return Designer(sketch(small_panel(regions=8, periods=104), members=60), request_of())


@pytest.fixture(scope="package")
def national() -> Designer:
    fitted = sketch(small_panel(regions=1, periods=150), members=60)
    return Designer(fitted, request_of(kinds=["go_dark"], channels=["search"]))
