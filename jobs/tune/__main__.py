"""``python -m jobs.tune``: see :mod:`jobs.tune.command`."""

from __future__ import annotations

import sys

from mmm.stopping import stop_while_loading

if __name__ == "__main__":
    stop_while_loading()
    from jobs.tune.command import main

    sys.exit(main())
