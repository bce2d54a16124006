"""``python -m jobs.loop``: see :mod:`jobs.loop.command`."""

from __future__ import annotations

import sys

from mmm.stopping import stop_while_loading

if __name__ == "__main__":
    stop_while_loading()
    from jobs.loop.command import main

    sys.exit(main())
