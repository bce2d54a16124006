"""What moved since the last refits: spend beyond its history, the KPI's level, attribution.

Shapes: G regions, T periods, C channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from jobs.record.gates import RESTATED
from mmm.analysis.change import SHARE_SHIFT
from mmm.analysis.history import RESTATED as MOST_RESTATED
from mmm.analysis.history import restatements
from mmm.data.panel import Floats, Panel
from mmm.data.schema import Finding
from mmm.data.split import Split

SPEND_FACTOR = 1.25
"""Mean spend of the recent window over the highest of any earlier window of that length."""
LEVEL_CHANGE = 0.10
"""Smallest relative change of the KPI between neighbouring windows worth a word."""
UNUSUAL = 3.0
"""Standard deviations beyond which a change is not what this market usually does."""


def drift(panel: Panel, split: Split) -> list[Finding]:
    """Findings about the newest periods against those before, whether or not the model has seen them.

    Args:
        panel: The data.
        split: Its windows; the recent window is all that comes after training.
    """
    recent = split.n_periods - split.n_train
    return [
        *_spend(panel, recent),
        *_level(_national(panel.kpi_GT), recent),
    ]


def _spend(panel: Panel, recent: int) -> Iterator[Finding]:
    media_TC = panel.media_GTC.sum(0)
    for c, channel in enumerate(panel.channels):
        means = _window_means(media_TC[:, c], recent)
        if len(means) <= recent:
            continue
        highest, now = float(means[:-recent].max()), float(means[-1])
        if now > SPEND_FACTOR * highest:
            times = "never ran before" if highest == 0 else f"{now / highest:.1f} times its highest before"
            yield Finding(
                severity="warning",
                code="media_outside_history",
                where=channel,
                what=f"{channel} ran more in the last {recent} periods than ever: {times}.",
                why="The response there is extrapolated.",
                what_to_do="Trust its curve only within what was tried, or run a lift test.",
            )


def _level(kpi_T: Floats, recent: int) -> Iterator[Finding]:
    means = _window_means(kpi_T, recent)
    steps = np.log(means[recent:] / means[:-recent]) if (means > 0).all() else np.empty(0)
    if len(steps) <= recent:
        return
    usual, now = float(np.std(steps[:-recent])), float(steps[-1])
    if abs(now) > max(np.log1p(LEVEL_CHANGE), UNUSUAL * usual):
        yield Finding(
            severity="warning",
            code="kpi_level_shift",
            where="kpi",
            what=f"The KPI of the last {recent} periods is {np.expm1(now):+.0%} of the {recent} before.",
            why="So large a step is not usual here; what caused it may be taken for media.",
            what_to_do="Look for a launch, a price or a measurement that changed; add it as a control.",
        )


def restated(old: Panel, new: Panel, renamed: Mapping[str, str]) -> list[Finding]:
    """Findings about periods of which the data of the model before told otherwise.

    Args:
        old: The panel of the model before.
        new: The data now.
        renamed: Channels that had another name: new name to old name.
    """
    return [
        Finding(
            severity="warning",
            code=RESTATED,
            where=item.where,
            what=f"The {item.text}.",
            why="A feed that changes its unit, its currency or its past changes ROI and plans with it.",
            what_to_do="Find out which of the two is right. If this is, promote the model by hand: "
            "`python -m jobs.promote`.",
        )
        for item in restatements(old, new, renamed, beyond=MOST_RESTATED)
    ]


def shift_finding(shift: float) -> Finding | None:
    """A finding if attribution moved more than data of a few weeks should move it."""
    if shift <= SHARE_SHIFT:
        return None
    return Finding(
        severity="warning",
        code="attribution_shift",
        where="shares",
        what=f"{shift:.0%} of what media bring went to other channels or away since the last refit.",
        why="A few more weeks of data should not change the story so much.",
        what_to_do="See `mmm compare` of both models; add priors or a lift test for the channels that jump.",
    )


def forecast_finding(remark: str) -> Finding | None:
    """A finding if the record of the market's forecasts left its band."""
    if not remark:
        return None
    return Finding(
        severity="warning",
        code="drift",
        where="forecasts",
        what=f"{remark[0].upper()}{remark[1:]}.",
        why="A model that stopped forecasting its market is no base for its budget.",
        what_to_do="Look for what changed: a launch, a price, a measurement. See ledger.parquet.",
    )


def _national(values_GT: Floats) -> Floats:
    total_T: Floats = np.nansum(values_GT, axis=0)
    return total_T


def _window_means(values_T: Floats, length: int) -> Floats:
    """Mean of every run of ``length`` periods, oldest first."""
    total = np.concatenate([[0.0], np.cumsum(values_T)])
    means: Floats = (total[length:] - total[:-length]) / length
    return means
