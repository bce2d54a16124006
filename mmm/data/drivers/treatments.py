"""What is wrong with treatments of a laid-out panel: nothing moves, the KPI itself, a far reference.

Shapes: G regions, T periods.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mmm.data.panel import Bools, Floats, Panel, Treatment
from mmm.data.split import Split
from mmm.errors import Problem

SAME = 0.9995
"""Correlation within regions from which a treatment is taken for the KPI."""


def treatment_problems(panel: Panel, split: Split | None) -> Iterator[Problem]:
    """Treatments that cannot be modelled, one problem for each."""
    first = len(panel.controls) - len(panel.treatments)
    for r, treatment in enumerate(panel.treatments):
        values_GT = panel.controls_GTK[..., first + r]
        where = f"treatment {treatment.name!r}"
        problem = _constant(panel, split, values_GT, where) or _as_kpi(panel, values_GT, where)
        problem = problem or _out_of_range(panel, values_GT, treatment, where)
        if problem is not None:
            yield problem


def _constant(panel: Panel, split: Split | None, values_GT: Floats, where: str) -> Problem | None:
    seen = slice(None) if split is None else split.train
    known_GT = panel.present_GT[:, seen] & np.isfinite(values_GT[:, seen])
    low_G = np.where(known_GT, values_GT[:, seen], np.inf).min(1)
    high_G = np.where(known_GT, values_GT[:, seen], -np.inf).max(1)
    if (high_G > low_G).any() or not known_GT.any():
        return None
    message = (
        "never changes within a region in the training window: its effect cannot be told from the level. "
        "Check its column, or remove it."
    )
    return Problem("constant_treatment", where, message)


def _as_kpi(panel: Panel, values_GT: Floats, where: str) -> Problem | None:
    known_GT = panel.observed_GT & np.isfinite(values_GT)
    kpi_GT, own_GT = _within(panel.kpi_GT, known_GT), _within(values_GT, known_GT)
    size = float(np.sqrt((kpi_GT**2).sum() * (own_GT**2).sum()))
    if size == 0.0 or abs(float((kpi_GT * own_GT).sum())) < SAME * size:
        return None
    message = (
        "moves exactly as the KPI does: it is the KPI, or computed from it, and would take all of its "
        "variation. Name another column, or remove it."
    )
    return Problem("treatment_is_kpi", where, message)


def _within(values_GT: Floats, known_GT: Bools) -> Floats:
    """Deviations from each region's mean, 0 where unknown."""
    filled_GT = np.where(known_GT, values_GT, 0.0)
    mean_G1 = filled_GT.sum(1, keepdims=True) / np.maximum(known_GT.sum(1, keepdims=True), 1)
    return np.where(known_GT, filled_GT - mean_G1, 0.0)


def _out_of_range(panel: Panel, values_GT: Floats, treatment: Treatment, where: str) -> Problem | None:
    known = values_GT[panel.present_GT & np.isfinite(values_GT)]
    reference = treatment.reference
    if isinstance(reference, str) or not len(known) or known.min() <= reference <= known.max():
        return None
    message = (
        f"is counted against the reference {reference:g}, but its values lie within {known.min():g} and "
        f"{known.max():g}: what the KPI is elsewhere is not known. Choose a reference within, or min, max or "
        "median."
    )
    return Problem("reference_out_of_range", where, message)
