"""Digests of three specs and two panels. ``python -m tests.golden.digest_literals`` writes them anew.

Registries, portfolio tables and folders of models are keyed by them: another digest of the same spec or
panel refits every customer's portfolio. ``digest_literals.json`` is therefore rewritten only by a decision
that says what becomes of the digests already recorded.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from mmm.config import MarketSpec
from mmm.config.digest import spec_digest
from mmm.config.files import load_market
from mmm.data.panel import data_fingerprint
from mmm.data.read import read_panel
from tests.golden.jobs.world import national, regional, sweep, write_world

PATH = Path(__file__).parent / "expected" / "digest_literals.json"

MINIMAL: dict[str, Any] = {
    "brand": "acme",
    "market": "us",
    "data": {"path": "us.csv"},
    "columns": {"date": "date", "kpi": "sales", "channels": {"tv": {"spend": "tv_spend"}}},
}
MANY: dict[str, Any] = {
    **regional(),
    "kpi_value": 3,
    "holidays": {"country": "DE", "subdivision": "BY"},
    "splits": {"holdout": 9, "test": 4},
    "model": {
        "adstock": {"family": "weibull", "max_lag": 6, "delay": False},
        "saturation": {"slope_min": 1, "spread": 0.5},
        "graph": {"required": [["tv", "search"]], "l1": 0.02},
        "temporal": {"hidden": 4, "stride": 3},
        "baseline": {"national_knots": 13, "season_order": 2},
        "priors": {
            "channels": {"tv": {"roi": {"mean": 1.5, "sd": 0.5}}},
            "media_share": {"mean": 0.3, "sd": 0.1},
        },
    },
    "train": {"seed": 7, "members": 4, "learning_rate": 0.1, "refit_on_all": True, "threads": 2},
}
TESTED: dict[str, Any] = {
    **sweep(),
    "experiments": [
        {
            "channel": "search",
            "start": "2023-06-05",
            "end": "2023-07-02",
            "lift": 400,
            "standard_error": 50.5,
            "spend_change": 1000.0,
        }
    ],
}
SPECS = {"minimal": MINIMAL, "many settings": MANY, "experiment and sweep": TESTED}


def literals(folder: Path) -> dict[str, dict[str, str]]:
    """Digests of specs, of the sweep's own section, and of the panels written into a folder."""
    write_world(folder)
    specs = {name: MarketSpec.model_validate(spec) for name, spec in SPECS.items()}
    panels = {}
    for spec in (national(), regional()):
        path = folder / f"{spec['market']}.yaml"
        path.write_text(json.dumps(spec), encoding="utf-8")
        panels[spec["market"]] = data_fingerprint(read_panel(load_market(str(path))).panel)
    return {
        "spec": {name: spec_digest(spec) for name, spec in specs.items()},
        "tune": {name: spec_digest(spec.tune) for name, spec in specs.items()},
        "panel": panels,
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        PATH.write_text(json.dumps(literals(Path(scratch)), indent=2) + "\n", encoding="utf-8")
