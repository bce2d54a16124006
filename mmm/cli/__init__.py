"""The console script ``mmm``."""

from __future__ import annotations

from mmm.cli.command import main

__all__ = ["main"]
