"""A simulated world's truth as the tables a fitted model writes, so that both can be laid side by side.

Shapes: G regions, T periods, C channels, K controls, P points of a curve.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mmm.data.panel import Floats
from mmm.simulate.best_budget import best_budget
from mmm.simulate.worlds import World

CURVE_MULTIPLIERS = np.round(np.linspace(0.0, 2.0, 21), 1)
"""Points of a response curve."""


def contributions_table(world: World) -> pd.DataFrame:
    """Region, date, component, kind, value; values of a region-date add up to the KPI less noise."""
    parts: list[tuple[str, str, Floats]] = [
        ("baseline", "baseline", world.baseline_GT),
        ("seasonality", "seasonality", world.seasonality_GT),
        *((name, "control", world.control_effects_GTK[..., k]) for k, name in enumerate(world.controls)),
        *((name, _kind(world, name), world.direct_GTC[..., c]) for c, name in enumerate(world.channels)),
    ]
    if world.treatment_effects_GTR is not None:
        effects_GTR = world.treatment_effects_GTR
        parts += [(name, "treatment", effects_GTR[..., r]) for r, name in enumerate(world.treatments)]
    region = np.repeat(np.array(world.regions, dtype=object), len(world.dates))
    date = np.tile(world.dates, len(world.regions))
    tables = [
        pd.DataFrame({"region": region, "date": date, "component": name, "kind": kind, "value": part.ravel()})
        for name, kind, part in parts
    ]
    return pd.concat(tables, ignore_index=True)


def _kind(world: World, name: str) -> str:
    if name in world.organic:
        return "organic"
    return "mediator" if name in world.mediators else "channel"


def effects_table(world: World, periods: int | None = None) -> pd.DataFrame:
    """Channel, spend, direct, indirect, total, roi, marginal_roi over the first ``periods``.

    ROI is currency of direct effect per currency of spend; marginal ROI is that of the last per cent. Both
    are NaN for channels that nobody buys.
    """
    direct_C = world.direct_GTC[:, :periods].sum(axis=(0, 1))
    total_C = world.total_C(periods)
    spend_C = world.spend_GTC[:, :periods].sum(axis=(0, 1))
    price_C = np.where(world.bought_C, spend_C, np.nan)
    lower_C, upper_C = world.curve_CP(np.array([0.99, 1.01]), periods).T
    return pd.DataFrame(
        {
            "channel": world.channels,
            "spend": spend_C,
            "direct": direct_C,
            "indirect": total_C - direct_C,
            "total": total_C,
            "roi": direct_C * world.kpi_value / price_C,
            "marginal_roi": (upper_C - lower_C) / 0.02 * world.kpi_value / price_C,
        }
    )


def curves_table(world: World, periods: int | None = None) -> pd.DataFrame:
    """Channel, multiplier, spend, response: direct effect of the channel's own history, scaled."""
    response_CP = world.curve_CP(CURVE_MULTIPLIERS, periods)
    spend_C = world.spend_GTC[:, :periods].sum(axis=(0, 1))
    points = len(CURVE_MULTIPLIERS)
    return pd.DataFrame(
        {
            "channel": [channel for channel in world.channels for _ in range(points)],
            "multiplier": np.tile(CURVE_MULTIPLIERS, len(world.channels)),
            "spend": np.outer(spend_C, CURVE_MULTIPLIERS).ravel(),
            "response": response_CP.ravel(),
        }
    )


def graph_table(world: World) -> pd.DataFrame:
    """Cause, effect, weight of every edge of the channel graph."""
    causes, effects = np.nonzero(world.graph_CC)
    return pd.DataFrame(
        {
            "cause": pd.Series([world.channels[c] for c in causes], dtype="str"),
            "effect": pd.Series([world.channels[c] for c in effects], dtype="str"),
            "weight": world.graph_CC[causes, effects],
        }
    )


def parameters(world: World, periods: int) -> dict[str, Any]:
    """Parameters and the best budget as plain data; ``periods`` is the window of the other tables."""

    def by_channel(values_C: Floats) -> dict[str, float]:
        return dict(zip(world.channels, (float(value) for value in values_C), strict=True))

    best = best_budget(world)
    media = world.direct_GTC[:, :periods, world.bought_C].sum()
    return {
        "brand": world.brand,
        "market": world.market,
        "seed": world.seed,
        "train_periods": periods,
        "kpi_value": world.kpi_value,
        "media_share": float(media / (world.kpi_GT - world.noise_GT)[:, :periods].sum()),
        "decay": by_channel(world.decay_C),
        "delay": by_channel(world.delay_C),
        "half_saturation": by_channel(world.response.half_saturation_C),
        "slope": by_channel(world.response.slope_C),
        **_of_reach(world, periods),
        "best_budget": {
            "horizon": best.horizon,
            "multipliers": by_channel(best.multipliers_C),
            "spend": by_channel(best.spend_C),
            "current_spend": by_channel(best.current_spend_C),
            "kpi": best.kpi,
            "current_kpi": best.current_kpi,
            "lift": best.lift,
        },
    }


def _of_reach(world: World, periods: int) -> dict[str, Any]:
    """Truth about frequency, by channel: what it was, which is best, and how a person responds."""
    if world.reach is None:
        return {}
    own = zip(
        world.reach.places,
        world.reach.mean_R(periods),
        world.reach.best_R,
        world.reach.half_R,
        world.reach.slope_R,
        strict=True,
    )
    names = ("frequency", "best_frequency", "frequency_half", "frequency_slope")
    return {
        "reach": {
            world.channels[place]: dict(zip(names, map(float, values), strict=True)) for place, *values in own
        }
    }


def write_truth(world: World, out: Path, periods: int) -> None:
    """Write contributions, effects, curves, graph (Parquet) and truth.json into ``out``.

    Args:
        world: A simulated world.
        out: Directory, made if absent.
        periods: Leading periods over which effects, curves and shares are totalled.
    """
    out.mkdir(parents=True, exist_ok=True)
    contributions_table(world).to_parquet(out / "contributions.parquet", index=False)
    effects_table(world, periods).to_parquet(out / "effects.parquet", index=False)
    curves_table(world, periods).to_parquet(out / "curves.parquet", index=False)
    graph_table(world).to_parquet(out / "graph.parquet", index=False)
    (out / "truth.json").write_text(json.dumps(parameters(world, periods), indent=2) + "\n")


def true_shares(truth: Path, until: pd.Timestamp) -> pd.Series:
    """What a simulated world's channels really brought up to a date, as shares of its KPI, by channel."""
    contributions = pd.read_parquet(truth / "contributions.parquet")
    trained = contributions[contributions["date"] <= until]
    media = trained[trained["kind"] == "channel"]
    shares: pd.Series = media.groupby("component")["value"].sum() / trained["value"].sum()
    return shares
