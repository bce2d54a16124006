"""Every file of one small fit. ``python -m tests.golden.tables`` writes what they hold anew.

Names of files, columns, types and numbers of rows are read by others: a change that adds to them rewrites
``tables.json`` in a commit of its own and says so to users; one that takes away or renames breaks them.
Numbers are to single precision, since processors add up in orders of their own.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import torch
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from tests.golden.doors import MARKETS, mmm

PATH = Path(__file__).parent / "expected" / "tables.json"
SETTINGS = ("train.inference=ensemble", "train.epochs=40", "train.validation=0", "model.temporal.hidden=3")
EVERY_TIME_ANEW = ("seconds", "versions", "data_fingerprint", "spec_digest", "scales", "files")
"""Of ``provenance.json``: time, place, digests of files of floats, numbers that other goldens hold."""


def files_of_a_fit(folder: Path) -> dict[str, Any]:
    """Fit a market of three regions, with a lift test and a refit, and tell what the folder holds."""
    out = folder / "fitted"
    words = [word for setting in SETTINGS for word in ("--set", setting)]
    with _one_thread():
        assert mmm("fit", MARKETS / "us" / "spec.yaml", "--out", out, "--members", "2", *words) == 0
    provenance = _json(out / "model" / "provenance.json")
    return {
        "files": sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()),
        "tables": {path.stem: _table(pd.read_parquet(path)) for path in sorted(out.glob("*.parquet"))},
        "arrays": {path.stem: _arrays(path) for path in sorted((out / "model").glob("*.npz"))},
        "provenance": {key: "" if key in EVERY_TIME_ANEW else value for key, value in provenance.items()},
        "trace": {key: len(values) for key, values in _json(out / "model" / "trace.json").items()},
        **{name: _json(out / f"{name}.json") for name in ("metrics", "diagnostics", "data_quality", "plan")},
    }


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """What a fit sets for its process holds for the fit alone."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with mock.patch.dict(os.environ):
            yield
    finally:
        torch.set_num_threads(threads)


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _table(table: pd.DataFrame) -> dict[str, Any]:
    return {"rows": len(table), "columns": {str(name): _column(table[name]) for name in table}}


def _column(column: pd.Series[Any]) -> dict[str, Any]:
    """Type and cells without value; sum, and sum of absolute values, of numbers; a digest of all else."""
    told: dict[str, Any] = {"type": str(column.dtype), "empty": int(column.isna().sum())}
    if is_numeric_dtype(column) and not is_bool_dtype(column):
        number = column.to_numpy(dtype=np.float64)
        return {**told, "sum": float(np.nansum(number)), "size": float(np.nansum(np.abs(number)))}
    text = "\n".join(column.astype(str))
    return {**told, "digest": hashlib.sha256(text.encode()).hexdigest()[:16]}


def _arrays(path: Path) -> dict[str, list[Any]]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: [archive[name].dtype.kind, list(archive[name].shape)] for name in archive.files}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        found = files_of_a_fit(Path(scratch))
    PATH.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
