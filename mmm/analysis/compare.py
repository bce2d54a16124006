"""Two fitted models of the same channels side by side: what changed, by how much, and why.

``moved`` is the sum over channels of the absolute change of their effects, relative to what all media
brought: 0 for the same story, 2 for credit that went to other channels altogether. Effects are compared as
shares of the KPI, so that a longer window alone changes nothing.

Shapes: M members, C channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmm.analysis.attribution import direct_totals
from mmm.analysis.change import came_and_went, present_names, roi_changes
from mmm.analysis.history import RESTATED, restatements
from mmm.analysis.intervals import interval
from mmm.config.paths import differences, flatten
from mmm.data.panel import Floats
from mmm.errors import ModelFileError

if TYPE_CHECKING:
    from mmm.fitted import Fitted

TOLERANCE = 0.1
"""Largest ``moved`` that counts as holding still."""


POOL_SHIFT = "pool_shift"
"""What the provenance of a pooled model says of how far other brands moved it."""


@dataclass(frozen=True)
class Reason:
    """Something in which two models differ, e.g. a field of the spec.

    Attributes:
        what: ``data``, ``spec``, ``seed``, ``epochs``, ``pooling`` or ``versions``.
        where: The field or the fact.
        old: Its value in the old model, as text.
        new: Its value in the new model, as text.
    """

    what: str
    where: str
    old: str
    new: str


@dataclass(frozen=True, eq=False)
class Comparison:
    """What changed from one fitted model to another.

    Attributes:
        channels: One row per channel: ``share`` (of the KPI, over each model's training window) and ``roi``,
            each with ``_old``, ``_new``, ``_change`` and ``_beyond`` (whether the change is larger than half
            the wider of the two intervals; false where there is none).
        moved: Sum of absolute changes of the channels' effects, relative to all media.
        tolerance: Largest ``moved`` that is accepted.
        reasons: Everything in which data, spec, seed and versions differ; may be empty.
        jumps: Channels whose ROI changed by a factor, and histories told otherwise by more than usual, in
            words; with any the models tell another story, whatever the shares say.
        valued: Whether both specs say what a KPI unit is worth; else ``roi`` counts KPI units.
    """

    channels: pd.DataFrame
    moved: float
    tolerance: float
    reasons: tuple[Reason, ...]
    jumps: tuple[str, ...] = ()
    valued: bool = True

    @property
    def within_tolerance(self) -> bool:
        """Whether the models tell the same story."""
        return self.moved <= self.tolerance and not self.jumps

    @property
    def verdict(self) -> str:
        """One sentence for people."""
        size = f"{self.moved:.3f} of all media's effect went to other channels or away"
        beyond = self.channels.loc[self.channels["share_beyond"] | self.channels["roi_beyond"], "channel"]
        names = f"; beyond their intervals: {', '.join(beyond)}" if len(beyond) else ""
        if self.within_tolerance:
            return f"The models agree: {size}, {self.tolerance:g} is accepted{names}."
        if self.jumps:
            return f"The models differ: {'; '.join(self.jumps)}. Of the shares, {size}{names}."
        causes = (
            ", ".join(dict.fromkeys(reason.what for reason in self.reasons)) or "nothing that is recorded"
        )
        return (
            f"The models differ: {size}, only {self.tolerance:g} is accepted{names}. What differs: {causes}."
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON; unknown numbers are None."""
        rows = self.channels.astype(object).where(self.channels.notna(), None).to_dict("records")
        return {
            "within_tolerance": self.within_tolerance,
            "moved": self.moved,
            "tolerance": self.tolerance,
            "verdict": self.verdict,
            "channels": rows,
            "reasons": [vars(reason) for reason in self.reasons],
            "jumps": list(self.jumps),
        }


def compare_models(old: Path, new: Path, *, tolerance: float = TOLERANCE) -> Comparison:
    """Compare two fitted models' directories.

    Args:
        old: The model before.
        new: The model after.
        tolerance: Largest ``moved`` that counts as holding still.

    Raises:
        ModelFileError: A directory holds no fitted model, or the models are of other channels.
    """
    from mmm.fitted import load_fitted

    return compare_fitted(load_fitted(old), load_fitted(new), tolerance=tolerance, names=(str(old), str(new)))


def compare_fitted(
    old: Fitted, new: Fitted, *, tolerance: float = TOLERANCE, names: tuple[str, str] = ("old", "new")
) -> Comparison:
    """Compare two fitted models; channels that the newer spec says are ``renamed`` have their new names.

    Raises:
        ModelFileError: The models are of other channels.
    """
    present = present_names(old.panel.channels, new.panel.channels, new.spec.renamed)
    channels = list(present.values())
    _check_channels(channels, new.panel.channels, names)
    order = [new.panel.channels.index(name) for name in channels]
    share_old, share_new = _shares(old), _shares(new)[:, order]
    roi_old, roi_new = _returns(old), _returns(new)[:, order]
    table = pd.DataFrame({"channel": channels})
    for name, before_MC, after_MC in (("share", share_old, share_new), ("roi", roi_old, roi_new)):
        before, after = interval(before_MC), interval(after_MC)
        table[f"{name}_old"], table[f"{name}_new"] = before.mean, after.mean
        table[f"{name}_change"] = after.mean - before.mean
        width_C = np.fmax(before.upper - before.lower, after.upper - after.lower)
        table[f"{name}_beyond"] = np.abs(after.mean - before.mean) > 0.5 * np.nan_to_num(width_C, nan=np.inf)
    media = max(float(share_old.mean(0).sum()), 1e-300)
    return Comparison(
        channels=table,
        moved=float(table["share_change"].abs().sum()) / media,
        tolerance=tolerance,
        reasons=tuple(_reasons(old, new)),
        jumps=tuple(_jumps(table, old, new)),
        valued=_valued(old, new),
    )


def _valued(old: Fitted, new: Fitted) -> bool:
    return old.spec.kpi_value is not None and new.spec.kpi_value is not None


def _jumps(table: pd.DataFrame, old: Fitted, new: Fitted) -> list[str]:
    """Changes that no shares show, in words."""
    roi_new, roi_old, share_new, share_old = (
        {str(name): float(value) for name, value in zip(table["channel"], table[column], strict=True)}
        for column in ("roi_new", "roi_old", "share_new", "share_old")
    )
    changes = roi_changes(roi_new, roi_old, share_new, share_old, valued=_valued(old, new))
    told = restatements(old.panel, new.panel, new.spec.renamed, beyond=RESTATED)
    return [*(change.text for change in changes), *(item.text for item in told)]


def _check_channels(old: Sequence[str], new: Sequence[str], names: tuple[str, str]) -> None:
    if set(old) != set(new):
        raise ModelFileError(
            f"The models have other channels: from {names[0]} to {names[1]}, {came_and_went(old, new)}. "
            "Compare models of the same channels."
        )


def _shares(fitted: Fitted) -> Floats:
    """Share of each channel's direct effect in the expected KPI of the training window, shape MC."""
    parts, cells_GT = fitted.predictor.parts, fitted.training_GT
    brought_MC = parts.channels_MGTC[:, cells_GT].sum(1)
    total_M1 = parts.prediction_MGT[:, cells_GT].sum(1, keepdims=True)
    shares: Floats = brought_MC / np.maximum(total_M1, 1e-300)
    return shares


def _returns(fitted: Fitted) -> Floats:
    """Value of the direct effect per unit of currency spent, shape MC; NaN without spend."""
    panel, cells_GT = fitted.panel, fitted.training_GT
    value_MC = direct_totals(fitted, np.where(cells_GT, panel.kpi_value_GT, 0.0))
    spend_C = panel.spend_GTC[cells_GT].sum(0)
    returns: Floats = value_MC / np.where(spend_C > 0, spend_C, np.nan)
    return returns


def _reasons(old: Fitted, new: Fitted) -> list[Reason]:
    reasons = _data_reasons(old, new)
    for item in differences(flatten(old.spec), flatten(new.spec)):
        if item.path != "data.path":
            kind = "seed" if item.path == "train.seed" else "spec"
            reasons.append(Reason(kind, item.path, item.old, item.new))
    if old.provenance.get("epochs") != new.provenance.get("epochs"):
        reasons.append(
            Reason("epochs", "epochs", str(old.provenance.get("epochs")), str(new.provenance.get("epochs")))
        )
    pooled = [model.provenance.get(POOL_SHIFT) for model in (old, new)]
    if pooled[0] != pooled[1]:
        told = ["fitted alone" if moved is None else f"{moved:.1%}" for moved in pooled]
        reasons.append(Reason("pooling", "share of media's effect that other brands moved", *told))
    was, now = old.provenance.get("versions", {}), new.provenance.get("versions", {})
    for name in sorted({*was, *now}):
        if was.get(name) != now.get(name):
            reasons.append(Reason("versions", name, str(was.get(name)), str(now.get(name))))
    return reasons


def _data_reasons(old: Fitted, new: Fitted) -> list[Reason]:
    """The fingerprints, where they differ, and what can be said of the difference."""
    prints = [str(fitted.provenance.get("data_fingerprint", "")) for fitted in (old, new)]
    facts = [
        (
            {
                "regions": str(len(panel.regions)),
                "periods": str(len(panel.dates)),
                "first": str(panel.dates[0]),
                "last": str(panel.dates[-1]),
                "known cells": str(int(panel.observed_GT.sum())),
                "KPI": f"{np.nansum(panel.kpi_GT):.10g}",
                "spend": f"{panel.spend_GTC.sum():.10g}",
            }
            | {"trained until": str(panel.dates[fitted.trained_until - 1])}
        )
        for fitted, panel in ((old, old.panel), (new, new.panel))
    ]
    differing = [
        Reason("data", name, value, facts[1][name])
        for name, value in facts[0].items()
        if value != facts[1][name]
    ]
    if prints[0] != prints[1]:
        differing.insert(0, Reason("data", "fingerprint", prints[0][:12], prints[1][:12]))
    return differing + [
        Reason("data", f"{item.name}, {item.first} to {item.last}", f"{item.old:.10g}", f"{item.new:.10g}")
        for item in restatements(old.panel, new.panel, new.spec.renamed)
    ]
