"""``python -m jobs.tune``: see :mod:`jobs.tune.command`."""

from __future__ import annotations

import sys

from jobs.tune.command import main

if __name__ == "__main__":
    sys.exit(main())
