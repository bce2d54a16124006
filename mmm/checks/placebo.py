"""Placebo: what a channel's media would explain had they run at other times.

Media of every channel are shifted in time by a random number of periods, in each region by another one,
and sent through the model's own curve. What the KPI leaves for the channel (residual and its own
contribution) is regressed on the outcome, within region. Real media must explain it (a slope near 1),
shifted media nothing (a slope near 0).

Shapes: G regions, T periods, N training periods, C channels, D draws.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mmm.data.panel import Bools, Floats
from mmm.data.schema import Finding
from mmm.fitted import Fitted
from mmm.words import percent

DRAWS = 8
"""Shifts tried."""
SEED = 0
LEAST_SHARE = 0.01
"""Share of the KPI below which a channel's effect is no claim that a placebo could refute."""
ERRORS = 2.0
"""Spreads of the placebo's slopes by which real media must exceed them."""


def placebo_slopes(fitted: Fitted, draws: int = DRAWS, seed: int = SEED) -> tuple[Floats, Floats]:
    """Slopes of what the KPI leaves for a channel on its contribution, C, and on placebos of it, DC.

    The mean of a few members, since a slope is a matter of the data. A channel without variation has slope 0.
    """
    panel, until = fitted.panel, fitted.trained_until
    known_GN = panel.observed_GT[:, :until].copy()
    # While carry-over builds up from nothing, placebo and real media look alike.
    known_GN[:, : min(fitted.predictor.lags - 1, until // 2)] = False
    parts, some = fitted.predictor.parts, fitted.some
    own_GNC = parts.channels_MGTC[some, :, :until].mean(0)
    expected_GN = parts.prediction_MGT[some, :, :until].mean(0)
    residual_GN = np.where(known_GN, panel.kpi_GT[:, :until], 0.0) - expected_GN
    # Outliers would decide a least-squares slope; they are held as the fit's own loss holds them.
    limit_G = 3.0 * fitted.predictor.noise_MG[some].mean(0)
    residual_GN = np.clip(residual_GN, -limit_G[:, None], limit_G[:, None])
    left_GNC = residual_GN[..., None] + own_GNC
    size_G = fitted.scaling.kpi_G
    rng = np.random.default_rng(seed)
    real_C = _slope(own_GNC, left_GNC, known_GN, size_G)
    placebo_DC = np.zeros((draws, len(panel.channels)))
    for draw in range(draws):
        shifted_GTC = _shifted(panel.media_GTC, until, rng)
        placebo_GNC = fitted.predictor.contributions_under(shifted_GTC, some)[:, :, :until].mean(0)
        placebo_DC[draw] = _slope(placebo_GNC, left_GNC, known_GN, size_G)
    return real_C, placebo_DC


def _shifted(media_GTC: Floats, until: int, rng: np.random.Generator) -> Floats:
    """Training media rolled by at least an eighth of the window, in every region by another number."""
    least = max(1, until // 8)
    shift_G = rng.integers(least, max(until - least, least + 1), len(media_GTC))
    source_GN = (np.arange(until)[None, :] - shift_G[:, None]) % until
    shifted = media_GTC.copy()
    shifted[:, :until] = np.take_along_axis(media_GTC[:, :until], source_GN[..., None], axis=1)
    return shifted


def _slope(cause_GNC: Floats, effect_GNC: Floats, known_GN: Bools, size_G: Floats) -> Floats:
    """Least-squares slope within regions, regions of equal weight whatever their size, shape C."""
    weight_GN1 = known_GN[..., None] / size_G[:, None, None]
    count_G = np.maximum(known_GN.sum(1), 1)[:, None]

    def deviation(values_GNC: Floats) -> Floats:
        mean_GC = (values_GNC * known_GN[..., None]).sum(1) / count_G
        away: Floats = (values_GNC - mean_GC[:, None]) * weight_GN1
        return away

    cause, effect = deviation(cause_GNC), deviation(effect_GNC)
    power_C = (cause**2).sum((0, 1))
    slope: Floats = np.where(power_C > 0, (cause * effect).sum((0, 1)) / np.maximum(power_C, 1e-300), 0.0)
    return slope


def placebo_findings(fitted: Fitted) -> Iterator[Finding]:
    """Channels whose shuffled media explain the KPI about as well as the real ones; a summary otherwise."""
    panel = fitted.panel
    cells_GT = fitted.training_GT
    parts = fitted.predictor.parts
    share_C = parts.channels_MGTC.mean(0)[cells_GT].sum(0) / max(
        float(parts.prediction_MGT.mean(0)[cells_GT].sum()), 1e-300
    )
    judged = np.flatnonzero(share_C >= LEAST_SHARE)
    if not len(judged):
        return
    real_C, placebo_DC = placebo_slopes(fitted)
    mean_C, spread_C = placebo_DC.mean(0), placebo_DC.std(0, ddof=1)
    failed = [int(c) for c in judged if real_C[c] < mean_C[c] + ERRORS * spread_C[c]]
    for c in failed:
        yield Finding(
            severity="warning",
            code="placebo_as_strong",
            where=panel.channels[c],
            what=(
                f"Shifted in time, the channel's media explain {percent(mean_C[c])} ± {percent(spread_C[c])} "
                f"of its effect; as they ran, {percent(real_C[c])}."
            ),
            why=(
                f"The timing of the media does not support the {percent(share_C[c])} of the KPI credited to "
                "them."
            ),
            what_to_do="Take the effect for what the priors say, and test the channel in an experiment.",
        )
    if len(failed) < len(judged):
        passed = [c for c in judged if c not in failed]
        yield Finding(
            severity="info",
            code="placebo_passed",
            where=", ".join(panel.channels[c] for c in passed),
            what=(
                f"Shifted in time, media explain {percent(np.median(mean_C[passed]))} of their effect "
                f"(median over channels); as they ran, {percent(np.median(real_C[passed]))}."
            ),
            why="An effect that media at other times would show as well is none of theirs.",
            what_to_do="Nothing.",
        )
