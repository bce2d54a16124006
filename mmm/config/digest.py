"""The digest of a spec: what a model is recorded under, so that the same data and settings are fitted once.

It holds only what differs from the defaults. A setting that is added with a default which changes nothing
thus leaves the digest of every spec as it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

DEFAULTS_VERSION = 3
"""Version of the set of defaults, part of every digest. Whoever changes the VALUE of a default raises it:
specs that do not state the setting then mean something else. A new setting is no reason to."""


def spec_digest(spec: BaseModel) -> str:
    """SHA-256 over the settings that affect a fit and differ from their defaults, in hexadecimal.

    Fields marked ``PLACE_ONLY`` (names, data location, how it runs) stay out: the data themselves have
    their own fingerprint. A default that is written out counts as one that is not; ``1`` and ``1.0`` are the
    same number. The order of channels counts, that of the fields of a class and the layout of the YAML file
    do not.

    Raises:
        TypeError: A field holds what has no digest.
    """
    content = {"defaults": DEFAULTS_VERSION, "settings": stated(spec)}
    return hashlib.sha256(as_text(content).encode()).hexdigest()


def stated(spec: BaseModel) -> dict[str, Any]:
    """What affects a fit and differs from the defaults, as plain data.

    Sections are mappings of their own differences; mappings of a user's own keys are lists of pairs, because
    their order counts.
    """
    kept = {}
    for name, info in type(spec).model_fields.items():
        if not affects_fit(info):
            continue
        value = plain(stated_or_meant(spec, name, info))
        if info.is_required() or _is_tag(info) or as_text(value) != as_text(default_of(info)):
            kept[name] = value
    return kept


def affects_fit(info: FieldInfo) -> bool:
    """Whether a field is not marked ``PLACE_ONLY``."""
    extra = info.json_schema_extra
    return not (isinstance(extra, dict) and extra.get("affects_fit") is False)


def stated_or_meant(spec: BaseModel, name: str, info: FieldInfo) -> Any:
    """The value of a field, or what it meant before it could be left open.

    Models were recorded under digests in which an open value counted as one, so it counts as that still.
    """
    value = getattr(spec, name)
    extra = info.json_schema_extra
    if value is None and isinstance(extra, dict) and "digest_default" in extra:
        return extra["digest_default"]
    return value


def default_of(info: FieldInfo) -> Any:
    """The default of a field that has one, as plain data."""
    extra = info.json_schema_extra
    if isinstance(extra, dict) and "digest_default" in extra:
        return plain(extra["digest_default"])
    return plain(info.get_default(call_default_factory=True))


def _is_tag(info: FieldInfo) -> bool:
    """Whether a field can hold one value only and so tells the members of a union apart."""
    return get_origin(info.annotation) is Literal and len(get_args(info.annotation)) == 1


def plain(value: Any) -> Any:
    """A value as JSON has it, the same for the same meaning.

    Raises:
        TypeError: It has no digest.
    """
    if isinstance(value, BaseModel):
        return stated(value)
    if isinstance(value, Mapping):
        return [[key, plain(item)] for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if value is None or isinstance(value, (str, bool, int)):
        return value
    raise TypeError(f"{value!r} has no digest; write in mmm/config/digest.py how it is told from others.")


def as_text(value: Any) -> str:
    """Plain data as text. Compared as such ``true`` is not 1, which Python takes for equal."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
