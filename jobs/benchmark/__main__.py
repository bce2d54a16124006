"""``python -m jobs.benchmark``: every figure of the README from one command.

Exit status 0 if everything asked for was done, 1 if a part failed (its row says why), 2 for wrong arguments.
"""

from __future__ import annotations

import sys

from jobs.benchmark.run import main

if __name__ == "__main__":
    sys.exit(main())
