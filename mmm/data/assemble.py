"""A parsed table checked in every respect and laid out as a panel.

Shapes: N rows, G regions, T periods.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmm.config import MarketSpec
from mmm.data.calendar import Calendar, infer_calendar
from mmm.data.cells import cell_findings, cell_problems, population_problems, row_problems
from mmm.data.closed import closed_findings, closed_periods, without_closed
from mmm.data.experiments import locate_experiments
from mmm.data.history import history_findings
from mmm.data.layout import lay_out
from mmm.data.panel import Panel
from mmm.data.reach import reach_findings, reach_problems
from mmm.data.regions import kept_regions, opened_late, without_late
from mmm.data.schema import Finding, LongTable, Role, named
from mmm.data.series import series_findings, series_problems
from mmm.data.split import Split, default_lags, split_periods
from mmm.data.stated.beliefs import locate_beliefs
from mmm.errors import PanelError, Problem, SpecError


@dataclass(frozen=True)
class PanelRead:
    """A panel that passed every check.

    Attributes:
        panel: The data.
        split: Its training, holdout and test windows.
        findings: What the user should know of; nothing here stops the work.
        left_out: Regions that opened too late to be fitted; None without any.
    """

    panel: Panel
    split: Split
    findings: tuple[Finding, ...]
    left_out: Panel | None = None


def assemble(
    table: LongTable, spec: MarketSpec, roles: Sequence[Role], problems: list[Problem], known: Calendar | None
) -> PanelRead:
    """Every check on a parsed table, then the panel.

    Columns of which a cell could not be read keep only that problem.

    Args:
        table: Parsed rows.
        spec: The market.
        roles: Columns of numbers.
        problems: What is wrong with the table already.
        known: Periods of the whole panel, for a shard of its regions; checks of whole columns are left out.

    Raises:
        PanelError: Everything that is wrong.
    """
    unread = {problem.where for problem in problems}
    checked = [role for role in roles if role.column not in unread]
    problems += cell_problems(table, checked, spec.data.fill, whole=known is None)
    problems += row_problems(table, spec.columns.region is not None)
    for role in checked:
        if role.kind == "population":
            problems += population_problems(table, role)
    problems += reach_problems(table, spec, checked)
    dated = spec.columns.date not in unread
    calendar = _calendar(table, known, problems, dated=dated)
    split, split_problems = split_of(spec, calendar)
    problems += split_problems if dated else []
    try:
        panel = lay_out(table, spec, calendar)
    except SpecError as error:
        raise PanelError(table.source, [*problems, *error.problems]) from error
    leaves_out = spec.data.closed == "leave_out"
    closed_GT = closed_periods(panel)
    given, panel = panel, without_closed(panel, closed_GT) if leaves_out else panel
    late: list[Finding] = []
    left_out: Panel | None = None
    if known is None and dated and (table.region_N >= 0).any():
        if split is not None:
            late_G = opened_late(panel, split)
            given, closed_GT = kept_regions(given, ~late_G), closed_GT[~late_G]
            panel, left_out, late = without_late(panel, split, late_G)
        about = {problem.where for problem in problems}
        found = series_problems(panel, split)
        problems += [item for item in found if not _already_told(item, spec, about)]
    problems += _unfilled_controls(panel, spec)
    told: list[Finding] = []
    if known is None and not problems:
        _, wrong, told = locate_beliefs(spec, panel, split.n_train if split else len(panel.dates))
        problems += [*locate_experiments(spec, panel)[1], *wrong]
    if problems or split is None:
        raise PanelError(table.source, problems)
    findings = [*cell_findings(table, roles, spec.data.fill), *late]
    if known is None:
        findings += closed_findings(given, closed_GT, left_out=leaves_out)
        findings += [*series_findings(given, split), *history_findings(panel), *reach_findings(panel)]
        findings += told
    return PanelRead(panel, split, tuple(findings), left_out)


def _calendar(table: LongTable, known: Calendar | None, problems: list[Problem], *, dated: bool) -> Calendar:
    """The periods; problems of dates that could not be read are told already."""
    calendar, more = (known, []) if known is not None else infer_calendar(table)
    problems += more if dated else []
    if calendar is None:
        raise PanelError(table.source, problems)
    return calendar


def _already_told(problem: Problem, spec: MarketSpec, columns: set[str]) -> bool:
    """Whether a problem of a whole series only repeats that a column of it is missing or unreadable."""
    if problem.where == "kpi":
        return spec.columns.kpi in columns
    for name, channel in spec.columns.media.items():
        if problem.where == f"channel {name!r}":
            return bool({channel.spend, channel.drives} & columns)
    for name, column in spec.columns.treatment_columns().items():
        if problem.where == f"treatment {name!r}":
            return column in columns
    return False


def split_of(spec: MarketSpec, calendar: Calendar) -> tuple[Split | None, list[Problem]]:
    """Windows of a calendar, or what is wrong with them."""
    lag = default_lags(spec.model.adstock.max_lag, calendar.frequency)
    try:
        return split_periods(len(calendar.dates_T), spec.splits, max_lag=lag), []
    except SpecError as error:
        return None, list(error.problems)


def _unfilled_controls(panel: Panel, spec: MarketSpec) -> list[Problem]:
    """Controls that the fill policy asked for could not complete."""
    if spec.data.fill.controls == "refuse":
        return []
    problems = []
    for k, control in enumerate(panel.controls):
        empty_G = np.isnan(panel.controls_GTK[:, :, k]).any(axis=1)
        if empty_G.any():
            names = [repr(panel.regions[g]) for g in np.flatnonzero(empty_G)]
            message = (
                f"control {control!r} has no value at all in {named(names)}, so there is nothing to fill "
                "from. Give a value, set data.fill.controls: zero, or remove the control."
            )
            problems.append(Problem("missing_value", control, message))
    return problems
