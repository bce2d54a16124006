"""What a cluster is made of agrees with Ray's own schema, with the lock file and with itself."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import ray
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

SCHEMA = Path(ray.__file__).parent / "autoscaler" / "ray-schema.json"


@pytest.fixture
def cluster(repository: Path) -> dict[str, Any]:
    """Content of cluster.yaml."""
    content: dict[str, Any] = yaml.safe_load((repository / "cluster.yaml").read_text(encoding="utf-8"))
    return content


def check(config: dict[str, Any]) -> None:
    """Raise what Ray would say of a cluster file."""
    jsonschema.validate(config, json.loads(SCHEMA.read_text(encoding="utf-8")))
    validate_config(prepare_config(copy.deepcopy(config)))


def test_ray_accepts_the_cluster_file(cluster: dict[str, Any]) -> None:
    check(cluster)


def misspell(config: dict[str, Any]) -> None:
    """A key Ray does not know."""
    config["max_worker"] = config.pop("max_workers")


def wrong_head(config: dict[str, Any]) -> None:
    """A head of a type that is not listed."""
    config["head_node_type"] = "heads"


def too_few(config: dict[str, Any]) -> None:
    """More workers at least than at most."""
    config["available_node_types"]["cpu"]["min_workers"] = 99


@pytest.mark.parametrize("spoil", [misspell, wrong_head, too_few])
def test_the_check_can_fail(cluster: dict[str, Any], spoil: Callable[[dict[str, Any]], None]) -> None:
    spoil(cluster)

    with pytest.raises((jsonschema.ValidationError, ValueError)):
        check(cluster)


def test_the_head_does_no_work_and_tokens_are_asked_for(cluster: dict[str, Any]) -> None:
    assert cluster["available_node_types"][cluster["head_node_type"]]["resources"] == {"CPU": 0}
    assert "--env RAY_AUTH_MODE=token" in cluster["docker"]["run_options"]


def test_one_image_and_one_ray_everywhere(repository: Path, cluster: dict[str, Any]) -> None:
    job = yaml.safe_load((repository / "deploy" / "kuberay.yaml").read_text(encoding="utf-8"))
    spec = job["spec"]["rayClusterSpec"]
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    images = {group["template"]["spec"]["containers"][0]["image"] for group in groups}
    lock = (repository / "requirements.lock").read_text(encoding="utf-8").splitlines()

    assert images == {cluster["docker"]["image"]}
    assert f"ray=={spec['rayVersion']}" in lock
    assert job["spec"]["entrypoint"].startswith("python -m jobs.refit ")


def test_the_image_installs_the_lock(repository: Path) -> None:
    text = (repository / "Dockerfile").read_text(encoding="utf-8")

    assert "pip install -r requirements.lock" in text
    copied = [line.split()[1] for line in text.splitlines() if line.startswith("COPY") and "lock" not in line]
    assert all((repository / name).exists() for name in copied)
