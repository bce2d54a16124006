"""What a fitted model is of: names, units, and where it came from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mmm import words
from mmm.data.panel import UNSTATED

PER = 1000.0
"""Spend per which the KPI is told where nobody said what a KPI unit is worth."""
UNNAMED = "KPI units"
"""What a KPI is counted in whose column is called no more than ``kpi``."""


@dataclass(frozen=True)
class About:
    """What the model is of, for titles and units."""

    brand: str = ""
    market: str = ""
    kpi: str = UNNAMED
    """What the KPI is counted in, as it reads in a sentence, e.g. ``visits``."""
    title: str = ""
    """Name of the KPI as a whole where it is not what it is counted in."""
    currency: str = UNSTATED
    frequency: str = "weekly"
    kpi_value: Any = None
    """Currency per KPI unit, or the column that holds it; None where the spec does not say."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """What pages call channels that have another name there."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    some: bool = False
    """The tables are of some regions only."""

    @property
    def priced(self) -> bool:
        """What a KPI unit is worth is known: returns in money can be told."""
        return self.kpi_value is not None

    @property
    def per(self) -> float:
        """Spend per which returns are told: 1 in money, ``PER`` where a KPI unit has no stated value."""
        return 1.0 if self.priced else PER

    @property
    def return_unit(self) -> str:
        """What returns count: ``USD per USD`` or, without a value of the KPI, ``orders per 1 k USD``."""
        if self.priced:
            return f"{self.currency} per {self.unit_of_money}"
        return f"{self.kpi} per {words.money(self.per, self.currency)}"

    @property
    def unit_of_money(self) -> str:
        """One of the currency: ``USD``, or what it is called where nobody said which."""
        return "unit of currency" if self.currency == UNSTATED else self.currency

    @property
    def goal(self) -> str:
        """The KPI as a whole, for sentences such as ``38 % of visits``."""
        return self.title or ("the KPI" if self.kpi == UNNAMED else self.kpi)

    @property
    def national(self) -> str:
        """The KPI summed over regions, e.g. ``national visits``."""
        if self.some:
            return f"{self.goal} of these regions"
        return "the national KPI" if self.goal == "the KPI" else f"national {self.goal}"

    @property
    def period(self) -> str:
        """Noun of one period: day, week, month or quarter."""
        nouns = {"daily": "day", "weekly": "week", "monthly": "month", "quarterly": "quarter"}
        return nouns.get(self.frequency, "period")


def read_about(model: Path, quality: Any) -> About:
    """Names and units out of the model's spec and provenance; defaults for what is not said."""
    spec = _first_mapping(model / "spec.json", model / "spec.yaml", model / "spec.yml")
    spec = spec.get("market_spec", spec.get("spec", spec))
    spec = spec if isinstance(spec, dict) else {}
    columns = spec.get("columns")
    columns = columns if isinstance(columns, dict) else {}
    quality = quality if isinstance(quality, dict) else {}
    name, label, unit = (str(columns.get(key) or "") for key in ("kpi", "kpi_label", "kpi_unit"))
    plain = "" if name.lower() == "kpi" else name.replace("_", " ")
    return About(
        brand=str(spec.get("brand", "")),
        market=str(spec.get("market", "")),
        kpi=unit or label or plain or UNNAMED,
        title=(label or plain) if unit else "",
        currency=str(spec.get("currency") or UNSTATED),
        frequency=str(quality.get("frequency") or spec.get("frequency") or "weekly"),
        kpi_value=spec.get("kpi_value"),
        labels={
            name: label
            for kind in ("channels", "organic", "mediators", "treatments")
            for name, label in _labels(columns.get(kind)).items()
        },
        provenance=_first_mapping(model / "provenance.json"),
    )


def _labels(channels: Any) -> dict[str, str]:
    """Labels of the channels that have one."""
    known = channels if isinstance(channels, dict) else {}
    stated = {str(name): own.get("label") for name, own in known.items() if isinstance(own, dict)}
    return {name: str(label) for name, label in stated.items() if label}


def _first_mapping(*paths: Path) -> dict[str, Any]:
    """The first of these files that is there and holds a mapping."""
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
            value = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        except (OSError, ValueError, yaml.YAMLError):
            continue
        if isinstance(value, dict):
            return value
    return {}
