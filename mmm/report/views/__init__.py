"""The views, in the order of the report.

Every view is a function of :class:`mmm.report.tables.Tables` that returns a Plotly figure, or raises
:class:`mmm.report.tables.MissingTableError` when there is nothing to draw.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import plotly.graph_objects as go

from mmm.report.tables import Tables
from mmm.report.views import (
    checks,
    contributions,
    dynamics,
    effects,
    experiments,
    fit,
    fit_regions,
    network,
    plan,
    quality,
    regions,
    returns,
    saturation,
)

View = Callable[[Tables], go.Figure]


@dataclass(frozen=True)
class Entry:
    """A view and its place in the report."""

    key: str
    """Anchor in the page and name of pictures."""
    label: str
    """What the view shows, for the navigation."""
    draw: View
    optional: bool = False
    """Most models have nothing for it: left out without a note."""


SECTIONS: dict[str, tuple[Entry, ...]] = {
    "Can it be trusted?": (
        Entry("headline", "Scores", fit.headline),
        Entry("national", "Actual and predicted", fit.national),
        Entry("by-region", "One region", fit_regions.by_region),
        Entry("region-multiples", "Largest regions", fit_regions.region_multiples),
        Entry("scatter", "Prediction scatter", fit.holdout_scatter),
    ),
    "What brings the KPI?": (
        Entry("shares", "Channel shares", contributions.channel_shares),
        Entry("stacked", "Contributions over time", contributions.stacked),
        Entry("waterfall", "Waterfall", contributions.waterfall),
        Entry("channel-lines", "Single channels", contributions.channel_lines),
        Entry("season-trend", "Season and trend", dynamics.season_and_trend),
    ),
    "What does money buy?": (
        Entry("roi", "ROI", returns.roi),
        Entry("curves", "Response curves", returns.curves),
        Entry("saturation", "Saturation", saturation.saturation),
        Entry("plan", "Optimised budget", plan.plan),
        Entry("experiments", "Experiments", experiments.experiments, optional=True),
    ),
    "How do channels work?": (
        Entry("carryover", "Carry-over", dynamics.carryover),
        Entry("effectiveness", "Effectiveness over time", dynamics.effectiveness),
        Entry("dag", "Channel network", network.dag),
        Entry("dag-matrix", "Network matrix", network.dag_matrix),
        Entry("effects", "Direct and indirect", effects.effects),
        Entry("regions", "Regions", regions.region_ranking),
    ),
    "Is the data sound?": (
        Entry("residuals", "Residuals", checks.residuals),
        Entry("training", "Training", checks.training),
        Entry("coverage", "Gaps and outliers", quality.coverage),
        Entry("activity", "Channel activity", quality.activity),
        Entry("correlations", "Correlations", quality.correlations),
    ),
}
"""Section headings and their views."""
