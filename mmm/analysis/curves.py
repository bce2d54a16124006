"""Response curves: the model's own answer to more or less of a channel, never a curve through scatter.

Estimand: KPI that a channel's direct effect brings over the training window if its whole history is
scaled by a multiplier, everything else as it was, carry-over included.

Shapes: M members, P multipliers, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize

from mmm.analysis.intervals import interval_from_zero
from mmm.data.panel import Floats
from mmm.fitted import Fitted
from mmm.sums import Sums

MULTIPLIERS: Floats = np.round(np.linspace(0.0, 2.0, 21), 10)
SATURATED = 0.9
"""Share of the top at which a channel counts as saturated."""


class HillFit(NamedTuple):
    """A Hill equation through a curve: ``top * x**slope / (x**slope + half**slope)``."""

    top: float
    half_saturation: float
    slope: float
    r2: float

    @property
    def saturation_point(self) -> float:
        """Amount at which ``SATURATED`` of the top is reached."""
        return float(self.half_saturation * (SATURATED / (1 - SATURATED)) ** (1 / self.slope))


@dataclass(frozen=True, eq=False)
class CurveSums(Sums):
    """What curves are made of.

    Attributes:
        media_TC: Media of every training period.
        spend_C: Spend over the training window.
        total_MPC: KPI of the direct effect at every multiplier.
        slope_MPC: Its derivative by the multiplier.
    """

    media_TC: Floats
    spend_C: Floats
    total_MPC: Floats
    slope_MPC: Floats


def curve_sums(fitted: Fitted, multiplier_P: Floats = MULTIPLIERS) -> CurveSums:
    """The sums of a model's regions, which may be some of a panel's."""
    panel, train = fitted.panel, fitted.split.train
    cells_GT = fitted.training_GT.astype(np.float64)
    total_MPC, slope_MPC = fitted.predictor.scaled_totals(multiplier_P, cells_GT)
    return CurveSums(
        panel.media_GTC[:, train].sum(0), panel.spend_GTC[:, train].sum((0, 1)), total_MPC, slope_MPC
    )


def response_curves(
    fitted: Fitted, multiplier_P: Floats = MULTIPLIERS, sums: CurveSums | None = None
) -> pd.DataFrame:
    """``curves.parquet``: national response of every channel over the training window.

    ``marginal`` is KPI per further unit of currency (per further multiple of the history for a channel
    without spend). ``supported`` is false where the channel never ran at such a level, from the lowest to
    the highest period in the data.

    Args:
        fitted: The model; any of its regions, where sums are given.
        multiplier_P: Factors on a channel's history.
        sums: :func:`curve_sums` of all regions, where they are known already.
    """
    panel, sums = fitted.panel, curve_sums(fitted, multiplier_P) if sums is None else sums
    total_MPC, slope_MPC, spend_C = sums.total_MPC, sums.slope_MPC, sums.spend_C
    ratio_TC = sums.media_TC / np.maximum(sums.media_TC.mean(0), 1e-12)
    frames = []
    for c, name in enumerate(panel.channels):
        mean, lower, upper = interval_from_zero(total_MPC[..., c])
        spend = float(spend_C[c]) if panel.has_spend_C[c] else np.nan
        low, high = ratio_TC[:, c].min(), ratio_TC[:, c].max()
        frames.append(
            pd.DataFrame(
                {
                    "channel": name,
                    "multiplier": multiplier_P,
                    "spend": multiplier_P * spend,
                    "response": mean,
                    "lower": lower,
                    "upper": upper,
                    "marginal": slope_MPC[..., c].mean(0) / (spend if spend > 0 else 1.0),
                    "supported": (multiplier_P >= min(low, 1.0)) & (multiplier_P <= max(high, 1.0)),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def hill_table(curves: pd.DataFrame) -> pd.DataFrame:
    """``hill.parquet``: a Hill equation fitted to each channel's curve, in its spend over the window.

    A channel without spend is measured in multiples of its history. A channel without effect has a top of
    0 and no other number.
    """
    rows = []
    for name, curve in curves.groupby("channel", sort=False):
        in_money = bool(curve["spend"].notna().all() and curve["spend"].max() > 0)
        amount = curve["spend" if in_money else "multiplier"].to_numpy(dtype=np.float64, copy=True)
        fit = fit_hill(amount, curve["response"].to_numpy(dtype=np.float64, copy=True))
        unit = "spend" if in_money else "multiplier"
        rows.append(
            {"channel": name, **fit._asdict(), "saturation_point": fit.saturation_point, "unit": unit}
        )
    return pd.DataFrame(rows)


def fit_hill(amount_P: Floats, response_P: Floats) -> HillFit:
    """Least squares of a Hill equation through a curve that starts at 0.

    Source: the paper's ResponseCurveFit, fitted here to the model's counterfactual curve.
    """
    highest, widest = float(response_P.max()), float(amount_P.max())
    if highest <= 0 or widest <= 0:
        return HillFit(0.0, np.nan, np.nan, np.nan)
    x_P, y_P = amount_P / widest, response_P / highest

    def curve(free: Floats) -> Floats:
        top, half, slope = np.exp(free)
        with np.errstate(divide="ignore"):
            share: Floats = 1.0 / (1.0 + (half / np.maximum(x_P, 1e-12)) ** slope)
        values: Floats = top * share
        return values

    low, high = np.log([0.5, 1e-3, 0.2]), np.log([50.0, 50.0, 10.0])
    starts = (np.log([1.2, 0.5, 1.2]), np.log([1.2, 0.5, 2.5]), np.log([4.0, 3.0, 1.0]))
    best = min(
        (
            optimize.least_squares(lambda free: curve(free) - y_P, start, bounds=(low, high))
            for start in starts
        ),
        key=lambda found: float(found.cost),
    )
    top, half, slope = np.exp(best.x)
    r2 = 1.0 - 2.0 * float(best.cost) / max(float(((y_P - y_P.mean()) ** 2).sum()), 1e-300)
    return HillFit(float(top * highest), float(half * widest), float(slope), r2)
