"""The console script ``mmm``."""

from __future__ import annotations

from collections.abc import Sequence

from mmm.stopping import stop_while_loading

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Load the command and run it; see :func:`mmm.cli.command.main`."""
    stop_while_loading()
    from mmm.cli.command import main as run

    return run(arguments)
