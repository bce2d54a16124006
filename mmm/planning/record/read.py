"""What a plan of record is held against: newer data of its market, or a newer model of it."""

from __future__ import annotations

from pathlib import Path

from mmm.config import MarketSpec
from mmm.config.files import load_market
from mmm.data.panel import Panel
from mmm.data.read import read_panel
from mmm.errors import RecordError
from mmm.fitted import Fitted, load_fitted
from mmm.output import holds_model
from mmm.planning.record.kept import Record
from mmm.planning.record.variance import Actuals

SPECS = (".yaml", ".yml")


def read_actuals(record: Record, place: str) -> Actuals:
    """A fitted model's folder, a market's spec, or data as the record's own spec reads them.

    Args:
        record: The plan of record.
        place: Folder, spec or data; data may be a URI.

    Raises:
        RecordError: Nothing lies there.
        PanelError: The data have problems.
        SpecError: The spec has.
        ModelFileError: The model is damaged.
    """
    if holds_model(Path(place)):
        return actuals_of(load_fitted(place))
    if place.lower().endswith(SPECS):
        spec = load_market(place)
    elif "://" in place or Path(place).exists():
        path = place if "://" in place else str(Path(place).absolute())
        own = record.fitted.spec
        spec = own.model_copy(update={"data": own.data.model_copy(update={"path": path})})
    else:
        raise RecordError(f"{place} is missing. Give newer data, a market's spec or a fitted model's folder.")
    return _of(spec, read_panel(spec).panel)


def actuals_of(newer: Fitted) -> Actuals:
    """What a newer model of the market knows of it."""
    return _of(newer.spec, newer.panel, newer)


def _of(spec: MarketSpec, panel: Panel, newer: Fitted | None = None) -> Actuals:
    return Actuals(spec.brand, spec.market, panel, dict(spec.renamed), newer)
