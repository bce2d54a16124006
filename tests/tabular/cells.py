"""Columns of cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa


def column(cells: Sequence[Any], kind: pa.DataType | None = None) -> pa.ChunkedArray:
    """Cells as a column of two chunks, as large files have them."""
    half = len(cells) // 2
    array = pa.array(cells, kind)
    return pa.chunked_array([array.slice(0, half), array.slice(half)])
