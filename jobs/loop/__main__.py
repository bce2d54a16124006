"""``python -m jobs.loop``: see :mod:`jobs.loop.command`."""

from __future__ import annotations

import sys

from jobs.loop.command import main

if __name__ == "__main__":
    sys.exit(main())
