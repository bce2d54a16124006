"""Intervals over ensemble members: one rule for every number the product reports.

Shapes: M members; any further axes are kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict
from scipy import special

from mmm.data.panel import Floats

LEVEL = 0.9
"""Coverage of every interval unless asked otherwise."""

EMPIRICAL_FROM = 50
"""Members from which empirical quantiles are used instead of Student's t."""

WORST = 0.1
"""Share of members that are called the worst ones."""

DUST = 1e-9
"""Part of a sum below which a difference of two of them is rounding."""


class Interval(NamedTuple):
    """Mean and bounds, each of the shape of one member's values; bounds are NaN with one member."""

    mean: Floats
    lower: Floats
    upper: Floats


class Estimate(BaseModel):
    """A number with its interval, as it stands in JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    mean: float
    """Mean over the ensemble's members."""
    lower: float | None
    """Lower bound; null if one member leaves it unknown."""
    upper: float | None
    """Upper bound; null if one member leaves it unknown."""


def student_factor(members: int, probability: float) -> float:
    """Standard deviations between the members' mean and a quantile.

    Members are draws from the sampling distribution of the estimate and their mean is the centre, so
    the distance between truth and centre has variance ``sd² (1 + 1/M)`` with ``M − 1`` degrees of
    freedom. Negative below the median. NaN for fewer than two members.
    """
    if members < 2:
        return math.nan
    return float(special.stdtrit(members - 1, probability)) * math.sqrt(1.0 + 1.0 / members)


def tail_factor(members: int, share: float) -> float:
    """``student_factor`` of the mean below a quantile: the expectation of Student's t in its lowest share.

    NaN for fewer than three members: with one degree of freedom the tail has no mean.
    Source: McNeil, Frey and Embrechts 2005, Quantitative risk management, example 2.19.
    """
    if members < 3:
        return math.nan
    freedom = members - 1
    place = float(special.stdtrit(freedom, share))
    log_density = (
        special.gammaln((freedom + 1) / 2)
        - special.gammaln(freedom / 2)
        - 0.5 * math.log(freedom * math.pi)
        - (freedom + 1) / 2 * math.log1p(place**2 / freedom)
    )
    tail = -math.exp(log_density) / share * (freedom + place**2) / (freedom - 1)
    return tail * math.sqrt(1.0 + 1.0 / members)


def tail_mean(values_M: Floats, share: float) -> float | None:
    """Mean of the lowest share of members (conditional value at risk), by the rule that gives intervals.

    With ``EMPIRICAL_FROM`` members or more the mean of the lowest ones, the last of them in part where the
    share is no whole number of them; below that Student's t.

    Args:
        values_M: One number per member.
        share: Above 0 and at most 1.

    Returns:
        None where fewer than three members leave it unknown.
    """
    members = len(values_M)
    if members < EMPIRICAL_FROM:
        factor = tail_factor(members, share)
        spread = float(values_M.std(ddof=1)) if members > 1 else 0.0
        return None if math.isnan(factor) else float(values_M.mean()) + factor * spread
    return float(tail_weights(members, share * members) @ np.sort(values_M))


def tail_weights(members: int, size: float) -> Floats:
    """Weights of sorted members in the mean of the ``size`` lowest, the last of them in part; shape M."""
    return np.asarray(np.clip(size - np.arange(members), 0.0, 1.0) / size)


def odds_of(gain_M: Floats) -> dict[str, Any]:
    """``chance_of_gain``, ``gain_at`` and ``cvar`` of plans and scenarios; None where draws are too few."""
    places = {"p5": 0.05, "p50": 0.5, "p95": 0.95}
    return {
        "chance_of_gain": chance_above_zero(gain_M),
        "gain_at": {name: float(quantile(gain_M, p)) for name, p in places.items()}
        if len(gain_M) > 1
        else None,
        "cvar": tail_mean(gain_M, WORST),
    }


def quantile(values_M: Floats, probability: float) -> Floats:
    """Quantile over the leading axis: Student's t below ``EMPIRICAL_FROM`` members, else empirical.

    Args:
        values_M: Members first, any further axes.
        probability: Between 0 and 1.

    Returns:
        The shape of one member's values; NaN with one member.

    Raises:
        ValueError: No member, or a probability outside (0, 1).
    """
    return np.asarray(_quantiles(values_M, (probability,))[0])


def _quantiles(values_M: Floats, probabilities: Sequence[float]) -> Floats:
    """``quantile`` of several probabilities at once, which lead."""
    values_M = np.asarray(values_M, dtype=np.float64)
    if values_M.ndim == 0 or values_M.shape[0] == 0:
        raise ValueError("an interval needs values of at least one member on the leading axis")
    for probability in probabilities:
        if not 0.0 < probability < 1.0:
            raise ValueError(f"probability {probability} is outside (0, 1)")
    members = values_M.shape[0]
    if members == 1:
        return np.full((len(probabilities), *values_M.shape[1:]), np.nan)
    if members >= EMPIRICAL_FROM:
        return _empirical(values_M, probabilities)
    mean, spread = values_M.mean(axis=0), values_M.std(axis=0, ddof=1)
    return np.stack([mean + student_factor(members, one) * spread for one in probabilities])


def _empirical(values_M: Floats, probabilities: Sequence[float]) -> Floats:
    """``np.quantile`` over the leading axis, in a tenth of its time for the few hundred numbers of a plan."""
    place_Q = np.asarray(probabilities) * (len(values_M) - 1)
    low_Q = np.floor(place_Q).astype(np.int64)
    high_Q = np.minimum(low_Q + 1, len(values_M) - 1)
    # The last of all is NaN where any is.
    order_M = np.partition(values_M, sorted({*low_Q.tolist(), *high_Q.tolist(), len(values_M) - 1}), axis=0)
    low, high = order_M[low_Q], order_M[high_Q]
    part_Q = (place_Q - low_Q).reshape(-1, *[1] * (values_M.ndim - 1))
    # Both forms of the line, as numpy has them: the result lies between the two at any rounding.
    inside = np.where(part_Q < 0.5, low + (high - low) * part_Q, high - (high - low) * (1.0 - part_Q))
    between = np.where(high == low, low, inside)
    return np.where(np.isnan(order_M[-1]), np.nan, between)


def interval(values_M: Floats, level: float = LEVEL) -> Interval:
    """Central interval over members.

    With 50 members or more the bounds are empirical quantiles. With 2 to 49 they are
    ``mean ± t · sd · sqrt(1 + 1/M)``, Student's t with ``M − 1`` degrees of freedom, since quantiles
    of so few draws are far too narrow. One member says nothing of its spread: bounds are NaN. The
    bounds may cross a natural limit such as 0; they are not clipped.

    Args:
        values_M: Members first, any further axes. NaN of a member propagates.
        level: Coverage, between 0 and 1.

    Raises:
        ValueError: No member, or a level outside (0, 1).
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level {level} is outside (0, 1)")
    values_M = np.asarray(values_M, dtype=np.float64)
    tail = (1.0 - level) / 2.0
    lower, upper = _quantiles(values_M, (tail, 1.0 - tail))
    return Interval(np.asarray(values_M.mean(axis=0)), lower, upper)


def interval_from_zero(values_M: Floats, level: float = LEVEL) -> Interval:
    """``interval`` of what media bring, and of what follows from it.

    Where no member has it below 0, nor is its lower bound: a channel that can only add does not take away
    for want of members.
    """
    values_M = np.asarray(values_M, dtype=np.float64)
    mean, lower, upper = interval(values_M, level)
    return Interval(mean, np.where((values_M >= 0).all(0), np.maximum(lower, 0.0), lower), upper)


def change(after: npt.ArrayLike, before: npt.ArrayLike) -> Floats:
    """``after - before``; what differs by rounding only is exactly 0.

    Args:
        after: Any shape.
        before: Of the same shape.
    """
    later, earlier = np.asarray(after, dtype=np.float64), np.asarray(before, dtype=np.float64)
    return np.where(np.isclose(later, earlier, rtol=DUST, atol=0.0), 0.0, later - earlier)


def estimate(values_M: Floats, level: float = LEVEL, *, from_zero: bool = False) -> Estimate:
    """``interval`` of one number per member, ready for JSON: unknown bounds are None.

    Args:
        values_M: One number per member.
        level: Coverage, between 0 and 1.
        from_zero: By ``interval_from_zero`` instead.
    """
    return estimates(np.asarray(values_M, dtype=np.float64)[:, None], level, from_zero=from_zero)[0]


def estimates(values_MN: Floats, level: float = LEVEL, *, from_zero: bool = False) -> list[Estimate]:
    """``estimate`` of N numbers at once.

    Args:
        values_MN: Members first.
        level: Coverage, between 0 and 1.
        from_zero: By ``interval_from_zero`` instead.
    """
    bounded = interval_from_zero if from_zero else interval
    columns = (bounds.tolist() for bounds in bounded(values_MN, level))
    return [
        Estimate(mean=mean, lower=_known(lower), upper=_known(upper))
        for mean, lower, upper in zip(*columns, strict=True)
    ]


def chance_above_zero(values_M: Floats) -> float | None:
    """Chance that a number is above 0, by the rule that gives its interval: where 0 lies in it.

    With ``EMPIRICAL_FROM`` members or more the share of members above 0, below them Student's t. Members that
    all say the same leave no doubt: 1 above 0, else 0.

    Args:
        values_M: One number per member.

    Returns:
        From 0 to 1; None if one member leaves it unknown.
    """
    members = len(values_M)
    if members < 2:
        return None
    if members >= EMPIRICAL_FROM:
        return float((values_M > 0).mean())
    mean, spread = float(values_M.mean()), float(values_M.std(ddof=1)) * math.sqrt(1.0 + 1.0 / members)
    return float(special.stdtr(members - 1, mean / spread)) if spread > 0 else float(mean > 0)


def _known(bound: float) -> float | None:
    """None for NaN, since JSON has none."""
    return None if math.isnan(bound) else bound
