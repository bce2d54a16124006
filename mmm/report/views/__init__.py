"""The views, in the order of the report.

Every view is a function of :class:`mmm.report.tables.Tables` that returns a Plotly figure, or raises
:class:`mmm.report.tables.MissingTableError` when there is nothing to draw.
"""

from __future__ import annotations

from mmm.report.sections import Entry
from mmm.report.tables import Tables
from mmm.report.views import (
    beliefs,
    checks,
    contributions,
    curves,
    dynamics,
    effects,
    experiments,
    fit,
    fit_regions,
    memory,
    money,
    network,
    plan,
    quality,
    quarters,
    regions,
    returns,
    saturation,
    waterfall,
)

SECTIONS: dict[str, tuple[Entry[Tables], ...]] = {
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
        Entry("waterfall", "Waterfall", waterfall.waterfall),
        Entry("channel-lines", "Single channels", contributions.channel_lines),
        Entry("season-trend", "Season and trend", dynamics.season_and_trend),
    ),
    "What does money buy?": (
        Entry("spend-effect", "Spend and effect", money.spend_and_effect),
        Entry("roi", "ROI", returns.roi, unpriced="Return"),
        Entry(
            "bubbles",
            "ROI and effectiveness",
            money.bubbles,
            optional=True,
            unpriced="Return and effectiveness",
        ),
        Entry("unit-cost", "Cost per unit", money.unit_cost),
        Entry("quarters", "ROI by quarter", quarters.by_quarter, optional=True, unpriced="Return by quarter"),
        Entry("window", "ROI of a window", quarters.any_window, optional=True, unpriced="Return of a window"),
        Entry("curves", "Response curves", curves.curves),
        Entry("all-curves", "All curves", curves.all_curves),
        Entry("saturation", "Saturation", saturation.saturation),
        Entry("frequency", "Best frequency", saturation.frequency, optional=True),
        Entry("plan", "Optimised budget", plan.plan),
        Entry("plan-effects", "What the plan changes", plan.plan_effects),
        Entry("experiments", "Experiments", experiments.experiments, optional=True),
        Entry("settles", "What would settle it", experiments.settles, optional=True),
    ),
    "How do channels work?": (
        Entry("carryover", "Carry-over", dynamics.carryover),
        Entry("realisation", "Time to work", memory.realisation),
        Entry("spend-quarters", "Quarter of spend and of effect", memory.spend_quarters, optional=True),
        Entry("effectiveness", "Effectiveness over time", dynamics.effectiveness),
        Entry("dag", "Channel network", network.dag),
        Entry("dag-matrix", "Network matrix", network.dag_matrix),
        Entry("effects", "Direct and indirect", effects.effects),
        Entry("regions", "Regions", regions.region_ranking),
    ),
    "Is the data sound?": (
        Entry("residuals", "Residuals", checks.residuals),
        Entry("priors", "Assumed and learned", beliefs.priors, optional=True),
        Entry("stated", "Stated and learned", beliefs.stated, optional=True),
        Entry("training", "Training", checks.training),
        Entry("coverage", "Gaps and outliers", quality.coverage),
        Entry("activity", "Channel activity", quality.activity),
        Entry("correlations", "Correlations", quality.correlations),
    ),
}
"""Section headings and their views."""
