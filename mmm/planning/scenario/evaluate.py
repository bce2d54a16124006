"""Scenarios: the KPI under any spend plan for the periods after the data, against the status quo.

Estimands. *KPI*: expected KPI of the horizon under the plan, all else as it is: the last level, the season,
controls as in the last year, and what history still brings; with what the plan's media bring after the
horizon. *Gain*: the same less that of the status quo, which repeats the last ``horizon`` periods, member by
member. *ROI* of a channel: value of the KPI its planned amount brings against none of it, per unit. With
``effects: total`` a departure from the status quo also acts through the channels it moves.

Shapes: M members, G regions, H periods of the horizon, C channels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import special

from mmm.analysis.intervals import chance_above_zero, change, estimate, estimates, odds_of
from mmm.data.panel import Bools, Floats
from mmm.errors import RequestError
from mmm.fitted import Fitted
from mmm.model.future import FutureResponse, TotalResponse
from mmm.planning.ahead import control_remarks
from mmm.planning.amounts import Flighting, usual
from mmm.planning.forecast import Forecast
from mmm.planning.plan import BEYOND_DATA
from mmm.planning.planner import Planned, Planner, planner_of
from mmm.planning.prices.stated import price_key
from mmm.planning.reaching import KEEP, ReachKey, reach_key, reach_remarks, reaching_of
from mmm.planning.scenario.media import (
    PlannedMedia,
    ResolvedPlans,
    planned_media,
    resolve_plans,
    status_quo,
)
from mmm.planning.scenario.months import SPREAD
from mmm.planning.scenario.problems import scenario_problems
from mmm.planning.scenario.request import ScenarioRequest, parse_scenario
from mmm.planning.scenario.result import Expected, Scenario, ScenarioChannel, ScenarioPeriod, ScenarioPlan
from mmm.planning.scenario.treated import treatment_money, treatment_rows
from mmm.planning.solve.objective import kpi_and_brought, next_amount_MX
from mmm.planning.treatments import PlannedTreatments
from mmm.planning.wait import assumed

STATUS_QUO = "status quo"

PRICED = "Exposure costs what it cost in the last year, moved as stated with how much is bought."

ASSUMPTIONS = (
    "The level stays as at the end of the data, the season goes on, controls are as in the last year.",
    "Exposure costs what it cost in the last year.",
    "Where a plan does not say on which regions or periods an amount falls, it falls as in the last periods.",
)


def _assumptions(request: ScenarioRequest, resolved: ResolvedPlans, start: str) -> tuple[str, ...]:
    """What an answer takes for granted."""
    level, *rest = ASSUMPTIONS
    if request.controls:
        rest = [level.replace("controls are", "other controls are"), *rest]
        level = f"Controls are as stated: {', '.join(request.controls)}."
    if request.prices and price_key(request.prices):
        rest = [PRICED if "Exposure costs" in text else text for text in rest]
    waiting = [assumed(start, resolved.wait.meanwhile)] if resolved.wait.periods else []
    return (*waiting, level, *rest, *([SPREAD] if resolved.monthly else ()))


def evaluate_scenario(
    fitted: Fitted,
    plans: ScenarioRequest | Mapping[str, object],
    *,
    files: bool = False,
    base: str = ".",
) -> Scenario:
    """Predict the KPI of spend plans.

    Args:
        fitted: The model.
        plans: What is asked, see ``ScenarioRequest``; a request that is read already is not read again.
        files: Whether plans may name files; those of a request that is read already may.
        base: Folder that their paths are relative to.

    Raises:
        RequestError: With every problem of every plan.
    """
    return answer_scenario(planner_of(fitted), plans, files=files, base=base)


def answer_scenario(
    planner: Planner,
    plans: ScenarioRequest | Mapping[str, object],
    *,
    files: bool = False,
    base: str = ".",
) -> Scenario:
    """``evaluate_scenario`` for callers that keep planners themselves."""
    request = plans
    if not isinstance(request, ScenarioRequest):
        request = parse_scenario(request, channels=planner.panel.channels, files=files)
    asks = bool(request.treatment_costs or request.reach_ceiling or request.prices)
    asks = asks or any(plan.frequency != "keep" for plan in request.plans.values())
    if asks and (problems := list(scenario_problems(planner, request))):
        raise RequestError("scenario", problems)
    resolved = resolve_plans(planner.to_media, request, base, planner.fitted.spec.data)
    evaluation = _Evaluation(planner, request, resolved)
    costs, now_R = request.treatment_costs, evaluation.usual.treatment_R
    planned = {}
    for name, plan in request.plans.items():
        entries = resolved.entries[name]
        media = planned_media(planner.to_media, resolved.horizon, plan, entries)
        planned[name] = media
        if costs:
            planned[name] = replace(media, treatment_R=treatment_money(costs, plan, entries, now_R))
    return evaluation.scenario(planned)


@dataclass(frozen=True, eq=False)
class _PlanEffects:
    """What a plan brings, by member.

    Attributes:
        baseline_MH: Expected KPI of each period without media, with treatments as planned.
        treated: Treatments that the plan pays for; None without any.
        period_MH: Expected KPI of each period.
        kpi_M: Expected KPI of the horizon and what media bring after it.
        after_M: What planned amounts bring after the horizon.
        bought_M: What planned amounts of channels that are bought bring.
        channel_MC: The same by channel, against none of it.
        marginal_MC: KPI per further unit of each amount.
        units_C: Exposure that the plan buys; NaN where exposure or money is not known.
        more_C: Exposure that one more unit of amount buys.
    """

    baseline_MH: Floats
    treated: PlannedTreatments | None
    period_MH: Floats
    kpi_M: Floats
    after_M: Floats
    bought_M: Floats
    channel_MC: Floats
    marginal_MC: Floats
    units_C: Floats
    more_C: Floats


class _Evaluation:
    """Plans of one request, judged."""

    def __init__(self, planner: Planner, request: ScenarioRequest, resolved: ResolvedPlans) -> None:
        horizon, wait = resolved.horizon, resolved.wait
        self.planner, self.request, self.resolved, self.horizon = planner, request, resolved, horizon
        self.panel, self.to_media = planner.panel, planner.to_media
        self.forecast = self._forecast(request.controls)
        self.before_GPC = planner.before(wait)
        self.kpi_value = planner.kpi_value(horizon)
        self.valued = self.kpi_value is not None
        self.value = 1.0 if self.kpi_value is None else self.kpi_value
        self.usual = status_quo(planner.to_media, horizon)
        if (treated := self.treated("history")) is not None:
            self.usual = replace(self.usual, treatment_R=treated.current_V)
        self.supported_C = planner.to_media.supported(horizon)
        self.peak_C = planner.to_media.supported(1)
        self.usual_effects = self._effects(self.usual)

    def _forecast(self, controls: Mapping[str, Any]) -> Forecast:
        """The periods ahead, with controls as stated."""
        wait = self.resolved.wait.periods
        if controls:
            return self.planner.forecast_with(self.horizon, controls, wait)
        return self.planner.forecast(self.horizon, wait)

    def treated(self, flighting: Flighting) -> PlannedTreatments | None:
        """Treatments that plans pay for; None without any."""
        costs = self.request.treatment_costs
        if not costs:
            return None
        return PlannedTreatments(self.planner, costs, self.horizon, flighting, by_region=False)

    def scenario(self, planned: Mapping[str, PlannedMedia]) -> Scenario:
        """Everything that was asked."""
        falls = {name: plan.flighting for name, plan in self.request.plans.items()}
        effects = {name: self._effects(one, self._reach(name), falls[name]) for name, one in planned.items()}
        brought = [(self.usual, self.usual_effects)]
        brought += [(planned[name], own) for name, own in effects.items()]
        best_M = np.max([self._worth_M(one, own) for one, own in brought], axis=0)
        return Scenario(
            horizon=self.horizon,
            dates=tuple(str(date) for date in self.forecast.dates),
            effects=self.request.effects,
            level=self.request.level,
            currency=self.panel.currency,
            kpi_value=self.kpi_value,
            draws=len(best_M),
            status_quo=self._plan(STATUS_QUO, self.usual, self.usual_effects, best_M),
            plans=tuple(self._plan(name, one, effects[name], best_M) for name, one in planned.items()),
            assumptions=_assumptions(self.request, self.resolved, str(self.forecast.dates[0])),
            model=dict(self.planner.provenance),
        )

    def _reach(self, name: str) -> ReachKey:
        """How often a plan reaches people."""
        frequency, ceiling = self.request.plans[name].frequency, self.request.reach_ceiling
        if frequency == "keep" and not ceiling:
            return KEEP
        return reach_key(self.planner.fitted, frequency, ceiling)

    def _effects(
        self, planned: PlannedMedia, reach: ReachKey = KEEP, flighting: Flighting = "history"
    ) -> _PlanEffects:
        amount_C = planned.amount_C
        unit_GHC = planned.per_unit(self.to_media.unit_GHC(self.horizon))
        predictor, graph = self.planner.predictor, self.planner.graph
        before_GPC = self.before_GPC
        key = price_key(self.request.prices) if self.request.prices else ""
        buying, rate_C = self.planner.buying(key, unit_GHC), self.planner.rates(unit_GHC)
        usual_GHC = self.usual.media_GHC
        if buying is not None:
            usual_GHC = usual_GHC * buying.at_prices_of(np.ones(len(amount_C)), self.usual.amount_C)
        reaching = None
        if self.panel.contacts_GTC is not None:
            unit_GHC, reaching = reaching_of(
                self.to_media, unit_GHC, self.horizon, "history", reach, self.resolved.wait.periods
            )
        response: FutureResponse | TotalResponse
        if self.request.effects == "total" and self.planner.has_edges:
            response = TotalResponse(
                predictor, unit_GHC, graph, usual_GHC, before_GPC=before_GPC, reaching=reaching
            )
        else:
            response = FutureResponse(predictor, unit_GHC, before_GPC=before_GPC, reaching=reaching)
        planned_response = Planned(response, rate_C, buying)
        to_money, channel_C = planned_response.to_money, np.arange(len(amount_C))
        brought_M, channel_MC = kpi_and_brought(to_money, amount_C, channel_C)
        bought_C = amount_C if buying is None else buying.bought(amount_C)
        slope_C = np.ones(len(amount_C)) if buying is None else buying.slope(amount_C)
        held_C = np.where(self.to_media.bought_C, 0.0, amount_C)
        held_M = brought_M if self.to_media.bought_C.all() else brought_M - to_money.kpi_M(held_C)
        baseline_MH, treated = self.forecast.baseline_MH, self.treated(flighting)
        late_M = np.zeros(len(brought_M))
        if treated is not None:
            money_R = planned.treatment_R
            controls = {**self.request.controls, **treated.controls(money_R)}
            baseline_MH = self._forecast(controls).baseline_MH
            late_M = treated.response.after_horizon(money_R)
            held_M = held_M + treated.response.kpi_M(money_R)
        return _PlanEffects(
            baseline_MH=baseline_MH,
            treated=treated,
            period_MH=baseline_MH + response.channel_periods(bought_C).sum(1),
            kpi_M=baseline_MH.sum(1) + response.idle_kpi() + brought_M + late_M,
            after_M=planned_response.after_horizon(amount_C) + late_M,
            bought_M=held_M,
            channel_MC=channel_MC,
            marginal_MC=next_amount_MX(to_money, amount_C, usual(self.supported_C), channel_C),
            units_C=rate_C * bought_C,
            more_C=rate_C * slope_C,
        )

    def _worth_M(self, planned: PlannedMedia, effects: _PlanEffects) -> Floats:
        """What plans are held against each other by: KPI, or its value less the money where it has one."""
        return self.value * effects.kpi_M - (self._budget(planned) if self.valued else 0.0)

    def _budget(self, planned: PlannedMedia) -> float:
        """Money of a plan, for channels with spend and for treatments."""
        return float(planned.amount_C[self.panel.has_spend_C].sum() + planned.treatment_R.sum())

    def _plan(self, name: str, planned: PlannedMedia, effects: _PlanEffects, best_M: Floats) -> ScenarioPlan:
        level, paid_C, bought_C = self.request.level, self.panel.has_spend_C, self.to_media.bought_C
        amount_C = planned.amount_C
        budget, current = self._budget(planned), self._budget(self.usual)
        gain_M = change(effects.kpi_M, self.usual_effects.kpi_M)
        more = float(change(budget, current))
        over_C = amount_C > self.supported_C * (1 + 1e-9)
        profit_M = self.value * gain_M - more
        missed_M = change(best_M, self._worth_M(planned, effects))
        priced = budget > 0 and bool((amount_C[bought_C & ~paid_C] == 0).all())
        return ScenarioPlan(
            name=name,
            budget=budget,
            spend=self._named(np.append(amount_C, planned.treatment_R)),
            horizon_kpi=self._expected(effects.period_MH.sum(1), float(self.forecast.noise_HH.sum())),
            kpi=estimate(effects.kpi_M, level),
            effect_after_horizon=estimate(effects.after_M, level, from_zero=True),
            gain=estimate(gain_M, level),
            **odds_of(gain_M),
            chance_of_profit=chance_above_zero(profit_M) if self.valued else None,
            regret=estimate(missed_M, level, from_zero=True),
            profit_gain=estimate(profit_M, level) if self.valued else None,
            gain_roi=estimate(self.value * gain_M / more, level) if more and self.valued else None,
            total_roi=estimate(self.value * effects.bought_M / budget, level, from_zero=True)
            if priced and self.valued
            else None,
            periods=self._periods(planned, effects),
            channels=(*self._channels(planned, effects, over_C), *self._treatments(planned, effects)),
            extrapolated=self._which(over_C),
            warnings=tuple(self._warnings(name, planned, effects.treated, over_C)),
        )

    def _named(self, value_L: Floats) -> dict[str, float]:
        """Values of channels and, after them, of treatments that plans pay for."""
        names = (*self.panel.channels, *self.request.treatment_costs)
        return dict(zip(names, value_L.tolist(), strict=True))

    def _which(self, chosen_C: Bools) -> tuple[str, ...]:
        return tuple(np.array(self.panel.channels, dtype=object)[chosen_C].tolist())

    def _expected(self, kpi_M: Floats, open_variance: float) -> Expected:
        """The members' interval, and that of an observation: noise adds to it as independent errors do."""
        found = estimate(kpi_M, self.request.level)
        open_half = float(special.ndtri(0.5 + self.request.level / 2)) * math.sqrt(open_variance)
        below = 0.0 if found.lower is None else found.mean - found.lower
        above = 0.0 if found.upper is None else found.upper - found.mean
        return Expected(
            mean=found.mean,
            lower=found.lower,
            upper=found.upper,
            observed_lower=found.mean - math.hypot(below, open_half),
            observed_upper=found.mean + math.hypot(above, open_half),
        )

    def _periods(self, planned: PlannedMedia, effects: _PlanEffects) -> tuple[ScenarioPeriod, ...]:
        baseline_H, money_HL = effects.baseline_MH.mean(0), planned.amount_HC
        if effects.treated is not None:
            treated_RH = effects.treated.response.by_period(planned.treatment_R)
            money_HL = np.concatenate([money_HL, treated_RH.T], 1)
        return tuple(
            ScenarioPeriod(
                date=str(date),
                kpi=self._expected(effects.period_MH[:, h], float(self.forecast.noise_HH[h, h])),
                baseline=float(baseline_H[h]),
                spend=self._named(money_HL[h]),
            )
            for h, date in enumerate(self.forecast.dates)
        )

    def _channels(
        self, planned: PlannedMedia, effects: _PlanEffects, over_C: Bools
    ) -> tuple[ScenarioChannel, ...]:
        level, amount_C, current_C = self.request.level, planned.amount_C, self.usual.amount_C
        roi_MC = self.value * effects.channel_MC / np.where(amount_C > 0, amount_C, 1.0)
        parts = (effects.channel_MC, roi_MC, self.value * effects.marginal_MC)
        kpi_C, roi_C, marginal_C = (estimates(part, level, from_zero=True) for part in parts)
        units_C, more_C = effects.units_C, effects.more_C
        return tuple(
            ScenarioChannel(
                channel=channel,
                unit=self.to_media.unit_C[c],
                spend=float(amount_C[c]),
                current_spend=float(current_C[c]),
                change=float(amount_C[c] / current_C[c] - 1.0) if current_C[c] > 0 else None,
                kpi=kpi_C[c],
                roi=roi_C[c] if amount_C[c] > 0 and self.valued else None,
                marginal_roi=marginal_C[c],
                supported_max=float(self.supported_C[c]),
                extrapolated=bool(over_C[c]),
                units=float(units_C[c]) if np.isfinite(units_C[c]) else None,
                price=float(amount_C[c] / units_C[c]) if units_C[c] > 0 else None,
                marginal_price=float(1.0 / more_C[c]) if more_C[c] > 0 else None,
            )
            for c, channel in enumerate(self.panel.channels)
        )

    def _treatments(self, planned: PlannedMedia, effects: _PlanEffects) -> tuple[ScenarioChannel, ...]:
        """Rows of treatments that plans pay for."""
        level, terms = self.request.level, (planned.treatment_R, self.usual.treatment_R, self.value)
        return treatment_rows(effects.treated, *terms, level, valued=self.valued) if effects.treated else ()

    def _warnings(
        self, name: str, planned: PlannedMedia, treated: PlannedTreatments | None, over_C: Bools
    ) -> Iterator[str]:
        peak_C = (planned.amount_HC.max(0) > self.peak_C * (1 + 1e-9)) & ~over_C
        never_C = (self.supported_C == 0) & over_C
        over, peak, never = (", ".join(self._which(chosen_C)) for chosen_C in (over_C, peak_C, never_C))
        if over:
            yield BEYOND_DATA.format(channels=over, periods=self.horizon)
        if peak:
            yield f"{peak}: some period is planned beyond the largest amount of any period in the data."
        yield from self.planner.remarks(self.horizon)
        if treated is not None:
            yield from treated.remarks()
            yield from control_remarks(self.panel, treated.controls(planned.treatment_R))
        if self.request.controls:
            yield from control_remarks(self.panel, self.request.controls)
        yield from self.planner.price_remarks(self.request.prices)
        if planned is not self.usual and (reach := self._reach(name)) != KEEP:
            yield from reach_remarks(self.planner.fitted, reach)
        if never:
            yield f"{never}: never ran in the data; the response is what the model took for granted."
