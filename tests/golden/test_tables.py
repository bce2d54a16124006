"""A fit leaves the files, tables and columns that others read, with the numbers that were in them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.golden.likeness import differences
from tests.golden.tables import PATH, files_of_a_fit

EXPECTED = json.loads(PATH.read_text(encoding="utf-8"))
TABLES = sorted(EXPECTED["tables"])


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return files_of_a_fit(tmp_path_factory.mktemp("fit"))


@pytest.mark.parametrize("part", ["files", "arrays", "provenance", "trace", "data_quality"])
def test_what_the_folder_holds(found: dict[str, Any], part: str) -> None:
    assert list(found) == list(EXPECTED)
    assert list(found["tables"]) == TABLES
    assert not differences(found[part], EXPECTED[part], lambda place: (1e-9, 1e-9))


@pytest.mark.parametrize("table", TABLES)
def test_the_table_is_as_it_was(found: dict[str, Any], table: str) -> None:
    """Numbers to single precision of the column's size: residuals add up to nearly nothing."""
    now, expected = found["tables"][table], EXPECTED["tables"][table]

    def tolerance(place: tuple[str, ...]) -> tuple[float, float]:
        return 2e-3, 1e-5 + 2e-3 * float(expected["columns"][place[1]].get("size", 0.0))

    assert not differences(now, expected, tolerance)


@pytest.mark.parametrize("part", ["metrics", "diagnostics", "plan"])
def test_what_is_told_of_the_model(found: dict[str, Any], part: str) -> None:
    """Findings round their numbers to two digits; a plan magnifies what the fit leaves open."""
    relative, absolute = {"metrics": (2e-3, 2e-3), "diagnostics": (0.1, 0.1), "plan": (0.02, 0.02)}[part]

    assert not differences(found[part], EXPECTED[part], lambda place: (relative, absolute))
