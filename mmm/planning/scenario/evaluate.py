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
from dataclasses import dataclass

import numpy as np
from scipy import stats

from mmm.analysis.intervals import estimate, estimates
from mmm.data.panel import Bools, Floats
from mmm.fitted import Fitted
from mmm.model.future import FutureResponse, TotalResponse
from mmm.planning.planner import Planner, kpi_value, planner_of, provenance
from mmm.planning.response import AnyResponse, SeparableResponse
from mmm.planning.scenario.media import PlannedMedia, planned_media, resolve_plans, status_quo
from mmm.planning.scenario.request import ScenarioRequest, parse_scenario
from mmm.planning.scenario.result import Expected, Scenario, ScenarioChannel, ScenarioPeriod, ScenarioPlan
from mmm.planning.solve.objective import gradient_of, kpi_of

STATUS_QUO = "status quo"

ASSUMPTIONS = (
    "The level stays as at the end of the data, the season goes on, controls are as in the last year.",
    "Exposure costs what it cost in the last year.",
    "Where a plan does not say on which regions or periods an amount falls, it falls as in the last periods.",
)


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
        plans: What is asked, see ``ScenarioRequest``.
        files: Whether plans may name files; a request that is parsed already may.
        base: Folder that their paths are relative to.

    Raises:
        RequestError: With every problem of every plan.
    """
    files = files or isinstance(plans, ScenarioRequest)
    request = parse_scenario(plans, channels=fitted.panel.channels, files=files)
    planner = planner_of(fitted)
    horizon, entries = resolve_plans(planner.exchange, request, base)
    planned = {
        name: planned_media(planner.exchange, horizon, plan, entries[name])
        for name, plan in request.plans.items()
    }
    return _Evaluation(planner, request, horizon).scenario(planned)


@dataclass(frozen=True, eq=False)
class _Forecast:
    """What a plan brings, by member.

    Attributes:
        period_MH: Expected KPI of each period.
        kpi_M: Expected KPI of the horizon and what media bring after it.
        after_M: What planned amounts bring after the horizon.
        brought_M: What planned amounts bring.
        channel_MC: The same by channel, against none of it.
        marginal_MC: KPI per further unit of each amount.
    """

    period_MH: Floats
    kpi_M: Floats
    after_M: Floats
    brought_M: Floats
    channel_MC: Floats
    marginal_MC: Floats


class _Evaluation:
    """Plans of one request, judged."""

    def __init__(self, planner: Planner, request: ScenarioRequest, horizon: int) -> None:
        self.planner, self.request, self.horizon = planner, request, horizon
        self.panel, self.exchange = planner.panel, planner.exchange
        self.outlook = planner.outlook(horizon)
        self.value = kpi_value(planner.panel, horizon)
        self.usual = status_quo(planner.exchange, horizon)
        self.supported_C = planner.exchange.supported(horizon)
        self.peak_C = planner.exchange.supported(1)
        self.usual_forecast = self._forecast(self.usual)

    def scenario(self, planned: Mapping[str, PlannedMedia]) -> Scenario:
        """Everything that was asked."""
        return Scenario(
            horizon=self.horizon,
            dates=tuple(str(date) for date in self.outlook.dates),
            effects=self.request.effects,
            level=self.request.level,
            currency=self.panel.currency,
            kpi_value=self.value,
            status_quo=self._plan(STATUS_QUO, self.usual, self.usual_forecast),
            plans=tuple(self._plan(name, one, self._forecast(one)) for name, one in planned.items()),
            assumptions=ASSUMPTIONS,
            model=provenance(self.planner.fitted),
        )

    def _forecast(self, planned: PlannedMedia) -> _Forecast:
        amount_C = planned.amount_C
        unit_GHC = np.divide(
            planned.media_GHC,
            amount_C,
            out=self.exchange.unit_GHC(self.horizon),
            where=np.broadcast_to(amount_C > 0, planned.media_GHC.shape),
        )
        fitted = self.planner.fitted
        response: FutureResponse | TotalResponse = FutureResponse(fitted.predictor, unit_GHC)
        if self.request.effects == "total" and fitted.graph.edges_CC.any():
            response = TotalResponse(fitted.predictor, unit_GHC, fitted.graph, self.usual.media_GHC)
        brought_M = kpi_of(response, amount_C)
        return _Forecast(
            period_MH=self.outlook.baseline_MH + response.channel_periods(amount_C).sum(1),
            kpi_M=self.outlook.baseline_MH.sum(1) + response.idle_kpi() + brought_M,
            after_M=response.after_horizon(amount_C),
            brought_M=brought_M,
            channel_MC=_against_none(response, amount_C),
            marginal_MC=gradient_of(response, amount_C),
        )

    def _plan(self, name: str, planned: PlannedMedia, forecast: _Forecast) -> ScenarioPlan:
        level, paid_C = self.request.level, self.panel.has_spend_C
        amount_C, current_C = planned.amount_C, self.usual.amount_C
        budget, current = float(amount_C[paid_C].sum()), float(current_C[paid_C].sum())
        gain_M = forecast.kpi_M - self.usual_forecast.kpi_M
        more = budget - current
        over_C = amount_C > self.supported_C * (1 + 1e-9)
        priced = budget > 0 and bool((amount_C[~paid_C] == 0).all())
        changed = abs(more) > 1e-9 * max(current, 1.0)
        return ScenarioPlan(
            name=name,
            budget=budget,
            spend=self._named(amount_C),
            horizon_kpi=self._expected(forecast.period_MH.sum(1), float(self.outlook.noise_HH.sum())),
            kpi=estimate(forecast.kpi_M, level),
            effect_after_horizon=estimate(forecast.after_M, level),
            gain=estimate(gain_M, level),
            profit_gain=estimate(self.value * gain_M - more, level),
            gain_roi=estimate(self.value * gain_M / more, level) if changed else None,
            total_roi=estimate(self.value * forecast.brought_M / budget, level) if priced else None,
            periods=self._periods(planned, forecast),
            channels=self._channels(planned, forecast, over_C),
            extrapolated=self._which(over_C),
            warnings=tuple(self._warnings(planned, over_C)),
        )

    def _named(self, value_C: Floats) -> dict[str, float]:
        return dict(zip(self.panel.channels, value_C.tolist(), strict=True))

    def _which(self, chosen_C: Bools) -> tuple[str, ...]:
        return tuple(np.array(self.panel.channels, dtype=object)[chosen_C].tolist())

    def _expected(self, kpi_M: Floats, open_variance: float) -> Expected:
        """The members' interval, and that of an observation: noise adds to it as independent errors do."""
        found = estimate(kpi_M, self.request.level)
        open_half = float(stats.norm.ppf(0.5 + self.request.level / 2)) * math.sqrt(open_variance)
        below = 0.0 if found.lower is None else found.mean - found.lower
        above = 0.0 if found.upper is None else found.upper - found.mean
        return Expected(
            mean=found.mean,
            lower=found.lower,
            upper=found.upper,
            observed_lower=found.mean - math.hypot(below, open_half),
            observed_upper=found.mean + math.hypot(above, open_half),
        )

    def _periods(self, planned: PlannedMedia, forecast: _Forecast) -> tuple[ScenarioPeriod, ...]:
        baseline_H = self.outlook.baseline_MH.mean(0)
        return tuple(
            ScenarioPeriod(
                date=str(date),
                kpi=self._expected(forecast.period_MH[:, h], float(self.outlook.noise_HH[h, h])),
                baseline=float(baseline_H[h]),
                spend=self._named(planned.amount_HC[h]),
            )
            for h, date in enumerate(self.outlook.dates)
        )

    def _channels(
        self, planned: PlannedMedia, forecast: _Forecast, over_C: Bools
    ) -> tuple[ScenarioChannel, ...]:
        level, amount_C, current_C = self.request.level, planned.amount_C, self.usual.amount_C
        kpi_C = estimates(forecast.channel_MC, level)
        roi_C = estimates(self.value * forecast.channel_MC / np.where(amount_C > 0, amount_C, 1.0), level)
        marginal_C = estimates(self.value * forecast.marginal_MC, level)
        return tuple(
            ScenarioChannel(
                channel=channel,
                unit=self.exchange.unit_C[c],
                spend=float(amount_C[c]),
                current_spend=float(current_C[c]),
                change=float(amount_C[c] / current_C[c] - 1.0) if current_C[c] > 0 else None,
                kpi=kpi_C[c],
                roi=roi_C[c] if amount_C[c] > 0 else None,
                marginal_roi=marginal_C[c],
                supported_max=float(self.supported_C[c]),
                extrapolated=bool(over_C[c]),
            )
            for c, channel in enumerate(self.panel.channels)
        )

    def _warnings(self, planned: PlannedMedia, over_C: Bools) -> Iterator[str]:
        peak_C = (planned.amount_HC.max(0) > self.peak_C * (1 + 1e-9)) & ~over_C
        never_C = (self.supported_C == 0) & over_C
        over, peak, never = (", ".join(self._which(chosen_C)) for chosen_C in (over_C, peak_C, never_C))
        if over:
            yield (
                f"{over}: planned beyond what was ever spent over {self.horizon} periods; the response there "
                "is the curve's shape, not data."
            )
        if peak:
            yield f"{peak}: some period is planned beyond the largest amount of any period in the data."
        if never:
            yield f"{never}: never ran in the data; the response is what the model took for granted."


def _against_none(response: AnyResponse, amount_C: Floats) -> Floats:
    """KPI that each channel's amount brings against none of it, all else as planned, shape MC."""
    if isinstance(response, SeparableResponse):
        return response.values(amount_C)
    whole_M = kpi_of(response, amount_C)
    without = [
        whole_M - kpi_of(response, np.where(np.arange(len(amount_C)) == c, 0.0, amount_C))
        for c in range(len(amount_C))
    ]
    return np.stack(without, axis=1)
