"""The report: views of a fitted model, drawn from its files. The only package that imports plotly."""

from __future__ import annotations

from plotly.graph_objects import Figure

from mmm.report.about import About
from mmm.report.model.build import build_report, render
from mmm.report.tables import MissingTableError, Tables, load_tables
from mmm.report.views import SECTIONS
from mmm.report.views.contributions import stacked as plot_contributions
from mmm.report.views.network import dag as plot_dag

__all__ = [
    "SECTIONS",
    "About",
    "Figure",
    "MissingTableError",
    "Tables",
    "build_report",
    "load_tables",
    "plot_contributions",
    "plot_dag",
    "render",
]
