"""Which tables there are, and how each comes out of a fitted model's files.

Amounts are in the currency of the column beside them or in KPI units, shares are fractions, dates are first
days of periods; an empty cell is a number that is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mmm.analysis.tables import returns_between
from mmm.fitted import load_fitted
from mmm.report import Tables, load_tables

ALL, BOUGHT = "all media", "channel"
"""Name of all channels that are bought together; kind of each of them."""
SIDES = ("", "_lower", "_upper")
PLAN_TOTAL = (
    *("status", "objective", "horizon", "unit", "budget", "current_budget"),
    *("kpi", "current_kpi", "gain", "chance_of_gain", "profit_gain", "total_roi"),
)
"""Fields of a plan that are about the whole of it."""


@dataclass(frozen=True)
class Export:
    """One table.

    Attributes:
        about: What its rows are.
        make: From a model's files to its rows; None where the model has none.
    """

    about: str
    make: Callable[[Tables], pd.DataFrame | None]


def exported(directories: Iterable[Path], window: tuple[str, str] | None = None) -> dict[str, pd.DataFrame]:
    """Every table over fitted models, brand and market first; a table that no model has is left out.

    Args:
        directories: Fitted models' directories.
        window: First and last day, ISO, of a window to tell besides training and its quarters.

    Raises:
        RequestError: No period of a model begins in the window.
    """
    rows: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    for directory in directories:
        tables = load_tables(directory)
        if window is not None:
            within = returns_between(load_fitted(directory), *window)
            tables = replace(tables, returns=pd.concat([tables.returns, within], ignore_index=True))
        for name, export in TABLES.items():
            frame = export.make(tables)
            if frame is not None and len(frame):
                frame.insert(0, "brand", tables.about.brand)
                frame.insert(1, "market", tables.about.market)
                rows[name].append(frame)
    return {name: pd.concat(frames, ignore_index=True) for name, frames in rows.items() if frames}


def _model(tables: Tables) -> pd.DataFrame:
    about, quality = tables.about, tables.data_quality or {}
    of = about.provenance
    row = {
        "kpi": about.kpi,
        "kpi_value": about.kpi_value if about.priced else None,
        "currency": about.currency,
        "frequency": about.frequency,
        "first_date": pd.Timestamp(quality["first"]) if "first" in quality else pd.NaT,
        "last_date": pd.Timestamp(quality["last"]) if "last" in quality else pd.NaT,
        "regions": quality.get("regions"),
        "fitted_by": f"ray-mmm {of.get('versions', {}).get('ray-mmm', '')}".strip(),
        "data_fingerprint": of.get("data_fingerprint"),
        "spec_digest": of.get("spec_digest"),
    }
    return pd.DataFrame([row])


def _copy(name: str) -> Callable[[Tables], pd.DataFrame | None]:
    """A file of the model as it is."""

    def make(tables: Tables) -> pd.DataFrame | None:
        frame: pd.DataFrame | None = getattr(tables, name)
        return None if frame is None else frame.copy()

    return make


def _scores(tables: Tables) -> pd.DataFrame | None:
    rows = [
        {"window": window, **{name: value for name, value in scores.items() if name != "naive"}}
        for window, scores in (tables.metrics or {}).items()
        if scores.get("n")
    ]
    return pd.DataFrame(rows) if rows else None


def _diagnostics(tables: Tables) -> pd.DataFrame | None:
    return pd.DataFrame(tables.diagnostics) if tables.diagnostics else None


def _by_window(tables: Tables) -> pd.DataFrame | None:
    """Channels and all media by window, with shares; models of older programs know the whole window only."""
    if tables.returns is not None:
        rows = tables.returns.copy()
    elif tables.effects is not None:
        rows = tables.effects.rename(columns={f"direct{side}": f"effect{side}" for side in SIDES})
        rows = rows.assign(window="training", start=tables.training_dates[0])
    else:
        return None
    rows["channel"] = rows["channel"].astype(str).replace("", ALL)
    kind = rows["channel"].map(_kinds(tables)).fillna(BOUGHT)
    rows["kind"] = kind.where(rows["channel"] != ALL, ALL)
    bought = rows["kind"] == BOUGHT
    for column in ("spend", "effect"):
        total = rows[column].where(bought).groupby(rows["window"]).transform("sum")
        share = rows[column] / total.where(total > 0)
        rows[f"share_of_{column}"] = share.where(bought | (rows["kind"] == ALL))
    rows["spend"] = rows["spend"].where(bought | (rows["kind"] == ALL))
    rows["currency"] = tables.about.currency
    return rows


def _kinds(tables: Tables) -> dict[str, str]:
    """Kind of every channel: ``channel`` is bought, ``organic`` and ``mediator`` are not."""
    if tables.contributions is None:
        return {}
    parts = tables.contributions.drop_duplicates("component")
    return dict(zip(parts["component"].astype(str), parts["kind"].astype(str), strict=True))


def _with_effects(rows: pd.DataFrame, tables: Tables, names: list[str]) -> list[str]:
    """Columns of ``effects.parquet``, which are of the training window, beside rows; the names it has."""
    if tables.effects is None:
        return []
    known = tables.effects.set_index(tables.effects["channel"].astype(str))
    there = [name for name in names if name in known]
    for name in there:
        rows[name] = rows["channel"].map(known[name]).where(rows["window"] == "training")
    return there


def _outcome(tables: Tables) -> pd.DataFrame | None:
    rows = _by_window(tables)
    if rows is None:
        return None
    priced = [f"value{side}" for side in SIDES] if tables.about.priced else []
    per_1000 = _with_effects(rows, tables, _bounded("per_1000"))
    told = ["window", "start", "channel", *_bounded("effect"), "share_of_effect", *priced]
    return _columns(rows, [*told, "kind", *per_1000])


def _spend(tables: Tables) -> pd.DataFrame | None:
    rows = _by_window(tables)
    return _columns(
        rows, ["window", "start", "channel", "currency", "spend", "share_of_spend", "media", "kind"]
    )


def _roi(tables: Tables) -> pd.DataFrame | None:
    """Returns by window; marginal ones are of the training window."""
    rows, about = _by_window(tables), tables.about
    if rows is None:
        return None
    spend = rows["spend"].where(rows["spend"] > 0)
    for side in [side for side in SIDES if f"effect{side}" in rows]:
        rows[f"kpi_per_spend{side}"] = rows[f"effect{side}"] / spend
    for side, other in zip(SIDES, ("", "_upper", "_lower"), strict=True):
        if f"kpi_per_spend{other}" in rows:
            per = rows[f"kpi_per_spend{other}"]
            rows[f"cost_per_kpi{side}"] = 1.0 / per.where(per > 0)
    marginal = _with_effects(rows, tables, _bounded("marginal_roi"))
    money = [*_bounded("roi"), *marginal] if about.priced else []
    counted = [*_bounded("kpi_per_spend"), *_bounded("cost_per_kpi")]
    return _columns(rows[spend.notna()], ["window", "start", "channel", "currency", *money, *counted])


def _curves(tables: Tables) -> pd.DataFrame | None:
    rows = _copy("curves")(tables)
    return None if rows is None else rows.assign(currency=tables.about.currency)


def _plan(tables: Tables) -> pd.DataFrame | None:
    """One row a channel, estimates as three columns."""
    return _spread((tables.plan or {}).get("channels"))


def _plan_total(tables: Tables) -> pd.DataFrame | None:
    plan = tables.plan or {}
    return _spread([{name: plan.get(name) for name in PLAN_TOTAL}]) if plan else None


def _spread(rows: Any) -> pd.DataFrame | None:
    """Rows of JSON as a frame: an estimate becomes three columns."""
    if not rows:
        return None
    names = list(dict.fromkeys(name for row in rows for name in row))
    estimates = {name for name in names if any(isinstance(row.get(name), dict) for row in rows)}
    columns: dict[str, list[Any]] = {}
    for name in names:
        if name not in estimates:
            columns[name] = [row.get(name) for row in rows]
            continue
        for side, part in zip(SIDES, ("mean", "lower", "upper"), strict=True):
            columns[f"{name}{side}"] = [(row.get(name) or {}).get(part, np.nan) for row in rows]
    return pd.DataFrame(columns)


def _bounded(name: str) -> list[str]:
    return [f"{name}{side}" for side in SIDES]


def _columns(rows: pd.DataFrame | None, names: list[str]) -> pd.DataFrame | None:
    return None if rows is None else rows[[name for name in names if name in rows]].copy()


TABLES: dict[str, Export] = {
    "model": Export("What was fitted: KPI, currency, window of data, version", _model),
    "fit": Export("Actual and predicted KPI by region and date, with 90 % interval", _copy("predictions")),
    "scores": Export("How well the model fits and forecasts, by window", _scores),
    "diagnostics": Export("What the checks found, and what to do", _diagnostics),
    "contribution": Export("KPI that every component brings, by region and date", _copy("contributions")),
    "channel_outcome": Export("KPI that channels bring, by window", _outcome),
    "channel_spend": Export("Spend of channels and media that ran, by window", _spend),
    "channel_roi": Export("Return on spend and cost of a KPI unit, by window", _roi),
    "curve": Export("KPI by spend, from none to twice what ran in the training window", _curves),
    "frequency": Export(
        "KPI of channels with reach, by people and by how often they are reached", _copy("frequency")
    ),
    "best_frequency": Export(
        "How often people are best reached, and what that would bring", _copy("best_frequency")
    ),
    "channel_belief": Export("What was believed of channels before the data, and after", _copy("priors")),
    "plan": Export("Optimised budget by channel, against what runs now", _plan),
    "plan_total": Export("Optimised budget as a whole: gain, and its chance", _plan_total),
}
"""Every table, in order."""
