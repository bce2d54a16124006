"""``tests.parquet``: every candidate test with what it would tell, what that is worth and what it costs.

Shapes: M members, G regions, C channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from mmm.analysis.attribution import direct_totals
from mmm.analysis.intervals import quantile
from mmm.data.calendar import Calendar
from mmm.data.panel import Bools, Dates, Floats
from mmm.design.candidates import Candidate, Expected, Market
from mmm.design.decision import Decision, decision_of
from mmm.design.placebo import Precision
from mmm.design.request import DesignRequest, budget_of, name_problems
from mmm.design.value import BOUND, Gain, gain, readout
from mmm.errors import Problem, RequestError
from mmm.fitted import Fitted
from mmm.planning.planner import Planner
from mmm.words import percent

DRAWS = 200
"""Members that a design is made with: weights of readouts fall on a part of them only."""
ROUGH = 50
"""Members below which what is said of values is rough."""
LEAST_POWER = 0.5
"""Chance of seeing the expected effect below which no test is recommended, however cheap."""

COLUMNS = (
    *("test", "recommended", "channel", "kind", "change", "national", "treated", "control"),
    *("start", "end", "weeks", "periods", "blocks", "cooldown", "before", "reference_start"),
    *("spend_change", "lift", "lift_lower", "lift_upper", "standard_error", "detectable"),
    *("relative_lift", "relative_error", "relative_detectable", "placebo_windows"),
    *("power", "power_at_bound", "effect_sd", "effect_sd_after", "width_now", "width_after"),
    *("value_kpi", "perfect_kpi", "value", "perfect", "lost_kpi", "extra_spend", "cost", "net"),
    *("chance_pays", "break_even", "told", "horizon", "currency", "why_not"),
)
"""Columns of the table, in order. Money is in ``currency`` and empty where no ``kpi_value`` is stated;
``told`` is the part of what is open about all channels, summed standard deviations, that the test closes."""


@dataclass(frozen=True, eq=False)
class Proposal:
    """A candidate with everything that was found out about it.

    Attributes:
        candidate: The test.
        name: Its name, unique in a table.
        treated_G: Treated regions.
        control_G: Control regions.
        expected: What the model expects; None where the channel never ran of late.
        precision: What placebo windows say; None where there are too few.
        gain: What its readout is worth, over the horizon of the budget; None where it cannot be had.
        after_C: Standard deviation of every channel's effect over the training window, expected after the
            test.
    """

    candidate: Candidate
    name: str
    treated_G: Bools
    control_G: Bools
    expected: Expected | None
    precision: Precision | None
    gain: Gain | None
    after_C: Floats

    @property
    def error(self) -> float:
        """Standard error of the measured lift, KPI units."""
        if self.expected is None or self.precision is None:
            return np.nan
        return self.precision.standard_error * self.expected.level


class Designer:
    """Designs of tests for one model and one request.

    Args:
        fitted: The model.
        request: What is asked.

    Raises:
        RequestError: The request names what the model does not have, or its budget request is wrong.
    """

    def __init__(self, fitted: Fitted, request: DesignRequest) -> None:
        problems = name_problems(request, fitted.panel.channels, fitted.panel.regions)
        if problems:
            raise RequestError("design request", problems)
        self.request = request
        self.planner = Planner(fitted, DRAWS)
        self.market = Market(self.planner, request)
        self.panel = self.planner.panel
        self.budget = budget_of(request, self.panel.channels, len(self.panel.dates))

    @cached_property
    def effect_MC(self) -> Floats:
        """Direct effect of every channel over the training window in each member, KPI units."""
        drawn = self.planner.drawn
        weight_GT = drawn.panel.present_GT & drawn.split.mask("train")[None, :]
        return direct_totals(drawn, weight_GT.astype(np.float64))

    @cached_property
    def sd_C(self) -> Floats:
        """Standard deviation of every channel's effect; NaN with one member."""
        if len(self.effect_MC) < 2:
            return np.full(self.effect_MC.shape[1], np.nan)
        spread: Floats = self.effect_MC.std(0, ddof=1)
        return spread

    @cached_property
    def decision(self) -> Decision:
        """The budget decision that tests are to improve."""
        return decision_of(self.planner, self.budget, self.effect_MC)

    @property
    def horizon(self) -> int:
        """Periods for which the decision is made again and again."""
        return self.request.horizon or round(self.panel.periods_per_year)

    @property
    def times(self) -> float:
        """How often the decision is made over the horizon."""
        return self.horizon / self.decision.horizon

    def dates(self, candidate: Candidate) -> Dates:
        """First and last day of the test: the last of its last changed period.

        Raises:
            RequestError: The start asked for lies before the data end, or years after.
        """
        panel, span = self.panel, candidate.windows.span
        after = Calendar(panel.dates, panel.frequency).after(len(panel.dates) + span + 1)
        place = 0
        if self.request.start is not None:
            place = int(np.searchsorted(after, np.datetime64(self.request.start, "D")))
            if np.datetime64(self.request.start, "D") <= panel.dates[-1] or place + span >= len(after):
                text = (
                    f"is {self.request.start}; a test begins after the data, which end with the period of "
                    f"{panel.dates[-1]}, and no later than as long again"
                )
                raise RequestError("design request", [Problem("out_of_range", "start", f"{text}.")])
        return np.array([after[place], after[place + span] - np.timedelta64(1, "D")])

    def proposals(self) -> list[Proposal]:
        """Every candidate, looked at."""
        return [self.proposal(candidate) for candidate in self.market.candidates()]

    def names(self) -> list[str]:
        """Names of all candidates."""
        return [self._name(candidate) for candidate in self.market.candidates()]

    def named(self, name: str) -> Proposal | None:
        """The candidate of that name; None if there is none."""
        for candidate in self.market.candidates():
            if self._name(candidate) == name:
                return self.proposal(candidate)
        return None

    def _name(self, candidate: Candidate) -> str:
        whom = f"{candidate.windows.blocks}_blocks" if self.market.national else percent(candidate.share)
        words = (self.panel.channels[candidate.channel], candidate.kind, f"{self._weeks(candidate)}w", whom)
        return "-".join(word.replace("\u00a0%", "pc") for word in words)

    def _weeks(self, candidate: Candidate) -> int:
        """Weeks of a test as they were asked for."""
        return next(w for w in self.request.weeks if self.market.periods(w) == candidate.windows.test)

    def proposal(self, candidate: Candidate) -> Proposal:
        """A candidate, looked at."""
        market = self.market
        strata = market.strata(candidate.share)
        treated_G = np.zeros(len(self.panel.regions), dtype=np.bool_)
        expected = precision = found = None
        after_C = self.sd_C
        if strata.groups > 0:
            treated_G = market.treated(strata)
            expected = market.expected(candidate, treated_G)
        if expected is not None:
            most = float(np.abs(expected.lift_M).max()) / expected.level
            precision = market.placebo(candidate, strata, market.adjustment(candidate.channel, most))
        if expected is not None and precision is not None and precision.standard_error > 0:
            told = readout(expected.lift_M, precision.standard_error * expected.level)
            found = gain(self.decision.utility_AM, told, seed=self.request.seed)
            after_C = np.array([told.spread_left(effect_M) for effect_M in self.effect_MC.T])
        return Proposal(
            candidate=candidate,
            name=self._name(candidate),
            treated_G=treated_G,
            control_G=strata.controls(treated_G[None])[0],
            expected=expected,
            precision=precision,
            gain=found,
            after_C=after_C,
        )

    def ranked(self, proposals: Sequence[Proposal]) -> pd.DataFrame:
        """Proposals as the table, see :func:`ranked`."""
        return ranked([self.row(proposal) for proposal in proposals])

    # --- what is told ------------------------------------------------------------------------------

    def row(self, proposal: Proposal) -> dict[str, Any]:
        """A proposal as a row of the table, but for which one is recommended."""
        candidate, panel = proposal.candidate, self.panel
        start, end = self.dates(candidate)
        windows = candidate.windows
        row: dict[str, Any] = dict.fromkeys(COLUMNS, np.nan)
        row |= {
            "test": proposal.name,
            "recommended": False,
            "channel": panel.channels[candidate.channel],
            "kind": candidate.kind,
            "change": candidate.change,
            "national": windows.national,
            "treated": _names(panel.regions, proposal.treated_G),
            "control": "" if windows.national else _names(panel.regions, proposal.control_G),
            "start": start.astype("datetime64[s]"),
            "end": end.astype("datetime64[s]"),
            "weeks": self._weeks(candidate),
            "periods": windows.span,
            "blocks": windows.blocks,
            "cooldown": windows.cooldown,
            "before": windows.before,
            "reference_start": np.datetime64("NaT", "s"),
            "horizon": self.horizon,
            "currency": "" if self.decision.value is None else panel.currency,
            "effect_sd": self.sd_C[candidate.channel],
            "effect_sd_after": proposal.after_C[candidate.channel],
            "width_now": 2 * BOUND * self.sd_C[candidate.channel],
            "width_after": 2 * BOUND * proposal.after_C[candidate.channel],
            "told": 1.0 - float(proposal.after_C.sum() / self.sd_C.sum()) if self.sd_C.sum() > 0 else np.nan,
        }
        if proposal.expected is not None:
            row |= self._expected(proposal.expected)
        if proposal.expected is not None and proposal.precision is not None:
            row |= self._exact(proposal, proposal.expected, proposal.precision)
        if proposal.expected is not None and proposal.gain is not None:
            row |= self._worth(proposal, proposal.expected, proposal.gain)
        row["why_not"] = "; ".join(self._objections(proposal, row))
        return row

    def _expected(self, expected: Expected) -> dict[str, Any]:
        lower, upper = (float(quantile(expected.lift_M, p)) for p in (0.05, 0.95))
        return {
            "reference_start": self.panel.dates[expected.reference].astype("datetime64[s]"),
            "spend_change": expected.spend_change,
            "lift": float(expected.lift_M.mean()),
            "lift_lower": lower,
            "lift_upper": upper,
            "relative_lift": float(expected.lift_M.mean()) / expected.level,
        }

    def _exact(self, proposal: Proposal, expected: Expected, precision: Precision) -> dict[str, Any]:
        """How exact the test is; the bound is the end of the 90 % interval nearer to no effect."""
        detectable = precision.detectable(self.request.power)
        lift_M = expected.lift_M / expected.level
        sign = np.sign(lift_M.mean()) or 1.0
        bound = max(float(quantile(sign * lift_M, 0.05)), 0.0)
        return {
            "standard_error": proposal.error,
            "relative_error": precision.standard_error,
            "detectable": detectable * expected.level,
            "relative_detectable": detectable,
            "placebo_windows": precision.windows,
            "power": precision.power(float(lift_M.mean())),
            "power_at_bound": precision.power(sign * bound),
        }

    def _worth(self, proposal: Proposal, expected: Expected, found: Gain) -> dict[str, Any]:
        """Value and cost. A cut saves what is not spent and loses what it would have brought, carried over.

        A test is charged in the members in which its change of spend loses, and not credited in those in
        which it earns: what spending more or less earns is a matter for the budget, not for the test.
        """
        times, value = self.times, self.decision.value
        known = {
            "value_kpi": times * found.value,
            "perfect_kpi": times * found.perfect,
            "lost_kpi": -float(expected.whole_M.mean()),
        }
        price = self._price(proposal.candidate.channel)
        if value is None or price is None:
            return known
        extra = price * expected.spend_change
        cost_M = np.maximum(extra / value - expected.whole_M, 0.0)
        cost = value * float(cost_M.mean())
        worth = value * times * found.value
        weekly = worth / self.horizon
        return known | {
            "value": worth,
            "perfect": value * times * found.perfect,
            "extra_spend": extra,
            "cost": cost,
            "net": worth - cost,
            "chance_pays": found.chance_above(cost_M, times),
            "break_even": cost / weekly if weekly > 0 else np.inf,
        }

    def _price(self, channel: int) -> float | None:
        """Currency per unit of the channel's amount; None where nobody said."""
        if self.panel.has_spend_C[channel]:
            return 1.0
        return self.budget.unit_costs.get(self.panel.channels[channel])

    def _objections(self, proposal: Proposal, row: Mapping[str, Any]) -> list[str]:
        """Why the test should not be made; empty where nothing speaks against it."""
        strata = self.market.strata(proposal.candidate.share)
        if strata.groups == 0:
            return [f"too few regions for groups of {strata.size}"]
        if proposal.expected is None:
            return ["the channel did not run near its usual spend in any stretch of the last year"]
        if proposal.precision is None:
            return ["too few windows in the data to know how exact it would be"]
        if proposal.gain is None:
            return ["the KPI does not move at all in placebo windows"]
        reasons = []
        if row["value_kpi"] <= 0:
            reasons.append("no readout would change the budget for the better")
        elif row["net"] <= 0:
            reasons.append("costs more than the decision gains by it")
        if row["power"] < self.request.power:
            reasons.append(f"would see the expected effect in {percent(row['power'])} of cases only")
        return reasons


def design_tests(fitted: Fitted, request: DesignRequest) -> pd.DataFrame:
    """Every candidate test of a market, those of the highest net value first.

    Args:
        fitted: The model.
        request: What is asked.

    Returns:
        Columns of ``COLUMNS``; at most one row is ``recommended``.

    Raises:
        RequestError: The request is wrong for the model.
    """
    designer = Designer(fitted, request)
    return designer.ranked(designer.proposals())


def ranked(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows in order of their net value, else of their value in KPI units, with the best one marked."""
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    valued = bool(table["net"].notna().any())
    by = ["net", "value_kpi"] if valued else ["value_kpi"]
    table = table.sort_values([*by, "test"], ascending=[False] * len(by) + [True], ignore_index=True)
    worth = table["net"] > 0 if valued else table["value_kpi"] > 0
    worth &= (table["value_kpi"] > 0) & (table["power"] >= LEAST_POWER)
    table["recommended"] = False
    if worth.any():
        table.loc[worth.idxmax(), "recommended"] = True
    return table


def _names(regions: tuple[str, ...], chosen_G: Bools) -> str:
    return "; ".join(name for name, chosen in zip(regions, chosen_G, strict=True) if chosen)
