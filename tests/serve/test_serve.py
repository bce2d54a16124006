"""The service on Ray Serve: answers, replicas that are killed, champions that change, all under load."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from jobs.stress.http_load import Answer, Load, load
from mmm.fitted import load_fitted
from mmm.planning.budget import plan_budget
from tests.serve.fitted_models import HALF, MORE_TV, place_model, place_three
from tests.serve.service import ROOT, Service, running

pytestmark = pytest.mark.serve
ACME = "/v1/models/acme/us"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    place_three(folder)
    return folder


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Service]:
    with running(folder, "--poll", "3600") as service:
        yield service


def under_load(
    url: str, do: Callable[[], None], *, seconds: float, body: Any = None
) -> tuple[Load, list[Answer]]:
    """Put load on a service, do something a second later, and go on for a while after it was done."""
    answers: list[Answer] = []
    text = None if body is None else json.dumps(body).encode()
    timer = threading.Timer(1.0, do)
    whole, began, over = Load(), time.perf_counter(), False
    timer.start()
    while not over:
        over, offset = not timer.is_alive(), time.perf_counter() - began
        part: list[Answer] = []
        found = load(url, clients=4, seconds=seconds, body=text, on_answer=part.append)
        answers += [replace(answer, began=answer.began + offset) for answer in part]
        whole.statuses += found.statuses
        whole.versions += found.versions
        seconds = 2.0
    timer.join()
    return whole, answers


def test_answers_are_those_of_the_library(service: Service, folder: Path) -> None:
    answer = requests.post(f"{service.url}{ACME}/optimize", json=HALF, timeout=60)
    plan = answer.json()
    fitted = load_fitted(folder / "brand=acme" / "market=us" / "fit")

    assert plan["model"].pop("version") == answer.headers["X-Model-Version"]
    assert plan == json.loads(plan_budget(fitted, HALF).model_dump_json())
    scenario = requests.post(f"{service.url}{ACME}/scenario", json=MORE_TV, timeout=60)
    assert [one["name"] for one in scenario.json()["plans"]] == ["more"]
    portfolio = requests.post(f"{service.url}/v1/portfolio/optimize", json=HALF, timeout=60)
    assert len(portfolio.json()["models"]) == 3


def test_problems_and_request_ids_come_through_the_proxy(service: Service) -> None:
    headers = {"Content-Type": "application/json", "X-Request-Id": "mine-1"}
    answer = requests.post(
        f"{service.url}{ACME}/optimize", data=b'{"budget": NaN}', headers=headers, timeout=60
    )

    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-Id"] == answer.json()["request_id"] == "mine-1"
    assert "<title>" in requests.get(service.url, timeout=60).text
    assert requests.get(f"{service.url}/healthz", timeout=60).json() == {"status": "ok", "models": 3}


def test_token_and_logs_of_its_ray_are_closed_to_others(service: Service) -> None:
    environment = Path(f"/proc/{service.replicas('Interface')[0]}/environ").read_bytes().split(b"\0")
    (token,) = (line for line in environment if line.startswith(b"RAY_AUTH_TOKEN_PATH="))
    folder = Path(token.partition(b"=")[2].decode()).parent

    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.glob("ray*/session_latest/logs"))


def test_a_planner_killed_under_load_costs_no_request(service: Service) -> None:
    (planner, *_) = service.replicas("Planner")
    good = requests.post(f"{service.url}{ACME}/optimize", json=HALF, timeout=60).json()
    found, answers = under_load(
        f"{service.url}{ACME}/optimize", lambda: os.kill(planner, signal.SIGKILL), seconds=6, body=HALF
    )

    assert found.errors == 0, found.statuses
    assert all(json.loads(answer.body) == good for answer in answers)
    assert planner not in service.replicas("Planner")


def test_an_interface_killed_under_load_costs_no_more_than_was_under_way(service: Service) -> None:
    (interface, *_) = service.replicas("Interface")
    found, answers = under_load(
        f"{service.url}{ACME}/curves", lambda: os.kill(interface, signal.SIGKILL), seconds=6
    )

    assert found.errors <= 4, found.statuses
    assert len({answer.body for answer in answers if answer.status == 200}) == 1
    assert max((a.began for a in answers if a.status != 200), default=0.0) < 1.0 + 10.0


def test_a_new_model_under_load_fails_no_request_and_counts_from_one_moment(
    service: Service, folder: Path
) -> None:
    before = requests.get(f"{service.url}{ACME}", timeout=60).json()["version"]
    told: list[Any] = []

    def change() -> None:
        place_model(folder, "acme", "us", seed=11)
        told.append(requests.post(f"{service.url}/v1/reload", timeout=60).json())
        told.append(time.perf_counter() - began)

    began = time.perf_counter()
    found, answers = under_load(f"{service.url}{ACME}/optimize", change, seconds=6, body=HALF)
    after = requests.get(f"{service.url}{ACME}", timeout=60).json()["version"]

    assert found.errors == 0, found.statuses
    assert told[0]["changes"] == [{"name": "acme/us", "before": before, "after": after}]
    assert set(found.versions) == {before, after}
    late = [answer.version for answer in answers if answer.began > told[1]]
    assert late and set(late) == {after}
    for answer in answers:
        assert json.loads(answer.body)["model"]["version"] == answer.version


def test_a_service_that_others_could_reach_without_a_token_does_not_start(folder: Path) -> None:
    command = [sys.executable, "-m", "serve", str(folder), "--host", "0.0.0.0", "--port", "0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 2
    assert "Without tokens" in done.stderr


def test_a_folder_without_models_and_a_taken_port_are_told_at_once(
    service: Service, folder: Path, tmp_path: Path
) -> None:
    port = service.url.rpartition(":")[2]
    for arguments, told in (
        ([str(tmp_path)], "holds no fitted model"),
        ([str(folder), "--port", port], "is taken"),
    ):
        command = [sys.executable, "-m", "serve", *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 2
        assert told in done.stderr
