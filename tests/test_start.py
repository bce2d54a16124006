"""The page for newcomers is walked as it stands: every command, and every output beside what is printed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

HOME = "/home/you"
"""The folder of the page."""
NUMBER = re.compile(r"[+\u2212]?\d[\d,.]*(?: [kM])?")
EXACT = ("init", "validate", "export")
"""Commands whose output does not depend on how a machine rounds."""


def blocks(page: str, kind: str) -> list[str]:
    """Fenced blocks of a kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)


def shape(line: str) -> str:
    """A line without its numbers, the names of channels, the lines of tables and the spaces between."""
    line = NUMBER.sub("#", line.replace("\u00a0", " "))
    line = re.sub(r"\b(?:tv|search|social|video|radio)\b", "channel", line, flags=re.IGNORECASE)
    return re.sub(r"[\u2500-\u257f ]+", " ", line).strip()


def run(command: str, folder: Path) -> str:
    """What a command of the page says, in words of the page."""
    program = [sys.executable, "-m", "mmm.cli", *command.split()[1:]]
    done = subprocess.run(program, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = done.stdout + (done.stderr if "init" in command else "")
    return said.replace(str(folder), HOME).replace("\u00a0", " ").rstrip()


@pytest.mark.slow
def test_every_command_says_what_the_page_says(repository: Path, tmp_path: Path) -> None:
    page = (repository / "docs" / "start.md").read_text(encoding="utf-8")
    (make,) = blocks(page, "python")
    subprocess.run([sys.executable, "-c", make], cwd=tmp_path, check=True)
    first = blocks(page, "text")[0].splitlines()
    told = (tmp_path / "orders.csv").read_text(encoding="utf-8").splitlines()
    assert all(line.startswith(shown.rstrip("\u2026")) for line, shown in zip(told, first, strict=False))
    draft, request = blocks(page, "yaml")
    (tmp_path / "request.yaml").write_text(request, encoding="utf-8")

    walked = [block.split("\n", 1) for block in blocks(page, "console") if block.startswith("$ mmm ")]
    for command, shown in ((line[2:], text.rstrip()) for line, text in walked):
        said = run(command, tmp_path)
        if command.split()[1] in EXACT:
            assert said == shown
        else:
            assert [shape(line) for line in said.splitlines()][:5] == [
                shape(line) for line in shown.splitlines()
            ][:5]
            assert abs(len(said.splitlines()) - len(shown.splitlines())) <= 2
        if command.startswith("mmm init"):
            spec = (tmp_path / "acme_us.yaml").read_text(encoding="utf-8")
            assert draft in spec
            priced = spec.replace("# currency: EUR", "currency: USD").replace(
                "# kpi_value: 1.0", "kpi_value: 40"
            )
            (tmp_path / "acme_us.yaml").write_text(priced, encoding="utf-8")
    assert [command.split()[2] for command, _ in walked] == ["init", "validate", "fit", "export", "optimize"]
