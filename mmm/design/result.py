"""What a test found: its effect by the registered rule, and the entry that a fit learns from.

Shapes: G registered regions, T periods of the readout, K covariates.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import yaml
from scipy import special

from mmm.analysis.intervals import LEVEL
from mmm.data.panel import NATIONAL, Bools, Dates, Floats
from mmm.data.schema import named
from mmm.design.estimator import Windows, adjusted_kpi, effects
from mmm.design.registration import Registration
from mmm.errors import Problem, RequestError
from mmm.storage import read_bytes
from mmm.tabular.rows import TextRows, read_rows, with_dates, with_numbers

SHOWN = 5
"""Names that a message lists; the rest are counted."""
_listed = partial(named, most=SHOWN)
KEPT = 0.5
"""Part of the registered change of spend by which what was done may differ from it."""
ENTRY = ("channel", "regions", "start", "end", "lift", "standard_error", "spend_change", "in_panel", "effect")
"""Columns of the entry, as ``experiments:`` has them."""


@dataclass(frozen=True, eq=False)
class Cells:
    """A readout on the registered regions and periods.

    Attributes:
        kpi_GT: KPI.
        amount_GT: Amount of the tested channel.
        raw_GTK: Covariates as recorded.
    """

    kpi_GT: Floats
    amount_GT: Floats
    raw_GTK: Floats


@dataclass(frozen=True)
class Result:
    """What a test found.

    Attributes:
        lift: KPI with the change less without it.
        standard_error: Its standard error.
        expected: KPI without the change, by the estimator.
        spend_change: Amount with the change less without it.
        seen: The effect is beyond what is found where nothing changed.
        entries: Entries of ``experiments:``, one for each block.
    """

    lift: float
    standard_error: float
    expected: float
    spend_change: float
    seen: bool
    entries: tuple[dict[str, object], ...]

    @property
    def interval(self) -> tuple[float, float]:
        """90 % interval of the lift."""
        reach = float(special.ndtri(0.5 + LEVEL / 2)) * self.standard_error
        return self.lift - reach, self.lift + reach


def read_result(registration: Registration, place: str) -> Result:
    """The effect of a test from its readout.

    Args:
        registration: The frozen test.
        place: CSV of rows by region and period, as the panel has them.

    Raises:
        RequestError: The readout departs from the registration, with everything that differs.
    """
    try:
        table = read_rows(read_bytes(place))
    except (OSError, ValueError) as error:
        text = (
            f"cannot be read: {' '.join(str(error).split())[:200]}. Give a CSV of rows by region and period."
        )
        raise RequestError(place, [Problem("unreadable_file", "", text)]) from error
    cells, problems = _cells(registration, table)
    problems = [*problems, *([] if cells is None or problems else _departures(registration, cells))]
    if cells is None or problems:
        raise RequestError(f"{place} departs from the registration {registration.test}; it", problems)
    return result_of(registration, cells)


def result_of(registration: Registration, cells: Cells) -> Result:
    """The effect by the registered estimator."""
    windows = registration.windows
    lead = registration.lags - 1
    adjusted_GT = adjusted_kpi(cells.kpi_GT, cells.raw_GTK, registration.adjustment())[:, lead:]
    treated_G = _treated(registration)
    found = effects(adjusted_GT, treated_G[None], ~treated_G[None], windows)
    lift, expected = float(found.effect_SW[0, 0]), float(found.expected_SW[0, 0])
    error = registration.relative_error * expected
    spend_T = cells.amount_GT[:, lead:][treated_G].sum(0)
    other_T = cells.amount_GT[:, lead:][~treated_G].sum(0)
    change_B = _spend_changes(windows, spend_T, other_T, registration.change)
    each_B = _by_block(adjusted_GT[treated_G].sum(0), windows, lift)
    starts, ends = _block_days(registration)
    entries = tuple(
        {
            "channel": registration.channel,
            **({"regions": list(registration.treated)} if "region" in registration.columns else {}),
            "start": str(starts[b]),
            "end": str(ends[b]),
            "lift": _short(each_B[b]),
            "standard_error": _short(error / np.sqrt(windows.blocks)),
            "spend_change": _short(change_B[b]),
            "in_panel": True,
            "effect": registration.effect,
        }
        for b in range(windows.blocks)
    )
    seen = abs(lift) > registration.relative_critical * expected
    return Result(lift, error, expected, float(change_B.sum()), seen, entries)


def _treated(registration: Registration) -> Bools:
    """Which of the registered regions are treated."""
    return np.array([name in registration.treated for name in registration.regions], dtype=np.bool_)


def _by_block(kpi_T: Floats, windows: Windows, lift: float) -> Floats:
    """The lift of each block of a national test; with regions there is one."""
    if not windows.national:
        return np.array([lift])
    single = Windows(windows.before, windows.test, windows.cooldown, 1, national=True)
    parts = [
        effects(
            kpi_T[None, first : first + single.needed], np.ones((1, 1), bool), np.zeros((1, 1), bool), single
        )
        for first in windows.block_starts()
    ]
    return np.array([float(part.effect_SW[0, 0]) for part in parts])


def _block_days(registration: Registration) -> tuple[Dates, Dates]:
    """First and last day of each block."""
    windows = registration.windows
    dates_T = registration.dates()
    first_B = registration.lags - 1 + windows.before + windows.block_starts()
    last_B = first_B + windows.test
    ends = [
        np.datetime64(registration.end, "D")
        if last == first_B[-1] + windows.test
        else dates_T[last] - np.timedelta64(1, "D")
        for last in last_B
    ]
    return dates_T[first_B], np.array(ends)


def _spend_changes(windows: Windows, spend_T: Floats, other_T: Floats, change: float) -> Floats:
    """Amount with the change less without it, by block.

    Without the change as much would have been spent as in the periods before, moved as control regions
    moved; where those had no spend before or after, as in the periods before. Where all is taken away that
    is not to be seen, and where the channel rested before, the registered change tells.
    """
    changes = []
    for first in windows.before + windows.block_starts():
        during = slice(first, first + windows.test)
        before = slice(first - windows.before, first)
        usual = float(spend_T[before].mean()) * windows.test
        base, moved = float(other_T[before].mean()), float(other_T[during].mean())
        if not windows.national and base > 0 and moved > 0:
            usual *= moved / base
        spent = float(spend_T[during].sum())
        if usual <= 0 and change > -1:
            usual = spent / (1.0 + change)
        changes.append(spent - usual)
    return np.array(changes)


def _short(value: float) -> float:
    return float(f"{value:.8g}")


# --- reading ---------------------------------------------------------------------------------------


def _cells(registration: Registration, table: TextRows) -> tuple[Cells | None, list[Problem]]:
    """Registered cells of a readout; None where a column is missing, and everything that is wrong."""
    columns = registration.columns
    numeric = [columns["kpi"], columns["amount"], *(own.column for own in registration.covariates)]
    wanted = [name for name in (columns.get("region"), columns["date"], *numeric) if name]
    header = set(table.rows[0]) if table.rows else set()
    absent = sorted(set(wanted) - header)
    if absent:
        text = f"has no column {', '.join(map(repr, absent))}. Give the columns of the model's data."
        return None, [Problem("missing_column", "columns", text)]
    table, bad = with_numbers(table, sorted(set(numeric)), None, "rows")
    table, late = with_dates(table, [columns["date"]], None, "rows")
    if bad or late:
        return None, [*bad, *late]
    dates_T, regions = registration.dates(), registration.regions
    place_G = {name: g for g, name in enumerate(regions)}
    place_T = {str(day): t for t, day in enumerate(dates_T)}
    count_GT = np.zeros((len(regions), len(dates_T)), dtype=np.int64)
    value_GTN = np.full((len(regions), len(dates_T), len(numeric)), np.nan)
    for row in table.rows:
        region = row[columns["region"]] if "region" in columns else NATIONAL
        g, t = place_G.get(region), place_T.get(row[columns["date"]])
        if g is None or t is None:
            continue
        count_GT[g, t] += 1
        value_GTN[g, t] = [float(row[name]) if row[name] else np.nan for name in numeric]
    problems = list(_missing(registration, count_GT, value_GTN, numeric))
    return Cells(value_GTN[..., 0], value_GTN[..., 1], value_GTN[..., 2:]), problems


def _missing(
    registration: Registration, count_GT: np.ndarray, value_GTN: Floats, numeric: Sequence[str]
) -> Iterator[Problem]:
    """Regions, periods and cells that the registration has and the readout has not, or has twice."""
    dates_T, regions = registration.dates(), registration.regions
    gone_G, gone_T = np.asarray((count_GT == 0).all(1)), np.asarray((count_GT == 0).all(0))
    if gone_G.any():
        names = [name for name, gone in zip(regions, gone_G, strict=True) if gone]
        roles = {name: "treated" if name in registration.treated else "control" for name in names}
        told = _listed([f"{name} ({roles[name]})" for name in names])
        yield Problem("missing_region", "regions", f"lacks {told}, registered. Read all of them.")
    if gone_T.any():
        days = _listed([str(day) for day in dates_T[gone_T]])
        text = f"lacks the periods of {days}; registered are {dates_T[0]} to {dates_T[-1]}. Read all of them."
        yield Problem("missing_period", "dates", text)
    holes_GT = (count_GT == 0) & ~gone_G[:, None] & ~gone_T
    if holes_GT.any():
        cells = [f"{regions[g]} {dates_T[t]}" for g, t in np.argwhere(holes_GT)]
        yield Problem("missing_rows", "rows", f"lacks {_listed(cells)}. Read every region in every period.")
    if (count_GT > 1).any():
        cells = [f"{regions[g]} {dates_T[t]}" for g, t in np.argwhere(count_GT > 1)]
        yield Problem("duplicate_rows", "rows", f"has {_listed(cells)} more than once. Keep one row each.")
    for n, name in enumerate(numeric):
        empty_GT = (count_GT == 1) & ~np.isfinite(value_GTN[..., n])
        if empty_GT.any():
            cells = [f"{regions[g]} {dates_T[t]}" for g, t in np.argwhere(empty_GT)]
            yield Problem("missing_values", name, f"is empty in {_listed(cells)}. Give the numbers.")


def _departures(registration: Registration, cells: Cells) -> Iterator[Problem]:
    """Whether the channel's spend changed as registered, and only where it was to change."""
    windows, lead = registration.windows, registration.lags - 1
    amount_GT = cells.amount_GT[:, lead:]
    treated_G = _treated(registration)
    during_T = np.zeros(windows.needed, dtype=np.bool_)
    for first in windows.before + windows.block_starts():
        during_T[first : first + windows.test] = True
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio_G = amount_GT[:, during_T].mean(1) / amount_GT[:, : windows.before].mean(1)
    moved = 1.0
    if not windows.national:
        before, after = (amount_GT[~treated_G][:, part].sum() for part in (slice(windows.before), during_T))
        moved = (after / windows.test) / (before / windows.before) if before > 0 and after > 0 else 1.0
    spent = amount_GT[treated_G][:, during_T].sum() / during_T.sum()
    usual = amount_GT[treated_G][:, : windows.before].sum() / windows.before * moved
    done = spent / usual - 1.0 if usual > 0 else np.nan
    if np.isfinite(done) and abs(done - registration.change) > KEPT * abs(registration.change):
        still = [
            name
            for name, ratio, own in zip(registration.regions, ratio_G, treated_G, strict=True)
            if own and abs(ratio / moved - 1.0 - registration.change) > KEPT * abs(registration.change)
        ]
        text = (
            f"shows {registration.channel} changed by {done:+.0%} in the treated regions, "
            f"{registration.change:+.0%} was registered; it differs in {_listed(still)}. A test that was run "
            "otherwise is another test: register and run it, or enter it by hand under `experiments:` with "
            "an error of its own."
        )
        yield Problem("other_change", registration.columns["amount"], text)


# --- writing ---------------------------------------------------------------------------------------


def entries_yaml(result: Result, registration: Registration) -> str:
    """The entries as the ``experiments:`` section of a spec."""
    whose = f"{registration.brand} / {registration.market}"
    head = f"# {registration.test} of {whose}, registration {registration.digest}\n"
    return head + yaml.safe_dump(
        {"experiments": [dict(entry) for entry in result.entries]}, sort_keys=False, allow_unicode=True
    )


def entries_csv(result: Result) -> str:
    """The entries as the CSV that ``experiments:`` may name."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(ENTRY), lineterminator="\n")
    writer.writeheader()
    for entry in result.entries:
        regions = entry.get("regions")
        own = {"regions": "; ".join(regions)} if isinstance(regions, list) else {}
        writer.writerow({**entry, **own})
    return text.getvalue()
