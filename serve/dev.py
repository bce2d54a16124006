"""``python -m serve.dev MODELS``: the service in one process on this machine, without Ray."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from mmm.errors import MMMError


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; status 2 if the models cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m serve.dev", description=__doc__)
    parser.add_argument("models", help="folder of fitted models, of a refit, or URI of a registry")
    parser.add_argument("--port", type=int, default=8000, help="port on 127.0.0.1 (default 8000)")
    options = parser.parse_args(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import uvicorn

    from serve.inprocess import app_of
    from serve.settings import ServeSettings

    try:
        app = app_of(ServeSettings(models=options.models))
    except MMMError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="info")
    return 0


if __name__ == "__main__":
    sys.exit(main())
