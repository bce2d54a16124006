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

from mmm.analysis.curves import hill_table, response_curves
from mmm.data.panel import Frequency
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
    metrics = _read(directory / "metrics.json") or {}
    remarks = _read(directory / "diagnostics.json") or []
    kept = ("r2", "r2_within", "wape", "skill")
    return {
        "period": PERIODS[panel.frequency],
        "periods": len(panel.dates),
        "regions": list(panel.regions),
        "controls": list(panel.controls),
        "kpi_value": kpi_value(replace(fitted, panel=panel), horizon),
        "horizon": horizon,
        "channels": [
            {
                "name": name,
                "label": stated[name].label or name,
                "unit": unit,
                "current_spend": current,
                "supported_max": supported,
            }
            for name, unit, current, supported in units
        ],
        "has_graph": bool(fitted.graph.edges_CC.any()),
        "scores": {window: {name: scores.get(name) for name in kept} for window, scores in metrics.items()},
        "warnings": [remark for remark in remarks if remark.get("severity") in ("warning", "error")],
        "model": provenance(fitted),
    }


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
