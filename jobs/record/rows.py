"""One row for each brand-market: what a refit came to, as it stands in ``portfolio.parquet``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

import pyarrow as pa

from jobs.record.ledger_files import foreign_table
from mmm.data.schema import VALUE_NOT_STATED
from mmm.storage import read_parquet, write_parquet_rows

Status = Literal["done", "unchanged", "failed"]
TABLE = "portfolio.parquet"
SCORES = ("r2", "r2_within", "wape", "skill")
LATER_SCORES = ("rmse", "nrmse")
"""Scores whose columns were added at the table's end."""
GAP = "generalisation_gap"
"""R² of training less that of the holdout, among the scores."""
WINDOWS = ("train", "holdout", "test")


@dataclass(frozen=True)
class Row:
    """What became of one brand-market.

    Attributes:
        brand: Brand.
        market: Market.
        status: ``done``: fitted now; ``unchanged``: data and settings are those of a model that is there;
            ``failed``: neither, see ``reason``.
        reason: Why it failed, with every problem; or why a model waits as challenger.
        scores: Score by ``window_score``, e.g. ``holdout_skill``; None where it has no meaning.
        shares: Share of the training window's KPI by channel.
        roi: Value of the direct effect per unit of currency by channel with spend.
        findings: Remarks of the diagnostics and of the monitoring, ``severity code where: what``.
        seconds: Wall time of this market in this refit.
        tries: How often it was begun in this refit; more than 1 after a worker died.
        change: What differs from the last refit: ``new``, ``data``, ``settings``, ``data, settings`` or none.
        share_shift: Share of media's effect that went elsewhere since the last refit.
        skill_change: Change of the holdout skill since the last refit.
        key: Digest of data and settings; a model with it is never fitted twice.
        directory: The fitted model; of a failed market the one of an earlier refit, if there is any.
        data_fingerprint: Digest of the data.
        spec_digest: Digest of the settings.
        until: Last date of the data.
        version: Version in the registry.
        role: ``champion`` or ``challenger`` in the registry.
        settings: Settings a search or a pool put in place of the spec's own, by path.
        pool_shift: Share of media's effect that pooling with other brands moved; None without pooling.
    """

    brand: str
    market: str
    status: Status
    reason: str = ""
    scores: dict[str, float | None] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)
    roi: dict[str, float] = field(default_factory=dict)
    findings: tuple[str, ...] = ()
    seconds: float = 0.0
    tries: int = 1
    change: str = ""
    share_shift: float | None = None
    skill_change: float | None = None
    key: str = ""
    directory: str = ""
    data_fingerprint: str = ""
    spec_digest: str = ""
    until: str = ""
    version: int | None = None
    role: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    pool_shift: float | None = None

    @property
    def name(self) -> str:
        """Brand and market for people."""
        return f"{self.brand} / {self.market}"

    @property
    def valued(self) -> bool:
        """Whether its spec says what a KPI unit is worth; else ``roi`` is KPI units per unit of currency."""
        return not any(text.split(" ")[1:2] == [VALUE_NOT_STATED] for text in self.findings)

    def to_json(self) -> str:
        """The row as JSON text."""
        return json.dumps(asdict(self), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Row:
        """The inverse of :meth:`to_json`; unknown fields of later versions are left out."""
        known = {item.name for item in fields(cls)}
        return cls(**{k: _untuple(k, v) for k, v in json.loads(text).items() if k in known})


def _untuple(name: str, value: Any) -> Any:
    return tuple(value) if name == "findings" else value


_TEXT = ("brand", "market", "status", "reason")
_LATER_TEXT = ("change", "key", "directory", "data_fingerprint", "spec_digest", "until", "role")
_NUMBERS = tuple(f"{window}_{score}" for window in WINDOWS for score in SCORES)
_LATER_NUMBERS = (*(f"{window}_{score}" for window in WINDOWS for score in LATER_SCORES), GAP)
_MAP = pa.map_(pa.string(), pa.float64())
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in _TEXT),
        *((name, pa.float64()) for name in _NUMBERS),
        ("shares", _MAP),
        ("roi", _MAP),
        ("findings", pa.list_(pa.string())),
        ("seconds", pa.float64()),
        ("tries", pa.int64()),
        ("share_shift", pa.float64()),
        ("skill_change", pa.float64()),
        ("version", pa.int64()),
        ("settings", pa.string()),
        *((name, pa.string()) for name in _LATER_TEXT),
        *((name, pa.float64()) for name in _LATER_NUMBERS),
        ("pool_shift", pa.float64()),
    ]
)
"""Columns of ``portfolio.parquet``; scores have one column each."""


def write_table(rows: Iterable[Row], out: str) -> str:
    """Write ``portfolio.parquet`` below ``out``, in row groups, whole or not at all; returns its place."""
    place = f"{out.rstrip('/')}/{TABLE}"
    write_parquet_rows(place, SCHEMA, (_plain({**asdict(row), **row.scores}) for row in rows))
    return place


def _plain(record: Mapping[str, Any]) -> dict[str, Any]:
    maps = {name: list(record[name].items()) for name in ("shares", "roi")}
    settings = json.dumps(record["settings"], sort_keys=True) if record["settings"] else None
    plain = {name: record.get(name) for name in SCHEMA.names}
    return {**plain, **maps, "settings": settings, "findings": list(record["findings"])}


def read_table(out: str) -> dict[tuple[str, str], Row]:
    """Rows of the last refit by brand and market; empty if there was none.

    Raises:
        OutputError: What lies there is no such table.
    """
    try:
        table = read_parquet(f"{out}/{TABLE}")
        some = (batch.to_pylist(maps_as_pydicts="strict") for batch in table.to_batches())
        rows = [_row(record) for records in some for record in records]
    except FileNotFoundError:
        return {}
    except (pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise foreign_table(f"{out}/{TABLE}", error, "no table") from error
    return {(row.brand, row.market): row for row in rows}


def _row(record: dict[str, Any]) -> Row:
    scores = {name: record.pop(name, None) for name in (*_NUMBERS, *_LATER_NUMBERS)}
    known = {item.name for item in fields(Row)}
    kept = {name: value for name, value in record.items() if name in known}
    settings = json.loads(record.get("settings") or "{}")
    return Row(**{**kept, "findings": tuple(record["findings"]), "scores": scores, "settings": settings})
