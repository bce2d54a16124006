"""Findings about a model as a whole: forecasts, residuals, baseline.

Shapes: M members, G regions, T periods, N training periods.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mmm.analysis.parts import MediaSums, PartSums, media_sums
from mmm.data.panel import Floats
from mmm.data.schema import Finding
from mmm.fitted import Fitted
from mmm.words import percent

R_HAT_MOST = 1.05
"""Split R-hat from which chains do not agree."""
REGIONS_HELD = 12
"""Regions of the largest simulated panels whose intervals held as often as they say (decision 0031)."""
LAST = 13
"""Periods at the end of training whose residuals are looked at."""
DRIFT_ERRORS = 3.0
"""Standard errors from which a mean residual is no accident."""
DRIFT_LEAST = 0.02
"""Mean residual, relative to the KPI, below which nobody cares."""
TRAINING_SKILL_LEAST = -1.0
"""Skill within training below which a fit is broken: twice the squared error of a rule of thumb."""
BIAS_MOST = 0.05
"""Bias of a forecast, relative to the KPI, from which it is said."""
BASELINE_LEAST = 0.2
"""Share of the KPI that would be there without media below which the baseline is doubted."""
MEDIA_LEAST = 0.01
"""Share of the KPI below which media explain nothing to speak of."""
BASELINE_RANGE = 3.0
"""Highest over lowest national baseline from which it is doubted."""


def model_findings(fitted: Fitted, metrics: Mapping[str, Any]) -> Iterator[Finding]:
    """Skill and bias of the forecast, drift of residuals, sanity of the baseline."""
    actual_GT = fitted.panel.kpi_GT[:, fitted.split.holdout]
    mean = float(np.nanmean(actual_GT)) if np.isfinite(actual_GT).any() else 0.0
    yield from _forecasts(fitted, metrics, mean)
    yield from _drift(fitted)
    media = media_sums(fitted)
    yield from _widths(fitted, media.regions)
    yield from _baseline(media)


def summed_model_findings(fitted: Fitted, metrics: Mapping[str, Any], sums: PartSums) -> Iterator[Finding]:
    """Those of :func:`model_findings` that sums tell; of ``fitted`` regions count for nothing."""
    holdout = sums.scores.windows.get("holdout")
    yield from _forecasts(fitted, metrics, 0.0 if holdout is None else holdout.mean)
    yield from _widths(fitted, sums.media.regions)
    yield from _baseline(sums.media)


def _forecasts(fitted: Fitted, metrics: Mapping[str, Any], mean: float) -> Iterator[Finding]:
    yield from _convergence(fitted)
    yield from _training_skill(metrics)
    yield from _skill(metrics)
    yield from _bias(metrics, mean)


def _convergence(fitted: Fitted) -> Iterator[Finding]:
    sampling = fitted.provenance.get("sampling") or {}
    apart = {name: value for name, value in sampling.get("r_hat", {}).items() if value > R_HAT_MOST}
    if not apart:
        return
    worst = max(apart.items(), key=lambda item: item[1])
    least = min(sampling["effective"].items(), key=lambda item: item[1])
    yield Finding(
        severity="warning",
        code="not_converged",
        where=", ".join(apart),
        what=(
            f"Chains do not agree on it yet: split R-hat up to {worst[1]:.2f} ({worst[0]}), "
            f"{least[1]:.0f} effective draws at least ({least[0]})."
        ),
        why="Intervals may be too narrow and another seed may say something else.",
        what_to_do="Set train.effort to 2 or more, which samples longer; or state beliefs or a lift test.",
    )


def _widths(fitted: Fitted, regions: int) -> Iterator[Finding]:
    if regions <= REGIONS_HELD or fitted.members == 1 or fitted.spec.train.inference != "posterior":
        return
    yield Finding(
        severity="info",
        code="intervals_narrow",
        where="effects",
        what=(
            f"The panel has {regions} regions. On simulated panels of 40, intervals of 90 % held the truth "
            f"in 60 to 78 of 100 cases; on those of {REGIONS_HELD} in 88."
        ),
        why="What regions have in common is told once, however many they are; more is not known of why.",
        what_to_do="Take intervals of effects for wider than they are, or settle a channel by a lift test.",
    )


def _training_skill(metrics: Mapping[str, Any]) -> Iterator[Finding]:
    training = metrics.get("train", {})
    skill = training.get("skill")
    if skill is None or skill >= TRAINING_SKILL_LEAST:
        return
    best = max(training["naive"].items(), key=lambda item: item[1]["r2"] or float("-inf"))[0]
    yield Finding(
        severity="error",
        code="training_below_naive",
        where="train",
        what=f"The fit is far worse than the rule {best} even where it was trained: skill {skill:,.2f}.",
        why="It has not found what moves the KPI: no effect, return or plan of this model can be used.",
        what_to_do="Look for breaks in the data first (mmm validate), for missing controls next.",
    )


def _skill(metrics: Mapping[str, Any]) -> Iterator[Finding]:
    holdout = metrics.get("holdout", {})
    skill = holdout.get("skill")
    if skill is not None and skill < 0:
        best = max(holdout["naive"].items(), key=lambda item: item[1]["r2"] or float("-inf"))[0]
        yield Finding(
            severity="warning",
            code="holdout_below_naive",
            where="holdout",
            what=f"The holdout is forecast worse than by the rule {best}: skill {skill:.2f}.",
            why="A model that does not beat a rule of thumb has not shown that it understands the KPI.",
            what_to_do="Look at residuals over time, add controls of level changes, or tune the model.",
        )


def _bias(metrics: Mapping[str, Any], mean: float) -> Iterator[Finding]:
    """Bias of the holdout, relative to its mean KPI."""
    holdout = metrics.get("holdout", {})
    if not holdout.get("n"):
        return
    bias = holdout["bias"] / mean if mean > 0 else 0.0
    side = "high" if bias > 0 else "low"
    if abs(bias) > BIAS_MOST:
        yield Finding(
            severity="warning",
            code="holdout_bias",
            where="holdout",
            what=f"The holdout is forecast {percent(abs(bias))} too {side} on average.",
            why="Something moved the KPI that the model does not see, or media get a wrong part of it.",
            what_to_do="Ask what changed, and add it as a control or an event.",
        )


def _drift(fitted: Fitted) -> Iterator[Finding]:
    """Mean residual of the last training periods against the spread of all period means."""
    mean_N = _period_residuals(fitted)
    last = min(LAST, len(mean_N) // 3)
    if last < 4:
        return
    drift = float(mean_N[-last:].mean())
    before = mean_N[:-last]
    # Neighbouring periods resemble one another: as many of them count as an AR(1) leaves independent.
    deviation = before - before.mean()
    power = float((deviation**2).sum())
    likeness = float((deviation[1:] * deviation[:-1]).sum()) / power if power > 0 else 0.0
    likeness = float(np.clip(likeness, 0.0, 0.9))
    error = before.std() * np.sqrt((1 + likeness) / (1 - likeness) / last)
    if abs(drift) > max(DRIFT_ERRORS * error, DRIFT_LEAST):
        yield Finding(
            severity="warning",
            code="residual_drift",
            where=f"last {last} periods of training",
            what=f"The KPI lies {percent(abs(drift))} {'above' if drift > 0 else 'below'} the fit there.",
            why="The level carried into the future is then off from the start, and plans with it.",
            what_to_do="Raise model.baseline.flexibility, or add a control for what changed.",
        )


def _period_residuals(fitted: Fitted) -> Floats:
    """Median over regions of the residual in units of the region's KPI, by trained period with any KPI."""
    residual_GT = fitted.panel.kpi_GT - fitted.predictor.parts.prediction_MGT.mean(0)
    relative_GN = (residual_GT / fitted.scaling.kpi_G[:, None])[:, : fitted.trained_until]
    known_N = np.isfinite(relative_GN).any(axis=0)
    values: Floats = np.nanmedian(relative_GN[:, known_N], axis=0)
    return values


def _baseline(sums: MediaSums) -> Iterator[Finding]:
    total, media = float(sums.predicted_M.mean()), float(sums.brought_MC.mean(0).sum())
    share = float(sums.baseline_T.sum()) / total if total > 0 else 0.0
    if share < BASELINE_LEAST:
        yield Finding(
            severity="warning",
            code="baseline_near_zero",
            where="baseline",
            what=f"Without media {percent(max(share, 0.0))} of the KPI would remain.",
            why="Few brands would sell so little; media then get credit for what was there anyway.",
            what_to_do="State what is believed with model.priors.media_share, or add controls of demand.",
        )
    if total > 0 and media / total < MEDIA_LEAST:
        yield Finding(
            severity="warning",
            code="media_explain_nothing",
            where="channels",
            what=f"All media together bring {percent(media / total)} of the KPI.",
            why="Budgets planned on effects this small are planned on noise.",
            what_to_do="Check that media and KPI belong together and are on the same calendar.",
        )
    national_T = sums.baseline_T[sums.cells_T == sums.cells_T.max()]
    low, high = float(national_T.min()), float(national_T.max())
    if high > BASELINE_RANGE * max(low, 1e-12):
        yield Finding(
            severity="warning",
            code="baseline_moves_wildly",
            where="baseline",
            what=f"The baseline moves between {low:,.0f} and {high:,.0f} within the training window.",
            why="A baseline that follows every turn of the KPI leaves nothing to media, or hides an event.",
            what_to_do="Add the event as a control, or lower model.baseline.flexibility.",
        )
