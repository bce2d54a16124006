"""``python -m jobs.train``: see :mod:`jobs.train.command`."""

from __future__ import annotations

import sys

from jobs.train.command import main

if __name__ == "__main__":
    sys.exit(main())
