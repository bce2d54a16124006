"""Findings about single channels: their effects, their media, their priors.

Shapes: M members, G regions, T periods, C channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from mmm.analysis.parts import MediaSums, PartSums, media_sums
from mmm.config import ChannelBelief
from mmm.config.beliefs import NORMAL_95
from mmm.data.panel import Floats
from mmm.data.schema import Finding
from mmm.data.stated.beliefs import locate_beliefs
from mmm.fitted import Fitted
from mmm.model.inputs import share_scales
from mmm.words import number, percent, span

ROI_MOST = 50.0
"""Return per unit of currency that no channel is known to keep up."""
ROI_RANGE = 10.0
"""Upper over lower bound of an ROI from which it says little."""
VARIATION_LEAST = 0.05
"""Coefficient of variation of media within regions below which a channel is always on."""
PRIOR_WIDTH = 0.5
"""Spread of a channel's share over that of its prior from which the data have said little."""
HALF_NORMAL_SD = 0.603
"""Standard deviation of a half-normal of scale 1."""
MEMBERS_LEAST = 4
ALIKE = 0.9
"""Correlation within regions from which two channels are hard to tell apart."""
INFLATION_MOST = 10.0
"""Variance inflation from which a channel is hard to tell from all others together."""
FOLDED = 5
"""Warnings of one kind beyond which they are told as one."""
BEYOND = 1.25
"""Level over the highest of training from which the curve is extrapolated."""
CONFLICT = 2.0
"""Prior standard deviations between estimate and belief from which they disagree."""
BELIEVED = {
    "share": "share of the KPI",
    "roi": "ROI",
    "marginal_roi": "marginal ROI",
    "cost_per_kpi": "cost per KPI unit",
}
CHANGED_LEAST = 0.2
"""Change of an effect over the training window, relative to it, from which it is said."""
QUARTER = 4
"""Part of the training window at either end between which an effect is compared, as one over this."""
AT_BOUND = 0.95
"""Part of the bound from which an effectiveness counts as on it."""
OFTEN_AT_BOUND = 0.1
"""Share of cells on the bound from which it is said."""


def channel_findings(
    fitted: Fitted,
    effects: pd.DataFrame,
    correlations: pd.DataFrame,
    priors: pd.DataFrame | None = None,
) -> Iterator[Finding]:
    """Everything odd about single channels.

    Args:
        fitted: The model.
        effects: Content of ``effects.parquet``.
        correlations: Content of ``correlations.parquet``.
        priors: Content of ``priors.parquet`` of a model drawn from a posterior.
    """
    yield from _summed(fitted, effects, correlations, priors, media_sums(fitted))
    yield from _prior_conflicts(fitted, effects)
    yield from _bounds(fitted)
    yield from _changed(fitted)


def summed_channel_findings(
    fitted: Fitted, tables: Mapping[str, pd.DataFrame], sums: PartSums
) -> Iterator[Finding]:
    """Those of :func:`channel_findings` that sums tell; of ``fitted`` regions count for nothing."""
    drawn = fitted.spec.train.inference == "posterior"
    priors = tables["priors"] if drawn and "priors" in tables else None
    yield from _summed(fitted, tables["effects"], tables["correlations"], priors, sums.media)


def _summed(
    fitted: Fitted,
    effects: pd.DataFrame,
    correlations: pd.DataFrame,
    priors: pd.DataFrame | None,
    sums: MediaSums,
) -> Iterator[Finding]:
    yield from _returns(effects, valued=fitted.spec.kpi_value is not None)
    known_C = _width_over_prior(fitted, sums) if priors is None else _width_left(priors)
    yield from _unidentified(fitted.panel.channels, sums, known_C)
    yield from _collinear(fitted, correlations)
    yield from _extrapolated(fitted, sums.ran_TC)


def _returns(effects: pd.DataFrame, *, valued: bool) -> Iterator[Finding]:
    """Returns that are odd or open; without a value of a KPI unit only harm is odd, whatever the size."""
    for row in effects.to_dict("records"):
        roi, lower, upper = (float(row[name]) for name in ("roi", "roi_lower", "roi_upper"))
        if np.isnan(roi):
            continue
        if roi < 0 or (valued and roi > ROI_MOST):
            yield Finding(
                severity="warning",
                code="negative_roi" if roi < 0 else "implausible_roi",
                where=str(row["channel"]),
                what=f"{'ROI' if valued else 'The effect per unit spent'} is {roi:,.1f} on a spend of "
                f"{row['spend']:,.0f}.",
                why="Money that returned so much, or harm by advertising, is rarely real.",
                what_to_do="Check the units of spend and kpi_value, and whether spend follows demand.",
            )
        if not np.isnan(lower) and upper > ROI_RANGE * max(lower, 0.0):
            told = f"{number(roi)}, with an interval from {span(max(lower, 0.0), upper)}"
            yield Finding(
                severity="info",
                code="uncertain_roi" if valued else "uncertain_effect",
                where=str(row["channel"]),
                what=f"ROI is {told}." if valued else f"A unit of currency brings {told}, KPI units.",
                why="The data leave open whether the channel pays or not."
                if valued
                else "The data leave open whether the channel brings much or next to nothing.",
                what_to_do="Test it in an experiment, or state what is known as model.priors.channels.",
            )


def _as_open(width: float) -> str:
    """How much narrower the data have made what is believed of a channel: hardly, or not at all."""
    if width > 1:
        return f"Its share is no better known than before the data: {number(width)} times the prior's width."
    return f"The data have narrowed its share to no less than {percent(width)} of the prior's width."


def _unidentified(channels: Sequence[str], sums: MediaSums, known_C: Floats) -> Iterator[Finding]:
    sd_C = np.sqrt(sums.varied_C / max(sums.varied, 1))
    level_C = np.sqrt(sums.level_C / sums.regions)
    for c, name in enumerate(channels):
        if level_C[c] <= 0:
            what, todo = "It never ran in the training window.", "Remove the channel until it has run."
        elif sd_C[c] < VARIATION_LEAST * level_C[c]:
            what = f"It is always on: its media vary by {percent(sd_C[c] / level_C[c])} within regions."
            todo = "Vary it in an experiment; until then a prior decides."
        elif known_C[c] > PRIOR_WIDTH:
            what = _as_open(known_C[c])
            todo = "Test it in an experiment, or state what is known as model.priors.channels."
        else:
            continue
        yield Finding(
            severity="warning",
            code="unidentified_channel",
            where=name,
            what=what,
            why="Nothing in the data tells its effect from the baseline.",
            what_to_do=todo,
        )


def _changed(fitted: Fitted) -> Iterator[Finding]:
    """Channels whose effect per unit is another at the end of training than at its beginning."""
    until = fitted.trained_until
    part = max(until // QUARTER, 1)
    if fitted.members < MEMBERS_LEAST:
        return
    ratio_MC = _late_over_early(fitted.predictor.effectiveness_MCGT[..., :until], part)
    low_C, middle_C, high_C = np.quantile(ratio_MC, (0.05, 0.5, 0.95), axis=0)
    for c, name in enumerate(fitted.panel.channels):
        change = middle_C[c] - 1.0
        if low_C[c] <= 1.0 <= high_C[c] or abs(change) < CHANGED_LEAST:
            continue
        near = sorted((abs(low_C[c] - 1.0), abs(high_C[c] - 1.0)))
        yield Finding(
            severity="warning",
            code="effect_changed",
            where=name,
            what=(
                f"In the last quarter of the training window a unit of it brings {percent(abs(change))} "
                f"{'less' if change < 0 else 'more'} than in the first ({percent(near[0])} to "
                f"{percent(near[1])}). If it changed at once, then most likely around "
                f"{fitted.panel.dates[_break(fitted, c)]}."
            ),
            why="Totals over the window do not say what it does now; plans go on with its last effect.",
            what_to_do="Ask what changed then: creatives, targeting, tracking, prices. A later start of the "
            "data or a test settles what it does now.",
        )


def _late_over_early(effectiveness_MCGN: Floats, part: int) -> Floats:
    """Effect per unit in the last periods over that in the first ones, mean over regions, shape MC."""
    mean_MCN = effectiveness_MCGN.mean(2)
    ratio_MC: Floats = mean_MCN[..., -part:].mean(-1) / mean_MCN[..., :part].mean(-1)
    return ratio_MC


def _break(fitted: Fitted, channel: int) -> int:
    """Period from which one other effect of a channel explains the training data best, if it changed once."""
    until, predictor = fitted.trained_until, fitted.predictor
    parts, cells_GT = predictor.parts, fitted.training_GT[:, :until]
    brought_GN = parts.channels_MGTC[..., channel].mean(0)[:, :until]
    steady_GN = brought_GN / predictor.effectiveness_MCGT[:, channel].mean(0)[:, :until]
    noise_G1 = predictor.noise_MG.mean(0)[:, None]
    left_GN = (fitted.panel.kpi_GT - parts.prediction_MGT.mean(0))[:, :until] + brought_GN
    weight_GN = cells_GT / noise_G1**2
    product_N = np.where(cells_GT, weight_GN * left_GN * steady_GN, 0.0).sum(0)
    square_N = (weight_GN * steady_GN**2).sum(0)
    before_N, first_N = np.cumsum(product_N)[:-1], np.cumsum(square_N)[:-1]
    after_N, last_N = product_N.sum() - before_N, square_N.sum() - first_N
    margin = max(until // (2 * QUARTER), 1)
    explained_N = before_N**2 / np.maximum(first_N, 1e-300) + after_N**2 / np.maximum(last_N, 1e-300)
    return int(np.argmax(explained_N[margin:-margin])) + margin + 1 if until > 2 * margin + 1 else until // 2


def _width_over_prior(fitted: Fitted, sums: MediaSums) -> Floats:
    """Spread of each channel's share of the KPI over that of its prior; 0 with too few members."""
    if fitted.members < MEMBERS_LEAST:
        return np.zeros(len(fitted.panel.channels))
    share_MC = sums.brought_MC / sums.predicted_M[:, None]
    prior_C = share_scales(fitted.panel, fitted.spec.model)
    width: Floats = share_MC.std(0, ddof=1) / (HALF_NORMAL_SD * prior_C)
    return width


def _width_left(priors: pd.DataFrame) -> Floats:
    """Width of what is known of each channel's share after the data over that before them."""
    left: Floats = 1.0 - priors.loc[priors["quantity"] == "share", "moved"].to_numpy(dtype=np.float64)
    return left


def _collinear(fitted: Fitted, correlations: pd.DataFrame) -> Iterator[Finding]:
    names = [*fitted.panel.channels, *fitted.panel.controls]
    matrix = correlations.pivot(index="a", columns="b", values="value").loc[names, names].to_numpy(copy=True)
    np.fill_diagonal(matrix, 1.0)
    channels = len(fitted.panel.channels)
    paired: set[int] = set()
    for first in range(channels):
        for second in range(first + 1, channels):
            if matrix[first, second] > ALIKE:
                paired |= {first, second}
                yield Finding(
                    severity="warning",
                    code="collinear_channels",
                    where=f"{names[first]}, {names[second]}",
                    what=f"Their media move together, correlation {matrix[first, second]:.2f} in regions.",
                    why="The data can tell what the two bring together, not which of them does.",
                    what_to_do="Read their sum, merge them, or run them at different times.",
                )
    inflation = np.linalg.inv(matrix + 1e-6 * np.eye(len(names))).diagonal()
    lost = [c for c in range(channels) if inflation[c] > INFLATION_MOST and c not in paired]
    if len(lost) > FOLDED:
        yield _collinear_group(
            "channels",
            f"The media of {len(lost)} channels are each given away by all other series together, e.g. "
            f"{', '.join(names[c] for c in lost[:3])}.",
        )
        return
    for c in lost:
        what = f"The other series together give its media away: variance inflation {inflation[c]:.0f}."
        yield _collinear_group(names[c], what)


def _collinear_group(where: str, what: str) -> Finding:
    return Finding(
        severity="warning",
        code="collinear_group",
        where=where,
        what=what,
        why="The data can hardly tell it from a mixture of the others.",
        what_to_do="Merge channels that are bought together, or vary this one on its own.",
    )


def _extrapolated(fitted: Fitted, media_TC: Floats) -> Iterator[Finding]:
    """Levels, per period over all regions, after the periods that entered the fit."""
    panel, until = fitted.panel, fitted.trained_until
    after_HC = media_TC[until:]
    if not len(after_HC):
        return
    high_C = media_TC[:until].max(0)
    for c, name in enumerate(panel.channels):
        beyond_H = after_HC[:, c] > BEYOND * high_C[c]
        if not beyond_H.any():
            continue
        ran = high_C[c] > 0
        highest = after_HC[:, c].max() / high_C[c] if ran else 0.0
        usual = after_HC[:, c].mean() / media_TC[:until, c].mean() if ran else 0.0
        times = (
            f"up to {highest:.1f} times the highest and {usual:.1f} times the mean"
            if ran
            else "but never before"
        )
        yield Finding(
            severity="warning",
            code="extrapolation",
            where=name,
            what=f"After training it runs at levels never seen there in {beyond_H.sum()} of {len(beyond_H)} "
            f"periods, {times}.",
            why="Its curve is unknown out there: forecasts and plans follow from its shape alone.",
            what_to_do="Refit on the newer periods (train.refit_on_all) and keep plans within what has run.",
        )


def _prior_conflicts(fitted: Fitted, effects: pd.DataFrame) -> Iterator[Finding]:
    parts, cells_GT = fitted.predictor.parts, fitted.training_GT
    priors = fitted.spec.model.priors
    total = max(float(parts.prediction_MGT.mean(0)[cells_GT].sum()), 1e-300)
    direct = dict(zip(effects["channel"], effects["direct"].astype(float), strict=True))
    returns = dict(zip(effects["channel"], effects["roi"].astype(float), strict=True))
    told: list[tuple[str, str, float, float, str]] = []
    if (media := priors.media_share) is not None:
        found = sum(direct.values()) / total
        wide = f"{number(media.mean, 3)} ± {number(media.sd, 3)}"
        told.append(("all media", "share of the KPI", found, (found - media.mean) / media.sd, wide))
    beliefs, _, _ = locate_beliefs(fitted.spec, fitted.panel, fitted.trained_until, every=True)
    elsewhere_MB = fitted.predictor.believed(beliefs)
    stated = [(name, one) for name, own in priors.channels.items() for one in own.stated()]
    for place, (name, one) in enumerate(stated):
        known = {"share": direct[name] / total, "roi": returns[name]}
        found = float(elsewhere_MB[:, place].mean())
        if not one.is_placed:
            found = known.get(one.quantity, found)
        within = f" ({beliefs[place].where})" if beliefs[place].where else ""
        what = f"{BELIEVED[one.quantity]}{within}"
        told.append((name, what, found, one.belief.away(found), _wide(one.belief)))
    for where, what, found, away, wide in told:
        if abs(away) > CONFLICT:
            yield Finding(
                severity="warning",
                code="prior_conflict",
                where=where,
                what=f"Its {what} is {number(found, 3)}; believed was {wide}.",
                why="Data and belief disagree; the estimate lies in between and satisfies neither.",
                what_to_do="Find out which is wrong: the belief, its unit, or what the data leave out.",
            )


def _wide(belief: ChannelBelief) -> str:
    """A belief in words."""
    if belief.mean is not None and belief.sd is not None:
        return f"{number(belief.mean, 3)} ± {number(belief.sd, 3)}"
    return f"{number(belief.quantile(-NORMAL_95), 3)} to {number(belief.quantile(NORMAL_95), 3)}"


def _bounds(fitted: Fitted) -> Iterator[Finding]:
    if not fitted.spec.model.temporal.enabled:
        return
    bound = fitted.spec.model.temporal.bound
    deviation_MCGT = np.abs(fitted.predictor.effectiveness_MCGT - 1.0)
    share_C = (deviation_MCGT > AT_BOUND * bound).mean((0, 2, 3))
    for c in np.flatnonzero(share_C > OFTEN_AT_BOUND):
        yield Finding(
            severity="warning",
            code="effectiveness_at_bound",
            where=fitted.panel.channels[c],
            what=(
                f"Its effectiveness lies on the bound of ±{percent(bound)} in {percent(share_C[c])} of the "
                "cells."
            ),
            why="The effect varies more than it may, or follows something that is not in the model.",
            what_to_do="Raise model.temporal.bound if that is plausible, else look for a missing control.",
        )
