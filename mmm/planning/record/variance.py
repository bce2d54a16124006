"""Actual against plan, weeks later: delivery, price, baseline and the unexplained rest, draw by draw.

The model of the record is asked three times, with one thing more as it came each time: media as planned; the
spend that ran, at planned prices; the exposure that was delivered. What these steps change is delivery and
price. The model adds channels up, so both are known by channel. The baseline is what else the model can be
told (controls) or a newer model has learned since. The rest is what remains of the actual KPI, so that all
parts add up exactly in every draw.

Shapes: M draws, G regions known to both, H periods compared, P periods from the end of the record's data to
    the last one compared, C channels, K controls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy import special

from mmm.analysis.change import present_names
from mmm.analysis.intervals import estimate, estimates
from mmm.data.panel import Bools, Floats, Ints, Panel
from mmm.errors import RecordError
from mmm.fitted import Fitted
from mmm.planning.forecast import open_covariance
from mmm.planning.hindsight import Cells
from mmm.planning.planner import Planner, provenance
from mmm.planning.record.kept import Record
from mmm.planning.record.planned import PlannedPeriods, planned_periods
from mmm.planning.record.result import ChannelVariance, Variance
from mmm.words import day


@dataclass(frozen=True, eq=False)
class Actuals:
    """What is known now.

    Attributes:
        brand: Brand of the data.
        market: Market of the data.
        panel: The data.
        renamed: Channels that had another name in the record: new name to old name.
        newer: A model fitted on these data; None where only the data are there.
    """

    brand: str
    market: str
    panel: Panel
    renamed: dict[str, str]
    newer: Fitted | None = None


def explain(record: Record, actuals: Actuals) -> Variance:
    """What became of a plan of record.

    Raises:
        RecordError: The data are of another market, in other units, or do not reach the plan yet.
    """
    planner = Planner(record.fitted)
    planned = planned_periods(planner, record.promise.plan)
    return _Comparison(record, actuals, planner, planned).variance()


class _Comparison:
    """A record and what came, cell by cell.

    Raises:
        RecordError: They do not belong together.
    """

    def __init__(self, record: Record, actuals: Actuals, planner: Planner, planned: PlannedPeriods) -> None:
        self.record, self.actuals, self.planner, self.planned = record, actuals, planner, planned
        self.old, self.new = planner.panel, actuals.panel
        _refuse_strangers(record, actuals, self.old)
        self.after_P = _after(self.old, self.new, planned)
        self.wait = planned.wait.periods
        self.cells = Cells(self.old, self.new, self.after_P, actuals.renamed)
        self.compared = Cells(self.old, self.new, self.after_P[self.wait :], actuals.renamed)
        self.kpi_GH: Floats = self.compared.of(self.new.kpi_GT)
        self.seen_GH: Bools = np.isfinite(self.kpi_GH)
        if not self.seen_GH.any():
            raise RecordError(
                "The KPI of the plan's periods is not known yet in any region that the record knows. "
                "Ask again once it is."
            )

    def variance(self) -> Variance:
        """Every part."""
        level = float(self.record.promise.plan.request.get("level", 0.9))
        periods = len(self.after_P)
        planned_GPC = self.planned.media_GPC[:, :periods]
        spend_GPC, media_GPC = self._ran()
        contacts_GPC = self.planned.contacts_GPC
        told_GPC = None if contacts_GPC is None else contacts_GPC[:, :periods]
        delivered_GPC = self.planned.terms.bought(spend_GPC)
        planned_MC, delivered_MC = (self._brought(own, told_GPC) for own in (planned_GPC, delivered_GPC))
        ran_MC = self._brought(media_GPC, self.cells.contacts(self.planner.drawn.scaling.contacts_C))
        delivery_MC, price_MC = delivered_MC - planned_MC, ran_MC - delivered_MC
        before_M = self._seen(self._baseline_MGH(told=False))
        planned_M = planned_MC.sum(1) + before_M
        baseline_M, source = self._baseline_change(before_M)
        actual = float(self.kpi_GH[self.seen_GH].sum())
        rest_M = actual - planned_M - delivery_MC.sum(1) - price_MC.sum(1) - baseline_M
        dates = self.new.dates[self.after_P][self.wait :]
        parts = (planned_M, delivery_MC.sum(1), price_MC.sum(1), baseline_M, rest_M)
        found = [estimate(part_M, level) for part_M in parts]
        return Variance(
            brand=self.record.promise.brand,
            market=self.record.promise.market,
            digest=self.record.digest,
            committed=self.record.promise.committed,
            first_date=str(dates[0]),
            last_date=str(dates[-1]),
            periods=len(dates),
            horizon=len(self.planned.dates),
            level=level,
            planned_kpi=found[0],
            actual_kpi=actual,
            delivery=found[1],
            price=found[2],
            baseline=found[3],
            baseline_from=source,
            rest=found[4],
            rest_expected=self._open(level, rest_M, wandering=source == "controls"),
            channels=self._channels(spend_GPC, media_GPC, delivery_MC, price_MC, level),
            remarks=tuple(self._remarks(source, len(dates))),
            model={} if self.actuals.newer is None else provenance(self.actuals.newer),
        )

    def _ran(self) -> tuple[Floats, Floats]:
        """Amounts and media that ran in the record's regions, both GPC; nothing where it is not known."""
        media_GPC = self.cells.ran(self.new.media_GTC)
        spend_GPC = np.where(self.old.has_spend_C, self.cells.ran(self.new.spend_GTC), media_GPC)
        return spend_GPC, media_GPC

    def _brought(self, media_GPC: Floats, contacts_GPC: Floats | None = None) -> Floats:
        """KPI that each channel brings in the cells compared, shape MC."""
        value_MCGP = self.planner.predictor.channels_ahead(media_GPC, contacts_GPC)
        value_MCGH = value_MCGP[:, :, self.cells.own_G, self.wait :]
        return np.asarray((value_MCGH * self.seen_GH).sum((2, 3)))

    def _seen(self, value_MGH: Floats) -> Floats:
        """Sum over the cells compared."""
        return np.asarray((value_MGH * self.seen_GH).sum((1, 2)))

    def _baseline_MGH(self, *, told: bool) -> Floats:
        """KPI without media by the model of the record, with controls as assumed, or as they came."""
        controls_GHK = self.planned.controls_GHK[:, : len(self.after_P) - self.wait]
        controls_GHK = self.compared.controls(controls_GHK) if told else controls_GHK
        return self.planner.predictor.baseline_ahead(controls_GHK, self.wait)[:, self.cells.own_G]

    def _baseline_change(self, before_M: Floats) -> tuple[Floats, str]:
        """How far what is not media came otherwise than assumed, and from what this is known."""
        newer = self.actuals.newer
        if newer is None:
            return self._seen(self._baseline_MGH(told=True)) - before_M, "controls"
        parts = newer.predictor.parts
        whole_MGT = parts.baseline_MGT + parts.season_MGT + parts.controls_MGTK.sum(-1)
        now_M = self._seen(self.compared.of(whole_MGT.transpose(1, 2, 0)).transpose(2, 0, 1))
        # Draws of two fits are independent, so that any pairing of them is a draw of the difference.
        return now_M[np.arange(len(before_M)) % len(now_M)] - before_M, "newer model"

    def _open(self, level: float, rest_M: Floats, *, wandering: bool) -> float:
        """How far the rest may lie from 0 if the model is right: noise, draws, a level nobody has told of."""
        periods = self.wait + self.kpi_GH.shape[1]
        open_HH = open_covariance(self.planner.drawn, periods, wandering=wandering)
        noise_HH = open_HH[self.wait :, self.wait :]
        spread = float(rest_M.var(ddof=1)) if len(rest_M) > 1 else 0.0
        return float(special.ndtri(0.5 + level / 2) * np.sqrt(spread + noise_HH.sum()))

    def _channels(
        self, spend_GPC: Floats, media_GPC: Floats, delivery_MC: Floats, price_MC: Floats, level: float
    ) -> tuple[ChannelVariance, ...]:
        planned_HC = self.planned.amount_HC[: self.kpi_GH.shape[1]]
        media_C = media_GPC[:, self.wait :].sum((0, 1))
        spend_C, planned_C = spend_GPC[:, self.wait :].sum((0, 1)), planned_HC.sum(0)
        bought_C = self.planned.media_GPC[:, self.wait : len(self.after_P)].sum((0, 1))
        delivery_C, price_C = estimates(delivery_MC, level), estimates(price_MC, level)
        both_C = self.old.has_spend_C & self.old.has_exposure_C
        return tuple(
            ChannelVariance(
                channel=channel,
                unit=self.planner.to_media.unit_C[c],
                planned_spend=float(planned_C[c]),
                actual_spend=float(spend_C[c]),
                planned_price=float(planned_C[c] / bought_C[c]) if both_C[c] and bought_C[c] > 0 else None,
                actual_price=float(spend_C[c] / media_C[c]) if both_C[c] and media_C[c] > 0 else None,
                delivery=delivery_C[c],
                price=price_C[c],
            )
            for c, channel in enumerate(self.old.channels)
        )

    def _remarks(self, source: str, periods: int) -> list[str]:
        said = []
        if periods < len(self.planned.dates):
            said.append(f"{periods} of the {len(self.planned.dates)} periods of the plan have come.")
        if gone := [name for name in self.old.regions if name not in self.cells.regions]:
            said.append(f"Not compared, since the data no longer have them: {', '.join(gone)}.")
        if new := [name for name in self.new.regions if name not in self.old.regions]:
            said.append(f"Not compared, since the record does not know them: {', '.join(new)}.")
        if lost := [
            name
            for name, now in zip(self.old.channels, self.cells.channels, strict=True)
            if now not in self.new.channels
        ]:
            said.append(f"Not in the data, so that nothing ran in them: {', '.join(lost)}.")
        if missing := int((~self.seen_GH).sum()):
            said.append(f"{missing} of {self.seen_GH.size} cells have no KPI; plan and actual go without.")
        if self.record.promise.plan.effects == "total":
            said.append(
                "The plan counted effects through other channels; here their media are delivery of their own."
            )
        newer = self.actuals.newer
        if newer is not None and newer.trained_until <= self.after_P[-1]:
            until = day(newer.panel.dates[newer.trained_until - 1])
            said.append(f"The newer model was fitted until {until}; its baseline after that is a forecast.")
        if source == "controls":
            said.append("Of the baseline only controls are known; a newer model instead of data says more.")
        return said


def _after(old: Panel, new: Panel, planned: PlannedPeriods) -> Ints:
    """Places in the data of all periods from the record's data to the plan's end, as far as they came.

    Raises:
        RecordError: The data do not reach the plan, or lack periods.
    """
    first, last = planned.dates[0], planned.dates[-1]
    if new.dates[-1] < first:
        raise RecordError(
            f"The plan begins on {first} and the data end with the period of {new.dates[-1]}; nothing of it "
            "has come yet. Ask again with newer data."
        )
    after_P: Ints = np.flatnonzero((new.dates > old.dates[-1]) & (new.dates <= last))
    expected = planned.wait.periods + int((planned.dates <= new.dates[-1]).sum())
    if len(after_P) != expected or new.dates[after_P[planned.wait.periods]] != first:
        raise RecordError(
            f"The data do not have every period from {old.dates[-1]} on, after which the plan was made. "
            "Give data that reach back to it."
        )
    return after_P


def _refuse_strangers(record: Record, actuals: Actuals, old: Panel) -> None:
    """Data of another market, calendar or unit.

    Raises:
        RecordError: They are.
    """
    promise, new = record.promise, actuals.panel
    wanted, given = f"{promise.brand} / {promise.market}", f"{actuals.brand} / {actuals.market}"
    if wanted != given:
        raise RecordError(f"The plan of record is of {wanted}, the data of {given}. Give those of {wanted}.")
    if new.frequency != old.frequency:
        raise RecordError(f"The plan of record is {old.frequency}, the data are {new.frequency}.")
    if new.currency != old.currency:
        raise RecordError(f"The plan of record is in {old.currency}, the data are in {new.currency}.")
    if not set(old.regions) & set(new.regions):
        raise RecordError(
            f"The data have none of the regions of the plan of record ({', '.join(old.regions[:5])}). Give "
            "those of its market."
        )
    names = present_names(old.channels, new.channels, actuals.renamed)
    for c, channel in enumerate(old.channels):
        if names[channel] not in new.channels:
            continue
        now = new.channels.index(names[channel])
        for what in ("has_exposure_C", "has_spend_C"):
            if bool(cast("Bools", getattr(old, what))[c]) != bool(cast("Bools", getattr(new, what))[now]):
                kind = "exposure" if what == "has_exposure_C" else "spend"
                raise RecordError(
                    f"{channel} has {kind} in the plan of record or in the data, but not in both; its "
                    "amounts cannot be compared. Read the data with the columns of the record's spec."
                )
