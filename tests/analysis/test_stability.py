from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mmm.analysis.stability import SHUFFLED, judged, weekly_table, with_noise, with_shuffled_copies
from tests.small import market, small_panel

PANEL = small_panel(regions=2)


def effects(lower: float, upper: float) -> pd.DataFrame:
    """Effects of tv, and of search whose interval never moves."""
    return pd.DataFrame(
        {
            "channel": ["tv", "search"],
            "direct": [0.5 * (lower + upper), 5.0],
            "direct_lower": [lower, 4.0],
            "direct_upper": [upper, 6.0],
        }
    )


def test_overlap_is_what_intervals_have_in_common_of_both_together() -> None:
    # 0-10 and 5-15 have 5 of 15 in common, 5-15 and 20-30 nothing.
    shares = {"tv": 0.3, "search": 0.1}
    weeks = [
        (f"2025-01-{6 + 7 * k:02d}", effects(*bounds), shares)
        for k, bounds in enumerate([(0, 10), (5, 15), (20, 30)])
    ]

    table = weekly_table(weeks)
    found = judged(table, [shares] * 3, {"tv": 0.24, "search": 0.16}, {**shares, f"{SHUFFLED}tv": 0.1})

    tv = table[table["channel"] == "tv"]["overlap"].tolist()
    assert np.isnan(tv[0]) and tv[1:] == pytest.approx([1 / 3, 0.0])
    assert found.overlap == pytest.approx((0.3 * (1 / 3 + 0.0) + 0.1 * 2) / 0.8)
    assert found.share_shift == 0
    assert found.noise_shift == pytest.approx(0.12 / 0.4)
    assert found.shuffled == pytest.approx(0.1 / 0.5)
    assert "have 38\u00a0% in common" in found.verdict


def test_shuffled_copies_have_the_same_media_at_other_times() -> None:
    spec, both = with_shuffled_copies(market(PANEL), PANEL, np.random.default_rng(0))

    assert both.channels == (*PANEL.channels, *(f"{SHUFFLED}{name}" for name in PANEL.channels))
    assert tuple(spec.columns.channels) == both.channels
    own, copy = both.media_GTC[..., :3], both.media_GTC[..., 3:]
    np.testing.assert_allclose(np.sort(copy, axis=1), np.sort(own, axis=1))
    assert (copy != own).any()
    assert spec.columns.channels[f"{SHUFFLED}tv"].spend == f"{SHUFFLED}tv"


def test_noise_is_on_media_alone() -> None:
    noisy = with_noise(PANEL, np.random.default_rng(0))

    ratio = noisy.media_GTC / PANEL.media_GTC
    assert ratio.std() == pytest.approx(0.05, rel=0.1)
    np.testing.assert_array_equal(noisy.kpi_GT, PANEL.kpi_GT)
    np.testing.assert_array_equal(noisy.spend_GTC, PANEL.spend_GTC)


def test_the_first_periods_of_a_panel() -> None:
    short = PANEL.until(30)

    assert len(short.dates) == 30
    np.testing.assert_array_equal(short.media_GTC, PANEL.media_GTC[:, :30])
