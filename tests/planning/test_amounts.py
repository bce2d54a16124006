"""Amounts and media, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmm.data.panel import Panel
from mmm.planning.amounts import AmountsToMedia, Flighting, amounts_of, flighting_weights
from mmm.planning.budget import plan_budget
from tests.small import sketch, small_panel


def two_regions(weeks: int = 4) -> Panel:
    """Channel 0 bought at 10 exposures per unit, channel 1 without exposure; nothing else varies."""
    panel = small_panel(regions=2, periods=weeks, channels=2)
    spend_GTC = np.zeros((2, weeks, 2))
    spend_GTC[0, :, 0], spend_GTC[1, :, 0] = np.arange(1, weeks + 1), 1.0
    spend_GTC[0, :, 1] = 5.0
    media_GTC = spend_GTC * [10.0, 1.0]
    return replace(panel, spend_GTC=spend_GTC, media_GTC=media_GTC)


def exchange(panel: Panel) -> AmountsToMedia:
    return AmountsToMedia(panel, np.array([0.5, 1.5]))


def test_history_is_repeated_cell_by_cell() -> None:
    panel = two_regions()
    ours = exchange(panel)
    repeated_GHC = ours.unit_GHC(2) * ours.current(2)

    assert ours.current(2).tolist() == [9.0, 10.0]
    np.testing.assert_allclose(repeated_GHC, panel.media_GTC[:, -2:])


def test_by_region_every_region_follows_its_own_pattern() -> None:
    panel = two_regions()
    ours = exchange(panel)
    current_CG = ours.current(2, by_region=True).reshape(2, 2)
    repeated_GHC = ours.unit_GHC(2, by_region=True) * current_CG.T[:, None, :]

    assert current_CG.tolist() == [[7.0, 2.0], [10.0, 0.0]]
    np.testing.assert_allclose(repeated_GHC, panel.media_GTC[:, -2:])
    np.testing.assert_allclose(ours.unit_GHC(2, by_region=True)[1, :, 1], [0.5, 0.5])


def test_a_plan_does_not_repeat_what_a_test_changed() -> None:
    """One of two regions went dark in two of the last three periods; the other shows what would have run."""
    panel = two_regions(weeks=48)
    spend_GTC = panel.spend_GTC.copy()
    spend_GTC[..., 0] = [[2.0], [4.0]]
    dark_GTC = spend_GTC.copy()
    dark_GTC[1, -3:-1, 0] = 0.0
    tested = replace(panel, spend_GTC=dark_GTC, media_GTC=dark_GTC * [10.0, 1.0])
    test = {
        "channel": panel.channels[0],
        "regions": [panel.regions[1]],
        "start": str(panel.dates[-3]),
        "end": str(panel.dates[-2]),
        "lift": -3.0,
        "standard_error": 1.0,
        "spend_change": -8.0,
    }
    ours, blind = amounts_of(sketch(tested, experiments=[test])), amounts_of(sketch(tested))

    for flighting in ("history", "even"):
        np.testing.assert_allclose(
            ours.pattern_GHC(3, flighting)[..., 0], np.array([[2.0] * 3, [4.0] * 3]) / 18
        )
    assert blind.pattern_GHC(3)[1, :, 0].tolist() == pytest.approx([0.0, 0.0, 0.4])
    assert ours.current(3).tolist() == blind.current(3).tolist() == [10.0, 15.0]
    assert (ours.tested_within(1), ours.tested_within(2)) == ((), (panel.channels[0],))

    plan = plan_budget(sketch(tested, experiments=[test]), {"budget": "current", "horizon": 3})
    assert any("a test changed its spend in the last 3 periods" in text for text in plan.warnings)


def test_even_and_given_flighting_keep_the_split_over_regions() -> None:
    ours = exchange(two_regions())

    even_GH = ours.pattern_GHC(2, "even")[..., 0]
    assert even_GH.tolist() == [pytest.approx([7 / 18] * 2), pytest.approx([2 / 18] * 2)]
    np.testing.assert_allclose(
        ours.pattern_GHC(2, {"ch": (1.0,), "search": (3.0, 1.0)})[..., 1],
        np.array([[0.75, 0.25], [0.0, 0.0]]),
    )


def test_a_channel_that_paused_falls_as_in_the_last_year_and_one_that_never_ran_by_size() -> None:
    panel = two_regions(weeks=6)
    media_GTC, spend_GTC = panel.media_GTC.copy(), panel.spend_GTC.copy()
    for series_GTC in (media_GTC, spend_GTC):
        series_GTC[:, -2:, 0] = 0.0
        series_GTC[..., 1] = 0.0
    ours = exchange(replace(panel, media_GTC=media_GTC, spend_GTC=spend_GTC))

    np.testing.assert_allclose(ours.pattern_GHC(2)[..., 0], [[5 / 14] * 2, [2 / 14] * 2])
    np.testing.assert_allclose(ours.pattern_GHC(2)[..., 1], [[0.125] * 2, [0.375] * 2])
    np.testing.assert_allclose(ours.unit_GHC(2).sum((0, 1)), [10.0, 1.0])
    assert ours.current(2).tolist() == [0.0, 0.0]


def test_exposure_costs_what_it_cost_in_the_last_year() -> None:
    panel = small_panel(regions=2, periods=80, channels=2)
    media_GTC = panel.spend_GTC.copy()
    media_GTC[:, :20, 0] *= 100.0
    media_GTC[:, 28:, 0] *= 4.0

    np.testing.assert_allclose(exchange(replace(panel, media_GTC=media_GTC)).rate_C, [4.0, 1.0])


def test_channels_without_spend_count_in_exposure() -> None:
    panel = replace(two_regions(), has_spend_C=np.array([False, True]))
    ours = exchange(panel)

    assert ours.unit_C == ("exposure of tv", "USD")
    assert ours.current(2).tolist() == [90.0, 10.0]
    np.testing.assert_allclose(ours.unit_GHC(2) * ours.current(2), panel.media_GTC[:, -2:])


def test_the_largest_amount_of_any_window_is_supported() -> None:
    panel = two_regions()
    spend_GTC = panel.spend_GTC.copy()
    spend_GTC[0, :, 0] = [9.0, 9.0, 0.0, 1.0]
    ours = exchange(replace(panel, spend_GTC=spend_GTC))

    assert ours.supported(2).tolist() == [20.0, 10.0]
    assert ours.supported(2, by_region=True).tolist() == [18.0, 2.0, 10.0, 0.0]
    assert ours.supported(4).tolist() == ours.current(4).tolist()


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
    history_HC = np.array([[1.0, 0.0], [3.0, 0.0]])

    assert flighting_weights(flighting, ["tv", "search"], history_HC).tolist() == expected
