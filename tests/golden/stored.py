"""What stored models say. ``python -m tests.golden.stored`` writes it anew.

The models under ``fitted/`` must go on loading and must go on saying the same. A change of the model's own
formulas, its curves or its totals rewrites ``stored.json`` in a commit of its own that says why; a change of
the format of fitted models adds a model and reads the old ones too, or says to users that it does not.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.golden.doors import model_tables

PATH = Path(__file__).parent / "expected" / "stored.json"
MODELS = ("us", "de")


def stored(name: str) -> dict[str, Any]:
    """Total contributions by component, effects, curves and Hill equations of a stored model."""
    tables = model_tables(name)
    contributions = tables["contributions"]
    return {
        "contributions": contributions.groupby("component", sort=False)["value"].sum().to_dict(),
        **{
            table: json.loads(tables[table].to_json(orient="split", index=False, double_precision=15))
            for table in ("effects", "curves", "hill")
        },
    }


if __name__ == "__main__":
    found = {name: stored(name) for name in MODELS}
    PATH.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
