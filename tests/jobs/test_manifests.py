"""Manifests of deploy/ hold what their kinds know, and agree with one another."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

SCHEMAS = yaml.safe_load((Path(__file__).parent / "manifest_schemas.yaml").read_text(encoding="utf-8"))
KUBERNETES = ("kuberay.yaml", "kuberay-serve.yaml", "podmonitor.yaml", "refit-monday.yaml")
ANYSCALE = ("job.yaml", "service.yaml")
Manifest = dict[str, Any]


def documents(repository: Path, name: str) -> list[Manifest]:
    """Every document of a file of deploy/."""
    text = (repository / "deploy" / name).read_text(encoding="utf-8")
    return [document for document in yaml.safe_load_all(text) if document]


def check(schema: Manifest, content: Manifest) -> None:
    """Hold content against a schema with the shared definitions.

    Raises:
        jsonschema.ValidationError: It has what its kind does not know, or lacks what it needs.
    """
    jsonschema.validate(content, {"$defs": SCHEMAS["$defs"], "type": "object", **schema})


def check_resource(document: Manifest) -> None:
    """Hold a resource against its kind."""
    check(SCHEMAS["$defs"]["metadata"], document["metadata"])
    if document["kind"] in SCHEMAS["kinds"]:
        check(SCHEMAS["kinds"][document["kind"]], document["spec"])


@pytest.mark.parametrize("name", KUBERNETES)
def test_resources_hold_what_their_kinds_know(name: str, repository: Path) -> None:
    for document in documents(repository, name):
        assert document["apiVersion"]
        check_resource(document)


@pytest.mark.parametrize("name", ANYSCALE)
def test_files_of_anyscale_hold_what_it_knows(name: str, repository: Path) -> None:
    (content,) = documents(repository, f"anyscale/{name}")

    check(SCHEMAS["files"][name], content)


def misspell(job: Manifest) -> None:
    """A field that the kind does not know."""
    group = job["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]
    group["minReplica"] = group.pop("minReplicas")


def number(job: Manifest) -> None:
    """A parameter that must be text."""
    job["spec"]["rayClusterSpec"]["headGroupSpec"]["rayStartParams"]["num-cpus"] = 0


def as_root(job: Manifest) -> None:
    """A pod that may run as root."""
    pod = job["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]
    pod["securityContext"]["runAsNonRoot"] = False


@pytest.mark.parametrize("spoil", [misspell, number, as_root])
def test_the_check_can_fail(repository: Path, spoil: Callable[[Manifest], None]) -> None:
    job = copy.deepcopy(documents(repository, "kuberay.yaml")[0])
    spoil(job)

    with pytest.raises(jsonschema.ValidationError):
        check_resource(job)


def test_one_image_and_one_service_everywhere(repository: Path) -> None:
    (job,), (service,) = (documents(repository, name) for name in ("kuberay.yaml", "kuberay-serve.yaml"))
    hosted = {name: documents(repository, f"anyscale/{name}")[0] for name in ANYSCALE}
    spec = service["spec"]["rayClusterConfig"]
    images = {
        group["template"]["spec"]["containers"][0]["image"]
        for cluster in (job["spec"]["rayClusterSpec"], spec)
        for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])
    }
    ours = yaml.safe_load(service["spec"]["serveConfigV2"])["applications"][0]
    theirs = hosted["service.yaml"]["applications"][0]

    assert images == {content["image_uri"] for content in hosted.values()}
    assert len(images) == 1
    assert {**theirs, "args": {**theirs["args"], "models": ""}} == {
        **ours,
        "args": {**ours["args"], "models": ""},
    }
    assert hosted["job.yaml"]["entrypoint"].startswith("python -m jobs.refit ")


def test_the_head_may_come_back_and_metrics_are_read_everywhere(repository: Path) -> None:
    (service,), (monitor,) = (
        documents(repository, name) for name in ("kuberay-serve.yaml", "podmonitor.yaml")
    )
    cluster = service["spec"]["rayClusterConfig"]
    ports = [
        {port["name"] for port in group["template"]["spec"]["containers"][0]["ports"]}
        for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])
    ]

    assert "valueFrom" in cluster["gcsFaultToleranceOptions"]["redisPassword"], "no password in a manifest"
    assert all(monitor["spec"]["podMetricsEndpoints"][0]["port"] in names for names in ports)


def test_mondays_refit_is_the_job_beside_it(repository: Path) -> None:
    found = {document["kind"]: document for document in documents(repository, "refit-monday.yaml")}
    pod = found["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]

    assert found["CronJob"]["spec"]["schedule"].endswith(" 1")
    assert pod["serviceAccountName"] == found["ServiceAccount"]["metadata"]["name"]
    assert found["RoleBinding"]["roleRef"]["name"] == found["Role"]["metadata"]["name"]
    assert pod["containers"][0]["args"][-1] == "/jobs/refit.yaml"
