"""Rows of a refit as ``portfolio.parquet`` has them, made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

NAMES = (
    "tv", "search", "social", "video", "display", "radio", "email", "outdoor", "podcast", "cinema", "print",
    "affiliate", "direct_mail",
)  # fmt: skip


def fitted(brand: str, market: str, **changes: Any) -> dict[str, Any]:
    """A market that was fitted: two channels bring 30 % of the KPI."""
    row: dict[str, Any] = {
        "brand": brand, "market": market, "status": "done", "reason": "", "holdout_skill": 0.4,
        "holdout_wape": 0.06, "test_skill": None, "shares": {"tv": 0.2, "search": 0.1},
        "roi": {"tv": 1.5, "search": 3.0}, "share_shift": 0.04, "skill_change": -0.02, "change": "data",
        "findings": ["warning holdout_bias holdout: 10 % too high", "info uncertain_roi tv: 0 to 4"],
        "role": "champion", "until": "2025-12-22",
    }  # fmt: skip
    return row | changes


def failed(brand: str, market: str, reason: str) -> dict[str, Any]:
    """A market that was not."""
    return {"brand": brand, "market": market, "status": "failed", "reason": reason, "findings": []}


def portfolio(brands: int = 4, markets: int = 3, *, channels: int = 6, seed: int = 0) -> list[dict[str, Any]]:
    """Brands x markets that differ in everything that is drawn; the last but one failed."""
    rng = np.random.default_rng(seed)
    rows = []
    for brand in range(brands):
        for market in range(markets):
            shares = dict(zip(NAMES[:channels], rng.uniform(0.002, 0.1, channels).tolist(), strict=True))
            roi = dict(zip(NAMES[:channels], rng.lognormal(0.4, 0.7, channels).tolist(), strict=True))
            rows.append(fitted(
                f"brand{brand:03d}", f"m{market}", shares=shares, roi=roi,
                holdout_skill=float(rng.normal(0.3, 0.4)), share_shift=float(rng.uniform(0, 0.3)),
                findings=["warning residual_drift last weeks: 4 % below"] * int(rng.integers(0, 4)),
            ))  # fmt: skip
    if len(rows) > 3:
        rows[-2] = failed(rows[-2]["brand"], rows[-2]["market"], "spend of 'tv' is -3 in region 'CA'.")
    return rows
