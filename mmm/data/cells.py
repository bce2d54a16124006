"""What is wrong with single cells of a panel: empty, infinite, huge, negative, double, misnamed.

Each function returns every problem of its kind with coordinates. Shapes: N rows.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mmm.config import FillSpec
from mmm.data.guess.names import sounds_like
from mmm.data.panel import NATIONAL, Bools
from mmm.data.schema import AS_CONTROLS, Finding, LongTable, Role, named
from mmm.errors import Problem

LARGEST = 1e15
"""Above it squares lose their digits in single precision; nobody counts that far in real units."""
MUST_BE_POSITIVE = ("population", "kpi_value")
MEDIA = ("spend", "exposure", "reach", "impressions")


def cell_problems(
    table: LongTable, roles: Iterable[Role], fill: FillSpec, *, whole: bool = True
) -> list[Problem]:
    """Cells that break the rule of their column: one problem for each column and rule.

    Args:
        table: Parsed rows.
        roles: Columns of numbers.
        fill: What empty cells are taken for.
        whole: The table has all regions; else a column may be empty in it.
    """
    problems = []
    for role in roles:
        values_N = table.numbers[role.column]
        empty_N = np.isnan(values_N)
        if whole and len(values_N) and empty_N.all():
            message = f"{role.label} is empty in every row. Fill the column or take it out of the spec."
            problems.append(Problem("empty_column", role.column, message))
            continue
        checks = [
            ("missing_value", empty_N & _refuses_empty(role, fill), "is empty", _empty_advice(role)),
            ("infinite_value", np.isinf(values_N), "is infinite", "Numbers must be finite: correct the cell"),
            (
                "huge_value",
                np.isfinite(values_N) & (np.abs(values_N) > LARGEST),
                f"is beyond {LARGEST:g}",
                "Change its unit, e.g. to thousands, or correct the cell",
            ),
            *_sign_checks(role, values_N),
        ]
        problems += [
            Problem(code, role.column, _located(table, role, bad_N, what, advice))
            for code, bad_N, what, advice in checks
            if bad_N.any()
        ]
    return problems


def _located(table: LongTable, role: Role, bad_N: Bools, what: str, advice: str) -> str:
    count = int(bad_N.sum())
    rows = f"{count} row" + ("s" if count != 1 else "")
    column = None if np.isnan(table.numbers[role.column][bad_N]).all() else role.column
    return f"{role.label} {what} in {rows}: {table.cells(bad_N, column)}. {advice}."


def _refuses_empty(role: Role, fill: FillSpec) -> bool:
    if role.kind in MEDIA:
        return fill.media == "refuse"
    if role.kind in AS_CONTROLS:
        return fill.controls == "refuse"
    return role.kind not in ("kpi", "contacts")


def _empty_advice(role: Role) -> str:
    if role.kind in MEDIA:
        return "Write 0 where nothing ran, or set data.fill.media: zero if that is what empty means"
    if role.kind in AS_CONTROLS:
        return "Fill it, or set data.fill.controls to previous, mean or zero"
    return "It must be given in every row"


def _sign_checks(role: Role, values_N: np.ndarray) -> list[tuple[str, Bools, str, str]]:
    finite_N = np.isfinite(values_N)
    with np.errstate(invalid="ignore"):
        if role.kind in MEDIA:
            advice = "It must be 0 or more: book refunds and corrections in the period they belong to"
            return [("negative_value", finite_N & (values_N < 0), "is negative", advice)]
        if role.kind in MUST_BE_POSITIVE:
            return [
                (
                    "not_positive",
                    finite_N & (values_N <= 0),
                    "is not positive",
                    "It must be above 0: correct the cell",
                )
            ]
    return []


def row_problems(table: LongTable, has_region: bool) -> list[Problem]:
    """Rows without a region, names with stray spaces, and rows that share region and date."""
    problems = []
    blank_N = table.region_N < 0
    if blank_N.any():
        message = f"{int(blank_N.sum())} rows have no region: {table.cells(blank_N)}. Name it or remove them."
        problems.append(Problem("missing_region", "region", message))
    stray = [name for name in table.regions if name != name.strip()]
    if stray:
        message = (
            f"{named([repr(name) for name in stray])} start or end with a space, which makes another region "
            f"of {stray[0].strip()!r}. Remove the spaces."
        )
        problems.append(Problem("stray_space", "region", message))
    double_N = _repeated(table)
    if double_N.any():
        way_out = (
            "Keep one row for each, or add them up"
            if has_region
            else "Keep one row for each date, or name the region column in columns.region"
        )
        message = (
            f"{int(double_N.sum())} rows repeat a region and date that came before: "
            f"{table.cells(double_N)}. {way_out}."
        )
        problems.append(Problem("duplicate_rows", "region, date", message))
    return problems


def _repeated(table: LongTable) -> Bools:
    """Rows whose region and date stand in an earlier row."""
    key_N = table.region_N * 10_000_000 + table.date_N.astype(np.int64)
    _, first = np.unique(key_N, return_index=True)
    double_N = np.ones(len(key_N), dtype=np.bool_)
    double_N[first] = False
    return double_N & ~np.isnat(table.date_N) & (table.region_N >= 0)


def population_problems(table: LongTable, role: Role) -> list[Problem]:
    """Regions whose population is not the same in all of their rows."""
    values_N = table.numbers[role.column]
    known = (table.region_N >= 0) & np.isfinite(values_N)
    low_G = np.full(len(table.regions), np.inf)
    high_G = np.full(len(table.regions), -np.inf)
    np.minimum.at(low_G, table.region_N[known], values_N[known])
    np.maximum.at(high_G, table.region_N[known], values_N[known])
    differs = np.flatnonzero(high_G > low_G)
    if not len(differs):
        return []
    examples = [f"{table.regions[g]!r} ({low_G[g]:g} to {high_G[g]:g})" for g in differs[:3]]
    message = (
        f"{role.label} differs within {len(differs)} region{'s' if len(differs) != 1 else ''}: "
        f"{named(examples, len(differs))}. It scales a region and must be one number for it: "
        "use one year's figure."
    )
    return [Problem("population_differs", role.column, message)]


def cell_findings(table: LongTable, roles: Iterable[Role], fill: FillSpec) -> list[Finding]:
    """Cells that are taken as they are but that the user should know of."""
    findings = []
    for role in roles:
        values_N = table.numbers[role.column]
        empty_N = np.isnan(values_N)
        if role.kind == "kpi" and empty_N.any():
            findings.append(_empty_kpi(table, role, empty_N))
        elif role.kind in MEDIA and empty_N.any() and fill.media == "zero":
            findings.append(_filled(table, role, empty_N, "0, as data.fill.media says"))
        elif role.kind in AS_CONTROLS and empty_N.any() and fill.controls != "refuse":
            findings.append(_filled(table, role, empty_N, f"data.fill.controls ({fill.controls})"))
        if role.kind == "kpi" and (values_N < 0).any():
            findings.append(_negative_kpi(table, role, values_N < 0))
        findings += _swapped(role)
    findings += _look_alikes(table)
    return findings


def _empty_kpi(table: LongTable, role: Role, empty_N: Bools) -> Finding:
    return Finding(
        "warning",
        "missing_kpi",
        role.column,
        f"{role.label} is empty in {int(empty_N.sum())} of {len(empty_N)} rows: {table.cells(empty_N)}.",
        "These cells are masked: they enter no loss, score or total.",
        "Fill them if the KPI is known; write 0 only where nothing was sold.",
    )


def _filled(table: LongTable, role: Role, empty_N: Bools, how: str) -> Finding:
    return Finding(
        "info",
        "filled_values",
        role.column,
        f"{role.label} was empty in {int(empty_N.sum())} rows, filled by {how}: {table.cells(empty_N)}.",
        "Filled cells count as data.",
        "Check that this is what an empty cell means.",
    )


def _negative_kpi(table: LongTable, role: Role, negative_N: Bools) -> Finding:
    return Finding(
        "warning",
        "negative_kpi",
        role.column,
        f"{role.label} is negative in {int(negative_N.sum())} rows: {table.cells(negative_N, role.column)}.",
        "Effects are shares of a positive level; returns booked in one period distort it.",
        "Book returns in the period of the sale, or use gross figures.",
    )


def _swapped(role: Role) -> list[Finding]:
    says = sounds_like(role.column)
    kind = "spend" if role.kind == "spend" else "exposure"
    if role.kind not in MEDIA or says in (None, kind):
        return []
    return [
        Finding(
            "warning",
            "swapped_columns",
            role.column,
            f"{role.label} is read from column {role.column!r}, which sounds like {says}.",
            "Exposure drives the response and spend is what ROI divides by.",
            f"Swap the two in columns.channels.{role.channel} if they are mixed up.",
        )
    ]


def _look_alikes(table: LongTable) -> list[Finding]:
    if table.regions == (NATIONAL,):
        return []
    groups: dict[str, list[str]] = {}
    for name in table.regions:
        groups.setdefault(" ".join(name.split()).casefold(), []).append(name)
    alike = [" / ".join(map(repr, names)) for names in groups.values() if len(names) > 1]
    if not alike:
        return []
    return [
        Finding(
            "warning",
            "similar_regions",
            "region",
            f"Regions differ only by case or spaces: {named(alike)}.",
            "They are modelled as different regions.",
            "Write them alike if they are one region.",
        )
    ]
