"""``python -m mmm.cli``: see :mod:`mmm.cli.command`."""

from __future__ import annotations

import sys

from mmm.cli import main

if __name__ == "__main__":
    sys.exit(main())
