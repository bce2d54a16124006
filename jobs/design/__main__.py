"""``python -m jobs.design``: see :mod:`jobs.design.command`."""

from __future__ import annotations

import sys

from mmm.stopping import stop_while_loading

if __name__ == "__main__":
    stop_while_loading()
    from jobs.design.command import main

    sys.exit(main())
