"""``python -m serve.dev MODELS``: the service in one process on this machine, without Ray."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmm.errors import MMMError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from serve.settings import ServeSettings


def app_of(settings: ServeSettings) -> FastAPI:
    """The application over the models of a place, with planner and catalogue in this process.

    Raises:
        SourceError: The place cannot be read.
    """
    from serve.directory import ModelDirectory
    from serve.http.routes import create_app
    from serve.metrics import LocalMeters
    from serve.models.catalogue import Catalogue, open_source, registry_of
    from serve.planner.local import LocalCatalogue, LocalPlanner
    from serve.tokens import CurrentTokens

    source = open_source(settings.models, settings.alias)
    planner = LocalPlanner(settings.keep, registry_of(settings.models))
    catalogue = LocalCatalogue(Catalogue(source, tokens=CurrentTokens(settings)))
    return create_app(ModelDirectory(settings, planner, catalogue, LocalMeters(), settings.poll))


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; status 2 if the models cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m serve.dev", description=__doc__)
    parser.add_argument("models", help="folder of fitted models, of a refit, or URI of a registry")
    parser.add_argument("--port", type=int, default=8000, help="port on 127.0.0.1 (default 8000)")
    options = parser.parse_args(arguments)
    # Before anything loads numpy, which reads it once.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import uvicorn

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
