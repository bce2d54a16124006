from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmm.analysis.history import restatements
from mmm.data.panel import Panel
from tests.small import small_panel


def shorter(panel: Panel, periods: int) -> Panel:
    """The panel as it was when only its last periods were known."""
    cut = slice(len(panel.dates) - periods, None)
    arrays = ("present_GT", "kpi_GT", "media_GTC", "spend_GTC", "controls_GTK", "kpi_value_GT")
    return replace(panel, dates=panel.dates[cut], **{name: getattr(panel, name)[:, cut] for name in arrays})


def test_more_periods_tell_the_past_as_it_was() -> None:
    panel = small_panel()

    assert restatements(shorter(panel, 40), panel) == []
    assert restatements(panel, shorter(panel, 40)) == []


def test_sums_are_those_of_the_periods_and_regions_in_common() -> None:
    new = small_panel()
    old = shorter(new, 40)
    old = replace(old, spend_GTC=old.spend_GTC * np.array([1.0, 1000.0, 1.0]))

    (found,) = restatements(old, new)

    assert (found.what, found.where, found.periods) == ("spend", "search", 40)
    assert found.new == pytest.approx(new.spend_GTC[:, 8:, 1].sum())
    assert found.old == pytest.approx(1000.0 * found.new)
    assert found.moved == pytest.approx(0.999)
    assert (found.first, found.last) == ("2023-02-27", "2023-11-27")
    assert found.text.endswith(", 0.001 times as much")


def test_the_kpi_and_exposure_are_compared_too() -> None:
    old = small_panel()
    media_GTC = old.media_GTC.copy()
    media_GTC[..., 0] *= 0.5
    new = replace(old, kpi_GT=2.0 * old.kpi_GT, media_GTC=media_GTC)

    found = restatements(old, new)

    assert [item.name for item in found] == ["KPI", "exposure of tv"]
    assert [item.new / item.old for item in found] == pytest.approx([2.0, 0.5])


def test_weeks_that_changed_places_differ_though_their_sum_does_not() -> None:
    old = small_panel()
    new = replace(old, spend_GTC=old.spend_GTC[:, ::-1])

    found = restatements(old, new)

    assert [item.what for item in found] == ["spend"] * 3
    assert all(item.old == pytest.approx(item.new) and item.moved > 0.2 for item in found)


def test_small_corrections_may_be_let_pass_and_unknown_cells_do_not_count() -> None:
    old = small_panel()
    kpi_GT = old.kpi_GT.copy()
    kpi_GT[:, -1] *= 1.2
    kpi_GT[0, 0] = np.nan
    new = replace(old, kpi_GT=kpi_GT)

    assert [item.name for item in restatements(old, new)] == ["KPI"]
    assert restatements(old, new, beyond=0.1) == []


def test_a_row_that_came_later_is_no_restatement() -> None:
    new = small_panel()
    present_GT = new.present_GT.copy()
    present_GT[0, 0] = False
    spend_GTC, media_GTC = new.spend_GTC.copy(), new.media_GTC.copy()
    spend_GTC[0, 0], media_GTC[0, 0] = 0.0, 0.0
    old = replace(new, present_GT=present_GT, spend_GTC=spend_GTC, media_GTC=media_GTC)

    assert restatements(old, new) == []


def test_renamed_channels_are_compared_and_strangers_are_not() -> None:
    old = small_panel()
    new = replace(old, channels=("tv", "paid_search", "radio"), spend_GTC=2.0 * old.spend_GTC)

    assert [item.where for item in restatements(old, new)] == ["tv", "radio"]
    named = restatements(old, new, {"paid_search": "search"})
    assert [item.where for item in named] == ["tv", "paid_search", "radio"]


def test_nothing_in_common_is_nothing_to_compare() -> None:
    old = small_panel()

    assert restatements(old, replace(old, regions=("x", "y", "z"), kpi_GT=2 * old.kpi_GT)) == []
    assert restatements(old, replace(old, dates=old.dates + 3650, kpi_GT=2 * old.kpi_GT)) == []
