"""Regions that opened too late to be fitted, in plans: at the effect all regions share and their own level.

Shapes: M members, G regions of both kinds, T periods, N regions that join.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from mmm.data.panel import Bools, Floats, Panel
from mmm.data.regions import kept_regions
from mmm.data.scale import Scaling
from mmm.fitted import Fitted
from mmm.model.network import LEVEL_SD
from mmm.model.parameters import REGIONAL


def with_newcomers(fitted: Fitted) -> Fitted:
    """The model with the regions that opened too late for its fit; itself without any.

    Their responses are those of the average region, per head or per KPI unit as the model has learned it, and
    their levels are such that the KPI they had is met on average. Regions without a KPI above 0 stay out.
    """
    if fitted.left_out is None:
        return fitted
    known_NT = fitted.left_out.observed_GT
    kpi_N = np.where(known_NT, fitted.left_out.kpi_GT, 0.0).sum(1) / np.maximum(known_NT.sum(1), 1)
    joining = kept_regions(fitted.left_out, kpi_N > 0)
    if not joining.regions:
        return fitted
    names = (*fitted.panel.regions, *joining.regions)
    order = sorted(range(len(names)), key=lambda place: names[place])
    panel = _joined(fitted.panel, joining, order)
    joined = replace(
        fitted,
        panel=panel,
        scaling=_scaling(fitted, joining, kpi_N[kpi_N > 0], order),
        parameters=_parameters(fitted, len(joining.regions), order),
        left_out=None,
    )
    new_G = np.isin(panel.regions, joining.regions)
    return _at_their_level(joined, new_G)


def _joined(panel: Panel, joining: Panel, order: list[int]) -> Panel:
    """The panel of both, on the same calendar."""

    def both(name: str) -> Any:
        return np.concatenate([getattr(panel, name), getattr(joining, name)])[order]

    names = (*panel.regions, *joining.regions)
    populated = panel.population_G is not None and joining.population_G is not None
    return replace(
        panel,
        regions=tuple(names[place] for place in order),
        present_GT=both("present_GT"),
        kpi_GT=both("kpi_GT"),
        media_GTC=both("media_GTC"),
        spend_GTC=both("spend_GTC"),
        controls_GTK=both("controls_GTK"),
        kpi_value_GT=both("kpi_value_GT"),
        population_G=both("population_G") if populated else None,
        contacts_GTC=None if panel.contacts_GTC is None else both("contacts_GTC"),
    )


def _scaling(fitted: Fitted, joining: Panel, kpi_N: Floats, order: list[int]) -> Scaling:
    """Units of the fit, continued to regions that join: size by population, else by KPI."""
    old, panel = fitted.scaling, fitted.panel
    if panel.population_G is not None and joining.population_G is not None:
        size_N = joining.population_G * float((old.size_G / panel.population_G).mean())
    else:
        size_N = kpi_N * float((old.size_G / old.kpi_G).mean())
    present_NT1 = joining.present_GT[:, :, None]
    count_N1 = np.maximum(present_NT1.sum(1), 1)
    level_NK = np.where(present_NT1, joining.controls_GTK, 0.0).sum(1) / count_N1
    return replace(
        old,
        kpi_G=np.concatenate([old.kpi_G, kpi_N])[order],
        size_G=np.concatenate([old.size_G, size_N])[order],
        control_mean_GK=np.concatenate([old.control_mean_GK, level_NK])[order],
    )


def _parameters(fitted: Fitted, joining: int, order: list[int]) -> dict[str, Floats]:
    """Parameters of the fit; regions that join stand where the average region does."""
    found = dict(fitted.parameters)
    for name in REGIONAL:
        if name in found:
            old = found[name]
            new = np.zeros((len(old), joining, *old.shape[2:]))
            found[name] = np.concatenate([old, new], 1)[:, order]
    return found


def _at_their_level(joined: Fitted, new_G: Bools) -> Fitted:
    """Levels of new regions moved so that what they are expected to have is what they had, on average."""
    panel = joined.panel
    known_GT = panel.observed_GT & new_G[:, None]
    short_MGT = np.where(known_GT, panel.kpi_GT - joined.predictor.parts.prediction_MGT, 0.0)
    cells_G = np.maximum(known_GT.sum(1), 1)
    level_MG = joined.parameters["level"] + short_MGT.sum(2) / cells_G / joined.scaling.kpi_G / LEVEL_SD
    return replace(joined, parameters={**joined.parameters, "level": level_MG})
