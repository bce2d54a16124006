"""National sums that several views share.

Summed bounds add up cell by cell, which takes all cells to err together: the widest case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mmm.report import marks
from mmm.report.about import PER
from mmm.report.labels import MEDIA_KINDS, TREATMENT
from mmm.report.tables import MissingTableError, Tables

KIND_ORDER = {"baseline": 0, "seasonality": 1, "control": 2, TREATMENT: 3} | dict.fromkeys(MEDIA_KINDS, 4)


def national_fit(tables: Tables) -> pd.DataFrame:
    """Sum over regions of every date: date, split, actual, predicted, lower, upper.

    Only cells whose KPI was observed count, in the prediction too, so that both lines are of the same cells.
    A date with no observed cell is left out.
    """
    cells = observed(tables)
    sums = cells.groupby("date", sort=True)[["actual", "predicted", "lower", "upper"]].sum(min_count=1)
    splits = cells.drop_duplicates("date").set_index("date")["split"].astype(str)
    return sums.join(splits).reset_index()


def observed(tables: Tables) -> pd.DataFrame:
    """Predictions of the cells whose KPI is known."""
    cells = tables.judged_cells
    cells = cells[cells["actual"].notna() & cells["predicted"].notna()]
    if cells.empty:
        raise MissingTableError("predictions.parquet has no cell with a known KPI")
    return cells


def windows(frame: pd.DataFrame) -> dict[str, tuple[pd.Timestamp, pd.Timestamp]]:
    """Where holdout and test begin and end, where they exist: half a period around their dates."""
    found = {}
    known = np.sort(frame["date"].unique())
    half = pd.Timedelta(np.median(np.diff(known)) / 2) if len(known) > 1 else pd.Timedelta(0)
    for name in ("holdout", "test"):
        dates = frame.loc[frame["split"] == name, "date"]
        if len(dates):
            found[name] = (pd.Timestamp(dates.min()) - half, pd.Timestamp(dates.max()) + half)
    return found


def judged(tables: Tables) -> tuple[str, pd.DataFrame]:
    """The most honest window there is, test before holdout before training, with its observed cells."""
    cells = observed(tables)
    for name in ("test", "holdout", "train"):
        rows = cells[cells["split"] == name]
        if len(rows):
            return name, rows
    return "data", cells


def window_words(name: str) -> str:
    """A window as it reads in a sentence."""
    words = {"train": "the training window", "holdout": "the holdout", "test": "the test window"}
    return words.get(name, "the data")


def national_components(tables: Tables) -> pd.DataFrame:
    """Sum over regions of every component and date: date, component, kind, value, lower, upper."""
    cells = tables.frame("contributions")
    keys = ["component", "kind", "date"]
    sums = cells.groupby(keys, sort=False, observed=True)[["value", "lower", "upper"]].sum(min_count=1)
    sums = sums.reset_index()
    return sums.astype({"component": str, "kind": str})


@dataclass(frozen=True)
class Shares:
    """Components over the training window, largest channel first.

    Attributes:
        frame: component, kind, value (KPI units), lower, upper, share, share_lower, share_upper; the shares
            add up to one.
        total: KPI the model accounts for in that window.
    """

    frame: pd.DataFrame
    total: float

    @property
    def channels(self) -> pd.DataFrame:
        """Rows of channels, bought or not, largest first."""
        return self.frame[self.frame["kind"].isin(MEDIA_KINDS)]

    @property
    def media(self) -> float:
        """Share of all channels together."""
        return float(self.channels["share"].sum())


def shares(tables: Tables) -> Shares:
    """What each component adds over the training window.

    Intervals of channels are those of the direct effect in ``effects.parquet`` where that is there: the sum
    of weekly bounds would be too wide.
    """
    components = national_components(tables)
    rows = components[components["date"].isin(tables.training_dates)]
    frame = rows.groupby(["component", "kind"], sort=False)[["value", "lower", "upper"]].sum(min_count=1)
    frame = frame.reset_index()
    if tables.effects is not None and {"direct_lower", "direct_upper"} <= set(tables.effects.columns):
        bounds = tables.effects.set_index(tables.effects["channel"].astype(str))
        for side in ("lower", "upper"):
            exact = frame["component"].map(bounds[f"direct_{side}"])
            frame[side] = np.where(frame["kind"].isin(MEDIA_KINDS), exact, frame[side])
    total = float(frame["value"].sum())
    if not total > 0:
        raise MissingTableError("the contributions over the training window add up to nothing")
    for source, name in (("value", "share"), ("lower", "share_lower"), ("upper", "share_upper")):
        frame[name] = frame[source] / total
    frame["order"] = frame["kind"].map(KIND_ORDER).fillna(9)
    frame = frame.sort_values(["order", "value"], ascending=[True, False], kind="stable").drop(
        columns="order"
    )
    return Shares(frame.reset_index(drop=True), total)


def by_spend(effects: pd.DataFrame) -> pd.DataFrame:
    """Channels by spend with their shares and, of all alike, KPI per ``PER`` of spend."""
    rows = effects.assign(channel=effects["channel"].astype(str)).sort_values("spend", ascending=False)
    spend = rows["spend"].astype(float).where(lambda s: s > 0)
    rows["spend_share"] = spend / spend.sum()
    rows["effect_share"] = rows["direct"] / rows["direct"].sum()
    for side in ("", "_lower", "_upper"):
        if f"direct{side}" in rows:
            rows[f"per{side}"] = PER * rows[f"direct{side}"] / spend
        if f"marginal_roi{side}" in rows:
            rows[f"marginal_per{side}"] = PER * rows[f"marginal_roi{side}"]
    return rows


def media_total(tables: Tables) -> Mapping[str, Any]:
    """All media over the training window: spend, and effect, value and ROI with bounds where known."""
    if tables.returns is not None:
        rows = tables.returns[(tables.returns["window"] == "training") & (tables.returns["channel"] == "")]
        if len(rows):
            return marks.records(rows)[0]
    if tables.effects is None:
        return {}
    spend, effect = (float(tables.effects[name].sum()) for name in ("spend", "direct"))
    value = float((tables.effects["roi"] * tables.effects["spend"]).sum())
    return {"spend": spend, "effect": effect, "value": value, "roi": value / spend if spend > 0 else None}


def has_intervals(frame: pd.DataFrame, lower: str = "lower", upper: str = "upper") -> bool:
    """Some row has both bounds."""
    if lower not in frame or upper not in frame:
        return False
    return bool((frame[lower].notna() & frame[upper].notna()).any())


def summed_note(frame: pd.DataFrame, tables: Tables) -> str:
    """That a national band is a sum of regional ones; empty for a national model, whose band is its own."""
    if not has_intervals(frame) or tables.is_national:
        return ""
    return "The band adds up the regions' intervals, as if all erred together: the widest case."


def interval_note(frame: pd.DataFrame, lower: str = "lower", upper: str = "upper") -> str:
    """The caveat of a model without intervals; empty when it has them."""
    if has_intervals(frame, lower, upper):
        return ""
    return "No intervals: the model was fitted with one member, so the uncertainty is not known."
