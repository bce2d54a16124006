"""How many files a reader has to follow: those of the product in which a function begins during one answer.

Requests are read first, at the door, as the command and the service do. The plan by region is the first one
of its horizon, on a model that has made one other plan, as every model of a service has.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

import mmm
from mmm.fitted import load_fitted
from mmm.planning.budget import answer_budget
from mmm.planning.planner import Planner
from mmm.planning.request import parse_request
from mmm.planning.scenario.evaluate import answer_scenario
from mmm.planning.scenario.request import parse_scenario
from tests.golden.doors import FITTED

PRODUCT = Path(mmm.__file__).parent
HALF = {"min_change": -0.5, "max_change": 0.5}


def entered(answer: Callable[[], object]) -> set[str]:
    """Files of the product in which a function begins while the answer is made."""
    files: set[str] = set()

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            files.add(frame.f_code.co_filename)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        answer()
    finally:
        sys.setprofile(before)
    return {str(Path(file).relative_to(PRODUCT)) for file in files if Path(file).is_relative_to(PRODUCT)}


@pytest.fixture
def planner() -> Planner:
    planner = Planner(load_fitted(FITTED / "us"))
    answer_budget(planner, {"budget": "current", "horizon": 13})
    return planner


def test_a_plan_of_a_model_that_has_answered_before(planner: Planner) -> None:
    panel = planner.panel
    request = parse_request({"budget": "current", "default_bounds": HALF}, channels=panel.channels)
    answer_budget(planner, request)

    files = entered(lambda: answer_budget(planner, request))

    assert "planning/budget.py" in files
    assert len(files) <= 11, sorted(files)


def test_a_scenario(planner: Planner) -> None:
    spend = dict.fromkeys(planner.panel.channels, 20000.0)
    request = parse_scenario({"spend": spend}, channels=planner.panel.channels)
    answer_scenario(planner, request)

    files = entered(lambda: answer_scenario(planner, request))

    assert "planning/scenario/evaluate.py" in files
    assert len(files) <= 11, sorted(files)


def test_a_first_plan_by_region_with_a_target_and_a_group(planner: Planner) -> None:
    channels = planner.panel.channels
    question = {
        "horizon": 6,
        "by_region": True,
        "objective": "target_roi",
        "target": 1.5,
        "default_bounds": HALF,
        "groups": [{"channels": list(channels[:2]), "max_share": 0.7}],
    }
    request = parse_request(question, channels=channels)
    plans = []

    files = entered(lambda: plans.append(answer_budget(planner, request)))

    assert plans[0].feasible
    assert "planning/solve/by_region.py" in files
    assert len(files) <= 20, sorted(files)
