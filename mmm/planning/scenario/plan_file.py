"""Plan files as planners exchange them: read into the forms of a spend plan, and answers as a workbook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mmm.analysis.intervals import Estimate
from mmm.data.calendar import Calendar
from mmm.errors import RequestError
from mmm.planning.scenario.months import by_period, is_monthly
from mmm.planning.scenario.result import PlanFile, Scenario, ScenarioPlan
from mmm.planning.scenario.rows import entries_of, read_rows
from mmm.tabular.workbook import Row, workbook

if TYPE_CHECKING:
    from mmm.planning.planner import Planner

ESTIMATES = ("kpi", "gain", "profit_gain", "total_roi")
CHANNEL_ESTIMATES = ("kpi", "roi", "marginal_roi")


def read_plan_file(planner: Planner, path: str) -> PlanFile:
    """Amounts of a CSV, Parquet or XLSX file over the periods that it covers.

    Raises:
        RequestError: With everything that is wrong with it.
    """
    panel = planner.panel
    rows = read_rows(path, planner.fitted.spec.data, channels=panel.channels)
    calendar = Calendar(panel.dates, panel.frequency)
    longest = len(panel.dates)
    rows = by_period(rows, calendar, longest) if is_monthly(rows, calendar, longest) else rows
    dates_H = calendar.after(sum(rows.reach(calendar, longest)))
    spend, problems = entries_of(rows, dates_H, panel.channels, panel.regions)
    if problems:
        raise RequestError(path, problems)
    return PlanFile(
        dates=tuple(str(date) for date in dates_H),
        channels=tuple(spend),
        regions=panel.regions if rows.region_N is not None else (),
        spend=spend,
        model=dict(planner.provenance),
    )


def scenario_workbook(scenario: Scenario) -> bytes:
    """The plans of a scenario as a workbook: plans, their channels, and a sheet of each period by period.

    The sheet of the first plan is the first one, laid out as plan files may be: date, and a column for each
    channel.
    """
    plans = (*scenario.plans, scenario.status_quo)
    sheets = {_sheet_name(place, plan): list(_periods(plan)) for place, plan in enumerate(plans)}
    return workbook({**sheets, "plans": _plans(plans), "channels": _channels(plans)})


def _sheet_name(place: int, plan: ScenarioPlan) -> str:
    """A name that a sheet may have; digits keep long ones apart."""
    kept = "".join(sign if sign.isalnum() or sign in " -_." else " " for sign in plan.name).strip()
    return f"{place + 1} {kept}" if kept else str(place + 1)


def _periods(plan: ScenarioPlan) -> Iterator[Row]:
    yield ["date", *plan.spend]
    for period in plan.periods:
        yield [period.date, *period.spend.values()]


def _plans(plans: tuple[ScenarioPlan, ...]) -> Iterator[Row]:
    yield ["plan", "spend", *_heads(ESTIMATES), "chance_of_gain"]
    for plan in plans:
        bounds = [bound for name in ESTIMATES for bound in _bounds(getattr(plan, name))]
        yield [plan.name, plan.budget, *bounds, plan.chance_of_gain]


def _channels(plans: tuple[ScenarioPlan, ...]) -> Iterator[Row]:
    yield [
        "plan",
        "channel",
        "unit",
        "spend",
        "current_spend",
        *_heads(CHANNEL_ESTIMATES),
        "beyond_experience",
    ]
    for plan in plans:
        for row in plan.channels:
            bounds = [bound for name in CHANNEL_ESTIMATES for bound in _bounds(getattr(row, name))]
            yield [plan.name, row.channel, row.unit, row.spend, row.current_spend, *bounds, row.extrapolated]


def _heads(names: tuple[str, ...]) -> list[str]:
    return [head for name in names for head in (name, f"{name}_lower", f"{name}_upper")]


def _bounds(found: Estimate | None) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if found is None else (found.mean, found.lower, found.upper)
