"""Rows as a refit leaves them."""

from __future__ import annotations

from typing import Any

from jobs.record.rows import Row


def row(**changes: Any) -> Row:
    """A fitted market with two channels that bring 30 % of the KPI."""
    values: dict[str, Any] = {
        "brand": "acme",
        "market": "us",
        "status": "done",
        "scores": {"train_r2": 0.9, "holdout_r2": 0.8, "holdout_skill": 0.4, "test_skill": None},
        "shares": {"tv": 0.2, "search": 0.1},
        "roi": {"tv": 1.5, "search": 3.0},
        "key": "0123456789abcdef",
        "directory": "/models/acme/us",
        "data_fingerprint": "data",
        "spec_digest": "spec",
        "until": "2025-12-22",
    }
    return Row(**{**values, **changes})
