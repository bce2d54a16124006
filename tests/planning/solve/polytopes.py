"""Limits of plans written down shortly, and random ones that some plan keeps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmm.data.panel import Floats
from mmm.planning.solve.limits import Limits

Row = tuple[Sequence[float], float, float]
"""Weights of a sum, its least and its largest value."""


def polytope(
    lower: Sequence[float] | Floats,
    upper: Sequence[float] | Floats,
    total: float | tuple[float, float],
    rows: Sequence[Row] = (),
) -> Limits:
    """Bounds, a total or a range of it, and further sums."""
    least, most = total if isinstance(total, tuple) else (total, total)
    count = len(lower)
    return Limits(
        np.array(lower, dtype=np.float64),
        np.array(upper, dtype=np.float64),
        least,
        most,
        np.array([weights for weights, _, _ in rows], dtype=np.float64).reshape(-1, count),
        np.array([low for _, low, _ in rows], dtype=np.float64),
        np.array([high for _, _, high in rows], dtype=np.float64),
        tuple(f"row {r}" for r in range(len(rows))),
        tuple(f"c{x}" for x in range(count)),
    )


def random_polytope(
    rng: np.random.Generator, variables: int, *, rows: int = 0, free_total: bool = False
) -> tuple[Limits, Floats]:
    """Limits of amounts up to some thousands, and a plan inside them that is at none of their ends."""
    inside_X = rng.uniform(100.0, 3000.0, variables)
    lower_X = inside_X * rng.uniform(0.0, 0.8, variables)
    upper_X = inside_X * rng.uniform(1.2, 3.0, variables)
    total = float(inside_X.sum())
    sums: list[Row] = []
    for _ in range(rows):
        weight_X = rng.choice([0.0, 1.0, 1.0, -0.5], variables)
        weight_X[rng.integers(variables)] = 1.0
        value, slack = float(weight_X @ inside_X), 0.05 * total
        sums.append((weight_X.tolist(), rng.choice([-np.inf, value - slack]), value + slack))
    ends = (0.9 * total, 1.1 * total) if free_total else total
    return polytope(lower_X, upper_X, ends, sums), inside_X
