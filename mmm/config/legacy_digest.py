"""The digest that models were recorded under before it held only what differs from the defaults.

It hashed every field, so that each new setting changed every digest and refitted every market. Tables,
registries and folders of models still hold it; jobs compare with it once and then record the new one. Its
fields are frozen here as they were then: this page never changes, and goes when no record is that old.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mmm.config.digest import affects_fit, as_text, default_of, plain, stated_or_meant
from mmm.config.market import MarketSpec
from mmm.config.sweep import TuneSpec

LATER_MEANT: Mapping[str, Any] = {"inference": "ensemble"}
"""What the program did before a field could say so, where its default has become another since."""

Fields = Mapping[str, Any]
"""Names of the fields of a section in the order of then; those of a section below it, None for a value."""


def _values(names: str) -> dict[str, None]:
    return dict.fromkeys(names.split())


_BELIEF = _values("mean sd")
_MARKET: Fields = {
    "columns": {
        **_values("region date kpi population"),
        "channels": _values("spend exposure"),
        **_values("controls events"),
    },
    **_values("currency kpi_value"),
    "holidays": _values("country subdivision"),
    "splits": _values("holdout test"),
    "model": {
        "adstock": _values("family max_lag delay"),
        "saturation": _values("slope_min spread half_sd"),
        "graph": _values("mode order l1 threshold required forbidden"),
        "temporal": _values("enabled hidden stride bound shrinkage"),
        "baseline": _values("national_knots regional_knots flexibility season_order"),
        "regions": _values("scale_sd"),
        "loss": _values("kind huber_delta l1 l2"),
        "priors": {
            **_values("share_sd"),
            "media_share": _BELIEF,
            "channels": {"share": _BELIEF, "roi": _BELIEF},
            **_values("strength dynamic"),
        },
    },
    "experiments": _values("channel regions start end lift standard_error spend_change in_panel effect"),
    "train": _values("seed members epochs learning_rate gradient_clip validation patience refit_on_all"),
}
_TUNE: Fields = {
    "space": _values("low high log step values when"),
    **_values("score objective origins step gap prune seed startup"),
}


def legacy_digest(spec: MarketSpec | TuneSpec) -> str | None:
    """The digest of then, in hexadecimal; None if the spec states what there was no field for."""
    fields = _MARKET if isinstance(spec, MarketSpec) else _TUNE
    if not _is_sayable(spec, fields):
        return None
    text = json.dumps(_section(spec, fields), default=str, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _section(spec: BaseModel, fields: Fields) -> dict[str, Any]:
    known = type(spec).model_fields
    return {name: _value(stated_or_meant(spec, name, known[name]), below) for name, below in fields.items()}


def _value(value: Any, fields: Fields | None) -> Any:
    if fields is None or value is None:
        return value
    if isinstance(value, BaseModel):
        return _section(value, fields)
    if isinstance(value, Mapping):
        return {key: list(_section(item, fields).items()) for key, item in value.items()}
    return [list(_section(item, fields).items()) for item in value]


def _is_sayable(value: Any, fields: Fields | None) -> bool:
    """Whether every field that came later asks for what was done then."""
    if fields is None or value is None:
        return True
    if isinstance(value, BaseModel):
        old = all(_is_sayable(getattr(value, name), below) for name, below in fields.items())
        later = {name: info for name, info in type(value).model_fields.items() if name not in fields}
        return old and all(_is_silent(name, info, getattr(value, name)) for name, info in later.items())
    items = value.values() if isinstance(value, Mapping) else value
    return all(_is_sayable(item, fields) for item in items)


def _is_silent(name: str, info: FieldInfo, value: Any) -> bool:
    """Whether a field that came later asks for what was done without it."""
    if not affects_fit(info):
        return True
    if name in LATER_MEANT:
        return bool(value == LATER_MEANT[name])
    return not info.is_required() and as_text(plain(value)) == as_text(default_of(info))
