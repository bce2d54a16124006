"""Units that change at a date: series whose level jumps by a factor from one period to the next, and stays.

Shapes: G regions, T periods, C channels, S series.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmm.data.panel import Floats, Panel
from mmm.data.schema import Finding, named

SIDE_LEAST = 4
"""Periods needed on either side of a break."""
WINDOW = 8
"""Periods on either side over which a level is taken."""
KPI_WITH_SPEND = float(np.log(1.6))
"""Log of the factor of the KPI from which a break is one, if spend breaks alike."""
ROUND = tuple(float(np.log(factor)) for factor in (100.0, 1e3, 1e6))
"""Logs of factors that a change of unit brings to exposure."""
ROUND_WITHIN = float(np.log(1.35))
ALONE = {
    "kpi": float(np.log(3.0)),
    "all": float(np.log(4.0)),
    "spend": float(np.log(20.0)),
    "price": float(np.log(3.0)),
}
"""The same for the KPI, all spends, one spend and one price alone."""
ALIKE = float(np.log(2.0))
"""Logs of factors that differ by less count as the same factor."""
CLEAR = 4.0
"""Standard deviations within the sides that lie between their levels at a sharp break."""


@dataclass(frozen=True, eq=False)
class _Series:
    """Logs of one series over all regions.

    Attributes:
        kind: ``kpi``, ``spend``, ``exposure`` or ``price``.
        label: For messages.
        log_T: NaN where there is none.
    """

    kind: str
    label: str
    log_T: Floats

    def shift(self, t: int, window: int | None = None) -> tuple[float, float]:
        """Level from ``t`` on less that before, and the typical deviation within both."""
        first = 0 if window is None else max(t - window, 0)
        last = len(self.log_T) if window is None else t + window
        before, after = (part[np.isfinite(part)] for part in (self.log_T[first:t], self.log_T[t:last]))
        if min(len(before), len(after)) < SIDE_LEAST:
            return 0.0, np.inf
        low, high = float(np.median(before)), float(np.median(after))
        spread = 1.4826 * float(np.median(np.abs(np.concatenate([before - low, after - high]))))
        return high - low, spread


def logs(values: Floats) -> Floats:
    """Logs of values, NaN where they are 0 or less."""
    found: Floats = np.log(np.where(values > 0, values, np.nan))
    return found


def _all_series(panel: Panel) -> list[_Series]:
    found = [_Series("kpi", "KPI", kpi_level(panel))]
    for c, name in enumerate(panel.channels):
        spend_T, media_T = panel.spend_GTC[:, :, c].sum(0), panel.media_GTC[:, :, c].sum(0)
        if panel.has_spend_C[c]:
            found.append(_Series("spend", f"spend of {name!r}", logs(spend_T)))
        if panel.has_exposure_C[c]:
            found.append(_Series("exposure", f"exposure of {name!r}", logs(media_T)))
        if panel.has_spend_C[c] and panel.has_exposure_C[c]:
            price_T = logs(spend_T) - logs(media_T)
            found.append(_Series("price", f"spend per exposure of {name!r}", price_T))
    return found


def kpi_level(panel: Panel) -> Floats:
    """Log of the KPI, its steps being those of the median region: regions may come and go."""
    log_GT = logs(panel.kpi_GT)
    step_T = np.nan_to_num(np.nanmedian(np.diff(log_GT, axis=1), axis=0))
    level_T = np.concatenate([[0.0], np.cumsum(step_T)]) + np.nanmedian(log_GT[:, 0])
    return np.where(np.isfinite(log_GT).any(axis=0), np.nan_to_num(level_T), np.nan)


def unit_breaks(panel: Panel) -> list[Finding]:
    """Dates from which series have other units; each series is told of once."""
    series = _all_series(panel)
    paid = [one for one in series if one.kind == "spend"]
    found = _with_kpi(series[0], paid)
    told = {one.label for _, _, group in found for one in group}
    if not any(one.label in told for one in paid):
        found += _all_spend(paid)
    told = {one.label for _, _, group in found for one in group}
    for one in series[1:]:
        channel = one.label[one.label.index("'") :]
        if not any(label.endswith(channel) for label in told) and (alone := _alone(one)):
            found.append((*alone, [one]))
            told.add(one.label)
    return [_unit_break(panel, t, shift, group) for t, shift, group in found]


_Break = tuple[int, float, list[_Series]]
"""Period, log of the factor, and the series that changed by it."""


def _with_kpi(kpi: _Series, paid: list[_Series]) -> list[_Break]:
    """The KPI with most of the spends, or by a large factor alone."""
    t = _sharp_break(kpi)
    if t is None:
        return []
    shift, _ = kpi.shift(t, WINDOW)
    alike = [one for one in paid if abs(one.shift(t)[0] - shift) < ALIKE]
    if alike and 2 * len(alike) >= len(paid):
        return [(t, shift, [kpi, *alike])]
    return [(t, shift, [kpi])] if abs(shift) >= ALONE["kpi"] else []


def _all_spend(paid: list[_Series]) -> list[_Break]:
    """All spends at once, by one factor."""
    t = _joint_break(paid) if len(paid) > 1 else None
    if t is None:
        return []
    shifts = [one.shift(t)[0] for one in paid]
    shift = float(np.median(shifts))
    together = max(abs(own - shift) for own in shifts) < ALIKE
    return [(t, shift, paid)] if abs(shift) >= ALONE["all"] and together else []


def _alone(one: _Series) -> tuple[int, float] | None:
    """One series, where its two levels lie clearly apart."""
    t = _joint_break([one])
    if t is None:
        return None
    shift, spread = one.shift(t)
    is_round = min(abs(abs(shift) - log) for log in ROUND) < ROUND_WITHIN
    far = abs(shift) >= ALONE["price" if one.kind == "price" else "spend"] and abs(shift) > CLEAR * spread
    return (t, shift) if far and (is_round or one.kind != "exposure") else None


def _sharp_break(one: _Series) -> int | None:
    """The period of the largest step to another level that stays, if it stands out of all other steps."""
    step_T = np.diff(one.log_T, prepend=one.log_T[:1])
    usual = 1.4826 * float(np.nanmedian(np.abs(step_T[1:]))) if len(step_T) > 1 else np.inf
    best, best_shift = None, 0.0
    for t in range(SIDE_LEAST, len(step_T) - SIDE_LEAST + 1):
        step = float(step_T[t])
        if not np.isfinite(step) or abs(step) < max(KPI_WITH_SPEND * 0.8, 5 * usual):
            continue
        shift, stays = one.shift(t, WINDOW)[0], one.shift(t)[0]
        holds = shift * stays > 0 and abs(stays) > abs(shift) / 2 and abs(step - shift) < 0.4 * abs(shift)
        if holds and abs(shift) >= max(KPI_WITH_SPEND, abs(best_shift)):
            best, best_shift = t, shift
    return best


def _joint_break(series: Sequence[_Series]) -> int | None:
    """The period at which two levels for each series explain most of them together."""
    log_ST = np.stack([one.log_T for one in series])
    known_ST = np.isfinite(log_ST)
    value_ST = np.where(known_ST, log_ST - np.nanmean(log_ST, axis=1, keepdims=True), 0.0)
    count_ST, sum_ST = np.cumsum(known_ST, axis=1), np.cumsum(value_ST, axis=1)
    left, right = count_ST[:, :-1], count_ST[:, -1:] - count_ST[:, :-1]
    enough_T = (np.minimum(left, right) >= SIDE_LEAST).all(axis=0)
    if not enough_T.any():
        return None
    gain_T = (sum_ST[:, :-1] ** 2 * (1 / np.maximum(left, 1) + 1 / np.maximum(right, 1))).sum(axis=0)
    return int(np.argmax(np.where(enough_T, gain_T, -1.0))) + 1


def _factor(shift: float) -> str:
    """A factor in words, e.g. ``7.5 times`` or ``1/7.5 of``."""
    factor = float(np.exp(abs(shift)))
    shown = f"{factor:,.1f}" if factor < 100 else f"{factor:,.0f}"
    return f"{shown} times" if shift > 0 else f"1/{shown} of"


def _unit_break(panel: Panel, t: int, shift: float, series: Sequence[_Series]) -> Finding:
    labels = [one.label for one in series]
    listed = named(labels) if len(labels) < 3 else f"{', '.join(labels[:-1])} and {labels[-1]}"
    verb = "is" if len(series) == 1 else "are"
    return Finding(
        "warning",
        "unit_break",
        str(panel.dates[t]),
        f"From {panel.dates[t]} on {listed} {verb} {_factor(shift)} the level before, and stay"
        f"{'s' if len(series) == 1 else ''} there: a change of currency or unit?",
        "A model takes it for a change of the market, and media that changed alike for its cause.",
        f"Convert the history before {panel.dates[t]} to the unit of today, or start there. If it is real, "
        "mark it with a column of columns.events.",
    )
