"""One trial of a sweep: a market fitted with given settings on rolling origins, scored on what came after.

Knows nothing of Ray, Optuna or MLflow. What a trial gets ends where its last held-out window ends: the test
window is cut off before anything is made of the panel, and units, scales and epochs come from each origin's
own training periods.

Shapes: G regions, T periods, C channels.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from mmm.analysis.change import share_shift
from mmm.config import MarketSpec
from mmm.config.default_space import default_space
from mmm.config.files import validate
from mmm.config.paths import replaced
from mmm.config.sweep import Parameter, Value
from mmm.data.panel import Floats, Panel
from mmm.data.split import MIN_TRAIN, Split, default_lags, rolling_origins
from mmm.errors import Problem, SpecError

Settings = Mapping[str, Value]
"""Values of settings by path; those not named stay as the spec has them."""


@dataclass(frozen=True, eq=False)
class SweepData:
    """Everything a trial needs; made once for a sweep.

    Attributes:
        spec: The market with the settings that trials start from.
        panel: The data without the test window.
        origins: Training ends and held-out windows, the newest first.
        space: What may be searched.
    """

    spec: MarketSpec
    panel: Panel
    origins: tuple[Split, ...]
    space: Mapping[str, Parameter]


@dataclass(frozen=True)
class OriginScore:
    """What a trial came to on one origin.

    Attributes:
        score: What the sweep looks at, larger is better.
        metrics: Scores of the held-out window by name.
        shares: Share of the KPI that each channel brought over the periods that every origin trains on.
        epochs: Epochs trained.
        curve: Epoch and loss of the training, thinned.
        seconds: Wall time.
    """

    score: float
    metrics: dict[str, float]
    shares: dict[str, float]
    epochs: int
    curve: tuple[tuple[int, float], ...]
    seconds: float


def prepare_sweep(spec: MarketSpec, panel: Panel, split: Split) -> SweepData:
    """The data of a sweep.

    Args:
        spec: The market.
        panel: Its data, test window included; that is not looked at.
        split: Its windows.

    Raises:
        SpecError: Too few periods for the origins asked for, or held-out windows on which no score exists.
    """
    tune, seen = spec.tune, split.n_train + split.n_holdout
    known = first_periods(panel, seen)
    space = tune.space or default_space(panel.frequency, attribution_priors=_has_priors(spec))
    lags = max(default_lags(value, panel.frequency) for value in _max_lags(spec, space))
    try:
        origins = rolling_origins(
            seen, tune.gap + split.n_holdout, tune.origins, tune.step or split.n_holdout,
            min_train=lags + MIN_TRAIN,
        )  # fmt: skip
    except SpecError as error:
        raise _too_short(tune.origins, split.n_holdout, error) from error
    data = SweepData(spec, known, origins[::-1], space)
    _check_scores(data)
    return data


def _too_short(origins: int, holdout: int, error: SpecError) -> SpecError:
    message = (
        f"{error.problems[0].message.rstrip('.')}, beyond carry-over. Lower tune.origins (now {origins}), "
        f"tune.step, tune.gap or splits.holdout (now {holdout})."
    )
    return SpecError("tune", [Problem("too_few_periods", "tune.origins", message)])


def _check_scores(data: SweepData) -> None:
    """Refuse held-out windows without a score, found by scoring each window's own mean."""
    for origin in data.origins:
        known_GT = _scored_panel(data, origin).kpi_GT
        flat_GT = np.full_like(known_GT, np.nanmean(known_GT[:, : origin.n_train]))
        value = _metrics(data, origin, flat_GT).get(data.spec.tune.score)
        if value is None or not np.isfinite(value):
            first, last = (data.panel.dates[at] for at in (origin.n_train, origin.n_periods - 1))
            message = (
                f"the held-out window {first} to {last} has no {data.spec.tune.score}: too short, without a "
                "known KPI, or without any variation. Lengthen splits.holdout or take another tune.score."
            )
            raise SpecError("tune", [Problem("holdout_too_short", "splits.holdout", message)])


def _max_lags(spec: MarketSpec, space: Mapping[str, Parameter]) -> list[int | None]:
    item = space.get("model.adstock.max_lag")
    lags: list[Any] = [spec.model.adstock.max_lag]
    return lags if item is None else [*lags, *(None if end is None else int(end) for end in item.ends)]


def _has_priors(spec: MarketSpec) -> bool:
    return spec.model.priors.media_share is not None or bool(spec.model.priors.channels)


def first_periods(panel: Panel, periods: int) -> Panel:
    """The panel as it was when only its first periods were known."""
    cut = slice(0, periods)
    return replace(
        panel,
        dates=panel.dates[cut],
        present_GT=panel.present_GT[:, cut],
        kpi_GT=panel.kpi_GT[:, cut],
        media_GTC=panel.media_GTC[:, cut],
        spend_GTC=panel.spend_GTC[:, cut],
        controls_GTK=panel.controls_GTK[:, cut],
        kpi_value_GT=panel.kpi_value_GT[:, cut],
        contacts_GTC=None if panel.contacts_GTC is None else panel.contacts_GTC[:, cut],
    )


def known_by(spec: MarketSpec, panel: Panel, n_train: int) -> MarketSpec:
    """The spec without lift tests that end after the training periods: they tell of what is held out."""
    last = panel.dates[n_train] if n_train < len(panel.dates) else None
    kept = tuple(test for test in spec.experiments if last is None or np.datetime64(test.end, "D") < last)
    return spec.model_copy(update={"experiments": kept})


def with_settings(spec: MarketSpec, settings: Settings) -> MarketSpec:
    """The spec with settings replaced.

    Raises:
        SpecError: A setting that does not exist or a value it may not have.
    """
    values = replaced(spec.model_dump(mode="json"), settings)
    return validate(MarketSpec, values, "the sweep's settings")


def score_origin(data: SweepData, settings: Settings, place: int) -> OriginScore:
    """Fit one member with given settings on one origin's training periods and score its held-out window.

    The channel graph is left out: it is learned from media alone and moves neither score nor direct shares.

    Args:
        data: From :func:`prepare_sweep`.
        settings: What to try.
        place: Origin, 0 for the newest.

    Raises:
        TrainingError: The fit diverged.
        SpecError: Settings that contradict each other.
    """
    from mmm.train.fit import fit

    started = time.perf_counter()
    origin = data.origins[place]
    spec = with_settings(data.spec, {**settings, "train.members": 1, "model.graph.mode": "none"})
    panel = first_periods(data.panel, origin.n_periods)
    fitted = fit(known_by(spec, panel, origin.n_train), panel, origin)
    parts = fitted.predictor.parts
    metrics = _metrics(data, origin, parts.prediction_MGT.mean(0))
    if not np.isfinite(score := metrics.get(data.spec.tune.score, np.nan)):
        raise FloatingPointError(f"the fit predicts no number for origin {place + 1}")
    return OriginScore(
        score=score,
        metrics=metrics,
        shares=_shares(data, parts.channels_MGTC.mean(0), parts.prediction_MGT.mean(0)),
        epochs=int(fitted.provenance["epochs"]),
        curve=_curve(fitted.trace),
        seconds=round(time.perf_counter() - started, 3),
    )


def _scored_panel(data: SweepData, origin: Split) -> Panel:
    """The panel up to an origin's end, with the KPI of the gap unknown, so that it is not scored."""
    panel, gap = first_periods(data.panel, origin.n_periods), data.spec.tune.gap
    if gap == 0:
        return panel
    kpi_GT = panel.kpi_GT.copy()
    kpi_GT[:, origin.n_train : origin.n_train + gap] = np.nan
    return replace(panel, kpi_GT=kpi_GT)


def _metrics(data: SweepData, origin: Split, predicted_GT: Floats) -> dict[str, float]:
    """Scores of the held-out window that have a value; ``mase`` is 1 less the error over the last value's."""
    from mmm.analysis.score import score_splits

    scores: dict[str, Any] = score_splits(_scored_panel(data, origin), origin, predicted_GT)["holdout"]
    if not scores["n"]:
        return {}
    naive = scores["naive"]
    plain = {name: scores[name] for name in ("r2", "r2_within", "skill", "mae", "wape", "bias")}
    last = naive["last_value"]["mae"]
    plain["mase"] = 1.0 - scores["mae"] / last if last > 0 else None
    plain |= {f"naive_{rule}_r2": values["r2"] for rule, values in naive.items()}
    return {name: float(value) for name, value in plain.items() if value is not None}


def _shares(data: SweepData, channels_GTC: Floats, predicted_GT: Floats) -> dict[str, float]:
    """Shares over the periods that the earliest origin trains on, so that origins can be compared."""
    common = min(origin.n_train for origin in data.origins)
    present_GT = data.panel.present_GT[:, :common]
    total = float(predicted_GT[:, :common][present_GT].sum())
    brought_C = channels_GTC[:, :common][present_GT].sum(0) / total
    return {name: float(share) for name, share in zip(data.panel.channels, brought_C, strict=True)}


def _curve(trace: Mapping[str, list[Any]], points: int = 40) -> tuple[tuple[int, float], ...]:
    rows = [
        (int(epoch), float(loss))
        for stage, epoch, loss in zip(trace["stage"], trace["epoch"], trace["loss"], strict=True)
        if stage == "train"
    ]
    return tuple(rows[:: max(1, len(rows) // points)])


def instability(scores: tuple[OriginScore, ...]) -> float | None:
    """How much of what media bring goes elsewhere from one origin to the next, on average; None for one."""
    moves = [share_shift(newer.shares, older.shares) for newer, older in pairwise(scores)]
    return float(np.mean(moves)) if moves else None
