"""Training workers on a cluster: whether it has room for them, where they run, what becomes of failures."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jobs.command import Say
from jobs.guard import environment, guarded
from jobs.own_ray import ClusterError
from jobs.train.progress import ProgressLog, ProgressReader, ProgressWriter
from jobs.train.shards import cut_regions
from jobs.train.worker import SilentListener, TrainPlan, train_shard
from mmm.errors import CheckpointError, MMMError, OutputError, TrainingError

ENVIRONMENT = {
    # How soon a dead worker is noticed: by default after 2 s.
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
}
LogLosses = Callable[[Mapping[tuple[str, int], float]], None]


@dataclass(frozen=True)
class Workers:
    """Workers of a training.

    Attributes:
        count: How many.
        cpus: CPUs, and threads, of each.
        gpus: Whether each has a GPU.
        tries: How often workers are started again after one died.
        wait: Seconds in which the cluster must have room for all of them.
    """

    count: int
    cpus: int = 1
    gpus: bool = False
    tries: int = 3
    wait: float = 300.0

    @property
    def needs(self) -> dict[str, float]:
        """Resources of one worker."""
        return {"CPU": float(self.cpus), **({"GPU": 1.0} if self.gpus else {})}


def await_room(workers: Workers, say: Say, *, local: bool) -> None:
    """Wait until the cluster has room for every worker, and say so before.

    Args:
        workers: The workers.
        say: Listener what is missing.
        local: Whether the cluster is this process's own, which will not grow.

    Raises:
        ClusterError: It has no such room in time.
    """
    until = time.monotonic() + workers.wait
    said = ""
    while lacking := _too_small(workers) or _busy(workers):
        hopeless = local and bool(_too_small(workers))
        if hopeless or time.monotonic() >= until:
            waited = "" if hopeless else f" after {workers.wait:.0f} s of waiting"
            raise ClusterError(
                f"No room for {workers.count} workers{waited}: {lacking}. Ask for fewer --workers or "
                "--cpus-per-worker, or add nodes."
            )
        if lacking != said:
            said = lacking
            say(f"waiting up to {workers.wait:.0f} s for room: {lacking}")
        time.sleep(0.5)


def _too_small(workers: Workers) -> str:
    """What the cluster lacks for the workers even when nobody else is at work; empty if nothing."""
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    wanted = " and ".join(f"{amount:g} {name}" for name, amount in workers.needs.items())
    fit = sum(
        int(min(node.get(name, 0.0) // amount for name, amount in workers.needs.items())) for node in nodes
    )
    if fit >= workers.count:
        return ""
    has = ", ".join(f"{sum(node.get(name, 0.0) for node in nodes):g} {name}" for name in workers.needs)
    return (
        f"{workers.count} workers of {wanted} each are wanted, the cluster's {len(nodes)} nodes "
        f"have {has} in all and take {fit}"
    )


def _busy(workers: Workers) -> str:
    """What others hold that the workers needs; empty if nothing."""
    import ray

    free: Mapping[str, float] = ray.available_resources()  # type: ignore[no-untyped-call]
    for name, amount in workers.needs.items():
        wanted = amount * workers.count
        if free.get(name, 0.0) < wanted:
            return f"{wanted:g} {name} are wanted, {free.get(name, 0.0):g} are free, others are at work"
    return ""


def cluster_gpus() -> int:
    """GPUs of the connected cluster."""
    import ray

    return int(ray.cluster_resources().get("GPU", 0))  # type: ignore[no-untyped-call]


def run_training(plan: TrainPlan, workers: Workers, say: Say, log: LogLosses | None = None) -> None:
    """Train over shards until every fit of the plan is saved as done.

    Args:
        plan: The training.
        workers: The workers.
        say: Listener lines of progress.
        log: Given losses by stage and epoch.

    Raises:
        SpecError: More workers than regions.
        TrainingError: Training diverged, or workers died more often than ``workers.tries``.
        CheckpointError: What lies at the place is of another fit.
    """
    import ray
    from ray.train import TrainingFailedError

    cut_regions(plan.observed_G, workers.count)
    actor: Any = ray.remote(ProgressLog)
    progress_log = actor.options(num_cpus=0, max_restarts=-1).remote()
    reader = ProgressReader(lambda: ray.get(progress_log.take.remote()), say, log)
    with _scratch() as folder, reader:
        config = {"plan": ray.put(plan), "progress_log": progress_log, "gpus": workers.gpus}
        try:
            result = _trainer(_work, config, workers, folder).fit()
        except TrainingFailedError as error:
            raise TrainingError(
                f"Training stopped: {_reason(error)} Run the same command again to go on from the last "
                "checkpoint."
            ) from error
    outcome: Any = result.return_value
    if isinstance(outcome, MMMError):
        raise outcome


def on_workers(work: Callable[..., Any], given: Any, workers: Workers) -> list[Any]:
    """What a function of ``given``, the worker's index and their number answers on each of a workers.

    Raises:
        TrainingError: A worker died.
    """
    import ray
    from ray.train import TrainingFailedError

    with _scratch() as folder:
        config = {"work": work, "given": ray.put(given)}
        try:
            result = _trainer(_ask, config, replace(workers, tries=0), folder).fit()
        except TrainingFailedError as error:
            raise TrainingError(f"The workers stopped: {_reason(error)}") from error
    return list(result.return_value)


def _ask(config: dict[str, Any]) -> list[Any]:
    """What runs on each worker; every worker hands back the answers of all."""
    import ray
    import ray.train
    import torch.distributed as dist

    context = ray.train.get_context()
    index, workers = context.get_world_rank(), context.get_world_size()
    answers: list[Any] = [None] * workers
    answer = config["work"](ray.get(config["given"]), index, workers)
    if workers == 1:
        return [answer]
    dist.all_gather_object(answers, answer)
    return answers


@contextmanager
def _scratch() -> Iterator[Path]:
    """A guarded folder for what Ray Train insists on writing, and its settings where the caller has none."""
    own = {name: value for name, value in ENVIRONMENT.items() if name not in os.environ}
    with environment(own), guarded() as folder:
        yield folder


def _trainer(loop: Any, config: dict[str, Any], workers: Workers, folder: Path) -> Any:
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    failures: Any = FailureConfig
    return TorchTrainer(
        loop,
        train_loop_config=config,
        torch_config=TorchConfig(backend="nccl" if workers.gpus else "gloo"),
        scaling_config=ScalingConfig(
            num_workers=workers.count,
            use_gpu=workers.gpus,
            resources_per_worker=workers.needs,
            placement_strategy="SPREAD",
        ),
        # Ray keeps nothing: checkpoints of shards are the state of a training, wherever it is run again.
        run_config=RunConfig(
            name="training",
            storage_path=str(folder),
            failure_config=failures(max_failures=workers.tries, controller_failure_limit=workers.tries),
        ),
    )


def _work(config: dict[str, Any]) -> MMMError | None:
    """What runs on each worker; an error that all workers share is handed back, not tried again."""
    import ray
    import ray.train

    plan: TrainPlan = ray.get(config["plan"])
    context = ray.train.get_context()
    index, workers = context.get_world_rank(), context.get_world_size()
    progress_log = config["progress_log"]
    node = ray.get_runtime_context().get_node_id()[:8]
    place = f"{socket.gethostname()}, node {node}, process {os.getpid()}"
    ray.get(progress_log.write.remote(f"worker {index + 1} of {workers} begins on {place}"))
    listener = ProgressWriter(progress_log) if index == 0 else SilentListener()
    try:
        line = train_shard(plan, index, workers, listener, _device() if config["gpus"] else None)
    except (TrainingError, CheckpointError, OutputError) as error:
        return error
    ray.get(progress_log.write.remote(line))
    return None


def _device() -> str:
    """This worker's GPU."""
    import torch
    from ray.train.torch import get_device

    device = get_device()
    torch.cuda.set_device(device)
    return str(device)


def _reason(error: Exception) -> str:
    """Why workers stopped, in a sentence."""
    failures = getattr(error, "worker_failures", None)
    text = str(next(iter(failures.values())) if failures else error).strip()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__).rstrip(".") + "."
