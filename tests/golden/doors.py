"""The doors through which goldens look at the program: a move inside it changes this module only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mmm.analysis.attribution import contributions_table, effects_table
from mmm.analysis.curves import hill_table, response_curves
from mmm.cli.command import COMMANDS, main
from mmm.fitted import load_fitted
from mmm.planning.portfolio import plan_budgets
from mmm.planning.request import PortfolioTerms

FITTED = Path(__file__).with_name("fitted")
"""Stored models, written once and never again: those of users are as old. ``us`` has three regions, a graph
with an edge and a lift test; ``de`` is national, in euros, and has a channel without spend."""

MARKETS = Path(__file__).with_name("markets")
"""Their panels and specs."""

COMMAND_NAMES = tuple(COMMANDS)


def mmm(*words: str | Path) -> int:
    """Run one command in this process; its exit status."""
    return main([str(word) for word in words])


def model_tables(name: str) -> dict[str, pd.DataFrame]:
    """Tables that a stored model gives today."""
    fitted = load_fitted(FITTED / name)
    curves = response_curves(fitted)
    return {
        "contributions": contributions_table(fitted),
        "effects": effects_table(fitted),
        "curves": curves,
        "hill": hill_table(curves),
    }


def portfolio_plan(names: tuple[str, ...], request: Mapping[str, Any], terms: Mapping[str, Any]) -> Any:
    """One budget over several stored models, as plain data."""
    fitted = {name: load_fitted(FITTED / name) for name in names}
    return plan_budgets(fitted, request, PortfolioTerms(**terms)).model_dump(mode="json")
