"""What the contents of a column say of its role.

Shapes: N rows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mmm.data.panel import Floats
from mmm.tabular.numbers import parse_regions


def identifies(region: pa.ChunkedArray, date: pa.ChunkedArray) -> bool:
    """Whether a text column and the date together tell all rows apart, and the date alone does not."""
    regions, region_N = parse_regions(region)
    _, date_N = parse_regions(date)
    pairs = np.unique(region_N * (int(date_N.max()) + 1) + date_N)
    return len(regions) > 1 and len(pairs) == len(date_N) > len(np.unique(date_N))


def repeats(column: pa.ChunkedArray) -> bool:
    """Whether cells are so often alike that they may name something: at most half of them differ."""
    return len(column.unique()) <= max(len(column) / 2, 1)


def is_constant_within(values_N: Floats, codes_N: npt.NDArray[np.int64]) -> bool:
    """Whether a column is one number in each region, and not in all of them."""
    regions = np.unique(codes_N)
    flat = all(len(np.unique(values_N[codes_N == code])) == 1 for code in regions)
    return flat and len(regions) > 1 and len(np.unique(values_N)) > 1


def is_flag(values: Floats) -> bool:
    """Whether every value is 0 or 1."""
    return bool(np.isin(values[np.isfinite(values)], (0.0, 1.0)).all())
