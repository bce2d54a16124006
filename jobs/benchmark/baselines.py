"""What models are compared with: a ridge regression on adstocked media, last touch, share of spend.

The ridge chooses decay and saturation of each channel from a grid, coordinate by coordinate, then the
penalty, on a validation tail; media coefficients are not negative. The other two only split what people read
off a table, and are handed the true total that they could not know.

Shapes: G regions, T periods, C channels, N observed training cells, B columns, P points of a curve.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import LinearConstraint, lsq_linear, minimize
from scipy.signal import lfilter

from jobs.benchmark.case import CHANGE, HORIZON, Answer, Case
from mmm.data.panel import Bools, Floats, Panel
from mmm.simulate.truth import CURVE_MULTIPLIERS


def spend_share(case: Case, total: float) -> Answer:
    """Every unit of currency brings the same: no channel is better, so a plan moves nothing."""
    started = time.perf_counter()
    spend_C = case.read.panel.spend_GTC[:, case.read.split.train].sum((0, 1))
    share_C = spend_C / spend_C.sum()
    return Answer(time.perf_counter() - started, share_C * total, plan_C=np.ones_like(share_C))


def last_touch(case: Case, total: float) -> Answer:
    """Each region-week's KPI goes to channels by their share of the money spent there and then.

    Its plan moves money from the lowest to the highest return, as far as the bounds let it.
    """
    started = time.perf_counter()
    panel, train = case.read.panel, case.read.split.train
    spend_GTC = panel.spend_GTC[:, train]
    share_GTC = spend_GTC / np.maximum(spend_GTC.sum(-1, keepdims=True), 1e-300)
    credit_C = np.einsum("gtc,gt->c", share_GTC, np.nan_to_num(panel.kpi_GT[:, train]))
    direct_C = credit_C / credit_C.sum() * total
    return Answer(
        time.perf_counter() - started,
        direct_C,
        plan_C=greedy_plan(direct_C / spend_GTC.sum((0, 1)), case.last_spend_C),
    )


def greedy_plan(roi_C: Floats, spend_C: Floats) -> Floats:
    """Factors on spend that move the same money to the highest constant returns."""
    plan_C = np.full_like(spend_C, 1 - CHANGE)
    left = CHANGE * float(spend_C.sum())
    for c in np.argsort(-roi_C, kind="stable"):
        step = min(2 * CHANGE * float(spend_C[c]), left)
        plan_C[c] += step / spend_C[c] if spend_C[c] > 0 else 0.0
        left -= step
    return plan_C


def same_money(grid_P: Floats, response_CP: Floats, spend_C: Floats) -> Floats:
    """Factors on spend with the greatest total of given response curves, the same money in all."""
    curves = [PchipInterpolator(grid_P, response_P) for response_P in response_CP]
    slopes = [curve.derivative() for curve in curves]
    scale = max(float(response_CP.max(1).sum()), 1e-300)
    share_C = spend_C / spend_C.sum()

    def loss(plan_C: Floats) -> float:
        return -sum(float(curve(m)) for curve, m in zip(curves, plan_C, strict=True)) / scale

    def gradient(plan_C: Floats) -> Floats:
        steep_C: Floats = np.array([float(slope(m)) for slope, m in zip(slopes, plan_C, strict=True)])
        return -steep_C / scale

    found = minimize(
        loss,
        np.ones_like(share_C),
        jac=gradient,
        method="SLSQP",
        bounds=[(grid_P[0], grid_P[-1])] * len(share_C),
        constraints=LinearConstraint(share_C[None, :], 1.0, 1.0),
    )
    plan_C: Floats = np.clip(found.x, grid_P[0], grid_P[-1])
    return plan_C


DECAYS = (0.0, 0.3, 0.5, 0.7, 0.85)
HALVES = (0.5, 1.0, 2.0, None)
"""Half-saturation in mean volumes of a channel; None is the logarithm."""
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Per cell, on columns of unit variance."""
TAIL = 13
PASSES = 2

Shape = tuple[float, float | None]


@dataclass(frozen=True, eq=False)
class Regression:
    """Data of one regression, KPI relative to each region's training mean.

    Attributes:
        target_GT: Relative KPI, 0 where unknown.
        known_GT: Cells that may train.
        plain_GTB: Trend, season and controls.
        media_GTC: Media relative to the region's KPI and the channel's mean.
        until: Periods of training.
    """

    target_GT: Floats
    known_GT: Bools
    plain_GTB: Floats
    media_GTC: Floats
    until: int


def ridge_answer(case: Case) -> Answer:
    """Fit the regression and say what a user of it would."""
    started = time.perf_counter()
    panel, until = case.read.panel, case.read.split.n_train
    data, level_G = _regression(panel, until)
    shapes, penalty = _choose(data)
    columns_GTB = _columns(data, shapes)
    weight_B, intercept_G = _fit(data, columns_GTB, penalty, until, bounded=True)
    predicted_GT = level_G[:, None] * (intercept_G[:, None] + columns_GTB @ weight_B)
    seconds = time.perf_counter() - started
    media_B = weight_B[-len(shapes) :]
    cells_GT = panel.present_GT[:, :until] * level_G[:, None]

    def response_C(multiplier: float) -> Floats:
        scaled_GTC = _media(data.media_GTC * multiplier, shapes)[:, :until]
        total_C: Floats = np.einsum("gtc,gt->c", scaled_GTC, cells_GT) * media_B
        return total_C

    curves_CP = np.stack([response_C(m) for m in CURVE_MULTIPLIERS], 1)
    return Answer(
        seconds=seconds,
        direct_C=response_C(1.0),
        curves_CP=curves_CP,
        plan_C=_plan(case, data, shapes, media_B, level_G) if panel.has_spend_C.all() else None,
        predicted_GT=predicted_GT,
    )


def _regression(panel: Panel, until: int) -> tuple[Regression, Floats]:
    known_GT = panel.observed_GT
    trained_GT = known_GT & (np.arange(known_GT.shape[1]) < until)
    kpi_GT = np.where(known_GT, panel.kpi_GT, 0.0)
    level_G = np.where(trained_GT, kpi_GT, 0.0).sum(1) / np.maximum(trained_GT.sum(1), 1)
    media_GTC = panel.media_GTC / level_G[:, None, None]
    media_GTC = media_GTC / np.maximum(media_GTC[:, :until].mean((0, 1)), 1e-300)
    time_T = np.arange(known_GT.shape[1])
    year_T = 2 * np.pi * time_T / panel.periods_per_year
    waves = [f(k * year_T) for k in (1, 2) for f in (np.sin, np.cos)]
    shared_GTB = np.broadcast_to(np.stack([time_T / until, *waves], 1), (len(level_G), len(time_T), 5))
    plain_GTB = np.concatenate([shared_GTB, panel.controls_GTK], 2)
    return Regression(kpi_GT / level_G[:, None], trained_GT, plain_GTB, media_GTC, until), level_G


def _media(media_GTC: Floats, shapes: tuple[Shape, ...]) -> Floats:
    """Adstocked, saturated media."""
    columns = []
    for c, (decay, half) in enumerate(shapes):
        stock_GT = lfilter([1.0 - decay], [1.0, -decay], media_GTC[..., c], axis=1)
        columns.append(np.log1p(stock_GT) if half is None else stock_GT / (stock_GT + half))
    return np.stack(columns, -1)


def _columns(data: Regression, shapes: tuple[Shape, ...]) -> Floats:
    return np.concatenate([data.plain_GTB, _media(data.media_GTC, shapes)], 2)


def _fit(
    data: Regression, columns_GTB: Floats, penalty: float, until: int, *, bounded: bool = False
) -> tuple[Floats, Floats]:
    """Coefficients and regional intercepts from the periods before ``until``."""
    known_GT = data.known_GT & (np.arange(data.known_GT.shape[1]) < until)
    count_G = np.maximum(known_GT.sum(1), 1)
    mean_GB = np.where(known_GT[..., None], columns_GTB, 0.0).sum(1) / count_G[:, None]
    level_G = np.where(known_GT, data.target_GT, 0.0).sum(1) / count_G
    x_NB = (columns_GTB - mean_GB[:, None])[known_GT]
    y_N = (data.target_GT - level_G[:, None])[known_GT]
    scale_B = np.maximum(x_NB.std(0), 1e-9)
    x_NB = x_NB / scale_B
    ridge_BB = np.sqrt(penalty * len(y_N)) * np.eye(x_NB.shape[1])
    if bounded:
        lower_B = np.full(x_NB.shape[1], -np.inf)
        lower_B[-data.media_GTC.shape[2] :] = 0.0
        stacked, aimed = np.concatenate([x_NB, ridge_BB]), np.concatenate([y_N, np.zeros(len(ridge_BB))])
        free_B = lsq_linear(stacked, aimed, (lower_B, np.inf)).x
    else:
        free_B = np.linalg.solve(x_NB.T @ x_NB + ridge_BB**2, x_NB.T @ y_N)
    weight_B: Floats = free_B / scale_B
    return weight_B, level_G - mean_GB @ weight_B


def _tail_error(data: Regression, shapes: tuple[Shape, ...], penalty: float) -> float:
    """Squared error on the last training periods, fitted without them."""
    columns_GTB, start = _columns(data, shapes), data.until - TAIL
    weight_B, intercept_G = _fit(data, columns_GTB, penalty, start)
    error_GT = intercept_G[:, None] + columns_GTB @ weight_B - data.target_GT
    tail_GT = data.known_GT & (np.arange(data.known_GT.shape[1]) >= start)
    return float((error_GT[tail_GT] ** 2).mean())


def _choose(data: Regression) -> tuple[tuple[Shape, ...], float]:
    """Shapes and penalty with the least error on the tail."""
    shapes: list[Shape] = [(0.5, 1.0)] * data.media_GTC.shape[2]
    for _ in range(PASSES):
        for c in range(len(shapes)):
            shapes[c] = _best_shape(data, shapes, c)
    chosen = tuple(shapes)
    return chosen, min(PENALTIES, key=lambda penalty: _tail_error(data, chosen, penalty))


def _best_shape(data: Regression, shapes: list[Shape], channel: int) -> Shape:
    """The shape of one channel with the least error on the tail, the others' as they are."""

    def error(option: Shape) -> float:
        tried = (*shapes[:channel], option, *shapes[channel + 1 :])
        return _tail_error(data, tried, PENALTIES[2])

    return min(((decay, half) for decay in DECAYS for half in HALVES), key=error)


def _plan(
    case: Case, data: Regression, shapes: tuple[Shape, ...], media_B: Floats, level_G: Floats
) -> Floats:
    """The same money as in the last periods, split as the regression's own responses would have it."""
    grid_P = np.linspace(1 - CHANGE, 1 + CHANGE, 21)
    last_GHC, after = data.media_GTC[:, -HORIZON:], np.zeros_like(data.media_GTC[:, -HORIZON:])
    ahead_CP = np.stack(
        [
            np.einsum(
                "gtc,g->c",
                _media(np.concatenate([data.media_GTC, last_GHC * m, after], 1), shapes)[:, -2 * HORIZON :],
                level_G,
            )
            * media_B
            for m in grid_P
        ],
        1,
    )
    return same_money(grid_P, ahead_CP, case.last_spend_C)
