"""``python -m jobs.benchmark``: every figure of the README from one command.

Exit status 0 if everything asked for was done, 1 if a part failed (its row says why), 2 for wrong arguments.
"""

from __future__ import annotations

import sys

from mmm.stopping import stop_while_loading

if __name__ == "__main__":
    stop_while_loading()
    from jobs.benchmark.run import main

    sys.exit(main())
