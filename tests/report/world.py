"""A fitted model's directory made from numpy alone, consistent and additive, for the report's tests.

Shapes: G regions, T periods, C channels, L lags.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mmm.data.panel import Floats
from tests.report.world_tables import (
    bounds,
    write_experiments,
    write_priors,
    write_reach,
    write_realised,
    write_returns,
    write_tests,
    write_windows,
)

NAMES = (
    "tv", "search", "social", "video", "display", "radio", "email", "outdoor", "affiliates", "podcast",
    "cinema",
    "print", "direct_mail",
)  # fmt: skip
CITIES = (
    "New York", "Los Angeles", "Chicago", "Dallas", "Philadelphia", "Houston", "Atlanta", "Boston", "Phoenix",
    "Seattle", "Tampa", "Detroit", "Minneapolis", "Denver", "Orlando", "Miami", "Cleveland", "Sacramento",
)  # fmt: skip
CONTROLS = ("price", "promotion")
LAGS = 9
MULTIPLIERS = np.linspace(0, 2, 21)


@dataclass(frozen=True)
class World:
    """Sizes of the model directory to write."""

    regions: int = 12
    weeks: int = 104
    channels: int = 6
    holdout: int = 13
    test: int = 4
    members: int = 8
    seed: int = 0

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Names of the channels."""
        return NAMES[: self.channels]

    @property
    def region_names(self) -> tuple[str, ...]:
        """Names of the regions: cities, then numbered."""
        return (*CITIES, *(f"DMA {place:03d}" for place in range(500)))[: self.regions]

    @property
    def dates(self) -> pd.DatetimeIndex:
        """Mondays."""
        return pd.date_range("2023-01-02", periods=self.weeks, freq="7D")


def write_model(directory: Path, world: World) -> Path:
    """Write every file of the contract, and the files of the views, into ``directory``."""
    directory.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(world.seed)
    parts = _Parts.draw(world, rng)
    _write_cells(directory, world, parts, rng)
    _write_channels(directory, world, parts, rng)
    _write_model_shape(directory, world, rng)
    _write_regions(directory, world, parts, rng)
    _write_records(directory, world, parts, rng)
    return directory


@dataclass(frozen=True)
class _Parts:
    size_G: Floats
    spend_GTC: Floats
    kernel_CL: Floats
    carried_GTC: Floats
    half_C: Floats
    top_C: Floats
    components: dict[str, Floats]
    kinds: dict[str, str]
    scale_GC: Floats

    @classmethod
    def draw(cls, world: World, rng: np.random.Generator) -> _Parts:
        """Components that add up to the prediction exactly."""
        G, T, C = world.regions, world.weeks, world.channels
        size_G = np.sort(rng.lognormal(9.3, 0.9, G))[::-1]
        week_T = np.arange(T)
        flights_TC = 0.6 + 0.5 * np.sin(
            2 * np.pi * (week_T[:, None] / rng.uniform(13, 40, C) + rng.random(C))
        )
        flights_TC = np.clip(flights_TC + 0.25 * rng.standard_normal((T, C)), 0, None)
        flights_TC[: T // 4, C - 1] = 0
        price_C = rng.lognormal(-0.4, 0.7, C)
        spend_GTC = size_G[:, None, None] * flights_TC * rng.uniform(0.8, 1.2, (G, 1, C)) * price_C
        kernel_CL = rng.uniform(0.15, 0.8, C)[:, None] ** np.arange(LAGS)
        kernel_CL /= kernel_CL.sum(1, keepdims=True)
        carried_GTC = sum(
            kernel_CL[:, lag] * np.pad(spend_GTC, ((0, 0), (lag, 0), (0, 0)))[:, :T] for lag in range(LAGS)
        ) / (size_G[:, None, None] * price_C)
        half_C, top_C = rng.uniform(0.4, 1.6, C), rng.lognormal(-2.6, 0.8, C)
        scale_GC = rng.lognormal(0, 0.15, (G, C))
        hill_GTC = carried_GTC / (carried_GTC + half_C)
        level_GT = size_G[:, None] * (1 + 0.08 * week_T / T + 0.03 * np.sin(week_T / 15))
        components = {
            "baseline": level_GT,
            "seasonality": size_G[:, None] * 0.12 * np.sin(2 * np.pi * (week_T / 52 - 0.2)),
        }
        components |= {
            name: size_G[:, None] * 0.03 * rng.standard_normal((G, T)).cumsum(1) / np.sqrt(T)
            for name in CONTROLS
        }
        effects = size_G[:, None, None] * top_C * scale_GC[:, None] * hill_GTC
        components |= {name: effects[:, :, c] for c, name in enumerate(world.channel_names)}
        kinds = {"baseline": "baseline", "seasonality": "seasonality"} | dict.fromkeys(CONTROLS, "control")
        kinds |= dict.fromkeys(world.channel_names, "channel")
        return cls(size_G, spend_GTC, kernel_CL, carried_GTC, half_C, top_C, components, kinds, scale_GC)

    @property
    def predicted_GT(self) -> Floats:
        total = np.zeros_like(self.components["baseline"])
        for values in self.components.values():
            total = total + values
        return total


def _write_cells(directory: Path, world: World, parts: _Parts, rng: np.random.Generator) -> None:
    G, T = world.regions, world.weeks
    region = np.repeat(np.array(world.region_names, dtype=object), T)
    date = np.tile(world.dates.to_numpy(), G)
    predicted_GT = parts.predicted_GT
    noise_GT = rng.standard_normal((G, T))
    for t in range(1, T):
        noise_GT[:, t] = 0.5 * noise_GT[:, t - 1] + noise_GT[:, t]
    actual_GT = predicted_GT * (1 + 0.04 * noise_GT)
    actual_GT[G // 2, 30:36] = np.nan
    actual_GT[G // 3, 50] *= 1.6
    split = np.full(T, "train", dtype=object)
    split[T - world.holdout - world.test : T - world.test] = "holdout"
    split[T - world.test :] = "test"
    lower, upper = bounds(world.members, predicted_GT, 0.05)
    cells = {"region": region, "date": date}
    predictions = pd.DataFrame(cells).assign(
        split=np.tile(split, G), actual=actual_GT.ravel(), predicted=predicted_GT.ravel(),
        lower=lower.ravel(),
        upper=upper.ravel(),
    )  # fmt: skip
    predictions.to_parquet(directory / "predictions.parquet")
    frames = []
    for name, values in parts.components.items():
        low, high = bounds(world.members, values, 0.25 if parts.kinds[name] == "channel" else 0.03)
        frames.append(
            pd.DataFrame(cells).assign(
                component=name,
                kind=parts.kinds[name],
                value=values.ravel(),
                lower=low.ravel(),
                upper=high.ravel(),
            )
        )
    pd.concat(frames, ignore_index=True).to_parquet(directory / "contributions.parquet")


def _write_channels(directory: Path, world: World, parts: _Parts, rng: np.random.Generator) -> None:
    train = world.weeks - world.holdout - world.test
    names = world.channel_names
    direct = np.array([parts.components[name][:, :train].sum() for name in names])
    spend = parts.spend_GTC[:, :train].sum((0, 1))
    indirect = np.where(np.arange(world.channels) % 3 == 0, 0.3, 0.0) * direct
    table = {"channel": list(names), "spend": spend}
    roi, marginal = (direct + indirect) * 14.0 / spend, 0.6 * (direct + indirect) * 14.0 / spend
    width = rng.uniform(0.08, 0.5, world.channels)
    columns = {
        "direct": direct,
        "indirect": indirect,
        "total": direct + indirect,
        "roi": roi,
        "marginal_roi": marginal,
    }
    for name, values in columns.items():
        low, high = bounds(world.members, values, width)
        table |= {name: values, f"{name}_lower": low, f"{name}_upper": high}
    pd.DataFrame(table).to_parquet(directory / "effects.parquet")
    effect_TC = np.stack([parts.components[name].sum(0) for name in names], 1)
    write_returns(directory, world, effect_TC, parts.spend_GTC.sum(0), width)
    write_windows(directory, world, effect_TC, parts.spend_GTC.sum(0), width)
    write_reach(directory, world)
    write_priors(directory, world, direct / parts.predicted_GT[:, :train].sum())
    curves, hills = [], []
    for c, name in enumerate(names):
        carried = MULTIPLIERS[:, None, None] * parts.carried_GTC[None, :, :train, c]
        scaled = parts.size_G[:, None] * parts.top_C[c] * parts.scale_GC[:, c : c + 1]
        response = (scaled * carried / (carried + parts.half_C[c])).sum((1, 2))
        low, high = bounds(world.members, response, width[c])
        curve = pd.DataFrame({
            "channel": name, "multiplier": MULTIPLIERS, "spend": MULTIPLIERS * spend[c], "response": response,
            "lower": low, "upper": high, "marginal": np.gradient(response, MULTIPLIERS * spend[c]),
            "supported": (MULTIPLIERS > 0.3) & (MULTIPLIERS < 1.45),
        })  # fmt: skip
        curves.append(curve)
        hills.append({
            "channel": name, "top": 2.2 * response[10], "half_saturation": spend[c] * rng.uniform(0.5, 1.8),
            "slope": rng.uniform(1, 2.5), "r2": rng.uniform(0.97, 1),
            "saturation_point": spend[c] * rng.uniform(2, 5),
        })  # fmt: skip
    pd.concat(curves, ignore_index=True).to_parquet(directory / "curves.parquet")
    pd.DataFrame(hills).to_parquet(directory / "hill.parquet")
    low, high = bounds(world.members, parts.kernel_CL, 0.2)
    kernel = {
        "channel": np.repeat(names, LAGS), "lag": np.tile(np.arange(LAGS), world.channels),
        "weight": parts.kernel_CL.ravel(), "lower": low.ravel(), "upper": high.ravel(),
    }  # fmt: skip
    pd.DataFrame(kernel).to_parquet(directory / "adstock.parquet")
    write_realised(directory, world)
    frames = []
    for c, name in enumerate(names):
        value = 1 + 0.25 * rng.random() * np.sin(np.arange(world.weeks) / rng.uniform(8, 20) + c)
        low, high = bounds(world.members, value, 0.06)
        frames.append(
            pd.DataFrame({"date": world.dates, "channel": name, "value": value, "lower": low, "upper": high})
        )
    pd.concat(frames, ignore_index=True).to_parquet(directory / "effectiveness.parquet")


def _write_model_shape(directory: Path, world: World, rng: np.random.Generator) -> None:
    names = world.channel_names
    rows = []
    for i, cause in enumerate(names):
        for j, effect in enumerate(names):
            strong = (i, j) in {(0, 1), (0, 2), (3, 1), (2, 4), (4, 1), (5, 4), (7, 1), (8, 9), (0, 9)}
            weight = rng.uniform(0.1, 0.6) if strong else (0.0 if i == j else rng.uniform(0, 0.01))
            chance = float(np.nan if world.members < 2 else (rng.uniform(0.6, 1) if strong else 0.0))
            rows.append({"cause": cause, "effect": effect, "weight": weight, "probability": chance})
    pd.DataFrame(rows).to_parquet(directory / "graph.parquet")
    epoch = np.arange(0, 1500, 10)
    loss = 0.05 + 0.9 * np.exp(-epoch / 180) + 0.003 * rng.standard_normal(len(epoch))
    validation = loss + 0.02 + 0.00004 * np.maximum(epoch - 800, 0)
    first = pd.DataFrame({"stage": "graph", "epoch": epoch[:60], "loss": loss[:60] * 2, "validation": np.nan})
    second = pd.DataFrame({"stage": "fit", "epoch": epoch, "loss": loss, "validation": validation})
    second["r2"], second["validation_r2"] = 1 - 0.04 * loss, 1 - 0.06 * validation
    second["rmse"], second["validation_rmse"] = 4000 * loss**0.5, 5000 * validation**0.5
    pd.concat([first, second]).to_parquet(directory / "training.parquet")


def _write_regions(directory: Path, world: World, parts: _Parts, rng: np.random.Generator) -> None:
    G, C = world.regions, world.channels
    train = world.weeks - world.holdout - world.test
    effect_GC = np.stack([parts.components[name][:, :train].sum(1) for name in world.channel_names], 1)
    low, high = bounds(world.members, effect_GC, 0.3)
    frame = {
        "region": np.repeat(np.array(world.region_names, dtype=object), C),
        "channel": np.tile(np.array(world.channel_names, dtype=object), G),
        "effect": effect_GC.ravel(), "lower": low.ravel(), "upper": high.ravel(),
        "scale": parts.scale_GC.ravel(),
        "kpi": np.repeat(parts.predicted_GT[:, :train].sum(1), C),
        "baseline": np.repeat(parts.components["baseline"][:, :train].sum(1), C),
        "population": np.repeat(np.round(parts.size_G * rng.uniform(20, 30, G)), C),
    }  # fmt: skip
    pd.DataFrame(frame).to_parquet(directory / "regions.parquet")


def _score(rng: np.random.Generator, n: int, mae: float) -> dict[str, object]:
    naive = {
        "region_mean": {"r2": 0.964, "mae": mae * 1.9}, "last_value": {"r2": 0.981, "mae": mae * 1.2},
        "recent_mean": {"r2": 0.984, "mae": mae * 1.12}, "seasonal": {"r2": 0.975, "mae": mae * 1.4},
    }  # fmt: skip
    return {
        "r2": 0.988, "r2_within": 0.41, "rmse": mae * 1.3, "nrmse": 0.052, "mae": mae,
        "wape": float(rng.uniform(0.03, 0.05)), "bias": -0.004 * mae, "n": n, "naive": naive, "skill": 0.22,
    }  # fmt: skip


def _write_records(directory: Path, world: World, parts: _Parts, rng: np.random.Generator) -> None:
    mae = 0.04 * float(parts.predicted_GT.mean())
    lengths = {
        "train": world.weeks - world.holdout - world.test,
        "holdout": world.holdout,
        "test": world.test,
    }
    _dump(
        directory / "metrics.json",
        {name: _score(rng, n * world.regions, mae) for name, n in lengths.items() if n},
    )
    findings = [
        {"severity": "warning", "code": "extrapolation", "what": "Radio ran at one level only.",
         "why": "Its curve rests on the prior beyond 1.4 times its spend.",
         "what_to_do": "Vary radio by region."},
        {"severity": "info", "code": "outage", "what": "One region has six weeks without a KPI.",
         "why": "These weeks are left out of the fit.", "what_to_do": "Check the feed."},
    ]  # fmt: skip
    _dump(directory / "diagnostics.json", findings)
    names = [*world.channel_names, *CONTROLS]
    draws = rng.standard_normal((60, len(names))) + 0.8 * rng.standard_normal((60, 1)) * rng.random(
        len(names)
    )
    matrix: Floats = np.asarray(np.corrcoef(draws.T), dtype=np.float64)
    rows = [(a, b, matrix[i, j]) for i, a in enumerate(names) for j, b in enumerate(names)]
    pd.DataFrame(rows, columns=["a", "b", "value"]).to_parquet(directory / "correlations.parquet")
    write_experiments(directory, world)
    write_tests(directory, world)
    region = world.region_names[world.regions // 3]
    _dump(directory / "data_quality.json", {
        "regions": world.regions, "periods": world.weeks, "frequency": "weekly",
        "first": str(world.dates[0].date()),
        "last": str(world.dates[-1].date()), "present": world.regions * world.weeks, "missing_cells": 0,
        "missing_kpi": 6,
        "outliers": [{"region": region, "date": str(world.dates[50].date()), "kpi": 1.6e4, "predicted": 1e4,
                      "z": 9.2}],
        "channels": [
            {"name": name, "zero_share": float(rng.uniform(0, 0.3)) if c < world.channels - 1 else 0.4,
             "first_active": str(world.dates[0 if c < world.channels - 1 else world.weeks // 4].date()),
             "last_active": str(world.dates[-1].date())}
            for c, name in enumerate(world.channel_names)
        ],
    })  # fmt: skip
    _dump(directory / "plan.json", _plan(world, parts, rng))
    (directory / "model").mkdir(exist_ok=True)
    spec = {
        "brand": "acme",
        "market": "us",
        "columns": {"kpi": "visits"},
        "currency": "USD",
        "kpi_value": 14.0,
    }
    _dump(directory / "model" / "spec.json", spec)
    _dump(directory / "model" / "provenance.json", {"seed": world.seed, "format": 1, "fingerprint": "8f3a"})


def _estimate(world: World, mean: float, width: float) -> dict[str, float | None]:
    if world.members < 2:
        return {"mean": mean, "lower": None, "upper": None}
    return {"mean": mean, "lower": mean - width, "upper": mean + width}


def _plan(world: World, parts: _Parts, rng: np.random.Generator) -> dict[str, object]:
    """A plan over the last thirteen weeks at the same money, in the budget planner's format."""
    names = world.channel_names
    current_C = parts.spend_GTC[:, -13:].sum((0, 1))
    spend_C = current_C * rng.uniform(0.6, 1.5, world.channels)
    spend_C *= current_C.sum() / spend_C.sum()
    kpi = float(parts.predicted_GT[:, -13:].sum())
    rows = [
        {"channel": name, "unit": "USD", "spend": spend_C[c], "current_spend": current_C[c],
         "change": spend_C[c] / current_C[c] - 1, "share": spend_C[c] / spend_C.sum(),
         "lower_limit": 0.5 * current_C[c], "upper_limit": 1.5 * current_C[c], "binding": None,
         "supported_max": 1.4 * current_C[c], "extrapolated": c == world.channels - 1,
         "kpi": _estimate(world, 0.02 * kpi, 0.01 * kpi), "roi": _estimate(world, 1.5, 0.4),
         "marginal_roi": _estimate(world, 1.1, 0.3)}
        for c, name in enumerate(names)
    ]  # fmt: skip
    return {
        "status": "optimal", "message": "The budget is spent to best effect.", "objective": "kpi",
        "method": "nested",
        "risk": "mean", "effects": "direct", "horizon": 13, "unit": "USD", "kpi_value": 14.0,
        "budget": spend_C.sum(), "current_budget": current_C.sum(),
        "spend": dict(zip(names, spend_C.tolist(), strict=True)),
        "current_spend": dict(zip(names, current_C.tolist(), strict=True)),
        "kpi": _estimate(world, 1.03 * kpi, 0.02 * kpi), "current_kpi": _estimate(world, kpi, 0.02 * kpi),
        "gain": _estimate(world, 0.03 * kpi, 0.02 * kpi),
        "chance_of_gain": None if world.members < 2 else 0.993, "profit_gain": None, "total_roi": None,
        "effect_after_horizon": None, "roi": dict.fromkeys(names, 1.5),
        "marginal_roi": dict.fromkeys(names, 1.1),
        "binding": {"tv": "max"}, "extrapolated": [names[-1]], "channels": rows,
        "warnings": ["The gain holds if the last 13 weeks are like the next."], "model": {},
    }  # fmt: skip


def _dump(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
