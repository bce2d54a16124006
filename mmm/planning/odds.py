"""The odds of a plan: what draws of a model, gain by gain, say of it in a few numbers.

Shapes: M draws.
"""

from __future__ import annotations

from typing import Any

from mmm.analysis.intervals import WORST, chance_above_zero, quantile, tail_mean
from mmm.data.panel import Floats
from mmm.planning.plan import GainAt


def odds_of(gain_M: Floats) -> dict[str, Any]:
    """``chance_of_gain``, ``gain_at`` and ``cvar`` of plans and scenarios; None where draws are too few."""
    known = len(gain_M) > 1
    places = {"p5": 0.05, "p50": 0.5, "p95": 0.95}
    return {
        "chance_of_gain": chance_above_zero(gain_M),
        "gain_at": GainAt(**{name: float(quantile(gain_M, p)) for name, p in places.items()})
        if known
        else None,
        "cvar": tail_mean(gain_M, WORST),
    }
