"""The audit of what the lock holds finds what is wrong, and its bill of materials is whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.architecture.audit import Package, is_allowed, main, problems


def test_every_package_is_as_the_lock_says_and_may_be_used(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["--sbom", str(tmp_path / "bill.json")])
    said = capsys.readouterr()
    bill = json.loads((tmp_path / "bill.json").read_text(encoding="utf-8"))

    assert status == 0, said.err
    lock = (repository / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = {line.split("==")[0].lower().replace("_", "-").replace(".", "-") for line in lines_of(lock)}
    assert {component["name"] for component in bill["components"]} == pins
    assert all(component["licenses"][0]["expression"] for component in bill["components"])
    scopes = {component["name"]: component["scope"] for component in bill["components"]}
    assert scopes["torch"] == scopes["ray"] == scopes["mlflow"] == "required"
    assert scopes["ruff"] == scopes["pytest"] == "excluded"
    known = {bill["metadata"]["component"]["bom-ref"], *(one["bom-ref"] for one in bill["components"])}
    assert {one["ref"] for one in bill["dependencies"]} == known
    assert {need for one in bill["dependencies"] for need in one["dependsOn"]} <= known
    main(["--sbom", str(tmp_path / "again.json")])
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "bill.json").read_bytes()


def lines_of(lock: list[str]) -> list[str]:
    return [line for line in lock if line and not line.startswith("#")]


def test_another_version_and_a_package_that_is_absent_are_problems(
    tmp_path: Path, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = (repository / "requirements.lock").read_text(encoding="utf-8")
    other = [f"{line.split('==')[0]}==0.0.1" if line.startswith("torch==") else line for line in lock.split()]
    (tmp_path / "lock").write_text("\n".join([*other, "absent==1.0"]) + "\n", encoding="utf-8")

    assert main(["--lock", str(tmp_path / "lock")]) == 1
    said = capsys.readouterr().err
    assert "torch: the lock says 0.0.1, 2." in said
    assert "absent 1.0 is in the lock and not installed" in said


def test_licences_and_unmet_requirements_are_problems() -> None:
    packages = {
        "good": Package("good", "1", "MIT", (), ()),
        "bad": Package("bad", "1", "AGPL-3.0-only", (), ("other>=2",)),
        "silent": Package("silent", "1", "", (), ()),
    }

    found = problems(dict.fromkeys(packages, "1"), packages)

    assert [line for line in found if not line.endswith("not in the lock")] == [
        "bad needs other>=2, which is not installed",
        "bad: its licence (AGPL-3.0-only) is not allowed; see ALLOWED, STATED, EXCEPTIONS",
        "silent: its licence (none that is known) is not allowed; see ALLOWED, STATED, EXCEPTIONS",
    ]


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("MIT", True),
        ("Apache-2.0 OR GPL-2.0-only", True),
        ("Apache-2.0 AND GPL-2.0-only", False),
        ("(MIT OR GPL-2.0-only) AND BSD-3-Clause", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("", False),
    ],
)
def test_one_choice_is_enough_and_every_part_counts(licence: str, allowed: bool) -> None:
    assert is_allowed(licence) is allowed
