"""Lift tests beside the model: what it says of the same cells, and whether the data contradict them.

Shapes: M members, E experiments.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from mmm.analysis.intervals import interval
from mmm.data.experiments import locate_experiments
from mmm.data.panel import Floats
from mmm.data.schema import Finding
from mmm.fitted import Fitted

CONFLICT = 2.0
"""Standard errors between a test and what everything else says from which they contradict each other."""
LEAST_ROOM = 0.25
"""Least part of a test's variance that its distance from the model is judged by."""

COLUMNS = (
    "experiment",
    "channel",
    "regions",
    "start",
    "end",
    "spend_change",
    "lift",
    "standard_error",
    "modelled",
    "lower",
    "upper",
    "tension",
    "in_panel",
)


def experiments_table(fitted: Fitted) -> pd.DataFrame:
    """``experiments.parquet``: each lift test with the model's own lift for exactly its cells, KPI units.

    ``tension`` is the distance between the test and everything else the model knows, in standard errors.
    The model has already moved towards the test: for normal errors its distance left has variance
    ``se² − sd²``, with ``sd`` that of the modelled lift.
    """
    tests, _ = locate_experiments(fitted.spec, fitted.panel)
    lift_ME = fitted.predictor.lifts(tests, fitted.graph)
    mean_E, lower_E, upper_E = interval(lift_ME)
    rows = []
    for e, test in enumerate(tests):
        spec = test.experiment
        rows.append(
            {
                "experiment": test.position,
                "channel": spec.channel,
                "regions": ", ".join(fitted.panel.regions[g] for g in test.region_R),
                "start": np.datetime64(spec.start, "s"),
                "end": np.datetime64(spec.end, "s"),
                "spend_change": spec.spend_change,
                "lift": spec.lift,
                "standard_error": spec.standard_error,
                "modelled": mean_E[e],
                "lower": lower_E[e],
                "upper": upper_E[e],
                "tension": _tension(lift_ME[:, e], spec.lift, spec.standard_error),
                "in_panel": test.in_panel,
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _tension(lift_M: Floats, measured: float, error: float) -> float:
    variance = float(lift_M.var(ddof=1)) if len(lift_M) > 1 else 0.0
    room = max(error**2 - variance, LEAST_ROOM * error**2)
    return float((lift_M.mean() - measured) / np.sqrt(room))


def experiment_findings(fitted: Fitted, table: pd.DataFrame) -> Iterator[Finding]:
    """Tests that the data contradict, and tests within the windows that are scored."""
    dates = fitted.panel.dates
    for row in table.to_dict("records"):
        days = f"{row['start']:%Y-%m-%d} to {row['end']:%Y-%m-%d}"
        place = f"experiment {row['experiment']}, {row['channel']}, {days}"
        if abs(row["tension"]) > CONFLICT:
            more = "more" if row["tension"] > 0 else "less"
            yield Finding(
                severity="warning",
                code="experiment_conflict",
                where=place,
                what=(
                    f"The test measured {row['lift']:,.4g} ± {row['standard_error']:,.3g}; the data "
                    f"want {more}: even with the test in the fit the model says {row['modelled']:,.4g}, "
                    f"{abs(row['tension']):.1f} standard errors apart."
                ),
                why="One of them is wrong: the average of the two that the model shows is what neither says.",
                what_to_do=(
                    "Check the cells, the spend change and the standard error of the test; look for what "
                    "moved sales together with this channel, and add it as a control."
                ),
            )
        if fitted.trained_until < len(dates) and row["end"] >= pd.Timestamp(dates[fitted.trained_until]):
            yield Finding(
                severity="info",
                code="experiment_in_holdout",
                where=place,
                what="The test reaches into the periods that are held out for scoring.",
                why="The fit knows a little of what these scores are to be blind to.",
                what_to_do="Read the scores with it in mind, or end the holdout before the test.",
            )
