"""What was believed of each channel before the data, beside what is believed after: ``priors.parquet``.

Shapes: M draws, C channels, P points of a grid.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmm.analysis.attribution import EffectSums
from mmm.analysis.intervals import EMPIRICAL_FROM, interval_from_zero
from mmm.config.beliefs import NORMAL_95, Stated
from mmm.data.panel import Floats
from mmm.data.stated.beliefs import PlacedBelief, locate_beliefs
from mmm.fitted import Fitted
from mmm.model.beliefs import (
    expected_share,
    half_normal_shares,
    prior_person,
    prior_shapes,
    prior_shares,
)
from mmm.model.inputs import share_scales

PRIOR_DRAWS = 4000
QUANTILES = (0.05, 0.5, 0.95)
LEARNED, LITTLE = 0.5, 0.2
"""Share of the prior's width that data must remove to have decided, and below which they said little."""
GRID_P = np.linspace(math.log(1e-6), math.log(2.0), 4001)
"""Log shares on which several beliefs of one channel are brought together."""
NARROWEST = 1e-12


def priors_table(fitted: Fitted, sums: EffectSums) -> pd.DataFrame:
    """Channel, quantity, prior and posterior (median, 5 % as lower, 95 % as upper), moved, verdict, source.

    ``share`` is of the KPI of the training window, ``roi`` (channels with spend) the value per unit of
    currency, ``half_saturation`` in the channel's own mean volume, ``slope`` that of the market's Hill curve,
    ``retention`` the share carried to the next period; of channels with reach ``frequency_half`` is the
    contacts at which a person does half of the most it can be brought to and ``frequency_slope`` how steeply,
    in place of ``slope``. Whatever else is stated has a row of its own, named
    by its quantity, window and regions; a lift test made elsewhere is ``test`` with its days. ``moved`` is
    the share of the prior's width that the data removed: 0 where they say nothing, near 1 where they decide,
    negative where they left more doubt than there was. ``source`` is ``default``, ``stated`` or ``test``.
    Of an ensemble the default of ``share`` is half-normal, of the share that the mean volume brings.

    Args:
        fitted: The model; any of its regions, where no belief is about some cells.
        sums: Of all regions.
    """
    panel, kpi, direct_MC = fitted.panel, sums.kpi, sums.direct_MC
    seed = int(fitted.spec.train.seed)
    spend_C = np.nan_to_num(sums.spend_of(panel))
    shares, expected = _expected(fitted, spend_C, seed)
    value = sums.value / max(sums.cells, 1.0)
    found = fitted.predictor.channel_shapes()
    lags = fitted.predictor.lags if fitted.spec.train.inference == "posterior" else None
    prior = prior_shapes(
        fitted.spec.model, fitted.log_half_C, PRIOR_DRAWS, seed, fitted.predictor.reach, lags
    )
    placed = _placed(fitted)
    rows, reach = [], fitted.predictor.reach
    for c, name in enumerate(panel.channels):
        unit = kpi * value / spend_C[c] if spend_C[c] > 0 and np.isfinite(value) else None
        cost = spend_C[c] / kpi if spend_C[c] > 0 else None
        stated = [one for one in _of_training(fitted, name) if one.quantity == "share" or unit is not None]
        before, source = _quantiles(shares[:, c]), "default"
        if stated and fitted.spec.model.priors.strength > 0:
            own = _Known(expected(c), unit, cost, fitted.spec.model.priors.strength)
            before, source = _together(stated, own), "stated"
        found_M = direct_MC[:, c] / kpi
        rows.append(_row(name, "share", before, found_M, source))
        if unit is not None:
            rows.append(_row(name, "roi", [unit * end for end in before], found_M * unit, source))
        if cost is not None and any(one.quantity == "cost_per_kpi" for one in stated):
            ends = [cost / max(end, NARROWEST) for end in reversed(before)]
            cost_M = cost / np.maximum(found_M, NARROWEST)
            rows.append(_row(name, "cost_per_kpi", ends, cost_M, source))
        shapes = {key: (prior[key][:, c], found[key][:, c]) for key in found}
        if c in reach:
            shapes.pop("slope")
            shapes |= _of_person(fitted, reach.index(c), seed)
        rows += [_row(name, key, _quantiles(was_M), is_M, "default") for key, (was_M, is_M) in shapes.items()]
        rows += [_row(name, key, ends, values_M, source) for key, ends, values_M, source in placed(c)]
    return pd.DataFrame(rows)


def _of_person(fitted: Fitted, r: int, seed: int) -> dict[str, tuple[Floats, Floats]]:
    """Prior and posterior of what a person does who is reached so often; reach itself has slope 1."""
    found = fitted.predictor.person_shape()
    prior = prior_person(PRIOR_DRAWS, seed)
    names = ("frequency_half", "frequency_slope")
    return {
        name: (before_M, after_MR[:, r]) for name, before_M, after_MR in zip(names, prior, found, strict=True)
    }


def _of_training(fitted: Fitted, channel: str) -> list[Stated]:
    """Beliefs on what a channel brings in the whole training window."""
    own = fitted.spec.model.priors.channels.get(channel)
    return [
        one
        for one in (own.stated() if own is not None else ())
        if not one.is_placed and one.quantity != "marginal_roi"
    ]


def _expected(fitted: Fitted, spend_C: Floats, seed: int) -> tuple[Floats, Callable[[int], Floats]]:
    """Shares expected before anything is stated, shape MC, and by channel their log density on the grid."""
    spec, bought_C = fitted.spec.model, fitted.panel.bought_C
    if fitted.spec.train.inference == "ensemble":
        scale_C = share_scales(fitted.panel, spec)

        def half_normal(channel: int) -> Floats:
            density_P: Floats = GRID_P - 0.5 * (np.exp(GRID_P) / scale_C[channel]) ** 2
            return density_P

        return half_normal_shares(spec, scale_C, PRIOR_DRAWS, seed, bought_C), half_normal

    def drawn(channel: int) -> Floats:
        return expected_share(spec, spend_C, channel, bought_C).on_grid(GRID_P)

    return prior_shares(spec, spend_C, PRIOR_DRAWS, seed, bought_C), drawn


class _Known(NamedTuple):
    """What is known of a channel besides what is stated.

    Attributes:
        expected_P: Log density of its log share where nothing is stated; log-normal beliefs take its place.
        unit: ROI of a share of 1.
        cost: Cost per KPI unit at a share of 1.
        strength: Weight of what is stated.
    """

    expected_P: Floats
    unit: float | None
    cost: float | None
    strength: float


def _together(stated: list[Stated], known: _Known) -> list[float]:
    """Quantiles of the share under beliefs on it, or on what is proportional to it or to its inverse."""
    share_P = np.exp(GRID_P)
    replaced = any(one.belief.is_lognormal for one in stated)
    log_P = np.zeros_like(GRID_P) if replaced else known.expected_P.copy()
    for one in stated:
        value_P = {
            "share": share_P,
            "roi": share_P * (known.unit or 0.0),
            "cost_per_kpi": (known.cost or 0.0) / share_P,
        }[one.quantity]
        centre, wide = one.belief.normal
        at_P = np.log(np.maximum(value_P, NARROWEST)) if one.belief.is_lognormal else value_P
        log_P -= 0.5 * known.strength * ((at_P - centre) / wide) ** 2
    mass_P = np.cumsum(np.exp(log_P - log_P.max()))
    ends = np.interp(QUANTILES, mass_P / mass_P[-1], GRID_P)
    return [float(end) for end in np.exp(ends)]


def _placed(fitted: Fitted) -> Callable[[int], Iterator[tuple[str, list[float], Floats, str]]]:
    """By channel: name, prior and draws of every belief about some cells."""
    beliefs, _, _ = locate_beliefs(fitted.spec, fitted.panel, fitted.trained_until)
    values_MB = fitted.predictor.believed(beliefs)

    def of(channel: int) -> Iterator[tuple[str, list[float], Floats, str]]:
        for place, belief in enumerate(beliefs):
            if belief.channel != channel or (belief.quantity == "cost_per_kpi" and not belief.where):
                continue
            source = "test" if belief.quantity == "test" else "stated"
            name = ", ".join(filter(None, (belief.quantity, belief.where)))
            yield belief.where if source == "test" else name, _ends(belief), values_MB[:, place], source

    return of


def _ends(belief: PlacedBelief) -> list[float]:
    """Quantiles of a belief."""
    values = [belief.centre + away * belief.width for away in (-NORMAL_95, 0.0, NORMAL_95)]
    return [math.exp(value) for value in values] if belief.is_lognormal else values


def _quantiles(values_M: Floats) -> list[float]:
    found: list[float] = np.quantile(values_M, QUANTILES).tolist()
    return found


def _learned(values_M: Floats) -> list[float]:
    """Quantiles of what is known after the data; of few members by the rule that gives their intervals."""
    if len(values_M) == 1 or len(values_M) >= EMPIRICAL_FROM:
        return _quantiles(values_M)
    _, lower, upper = interval_from_zero(values_M)
    return [float(lower), float(np.median(values_M)), float(upper)]


def _row(
    channel: str, quantity: str, before: list[float], posterior_M: Floats, source: str
) -> dict[str, object]:
    """Quantiles of both, and how far the data narrowed the first to the second."""
    after = _learned(posterior_M)
    width = before[2] - before[0]
    if len(posterior_M) == 1 or width <= 0:
        moved, verdict = float("nan"), "unknown"
    else:
        moved = float(1.0 - (after[2] - after[0]) / width)
        verdict = "decided by the data" if moved >= LEARNED else "in part"
        verdict = "mostly the prior" if moved < LITTLE else verdict
    names = [f"{of}{end}" for of in ("prior", "posterior") for end in ("_lower", "", "_upper")]
    ends = dict(zip(names, [*before, *after], strict=True))
    told = {"moved": moved, "verdict": verdict, "source": source}
    return {"channel": channel, "quantity": quantity, **ends, **told}
