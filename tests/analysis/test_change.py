from __future__ import annotations

import pytest

from mmm.analysis.change import RoiChange, came_and_went, present_names, roi_changes, share_shift


@pytest.mark.parametrize(
    ("new", "old", "shift"),
    [
        ({"tv": 0.2, "search": 0.1}, {"tv": 0.2, "search": 0.1}, 0.0),
        ({"tv": 0.1, "search": 0.2}, {"tv": 0.2, "search": 0.1}, 0.2 / 0.3),
        ({"tv": 0.2, "video": 0.1}, {"tv": 0.2, "search": 0.1}, 0.1 / 0.3),
        ({"tv": 0.2, "video": 0.2}, {"tv": 0.2, "search": 0.1}, 0.2 / 0.3),
        ({"tv": 0.2}, {"tv": 0.2, "search": 0.1}, 0.1 / 0.3),
        ({}, {}, 0.0),
        ({"tv": 0.1}, {}, 1.0),
    ],
)
def test_share_shift(new: dict[str, float], old: dict[str, float], shift: float) -> None:
    assert share_shift(new, old) == pytest.approx(shift)


SHARES = {"tv": 0.2, "search": 0.1, "radio": 0.001}


def test_an_roi_that_changed_by_a_factor_is_found() -> None:
    old = {"tv": 0.5, "search": 2.0, "radio": 1.0}

    assert roi_changes(old, old, SHARES, SHARES) == []
    assert roi_changes({**old, "tv": 0.99, "search": 1.01}, old, SHARES, SHARES) == []
    assert roi_changes({**old, "tv": 500.0}, old, SHARES, SHARES) == [RoiChange("tv", 0.5, 500.0)]
    assert roi_changes({**old, "search": 0.9}, old, SHARES, SHARES) == [RoiChange("search", 2.0, 0.9)]
    assert RoiChange("tv", 0.544, 544.1).text == "ROI of tv went from 0.544 to 544"


def test_an_roi_of_nearly_nothing_or_unknown_is_not_compared() -> None:
    old = {"tv": 0.5, "radio": 1.0}

    assert roi_changes({"tv": 0.5, "radio": 9.0}, old, SHARES, SHARES) == []
    assert roi_changes({"tv": float("nan")}, old, SHARES, SHARES) == []
    assert roi_changes({"search": 9.0}, old, SHARES, SHARES) == []


def test_channels_have_the_names_of_today() -> None:
    renamed = {"paid_social": "social"}

    assert present_names(["tv", "social"], ["tv", "paid_social"], renamed) == {
        "tv": "tv",
        "social": "paid_social",
    }
    assert present_names(["tv", "paid_social"], ["tv", "paid_social"], renamed) == {
        "tv": "tv",
        "paid_social": "paid_social",
    }
    assert present_names(["social"], ["paid_social"]) == {"social": "social"}


def test_channels_of_one_model_alone_are_named_with_the_way_out() -> None:
    assert came_and_went(["tv"], ["tv"]) == ""
    assert came_and_went(["tv", "radio"], ["tv"]) == "'radio' went"
    assert came_and_went(["tv"], ["tv", "radio"]) == "'radio' came"
    assert came_and_went(["social"], ["paid_social"]) == (
        "'social' went and 'paid_social' came; if they are the same, say so in the spec: "
        "`renamed: {paid_social: social}`"
    )


def test_without_a_value_of_the_kpi_a_jump_is_one_of_kpi_per_unit_spent() -> None:
    (change,) = roi_changes({"tv": 500.0}, {"tv": 0.5}, SHARES, SHARES, valued=False)

    assert change.text == "KPI per unit spent on tv went from 0.5 to 500"
