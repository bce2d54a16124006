"""Marketing mix modeling that says what it knows: attribution, response curves and budget plans.

What a reader of the README needs is here; every name is loaded when it is first asked for, so that
``import mmm`` and the command start without torch, pandas and plotly. Rooms behind the door may move.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmm.analysis.attribution import contribution_draws
    from mmm.analysis.compare import compare_models
    from mmm.analysis.curves import response_curves
    from mmm.analysis.pool_table import cold_start_priors
    from mmm.analysis.shares import saved_shares
    from mmm.analysis.tables import returns_between
    from mmm.config.files import load_market
    from mmm.data.read import read_panel
    from mmm.errors import MMMError
    from mmm.estimator import DeepCausalMMM
    from mmm.fitted import Fitted, load_fitted
    from mmm.pipeline import fit_market
    from mmm.planning.budget import plan_budget
    from mmm.planning.portfolio import plan_budgets
    from mmm.planning.scenario.evaluate import evaluate_scenario
    from mmm.portfolio import load_portfolio
    from mmm.report import build_report, load_tables, views
    from mmm.report.portfolio import views as portfolio_views
    from mmm.report.portfolio.records import market_records
    from mmm.simulate.draws import Design, simulate_market
    from mmm.simulate.hierarchy import simulate_hierarchy
    from mmm.simulate.portfolio import write_portfolio
    from mmm.simulate.truth import true_shares

__all__ = [
    "DeepCausalMMM",
    "Design",
    "Fitted",
    "MMMError",
    "build_report",
    "cold_start_priors",
    "compare_models",
    "contribution_draws",
    "evaluate_scenario",
    "fit_market",
    "load_fitted",
    "load_market",
    "load_portfolio",
    "load_tables",
    "market_records",
    "plan_budget",
    "plan_budgets",
    "portfolio_views",
    "read_panel",
    "response_curves",
    "returns_between",
    "saved_shares",
    "simulate_hierarchy",
    "simulate_market",
    "true_shares",
    "views",
    "write_portfolio",
]

_HOMES = {
    "DeepCausalMMM": "mmm.estimator",
    "Design": "mmm.simulate.draws",
    "Fitted": "mmm.fitted",
    "MMMError": "mmm.errors",
    "build_report": "mmm.report",
    "cold_start_priors": "mmm.analysis.pool_table",
    "compare_models": "mmm.analysis.compare",
    "contribution_draws": "mmm.analysis.attribution",
    "evaluate_scenario": "mmm.planning.scenario.evaluate",
    "fit_market": "mmm.pipeline",
    "load_fitted": "mmm.fitted",
    "load_market": "mmm.config.files",
    "load_portfolio": "mmm.portfolio",
    "load_tables": "mmm.report",
    "market_records": "mmm.report.portfolio.records",
    "plan_budget": "mmm.planning.budget",
    "plan_budgets": "mmm.planning.portfolio",
    "read_panel": "mmm.data.read",
    "response_curves": "mmm.analysis.curves",
    "returns_between": "mmm.analysis.tables",
    "saved_shares": "mmm.analysis.shares",
    "simulate_hierarchy": "mmm.simulate.hierarchy",
    "simulate_market": "mmm.simulate.draws",
    "true_shares": "mmm.simulate.truth",
    "write_portfolio": "mmm.simulate.portfolio",
}
"""Module of each function and class."""

_ROOMS = {"portfolio_views": "mmm.report.portfolio.views", "views": "mmm.report.views"}
"""Modules that are offered whole."""


def __getattr__(name: str) -> Any:
    """A public name, loaded and kept when it is first asked for."""
    if name in _HOMES:
        found = getattr(import_module(_HOMES[name]), name)
    elif name in _ROOMS:
        found = import_module(_ROOMS[name])
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
