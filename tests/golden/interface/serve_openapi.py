"""The interface of the service in its own words.

``python -m tests.golden.interface.serve_openapi`` writes it anew.
Callers build on it: ``serve_openapi.json`` is rewritten in the commit that changes the interface, which says
so in the changelog.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from tests.serve.fitted_models import client_of

PATH = Path(__file__).with_name("serve_openapi.json")


def openapi(folder: Path) -> Any:
    """``/openapi.json`` of a service over a folder; it does not depend on the models."""
    with client_of(folder) as client:
        return client.get("/openapi.json").json()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        PATH.write_text(json.dumps(openapi(Path(scratch)), indent=1) + "\n", encoding="utf-8")
