"""A finished sweep as tables: ``trials.parquet`` and what its report draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import optuna
import pandas as pd
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import create_trial

from jobs.tune.choice import Choice, pareto_front
from jobs.tune.final_fit import FinalFits
from jobs.tune.space import contains, distribution, own_params
from jobs.tune.trial import SweepData
from jobs.tune.trial_row import TrialRow
from mmm.config.sweep import Value
from mmm.report.sweep.record import Sweep

LEAST_TRIALS = 5
"""Trials from which importances are worth a word."""


def sweep_tables(data: SweepData, rows: Sequence[TrialRow], choice: Choice, final: FinalFits | None) -> Sweep:
    """Everything the report draws."""
    front = pareto_front(rows)
    points = {row.number: dict(row.params) for row in rows}
    trials = pd.DataFrame({
        "number": [row.number for row in rows],
        "state": [row.state for row in rows],
        "score": pd.Series([row.score for row in rows], dtype=float),
        "level": pd.Series([_level(row, rows) for row in rows], dtype=float),
        "instability": pd.Series([row.instability for row in rows], dtype=float),
        "origins": [len(row.scores) for row in rows],
        "seconds": [row.seconds for row in rows],
        "front": [row.number in front for row in rows],
        "chosen": [row.number == choice.row.number for row in rows],
        "reason": [row.reason for row in rows],
    })  # fmt: skip
    return Sweep(
        brand=data.spec.brand,
        market=data.spec.market,
        kpi=data.spec.columns.kpi,
        score=data.spec.tune.score,
        objective=data.spec.tune.objective,
        trials=trials,
        settings=pd.DataFrame.from_dict(points, orient="index", columns=list(data.space)),
        origins=_origins(data, rows),
        shares=_shares(rows),
        importances=importances(data, rows),
        changed=dict(choice.row.settings),
        reason=choice.reason,
        test={} if final is None else {"default": final.default, "tuned": final.tuned},
    )


def trials_table(sweep: Sweep) -> pd.DataFrame:
    """``trials.parquet``: one row for each trial, its settings as columns."""
    mixed = [name for name, kind in sweep.settings.dtypes.items() if kind == np.dtype(object)]
    return sweep.trials.join(sweep.settings.astype(dict.fromkeys(mixed, "str")), on="number")


def _level(row: TrialRow, rows: Sequence[TrialRow]) -> float | None:
    """A trial's score as if on all windows: trial 0's, plus the mean difference on the windows it had.

    Windows differ more than trials do, so plain means over fewer of them cannot be compared.
    """
    own = next((other for other in rows if other.number == 0 and other.state == "done"), None)
    if own is None or own.score is None or not row.scores:
        return row.score
    pairs = zip(row.scores, own.scores, strict=False)
    return own.score + float(np.mean([one.score - two.score for one, two in pairs]))


def _point(data: SweepData, row: TrialRow) -> dict[str, Value]:
    """A trial's value of every setting of the space, where it kept the spec's own that one."""
    return {**own_params(data), **row.params}


def _origins(data: SweepData, rows: Sequence[TrialRow]) -> pd.DataFrame:
    found = [
        {
            "number": row.number,
            "origin": data.panel.dates[split.n_train + data.spec.tune.gap].astype("datetime64[s]"),
            "score": scored.score,
            "naive": scored.metrics.get("naive_last_value_r2"),
        }
        for row in rows
        for split, scored in zip(data.origins, row.scores, strict=False)
    ]
    return pd.DataFrame(found, columns=["number", "origin", "score", "naive"])


def _shares(rows: Sequence[TrialRow]) -> pd.DataFrame:
    """Mean over origins of each channel's share in every finished trial."""
    found = [
        {"number": row.number, "channel": channel, "share": share}
        for row in rows
        if row.state == "done"
        for scored in row.scores
        for channel, share in scored.shares.items()
    ]
    frame = pd.DataFrame(found, columns=["number", "channel", "share"])
    return frame.groupby(["number", "channel"], sort=False)["share"].mean().reset_index()


def importances(data: SweepData, rows: Sequence[TrialRow]) -> Mapping[str, float]:
    """Share of the variation of the score that each setting explains (functional ANOVA), largest first.

    Of the score on the newest origin, which every trial has that did not fail. Empty for few trials.
    """
    scored = [row for row in rows if row.scores]
    points = {row.number: _point(data, row) for row in scored}
    kinds = {path: distribution(path, item) for path, item in data.space.items()}
    known = {
        path: kind
        for path, kind in kinds.items()
        if all(path in point and contains(kind, point[path]) for point in points.values())
    }
    values = {row.scores[0].score for row in scored}
    if len(scored) < LEAST_TRIALS or not known or len(values) < 2:
        return {}
    study = optuna.create_study(direction="maximize")
    for row in scored:
        params = {path: points[row.number][path] for path in known}
        study.add_trial(create_trial(value=row.scores[0].score, params=params, distributions=known))
    found = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    return dict(sorted(found.items(), key=lambda item: -item[1]))
