"""The trace of one small fit. ``python -m tests.golden.trace`` writes it anew.

A change that should not change numbers leaves the file as it is; one that should rewrites it in its own
commit and says why.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from mmm.train.fit import fit
from tests.small import market, small_panel, split_of, with_gaps

PATH = Path(__file__).parent / "expected" / "trace.json"
EPOCHS = 40


def trace() -> dict[str, Any]:
    """Losses, scales, shares and total contributions of a fit of two members, on one thread."""
    panel = with_gaps(small_panel())
    spec = market(
        panel, train={"epochs": EPOCHS, "members": 2, "validation": 0}, model={"temporal": {"hidden": 3}}
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        fitted = fit(spec, panel, split_of(panel))
    finally:
        torch.set_num_threads(threads)
    parts = fitted.predictor.parts
    return {
        "loss": dict(zip(map(str, fitted.trace["epoch"]), fitted.trace["loss"], strict=True)),
        "scales": fitted.scales.as_dict(),
        "share": fitted.parameters["share"].tolist(),
        "channels": parts.channels_MGTC.sum((1, 2)).tolist(),
        "prediction": parts.prediction_MGT.sum((1, 2)).tolist(),
        "graph": fitted.graph.score_CC.tolist(),
    }


if __name__ == "__main__":
    PATH.write_text(json.dumps(trace(), indent=2) + "\n", encoding="utf-8")
