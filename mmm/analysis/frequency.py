"""How often people are best reached: curves by reach and by frequency, and the frequency that brings most.

Estimand: KPI that a channel's direct effect brings over the training window, carry-over included. *By reach*
the people of every cell are scaled and how often each is reached stays as it was. *By frequency* the contacts
of every cell stay as they were, and so does what they cost: at a frequency ``f`` they reach ``contacts / f``
people. Carry-over is linear and saturation of reach rises throughout, so that in each draw the frequency
that brings most is the one at which a contact counts most, whether reach is linear or not.

Shapes: M members, F frequencies.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.interpolate import CubicSpline

from mmm.analysis.intervals import interval, interval_from_zero
from mmm.data.panel import Floats
from mmm.data.reach import contacts_spread
from mmm.fitted import Fitted
from mmm.model.at_frequency import frequency_totals, frequency_worth

MOST_SEARCHED = 20.0
"""Contacts per person and period up to which the best frequency is looked for."""
FINE: Floats = np.round(np.arange(1.0, MOST_SEARCHED + 0.005, 0.02), 2)
"""Frequencies among which each draw's best one is taken."""
POINTS = 33
"""Points of a curve by frequency."""
CLOSE = 0.98
"""Part of the most that a frequency must bring to be as good as the best."""
LEAST_TOP, ROOM = 6.0, 1.5
"""Curves by frequency end there at least, and at so many times the highest frequency of interest."""
QUANTILES = (0.05, 0.95)


def frequency_table(fitted: Fitted, curves: pd.DataFrame) -> pd.DataFrame | None:
    """``frequency.parquet``: response of channels with reach, by reach and by frequency; None without any.

    ``curve`` is ``reach`` (frequency as it was) or ``frequency`` (contacts as they were). ``reach`` and
    ``contacts`` are sums over the training window, ``frequency`` contacts over people reached; ``supported``
    says that the data have such a level.

    Args:
        fitted: The model.
        curves: Its response curves, which are those by reach.
    """
    places = fitted.predictor.reach
    if not places:
        return None
    return pd.concat(
        [table for c in places for table in (_by_reach(fitted, c, curves), _by_frequency(fitted, c))],
        ignore_index=True,
    )


def _sums(fitted: Fitted, c: int) -> tuple[float, float]:
    """People reached and contacts over the training window."""
    train = fitted.split.train
    people = float(fitted.panel.media_GTC[:, train, c].sum())
    return people, people * contacts_spread(fitted.panel, c, train)[0]


def _by_reach(fitted: Fitted, c: int, curves: pd.DataFrame) -> pd.DataFrame:
    people, contacts = _sums(fitted, c)
    own = curves[curves["channel"] == fitted.panel.channels[c]]
    multiplier_P = own["multiplier"].to_numpy(np.float64)
    return pd.DataFrame(
        {
            "channel": fitted.panel.channels[c],
            "curve": "reach",
            "frequency": contacts / people,
            "reach": people * multiplier_P,
            "contacts": contacts * multiplier_P,
            **{name: own[name].to_numpy() for name in ("response", "lower", "upper", "supported")},
        }
    )


def _by_frequency(fitted: Fitted, c: int) -> pd.DataFrame:
    _, contacts = _sums(fitted, c)
    frequency_F = _grid(fitted, c)
    mean, lower, upper = interval_from_zero(_totals(fitted, c, frequency_F))
    low, high = _seen(fitted, c)
    return pd.DataFrame(
        {
            "channel": fitted.panel.channels[c],
            "curve": "frequency",
            "frequency": frequency_F,
            "reach": contacts / frequency_F,
            "contacts": contacts,
            "response": mean,
            "lower": lower,
            "upper": upper,
            "supported": (frequency_F >= low - 1e-9) & (frequency_F <= high + 1e-9),
        }
    )


def _totals(fitted: Fitted, c: int, frequency_F: Floats) -> Floats:
    return frequency_totals(fitted.predictor, c, frequency_F, fitted.training_GT.astype(np.float64))


def _seen(fitted: Fitted, c: int) -> tuple[float, float]:
    """The frequencies between which 98 % of the people reached in training lie."""
    assert fitted.panel.contacts_GTC is not None
    train = fitted.split.train
    reach = fitted.panel.media_GTC[:, train, c].ravel()
    each = fitted.panel.contacts_GTC[:, train, c].ravel()
    order = np.argsort(each)
    share = np.cumsum(reach[order]) / max(float(reach.sum()), 1e-300)
    low, high = each[order][np.searchsorted(share, [0.01, 0.99]).clip(0, len(order) - 1)]
    return float(low), float(high)


def _grid(fitted: Fitted, c: int) -> Floats:
    """Frequencies of a curve: from 1 beyond what was seen and what is best."""
    top = max(LEAST_TOP, ROOM * _seen(fitted, c)[1], ROOM * float(np.median(_best_M(fitted, c))))
    grid: Floats = np.linspace(1.0, min(top, MOST_SEARCHED), POINTS)
    return grid


def _best_M(fitted: Fitted, c: int) -> Floats:
    """Best frequency of each draw."""
    best: Floats = FINE[np.argmax(frequency_worth(fitted.predictor, c, FINE), axis=1)]
    return best


def today(fitted: Fitted, c: int) -> float:
    """Contacts per person reached in the last year of the data; of all of it where nothing ran then."""
    year = slice(-min(round(fitted.panel.periods_per_year), len(fitted.panel.dates)), None)
    ran = bool(fitted.panel.media_GTC[:, year, c].any())
    return contacts_spread(fitted.panel, c, year if ran else slice(None))[0]


def best_frequency_table(fitted: Fitted) -> pd.DataFrame | None:
    """``best_frequency.parquet``: a row for each channel with reach; None without any.

    ``best`` is the frequency at which the same contacts bring most on average over draws, ``best_lower`` and
    ``best_upper`` bound 90 % of the draws' own best, and ``chance_higher`` is the share of these above
    ``today``. ``gain`` is KPI over the training window at the best frequency less that at today's, at the
    same contacts and so the same spend. Between ``band_lower`` and ``band_upper`` the mean is within 2 % of
    the best; where that holds today's, ``advice`` is ``none``, else ``higher`` or ``lower``.
    """
    places = fitted.predictor.reach
    return pd.DataFrame([_row(fitted, c) for c in places]) if places else None


def best_frequency(fitted: Fitted, c: int) -> float:
    """The frequency at which a channel's contacts bring most on average over draws."""
    fine_F, mean_F = _mean_curve(fitted, c)
    return float(fine_F[np.argmax(mean_F)])


def _mean_curve(fitted: Fitted, c: int) -> tuple[Floats, Floats]:
    """Fine frequencies, and what contacts bring at them on average over draws."""
    frequency_F = _grid(fitted, c)
    fine_F = FINE[frequency_F[-1] >= FINE]
    return fine_F, CubicSpline(frequency_F, _totals(fitted, c, frequency_F).mean(0))(fine_F)


def _row(fitted: Fitted, c: int) -> dict[str, Any]:
    now, best_M = today(fitted, c), _best_M(fitted, c)
    fine_F, mean_F = _mean_curve(fitted, c)
    best = float(fine_F[np.argmax(mean_F)])
    as_good_F = fine_F[mean_F >= CLOSE * mean_F.max()]
    band = (float(as_good_F[0]), float(as_good_F[-1]))
    at_best_M, at_today_M = _totals(fitted, c, np.array([best, now])).T
    gain = interval(at_best_M - at_today_M)
    known = fitted.members > 1
    low, high = np.quantile(best_M, QUANTILES) if known else (np.nan, np.nan)
    return {
        "channel": fitted.panel.channels[c],
        "today": now,
        "best": best,
        "best_lower": float(low),
        "best_upper": float(high),
        "chance_higher": float((best_M > now).mean()) if known else np.nan,
        "gain": float(gain.mean),
        "gain_lower": float(gain.lower),
        "gain_upper": float(gain.upper),
        "band_lower": band[0],
        "band_upper": band[1],
        "advice": "none" if band[0] <= now <= band[1] else "higher" if best > now else "lower",
    }
