"""The run of a training in MLflow: opened before, given losses every few epochs, closed with its scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jobs.record.runs import Run, find_run, settings_of, start_run
from jobs.record.tracking import Tracking
from jobs.train.ray_train import Workers
from mmm.config import MarketSpec


def training_run(tracking: Tracking, spec: MarketSpec, keys: Sequence[str], workers: Workers) -> Run:
    """The run of a training; one that is begun again goes on with the run it had.

    Args:
        tracking: Connection to MLflow.
        spec: The market.
        keys: Every name of the training, its own first; see :class:`jobs.record.identity.FitIdentity`.
        workers: Its workers.

    Raises:
        TrackingError: The server did not take it.
    """
    for key in keys:
        if (run := find_run(tracking, key, "RUNNING")) is not None:
            return run
    tags = {"brand": spec.brand, "market": spec.market, "key": keys[0], "job": "train"}
    params = {**settings_of(spec), "workers": workers.count, "cpus_per_worker": workers.cpus}
    return start_run(tracking, f"{spec.brand} / {spec.market}", tags, params)


def log_losses(run: Run, losses: Mapping[tuple[str, int], float]) -> None:
    """Record losses by stage and epoch, e.g. ``scored.train.loss`` at step 110.

    Raises:
        TrackingError: The server did not take them.
    """
    run.log(
        (f"{stage.replace(': ', '.').replace(' ', '_')}.loss", loss, epoch)
        for (stage, epoch), loss in losses.items()
    )
