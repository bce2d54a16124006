"""Tiny portfolios: quick to fit, real in every other respect."""

from __future__ import annotations

from pathlib import Path

import yaml

from mmm.simulate.portfolio import write_portfolio

QUICK = ("train.members=1", "train.epochs=60", "train.validation=0", "train.refit_on_all=false")
"""Settings of a fit that takes a second."""


def tiny_portfolio(folder: Path, *, brands: int = 2, markets: int = 2) -> Path:
    """Brands x markets of one region, three channels and 60 weeks without a graph; returns its spec."""
    path = write_portfolio(folder, brands=brands, markets=markets, regions=1, weeks=80, channels=3, seed=5)
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["defaults"]["model"] = {"graph": {"mode": "none"}, "temporal": {"enabled": False}}
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def panel_of(portfolio: Path, brand: str, market: str) -> Path:
    """The Parquet file of one market."""
    return portfolio.parent / "panel" / f"brand={brand}" / f"market={market}" / "part-0.parquet"
