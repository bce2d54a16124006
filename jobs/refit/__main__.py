"""``python -m jobs.refit``: see :mod:`jobs.refit.command`."""

from __future__ import annotations

import sys

from jobs.refit.command import main

if __name__ == "__main__":
    sys.exit(main())
