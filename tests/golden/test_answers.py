"""Budget plans and scenarios of stored models are what they were."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.golden.answers import KINDS, answered, asked, path_of
from tests.golden.likeness import Place, differences

CASES = [(kind, name) for kind in KINDS for name in asked(kind)]

SETTLED = {"kpi_value", "current_budget", "current_spend", "current_kpi", "risk", "supported_max"}
"""Numbers of a plan that no solver has moved."""

AMOUNTS = {"spend", "budget"}


def of_plan(place: Place) -> tuple[float, float]:
    """A solver stops where the KPI is flat, so that the last digits of amounts are the processor's.

    Without AVX2, amounts of these plans move by up to 1.1e-6 of themselves (by 6e-6 in a region) and the mean
    KPI by less than 2e-9. The KPI of one member, of one channel or of one of several models is not flat
    there: it moves as the amounts do, and so do intervals and returns. Between two processors with AVX2 the
    interval of the KPI of two models moved by 3e-9, and the gap, a bound that the search has reached when it
    stops, by 3.2e-4 of itself.
    """
    if place[-1:] == ("gap",):
        return 1e-3, 1e-8
    one_of_many = {"channels", "regions", "models"} & set(place)
    if SETTLED & set(place) or (place[-2:] == ("kpi", "mean") and not one_of_many):
        return (1e-8 if one_of_many or "lower" in place or "upper" in place else 2e-9), 1e-9
    if AMOUNTS & set(place) and "regions" not in place:
        return 5e-6, 0.01
    return 1e-4, 5e-5


def of_scenario(place: Place) -> tuple[float, float]:
    """No solver is asked; a gain of 0 is a difference of numbers of a million."""
    return 1e-9, 1e-9


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_the_answer_is_what_it_was(kind: str, name: str, tmp_path: Path) -> None:
    expected = json.loads(path_of(kind, name).read_text(encoding="utf-8"))
    tolerance = of_plan if kind == "plans" else of_scenario

    assert not differences(answered(kind, name, tmp_path), expected, tolerance)


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_answer_kept_is_asked_for(kind: str) -> None:
    kept = {path.stem for path in path_of(kind, "any").parent.glob("*.json")}

    assert kept == set(asked(kind))
