"""Who is treated and who is compared with them: matched within strata of size, drawn by a seed.

Shapes: G regions, T periods, S assignments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from mmm.data.panel import Bools, Floats, Ints

FEWEST = 4
"""Regions from which a test compares some with others; with fewer the whole market is switched on and off."""
ALIKE = 25
"""Periods of the running mean from which regions' moves are counted when they are compared."""


@dataclass(frozen=True, eq=False)
class Strata:
    """Groups of like regions, of each of which one is treated.

    Attributes:
        group_G: Group of each region; -1 for those that take no part.
        size: Regions of a group.
    """

    group_G: Ints
    size: int

    @property
    def groups(self) -> int:
        """Groups, as many as regions are treated."""
        return int(self.group_G.max()) + 1

    def drawn(self, seeds: Sequence[int]) -> Bools:
        """Treated regions of an assignment for each seed, shape SG; the others of the groups are controls."""
        treated_SG = np.zeros((len(seeds), len(self.group_G)), dtype=np.bool_)
        for s, seed in enumerate(seeds):
            chosen = np.random.default_rng([seed, self.size]).integers(self.size, size=self.groups)
            for group in range(self.groups):
                treated_SG[s, np.flatnonzero(self.group_G == group)[chosen[group]]] = True
        return treated_SG

    def controls(self, treated_SG: Bools) -> Bools:
        """Control regions of assignments, shape SG."""
        return np.asarray((self.group_G >= 0) & ~treated_SG)


def match(kpi_GT: Floats, allowed_G: Bools, size: int) -> Strata:
    """Groups of ``size`` regions alike in size and in how their KPI moves.

    The largest region that is left takes those nearest to it: distance is the difference of log size in
    standard deviations, and one less the correlation of how their KPI moves from period to period.
    Regions that are left over take no part.

    Args:
        kpi_GT: KPI, NaN where unknown.
        allowed_G: Regions that may take part; those without any KPI never do.
        size: Regions of a group.
    """
    known_GT = np.isfinite(kpi_GT)
    mean_G = np.where(known_GT, kpi_GT, 0.0).sum(1) / np.maximum(known_GT.sum(1), 1)
    left = [int(g) for g in np.argsort(-mean_G) if allowed_G[g] and mean_G[g] > 0]
    group_G = np.full(len(mean_G), -1, dtype=np.int64)
    distance_GG = _distance(kpi_GT, known_GT, np.maximum(mean_G, 1e-12))
    group = 0
    while len(left) >= size:
        first = left[0]
        near = sorted(left[1:], key=lambda g: distance_GG[first, g])[: size - 1]
        for g in (first, *near):
            group_G[g] = group
            left.remove(g)
        group += 1
    return Strata(group_G, size)


def _distance(kpi_GT: Floats, known_GT: Bools, mean_G: Floats) -> Floats:
    log_G = np.log(mean_G)
    spread = max(float(log_G.std()), 1e-9)
    ratio_GT = np.where(known_GT, kpi_GT / mean_G[:, None], 1.0)
    moves_GT = ratio_GT - uniform_filter1d(ratio_GT, min(ALIKE, ratio_GT.shape[1]), axis=1, mode="nearest")
    moves_GT = moves_GT - moves_GT.mean(1, keepdims=True)
    norm_G = np.maximum(np.sqrt((moves_GT**2).sum(1)), 1e-12)
    alike_GG = moves_GT @ moves_GT.T / np.outer(norm_G, norm_G)
    distance: Floats = np.abs(log_G[:, None] - log_G) / spread + 1.0 - alike_GG
    return distance
