"""What is told of a model without asking it again: made once when it is loaded, kept as JSON."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mmm import words
from mmm.analysis.curves import hill_table, response_curves
from mmm.analysis.frequency import best_frequency_table
from mmm.data.panel import Frequency, Panel
from mmm.design.best import TESTS, best_tests, said
from mmm.fitted import Fitted
from mmm.planning.planner import kpi_value, provenance
from serve.models.source import ModelEntry
from serve.planner.answers import LoadedModel
from serve.planner.protocol import ModelCard

PERIODS: dict[Frequency, str] = {"daily": "day", "weekly": "week", "monthly": "month", "quarterly": "quarter"}
USUAL_HORIZON = 13


def make_model_card(model: LoadedModel) -> ModelCard:
    """Everything that is told of a loaded model."""
    fitted, entry, panel = model.fitted, model.entry, model.planner.panel
    summary = _summary(entry, fitted)
    detail = _json({**summary, **_detail(model)})
    curves = _json(_curves(entry, fitted, model.directory))
    return ModelCard(
        entry=entry,
        summary=summary,
        detail=detail,
        curves=curves,
        etag=hashlib.sha256(detail + curves).hexdigest()[:16],
        channels=panel.channels,
        regions=panel.regions,
        currency=panel.currency,
        periods=len(panel.dates),
        members=fitted.members,
        seconds=model.seconds,
    )


def _summary(entry: ModelEntry, fitted: Fitted) -> dict[str, Any]:
    panel, columns = fitted.panel, fitted.spec.columns
    return {
        "brand": entry.brand,
        "market": entry.market,
        "version": entry.version,
        "kpi": columns.kpi,
        "kpi_label": columns.kpi_label or columns.kpi,
        "kpi_unit": columns.kpi_unit,
        "currency": panel.currency,
        "priced": fitted.spec.kpi_value is not None,
        "channels": list(panel.channels),
        **{
            name: provenance(fitted)[name] for name in ("first_date", "last_date", "trained_until", "members")
        },
    }


def _detail(model: LoadedModel) -> dict[str, Any]:
    """What is planned with: regions that opened too late for the fit are among them."""
    panel, to_media, directory = model.planner.panel, model.planner.to_media, model.directory
    fitted, stated = model.fitted, model.fitted.spec.columns.media
    horizon = min(USUAL_HORIZON, len(panel.dates))
    units = zip(
        panel.channels, to_media.unit_C, to_media.current(horizon), to_media.supported(horizon), strict=True
    )
    told = _told_of_channels(model)
    tests = _table(directory / TESTS)
    metrics = _read(directory / "metrics.json") or {}
    remarks = _read(directory / "diagnostics.json") or []
    kept = ("r2", "r2_within", "wape", "skill")
    return {
        "period": PERIODS[panel.frequency],
        "periods": len(panel.dates),
        "regions": list(panel.regions),
        "controls": list(panel.controls),
        "treatments": _treatments(panel),
        "designed": tests is not None,
        "kpi_value": kpi_value(replace(fitted, panel=panel), horizon),
        "horizon": horizon,
        "channels": [
            {
                "name": name,
                "label": stated[name].label or name,
                "unit": unit,
                "current_spend": current,
                "supported_max": supported,
                **told[name],
            }
            for name, unit, current, supported in units
        ],
        "has_graph": bool(fitted.graph.edges_CC.any()),
        "scores": {window: {name: scores.get(name) for name in kept} for window, scores in metrics.items()},
        "warnings": [remark for remark in remarks if remark.get("severity") in ("warning", "error")],
        "model": provenance(fitted),
    }


def _told_of_channels(model: LoadedModel) -> dict[str, dict[str, Any]]:
    """By channel: what it is, its price, how often people are best reached, and what would settle it."""
    fitted, panel, elasticities = model.fitted, model.fitted.panel, model.planner.elasticities
    best = _table(model.directory / "best_frequency.parquet")
    best = best_frequency_table(fitted) if best is None else best
    tests = _table(model.directory / TESTS)
    by_frequency, by_test = _by_channel(best), _by_channel(None if tests is None else best_tests(tests))
    return {
        name: {
            "kind": panel.kind_C[c],
            "has_price": bool(panel.has_spend_C[c] and panel.has_exposure_C[c]),
            "elasticity": elasticities[c].value if elasticities[c].cells else None,
            "frequency": by_frequency.get(name),
            "test": _designed(by_test[name]) if name in by_test else None,
        }
        for c, name in enumerate(panel.channels)
    }


def _by_channel(table: pd.DataFrame | None) -> dict[str, dict[str, Any]]:
    rows = [] if table is None else table.to_dict("records")
    return {str(row.pop("channel")): {str(name): value for name, value in row.items()} for row in rows}


def _designed(row: dict[str, Any]) -> dict[str, Any]:
    """A designed test as pages show it."""
    figures = ("power", "width_now", "width_after", "value", "cost", "net")
    return {
        "what": said(row),
        "recommended": bool(row["recommended"]),
        **{name: words.real(row[name]) for name in figures},
        "why_not": str(row["why_not"] or ""),
    }


def _treatments(panel: Panel) -> list[dict[str, Any]]:
    """Treatments with their references and the values that plans take where nothing is stated."""
    first, year = len(panel.controls) - len(panel.treatments), round(panel.periods_per_year)
    last_GTR = np.where(panel.present_GT[..., None], panel.controls_GTK[..., first:], np.nan)[:, -year:]
    return [
        {
            "name": treatment.name,
            "reference": float(panel.reference_GR[:, r].mean()),
            "usual": float(np.nanmean(last_GTR[..., r])),
        }
        for r, treatment in enumerate(panel.treatments)
    ]


def _table(path: Path) -> pd.DataFrame | None:
    """A table of a fitted model's directory, None if it is not there."""
    return pd.read_parquet(path) if path.is_file() else None


def _curves(entry: ModelEntry, fitted: Fitted, directory: Path) -> dict[str, Any]:
    """Curves as the fit left them; made anew if the file is gone."""
    panel, train = fitted.panel, fitted.split.train
    path = directory / "curves.parquet"
    table = pd.read_parquet(path) if path.is_file() else response_curves(fitted)
    path = directory / "hill.parquet"
    hill = pd.read_parquet(path) if path.is_file() else hill_table(table)
    dates = panel.dates[train]
    return {
        "brand": entry.brand,
        "market": entry.market,
        "kpi": fitted.spec.columns.kpi,
        "currency": panel.currency,
        "kpi_value": kpi_value(fitted, min(USUAL_HORIZON, len(panel.dates))),
        "period": PERIODS[panel.frequency],
        "window": {"first_date": str(dates[0]), "last_date": str(dates[-1]), "periods": len(dates)},
        "curves": {
            str(channel): {name: rows[name].tolist() for name in rows.columns if name != "channel"}
            for channel, rows in table.groupby("channel", sort=False)
        },
        "hill": {str(row.pop("channel")): row for row in hill.to_dict("records")},
        "model": {**provenance(fitted), "version": entry.version},
    }


def _read(path: Path) -> Any:
    """A JSON file of a fitted model's directory, None if it is not there."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _json(content: Any) -> bytes:
    return json.dumps(_finite(content), allow_nan=False).encode()


def _finite(value: Any) -> Any:
    """The same without NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, np.generic):
        return _finite(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
