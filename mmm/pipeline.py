"""From a market spec to a fitted model's directory: the one path of the command, the jobs and the estimator.

Everything is written beside and put in place at the end; an interrupted fit leaves its checkpoint only.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from mmm.analysis.attribution import contributions_table, predictions_table
from mmm.analysis.frequency import best_frequency_table, frequency_table
from mmm.analysis.parts import national_tables
from mmm.analysis.quality import data_quality
from mmm.analysis.score import score_splits
from mmm.analysis.tables import regions_table
from mmm.checks.diagnose import diagnose
from mmm.checks.experiments import experiments_table
from mmm.config import MarketSpec
from mmm.data.read import PanelRead
from mmm.data.schema import Finding
from mmm.errors import MMMError
from mmm.fitted import Fitted, load_fitted, save_fitted
from mmm.market import read_market
from mmm.output import check_output, model_provenance, prepare_output
from mmm.planning.budget import first_plan
from mmm.report import build_report
from mmm.train.checkpoint import FileCheckpoint
from mmm.train.fit import fitting
from mmm.train.progress import Progress
from mmm.train.run import Fit, alone, together

SCORED_EFFORT = 0.4
"""Sampling of a fit that is only scored, relative to that of the model users get: forecasts settle sooner
than what single channels bring."""


@dataclass(frozen=True, eq=False)
class Result:
    """A fit with what it left behind.

    Attributes:
        fitted: The model users get.
        metrics: Content of ``metrics.json``.
        findings: Content of ``diagnostics.json``.
        tables: Content of the Parquet files, by name.
        seconds: Wall time.
    """

    fitted: Fitted
    metrics: dict[str, Any]
    findings: tuple[Finding, ...]
    tables: dict[str, pd.DataFrame]
    seconds: float


def fit_panel(
    spec: MarketSpec,
    read: PanelRead,
    *,
    progress: Progress | None = None,
    checkpoint: FileCheckpoint | None = None,
    previous: Fitted | None = None,
    warm: Fitted | None = None,
    threads: int | None = None,
) -> Result:
    """Fit a panel that is already read, and analyse the model.

    With ``train.refit_on_all`` the model users get is fitted once more, on every period, with the number
    of epochs the scored fit took; scores stay those of the scored fit, whose predictions are then the
    table ``scored_predictions``. A fit that starts from a ``previous`` model keeps its units and expects its
    channels; one whose search begins at a ``warm`` model is the same fit in less time, see
    :mod:`mmm.train.warm_start`. More ``threads`` make that of a large panel shorter and find the same.
    """
    fit = _fitting(
        spec,
        read,
        progress=progress,
        checkpoint=checkpoint,
        previous=previous,
        warm=warm,
        threads=threads,
    )
    return alone(fit)


def fit_panels(every: Iterable[tuple[MarketSpec, PanelRead, Fitted | None]]) -> list[Result | MMMError]:
    """Fit and analyse panels at once, those of like shape and settings as one tensor program.

    Args:
        every: Markets, their panels, and models at which their searches begin.

    Returns:
        What :func:`fit_panel` would return for each, or the error it would raise.
    """
    return together([_fitting(spec, read, warm=warm) for spec, read, warm in every])


def _fitting(
    spec: MarketSpec,
    read: PanelRead,
    *,
    progress: Progress | None = None,
    checkpoint: FileCheckpoint | None = None,
    previous: Fitted | None = None,
    warm: Fitted | None = None,
    threads: int | None = None,
) -> Fit[Result]:
    started, again = time.perf_counter(), spec.train.refit_on_all
    fit = partial(fitting, spec, read.panel, read.split, progress=progress, previous=previous, warm=warm)
    fit = partial(fit, threads=threads)
    scored = yield from fit(
        checkpoint=checkpoint, effort=SCORED_EFFORT if again else 1.0, with_graph=not again
    )
    fitted = scored
    if again:
        if scored.chains:
            # The same panel but for its last periods: the search is not begun anew.
            fit = partial(fit, warm=scored)
        fitted = yield from fit(n_train=read.split.n_periods, epochs=int(scored.provenance["epochs"]))
    return analysed(spec, read, scored, fitted, started)


def analysed(spec: MarketSpec, read: PanelRead, scored: Fitted, fitted: Fitted, started: float) -> Result:
    """Everything that is told of a model.

    Args:
        spec: The market.
        read: Its panel.
        scored: The fit on the training window, which the scores are of.
        fitted: The model users get: the same, or with ``train.refit_on_all`` the fit on every period.
        started: When the fit began, by ``time.perf_counter``.
    """
    metrics = score_splits(read.panel, read.split, scored.predictor.parts.prediction_MGT.mean(0))
    if fitted is not scored:
        fitted = replace(fitted, provenance={**fitted.provenance, "scores_of": "fit on the training window"})
    tables = {
        "predictions": predictions_table(fitted),
        "contributions": contributions_table(fitted),
        "regions": regions_table(fitted),
        **national_tables(fitted),
    }
    frequency = frequency_table(fitted, tables["curves"])
    of_reach = {"frequency": frequency, "best_frequency": best_frequency_table(fitted)}
    tables |= {name: table for name, table in of_reach.items() if table is not None}
    if spec.experiments:
        tables["experiments"] = experiments_table(fitted)
    if fitted is not scored:
        tables["scored_predictions"] = predictions_table(scored)
    findings = (*read.findings, *diagnose(fitted, metrics, tables))
    if read.left_out is not None:
        fitted = replace(fitted, left_out=read.left_out)
    return Result(fitted, metrics, findings, tables, time.perf_counter() - started)


def write_result(result: Result, directory: Path, *, report: bool = True) -> None:
    """Write a fitted model's directory into an existing folder."""
    save_fitted(result.fitted, directory)
    for name, table in result.tables.items():
        table.to_parquet(directory / f"{name}.parquet", index=False)
    _write_json(directory / "metrics.json", result.metrics)
    _write_json(directory / "diagnostics.json", [finding.as_row() for finding in result.findings])
    _write_json(directory / "data_quality.json", data_quality(result.fitted))
    plan = first_plan(result.fitted)
    if plan is not None:
        _write_json(directory / "plan.json", plan.model_dump(mode="json"))
    if report:
        build_report(directory)


def fit_market(
    spec: MarketSpec,
    out: str | Path,
    *,
    force: bool = False,
    resume: bool = False,
    report: bool = True,
    progress: Progress | None = None,
    start_from: str | Path | None = None,
    threads: int | None = None,
) -> Result:
    """Read, fit, analyse and write one market.

    Args:
        spec: The market.
        out: Local folder of the result; its checkpoint lies beside it while the fit is under way.
        force: Replace a fitted model that is there.
        resume: Go on from the checkpoint of an interrupted fit.
        report: Also write ``report.html``.
        progress: Told of every epoch.
        start_from: Folder of an older model of the market to start from.
        threads: Parts of a large panel's posterior that are computed side by side; None takes PyTorch's
            threads.

    Raises:
        ModelFileError: No older model lies there, or it is damaged.
        OutputError: The place cannot be written, or holds something and ``force`` is not given.
        PanelError: The panel has problems, all of them.
        TrainingError: Training diverged.
    """
    path = Path(out).expanduser().absolute()
    checkpoint = FileCheckpoint(path.parent / f".{path.name}.checkpoint", resume=resume)
    # A fit that was killed after its last file has nothing left to go on with.
    checkpoint.remove_older(model_provenance(path))
    check_output(path, force=force, folder=True)
    previous = None if start_from is None else load_fitted(start_from)
    read = read_market(spec)
    result = fit_panel(
        spec, read, progress=progress, checkpoint=checkpoint, previous=previous, threads=threads
    )
    with prepare_output(path, force=force) as scratch:
        write_result(result, scratch, report=report)
    checkpoint.remove()
    return result


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2, allow_nan=False, default=float) + "\n", encoding="utf-8")
