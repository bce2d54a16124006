"""Negative controls: what people read off a spend table or a last-touch report, given every advantage.

Both only split; they are handed the true total that they could not know.

Shapes: G regions, T periods, C channels, P points of a curve.
"""

from __future__ import annotations

import time

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import LinearConstraint, minimize

from jobs.benchmark.case import CHANGE, Answer, Case
from mmm.data.panel import Floats


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
