"""The space of a search in Optuna's terms: how parameters are drawn, where the spec's settings lie in it."""

from __future__ import annotations

from collections.abc import Mapping

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import Trial

from jobs.tune.trial import SweepData
from mmm.config.paths import get
from mmm.config.sweep import Parameter, Value, kind_of


def draw(trial: Trial, space: Mapping[str, Parameter]) -> dict[str, Value]:
    """Values of every parameter whose conditions hold, those they depend on first."""
    values: dict[str, Value] = {}
    waiting = dict(space)
    while waiting:
        for path, item in list(waiting.items()):
            if any(other in waiting for other in item.when):
                continue
            del waiting[path]
            if holds(item, values):
                values[path] = _suggest(trial, path, item)
    return values


def _suggest(trial: Trial, path: str, item: Parameter) -> Value:
    kind = distribution(path, item)
    if isinstance(kind, CategoricalDistribution):
        chosen: Value = trial.suggest_categorical(path, list(kind.choices))
        return chosen
    if isinstance(kind, IntDistribution):
        return trial.suggest_int(path, kind.low, kind.high, step=kind.step, log=kind.log)
    assert isinstance(kind, FloatDistribution)
    return trial.suggest_float(path, kind.low, kind.high, step=kind.step, log=kind.log)


def distribution(path: str, item: Parameter) -> BaseDistribution:
    """How Optuna names a parameter's values."""
    if item.values is not None:
        return CategoricalDistribution(list(item.values))
    assert item.low is not None and item.high is not None
    if float in kind_of(path):
        return FloatDistribution(item.low, item.high, log=item.log, step=item.step)
    return IntDistribution(int(item.low), int(item.high), log=item.log, step=int(item.step or 1))


def contains(kind: BaseDistribution, value: Value) -> bool:
    """Whether a value is one that the search could draw."""
    if isinstance(kind, CategoricalDistribution):
        return value in kind.choices
    if value is None or isinstance(value, str | bool):
        return False
    assert isinstance(kind, IntDistribution | FloatDistribution)
    return kind.low <= value <= kind.high


def own_params(data: SweepData) -> dict[str, Value]:
    """The spec's own settings as a point of the space, as far as they lie in it."""
    from mmm.data.split import default_lags
    from mmm.model.inputs import NATIONAL_KNOTS, REGIONAL_KNOTS

    frequency = data.panel.frequency
    left_to_data: dict[str, Value] = {
        "model.priors.share_sd": data.spec.model.priors.share_scale(len(data.panel.channels)),
        "model.adstock.max_lag": default_lags(None, frequency),
        "model.baseline.national_knots": NATIONAL_KNOTS[frequency],
        "model.baseline.regional_knots": REGIONAL_KNOTS[frequency],
    }
    params: dict[str, Value] = {}
    for path, item in data.space.items():
        value: Value = get(data.spec, path)
        if value is None and item.values is None:
            value = left_to_data.get(path)
        if contains(distribution(path, item), value):
            params[path] = value
    return {path: value for path, value in params.items() if holds(data.space[path], params)}


def holds(item: Parameter, values: Mapping[str, Value]) -> bool:
    """Whether a parameter's conditions hold under these values."""
    return all(other in values and values[other] in allowed for other, allowed in item.when.items())
