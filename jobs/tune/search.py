"""The search of a sweep: Optuna's TPE asked and told, the same on Ray and within one process.

Every trial has a sampler of its own, seeded by the search's seed and the trial's number. So a search that
goes on after an interruption, with the finished trials put back, asks what it would have asked without one.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from jobs.tune.choice import Choice, choose
from jobs.tune.space import contains, distribution, draw, own_params
from jobs.tune.trial import Settings, SweepData, prepare_sweep, score_origin, with_settings
from jobs.tune.trial_row import TrialRow
from mmm.config import MarketSpec, TuneSpec
from mmm.config.sweep import Value
from mmm.data.read import PanelRead
from mmm.errors import MMMError, Problem, SpecError

STATES = {"done": TrialState.COMPLETE, "stopped": TrialState.PRUNED, "failed": TrialState.FAIL}
FAILURES = (MMMError, ArithmeticError, RuntimeError, ValueError, MemoryError)
"""What a fit may raise without conclusion the sweep: our own errors, and those of torch and numpy."""


class Halving(BasePruner):
    """Asynchronous halving: after each origin a trial goes on if it is in the better half so far."""

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether the trial is not among the better half of those scored on as many origins."""
        step = trial.last_step
        if step is None:
            return False
        others = [
            other.intermediate_values[step]
            for other in study.get_trials(deepcopy=False)
            if other.number != trial.number and step in other.intermediate_values
        ]
        better = sum(value > trial.intermediate_values[step] for value in others)
        return better >= (len(others) + 2) // 2


class Search:
    """Which settings to try next.

    Args:
        data: The market and its space.
        rows: Finished trials of an earlier run.
        first: Settings to try right after the spec's own, e.g. the best of an earlier study.
    """

    def __init__(
        self, data: SweepData, rows: Iterable[TrialRow] = (), first: Sequence[Settings] = ()
    ) -> None:
        optuna.logging.set_verbosity(logging.WARNING)
        self._tune, self._space = data.spec.tune, data.space
        self._own = own_params(data)
        self._first = [dict(settings) for settings in first]
        stability = self._tune.objective == "score_and_stability"
        self._study = optuna.create_study(
            directions=["maximize", "minimize"] if stability else ["maximize"], pruner=Halving()
        )
        self._prunes = self._tune.prune and not stability
        self._open_trials: dict[int, Trial | None] = {}
        self.rows: dict[int, TrialRow] = {}
        for row in sorted(rows, key=lambda row: row.number):
            self._study.add_trial(self._frozen(row))
            self.rows[row.number] = row

    def ask(self) -> TrialRow:
        """The next trial, with the lowest number that is free."""
        taken = {*self.rows, *self._open_trials}
        number = next(n for n in range(len(taken) + 1) if n not in taken)
        if number == 0:
            self._open_trials[0] = None
            return TrialRow(0, "done", {}, self._own)
        self._study.sampler = _sampler(self._tune, number)
        if number <= len(self._first):
            self._study.enqueue_trial(self._within(self._first[number - 1]))
        trial = self._study.ask()
        self._open_trials[number] = trial
        params = draw(trial, self._space)
        return TrialRow(number, "done", params, params)

    def _within(self, settings: Settings) -> dict[str, Value]:
        return {
            path: value
            for path, value in settings.items()
            if path in self._space and contains(distribution(path, self._space[path]), value)
        }

    def should_continue(self, row: TrialRow) -> bool:
        """Whether a trial should go on after the origins it was scored on so far; trial 0 always does."""
        trial = self._open_trials[row.number]
        if trial is None or not self._prunes or row.score is None:
            return True
        trial.report(row.score, len(row.scores))
        return len(row.scores) == self._tune.origins or not trial.should_prune()

    def tell(self, row: TrialRow) -> None:
        """What became of a trial.

        Trial 0 is no draw of the search: its point may lie partly outside the space, so it is put in as is.
        """
        trial = self._open_trials.pop(row.number)
        if trial is None:
            self._study.add_trial(self._frozen(row))
        else:
            self._study.tell(trial, self._values(row), state=STATES[row.state])
        self.rows[row.number] = row

    def export(self, path: Path) -> None:
        """Write the study as a journal that Optuna and its dashboard read."""
        storage = JournalStorage(JournalFileBackend(str(path)))
        study = optuna.create_study(storage=storage, study_name=path.stem, directions=self._study.directions)
        study.add_trials([trial for trial in self._study.get_trials() if trial.state.is_finished()])

    def _values(self, row: TrialRow) -> list[float] | None:
        if row.state != "done" or row.score is None:
            return None
        return [row.score, row.instability or 0.0][: len(self._study.directions)]

    def _frozen(self, row: TrialRow) -> FrozenTrial:
        """A finished trial as Optuna keeps it."""
        means = np.cumsum([origin.score for origin in row.scores]) / np.arange(1, len(row.scores) + 1)
        known = {path: distribution(path, self._space[path]) for path in row.params if path in self._space}
        kept = {path: kind for path, kind in known.items() if contains(kind, row.params[path])}
        return create_trial(
            state=STATES[row.state],
            values=self._values(row),
            params={path: row.params[path] for path in kept},
            distributions=kept,
            intermediate_values={k + 1: float(m) for k, m in enumerate(means)} if self._prunes else None,
        )


def _sampler(tune: TuneSpec, number: int) -> TPESampler:
    seed = int(np.random.SeedSequence([tune.seed, number]).generate_state(1)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return TPESampler(multivariate=True, group=True, seed=seed, n_startup_trials=tune.startup)


@dataclass(frozen=True)
class SearchResult:
    """What a search came to.

    Attributes:
        spec: The market with the settings chosen.
        choice: The trial they are of and why.
        trials: Every trial, by number.
    """

    spec: MarketSpec
    choice: Choice
    trials: tuple[TrialRow, ...]

    @property
    def settings(self) -> dict[str, Value]:
        """What differs from the spec that was given; empty if its own settings stay."""
        return self.choice.row.settings

    @property
    def score(self) -> float | None:
        """Mean score of the settings chosen."""
        return self.choice.row.score

    @property
    def reason(self) -> str:
        """Why these settings."""
        return self.choice.reason


def search_in_process(spec: MarketSpec, read: PanelRead, *, trials: int) -> SearchResult:
    """A whole search in this process, one trial after the other.

    Args:
        spec: The market; ``spec.tune`` says what is searched and what counts.
        read: Its panel; the test window is not looked at.
        trials: Trials, the spec's own settings included.

    Raises:
        SpecError: No trials, too few periods for the origins, or the spec's own settings cannot be fitted.
    """
    if trials < 1:
        raise SpecError("tune", [Problem("no_trials", "trials", f"{trials} trials; at least 1 is needed.")])
    data = prepare_sweep(spec, read.panel, read.split)
    search = Search(data)
    for _ in range(trials):
        run_trial(data, search)
    rows = tuple(search.rows[number] for number in sorted(search.rows))
    check_own(rows)
    choice = choose(rows, spec.tune)
    return SearchResult(with_settings(spec, choice.row.settings), choice, rows)


def run_trial(data: SweepData, search: Search) -> TrialRow:
    """Ask, fit origin by origin, tell."""
    row = search.ask()
    try:
        for place in range(len(data.origins)):
            row = row.scored(score_origin(data, row.settings, place))
            if not search.should_continue(row):
                row = row.stopped(worse_half(row))
                break
    except FAILURES as error:
        row = row.failed(error)
    search.tell(row)
    return row


def worse_half(row: TrialRow) -> str:
    """Why a trial is stopped."""
    count = len(row.scores)
    return f"not in the better half after {count} origin{'s' if count > 1 else ''}"


def check_own(rows: Sequence[TrialRow]) -> None:
    """Refuse a sweep whose first trial did not come to a score: nothing could be compared.

    Raises:
        SpecError: Trial 0 is missing or failed.
    """
    own = next((row for row in rows if row.number == 0), None)
    if own is None or own.state != "done":
        why = "was not finished; allow more time" if own is None else f"failed: {own.reason}"
        message = f"the trial with the spec's own settings {why}. Nothing can be compared without it."
        raise SpecError("tune", [Problem("no_default_trial", "trial 0", message)])
