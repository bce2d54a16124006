"""Damaged champions under load: their brand goes on with the version before, nobody else notices."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from mlflow import MlflowClient

from jobs.stress.http_load import Answer, Load, load
from tests.serve.fitted_models import HALF, place_model
from tests.serve.service import Service, running

pytestmark = [pytest.mark.serve, pytest.mark.timeout(900)]

BRANDS = ("acme", "bolt")


def _overwrite(model: Path) -> None:
    path = model / "weights.npz"
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = b"\xff" * 64
    path.write_bytes(content)


def _truncate(model: Path) -> None:
    path = model / "weights.npz"
    path.write_bytes(path.read_bytes()[:1000])


def _empty(model: Path) -> None:
    (model / "panel.npz").write_bytes(b"")


def _not_a_number(model: Path) -> None:
    with np.load(model / "weights.npz", allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays["share"] = np.full_like(arrays["share"], np.nan)
    np.savez_compressed(model / "weights.npz", allow_pickle=False, **arrays)


def _missing(model: Path) -> None:
    shutil.rmtree(model)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "overwritten": _overwrite,
    "truncated": _truncate,
    "emptied": _empty,
    "not a number": _not_a_number,
    "missing": _missing,
}


def registry(folder: Path) -> MlflowClient:
    uri = f"sqlite:///{folder}/mlflow/mlflow.db"
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def promote(folder: Path, brand: str, fit: Path) -> str:
    """Register a fit's folder as a new version and make it champion."""
    client, name = registry(folder), f"brand={brand},market=us"
    version = client.create_model_version(name, fit.as_uri())
    client.set_registered_model_alias(name, "champion", str(version.version))
    return str(version.version)


@pytest.fixture(scope="module")
def refit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a refit of two brands leaves."""
    folder = tmp_path_factory.mktemp("refit")
    (folder / "mlflow").mkdir()
    for seed, brand in enumerate(BRANDS):
        place_model(folder / "fits", brand, "us", seed=seed)
        registry(folder).create_registered_model(
            f"brand={brand},market=us", tags={"brand": brand, "market": "us"}
        )
        promote(folder, brand, folder / "fits" / f"brand={brand}" / "market=us" / "fit")
    return folder


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def service(refit: Path, state: str) -> Iterator[Service]:
    with running(refit, "--poll", "0.5", XDG_STATE_HOME=state) as service:
        yield service


def loads(service: Service, seconds: float) -> dict[str, tuple[Load, list[Answer]]]:
    """Load on both brands at once."""
    found: dict[str, tuple[Load, list[Answer]]] = {}

    def on(brand: str) -> None:
        answers: list[Answer] = []
        url = f"{service.url}/v1/models/{brand}/us/optimize"
        body = json.dumps(HALF).encode()
        found[brand] = load(url, clients=2, seconds=seconds, body=body, on_answer=answers.append), answers

    threads = [threading.Thread(target=on, args=(brand,)) for brand in BRANDS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def version_of(service: Service, brand: str) -> str:
    answer = requests.get(f"{service.url}/v1/models/{brand}/us", timeout=60)
    answer.raise_for_status()
    return str(answer.json()["version"])


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_champion_under_load_fails_no_request(service: Service, refit: Path, kind: str) -> None:
    before = version_of(service, "acme")
    planners = service.replicas("Planner")
    fit = refit / "damaged" / kind.replace(" ", "_")
    shutil.copytree(refit / "fits" / "brand=acme" / "market=us" / "fit", fit)
    DAMAGES[kind](fit / "model")
    health: list[int] = []

    def promoted() -> None:
        promote(refit, "acme", fit)
        for _ in range(10):
            health.append(requests.get(f"{service.url}/healthz", timeout=60).status_code)
            time.sleep(0.2)

    timer = threading.Timer(1.0, promoted)
    timer.start()
    found = loads(service, seconds=5)
    timer.join()

    assert {brand: found[brand][0].errors for brand in BRANDS} == {"acme": 0, "bolt": 0}
    assert {answer.version for answer in found["acme"][1]} == {before}
    assert health == [200] * 10
    assert set(planners) <= set(service.replicas("Planner")), "planners were replaced"
    told: dict[str, Any] = requests.post(f"{service.url}/v1/reload", timeout=60).json()
    (reason,) = (text for key, text in told["broken"].items() if key.startswith("brand=acme"))
    assert (
        reason.endswith(("Fit the model again.", "Fit one first."))
        and "Traceback" not in reason
        and "ray::" not in reason
    )


def test_killed_interfaces_and_planners_still_know_the_last_good_version(service: Service) -> None:
    before = version_of(service, "acme")
    for deployment in ("Interface", "Planner"):
        for pid in service.replicas(deployment):
            os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 90
    while True:
        try:
            assert version_of(service, "acme") == before
            break
        except (requests.RequestException, AssertionError):
            assert time.monotonic() < until
            time.sleep(0.5)
    answer = requests.post(f"{service.url}/v1/models/acme/us/optimize", json=HALF, timeout=60)
    assert answer.json()["model"]["version"] == before


def test_a_service_started_anew_serves_the_last_good_version(
    service: Service, refit: Path, state: str
) -> None:
    before = {brand: version_of(service, brand) for brand in BRANDS}
    with running(refit, "--poll", "3600", XDG_STATE_HOME=state) as again:
        assert {brand: version_of(again, brand) for brand in BRANDS} == before
        assert requests.get(f"{again.url}/healthz", timeout=60).json()["models"] == 2


def test_a_good_champion_after_a_damaged_one_is_served(service: Service, refit: Path) -> None:
    place_model(refit / "good", "acme", "us", seed=9)
    version = promote(refit, "acme", refit / "good" / "brand=acme" / "market=us" / "fit")
    requests.post(f"{service.url}/v1/reload", timeout=60)

    assert version_of(service, "acme") == version
