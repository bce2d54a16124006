"""Every default that a digest leaves out. ``python -m tests.golden.digest_defaults`` writes them anew.

A digest holds only what differs from the defaults, so a default whose value changes would pass for the old
model. The writer takes new settings; a changed or absent one it takes only with a higher
``DEFAULTS_VERSION``, which refits every market (decision 0011).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from mmm.config import MarketSpec, TuneSpec
from mmm.config.digest import DEFAULTS_VERSION, affects_fit, default_of

PATH = Path(__file__).parent / "expected" / "digest_defaults.json"
ABSENT = "no such setting"


def defaults() -> dict[str, Any]:
    """Version and defaults by path, of a market and of a sweep, as a digest sees them."""
    found = {**dict(_defaults(MarketSpec, "")), **dict(_defaults(TuneSpec, "tune."))}
    return {"version": DEFAULTS_VERSION, "defaults": found}


def _defaults(owner: type[BaseModel], path: str) -> Iterator[tuple[str, Any]]:
    for name, info in owner.model_fields.items():
        if not affects_fit(info):
            continue
        if not info.is_required():
            yield f"{path}{name}", default_of(info)
        for section in _sections(info.annotation):
            yield from _defaults(section, f"{path}{name}.")


def _sections(kind: Any) -> Iterator[type[BaseModel]]:
    """Specs that a field holds, in whatever container."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for part in get_args(kind):
        yield from _sections(part)


def changed(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Settings whose default is no longer what it was, though the version is."""
    if now["version"] > before["version"]:
        return []
    return [
        f"{path} was {value} and is {now['defaults'].get(path, ABSENT)}"
        for path, value in before["defaults"].items()
        if json.dumps(now["defaults"].get(path, ABSENT)) != json.dumps(value)
    ]


if __name__ == "__main__":
    found = defaults()
    if PATH.exists() and (moved := changed(json.loads(PATH.read_text(encoding="utf-8")), found)):
        raise SystemExit(f"{'; '.join(moved)}. Raise DEFAULTS_VERSION in mmm/config/digest.py first.")
    PATH.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
