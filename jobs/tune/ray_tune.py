"""Trials on Ray Tune: our search as Tune's searcher, its halving as Tune's scheduler, one trial per slot."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from ray import tune
from ray.exceptions import RayTaskError
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from jobs.tune.search import FAILURES, Search, worse_half
from jobs.tune.trial import SweepData, score_origin
from jobs.tune.trial_row import TrialRow, origin_of

QUIET = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
}
"""What Tune reads from the environment: no log files, interruptions raised, no warnings of syncs."""


class Watcher(Protocol):
    """Whoever wants to know how a sweep goes."""

    def started(self, row: TrialRow) -> None:
        """A trial is about to begin."""
        ...

    def scored(self, row: TrialRow) -> None:
        """A trial was scored on one origin more."""
        ...

    def finished(self, row: TrialRow) -> None:
        """A trial is done, stopped or failed."""
        ...


@dataclass(frozen=True)
class TrialResources:
    """What trials get of the cluster.

    Attributes:
        trials: Trials in the sweep, finished ones included.
        concurrent: Trials at a time.
        cpus: CPUs of one, fractions allowed.
        gpus: GPUs of one.
        seconds: Time for all trials of this run; None for no limit.
    """

    trials: int
    concurrent: int
    cpus: float = 1.0
    gpus: float = 0.0
    seconds: float | None = None


class TuneSearcher(Searcher):
    """Tune's searcher over a :class:`jobs.tune.search.Search`.

    Tune saves its searcher now and then; ours is rebuilt from the finished trials instead, so nothing of it
    is pickled.
    """

    def __init__(self, search: Search, watcher: Watcher) -> None:
        super().__init__(metric="score", mode="max")
        self._search, self._watcher = search, watcher
        self._rows: dict[str, TrialRow] = {}

    def __reduce__(self) -> tuple[type[Searcher], tuple[()]]:
        """Stand-in for what Tune writes into its own snapshot."""
        return Searcher, ()

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        """The next trial's configuration."""
        row = self._search.ask()
        self._rows[trial_id] = row
        self._watcher.started(row)
        return {"number": row.number, "settings": json.dumps(row.settings)}

    def on_result(self, trial_id: str, result: Mapping[str, Any]) -> bool:
        """Take a trial's news; returns whether it goes on."""
        row = self._rows.get(trial_id)
        if row is None:
            return False
        if reason := result.get("failed"):
            self._end(trial_id, row.failed(str(reason)))
            return False
        place = int(result["place"])
        row = replace(row, scores=row.scores[:place]).scored(origin_of(json.loads(result["origin"])))
        self._rows[trial_id] = row
        self._watcher.scored(row)
        if not self._search.should_continue(row):
            self._end(trial_id, row.stopped(worse_half(row)))
            return False
        if len(row.scores) == int(result["of"]):
            self._end(trial_id, row)
        return True

    def crashed(self, trial_id: str, reason: str) -> None:
        """A trial's worker died."""
        if trial_id in self._rows:
            self._end(trial_id, self._rows[trial_id].failed(reason))

    def _end(self, trial_id: str, row: TrialRow) -> None:
        del self._rows[trial_id]
        self._search.tell(row)
        self._watcher.finished(row)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Everything was heard before."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: finished trials have files of their own."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""


class _Halving(FIFOScheduler):
    """Tune's scheduler: stops what the search gives up."""

    def __init__(self, searcher: TuneSearcher) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._searcher = searcher

    def __reduce__(self) -> tuple[type[FIFOScheduler], tuple[()]]:
        return FIFOScheduler, ()

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:  # noqa: ARG002
        """Whether the trial goes on."""
        should_continue = self._searcher.on_result(trial.trial_id, result)
        return str(TrialScheduler.CONTINUE if should_continue else TrialScheduler.STOP)


class _Crashes(tune.Callback):
    """Tells of trials whose worker died."""

    def __init__(self, searcher: TuneSearcher) -> None:
        self._searcher = searcher

    def __reduce__(self) -> tuple[type[tune.Callback], tuple[()]]:
        return tune.Callback, ()

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """The trial's retries are used up."""
        del iteration, trials, info
        error = trial.get_pickled_error()
        cause = error.cause if isinstance(error, RayTaskError) else error
        reason = "its worker died" if cause is None else f"{type(cause).__name__}: {cause}".splitlines()[0]
        self._searcher.crashed(trial.trial_id, reason)


def run_trials(
    data: SweepData, search: Search, resources: TrialResources, watcher: Watcher, *, storage: str
) -> None:
    """Run what is left of a sweep on the connected cluster.

    Args:
        data: From :func:`jobs.tune.trial.prepare_sweep`.
        search: Knows the finished trials.
        resources: What trials get.
        watcher: Called at every step.
        storage: Where Tune keeps its own state, a path or URI.
    """
    left = resources.trials - len(search.rows)
    if left <= 0:
        return
    os.environ.update(QUIET)
    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    searcher = TuneSearcher(search, watcher)
    needs = {"cpu": resources.cpus} | ({"gpu": resources.gpus} if resources.gpus else {})
    tuner = tune.Tuner(
        tune.with_resources(tune.with_parameters(trainable, data=data, threads=resources.cpus), needs),
        tune_config=tune.TuneConfig(
            num_samples=left,
            search_alg=searcher,
            scheduler=_Halving(searcher),
            max_concurrent_trials=resources.concurrent,
            time_budget_s=resources.seconds,
            reuse_actors=True,
            trial_name_creator=_name,
            trial_dirname_creator=_name,
        ),
        run_config=tune.RunConfig(
            name="ray",
            storage_path=storage,
            verbose=0,
            callbacks=[_Crashes(searcher)],
            failure_config=tune.FailureConfig(max_failures=1),
        ),
    )
    tuner.fit()


def _name(trial: Trial) -> str:
    return f"trial-{trial.trial_id}"


def trainable(config: Mapping[str, Any], data: SweepData, threads: float = 1.0) -> None:
    """What a worker does with one trial: fit and score origin by origin, the newest first."""
    import torch

    torch.set_num_threads(max(1, int(threads)))
    settings = json.loads(config["settings"])
    for place in range(len(data.origins)):
        try:
            origin = score_origin(data, settings, place)
        except FAILURES as error:
            tune.report({"failed": f"{type(error).__name__}: {error}", "score": -1e9})
            return
        news = {"place": place, "of": len(data.origins), "origin": json.dumps(asdict(origin))}
        tune.report({**news, "score": origin.score})
