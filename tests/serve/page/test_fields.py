"""Every field of a request can be reached on the page, or docs/planner.md says why not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mmm.planning.prices.stated import ChannelPrice, Tier
from mmm.planning.prices.treatment_cost import TreatmentCost
from mmm.planning.request import Bounds, BudgetRequest, Group, PortfolioTerms
from mmm.planning.scenario.request import ScenarioRequest, SpendPlan
from serve.page.assets import STATIC

MODELS = (
    BudgetRequest,
    Bounds,
    Group,
    ScenarioRequest,
    SpendPlan,
    ChannelPrice,
    Tier,
    TreatmentCost,
    PortfolioTerms,
)
FIELDS = sorted({name for model in MODELS for name in model.model_fields} - {"file"})
"""All but ``file``, which no request from afar may name."""
BUILDERS = ("market/plan.js", "market/buying.js", "portfolio.js")
"""Modules that write requests."""


@pytest.fixture(scope="module")
def left_out(repository: Path) -> set[str]:
    """Fields that the page's documentation says it has not."""
    text = (repository / "docs" / "planner.md").read_text(encoding="utf-8")
    table = text.partition("## What a request has and the page has not")[2].partition("\n## ")[0]
    first = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return {name for cell in first for name in re.findall(r"`(\w+)`", cell)}


def test_every_field_is_on_the_page_or_left_out_with_a_reason(left_out: set[str]) -> None:
    source = "\n".join((STATIC / name).read_text(encoding="utf-8") for name in BUILDERS)
    written = {name for name in FIELDS if re.search(rf"(?<![\w-]){name}(?![\w-])", source)}

    assert set(FIELDS) - written - left_out == set()
    assert left_out <= set(FIELDS)
