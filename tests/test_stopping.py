"""Commands that are told to stop, whenever it is."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mmm.simulate.portfolio import write_portfolio
from mmm.stopping import sigterm_interrupts

COMMANDS = {"mmm.cli": ["fit"], "jobs.refit": [], "jobs.train": [], "jobs.tune": [], "jobs.loop": []}
LINES = ("stopped before it had started", "interrupted")
"""What is said before and after the command has begun."""


@pytest.fixture(scope="module")
def portfolio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A portfolio of one market, and its spec."""
    return write_portfolio(
        tmp_path_factory.mktemp("one"), brands=1, markets=1, regions=1, weeks=80, channels=3
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("module", COMMANDS)
def test_a_signal_while_libraries_are_loaded_ends_it_with_a_line(
    repository: Path, portfolio: Path, tmp_path: Path, module: str, number: signal.Signals
) -> None:
    spec = portfolio if module == "jobs.refit" else portfolio.parent / "specs" / "acme_us.yaml"
    process = subprocess.Popen(
        [
            sys.executable,
            "-X",
            "importtime",
            "-m",
            module,
            *COMMANDS[module],
            spec,
            "--out",
            tmp_path / "out",
        ],
        cwd=repository,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    # The first thing that a command loads; what follows takes seconds.
    next(line for line in process.stderr if line.rpartition("|")[2].strip() == "argparse")
    process.send_signal(number)
    _, said = process.communicate(timeout=120)

    assert process.returncode == 130
    assert any(line in said for line in LINES) and "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_sigterm_interrupts_a_block_and_nothing_after_it() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), sigterm_interrupts():
        signal.raise_signal(signal.SIGTERM)

    assert signal.getsignal(signal.SIGTERM) == before


def test_other_threads_leave_signals_alone() -> None:
    before, seen = signal.getsignal(signal.SIGTERM), list[object]()

    def work() -> None:
        with sigterm_interrupts():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert seen == [before]
