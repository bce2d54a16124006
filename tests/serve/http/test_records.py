"""Plans of record over HTTP: the file of `mmm commit`, and what is refused."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from mmm.fitted import load_fitted
from mmm.planning.budget import plan_budget
from mmm.planning.plan import Plan
from mmm.planning.record.commit import commit_plan
from mmm.planning.record.kept import read_record
from mmm.planning.record.read import read_actuals
from mmm.planning.record.stated import StatedSpend
from mmm.planning.record.variance import explain
from mmm.planning.request import parse_request
from mmm.planning.scenario.request import parse_scenario
from tests.serve.fitted_models import HALF, client_of, named
from tests.small import sketch, small_panel

US = "/v1/models/acme/us"


def test_the_record_is_that_of_the_library(client: TestClient, models: Path, tmp_path: Path) -> None:
    plan = client.post(f"{US}/optimize", json=HALF).json()
    answer = client.post(f"{US}/commit", json=plan)
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/zip"
    path = tmp_path / "http.record"
    path.write_bytes(answer.content)
    found = read_record(path)
    fitted = load_fitted(models / "brand=acme" / "market=us" / "fit")
    own, digest = commit_plan(Plan.model_validate(plan), fitted, tmp_path / "own.record")

    assert found.digest == digest == read_record(own).digest
    assert found.promise.plan.spend == plan["spend"]


def test_what_cannot_be_committed_is_said(client: TestClient) -> None:
    plan = client.post(f"{US}/optimize", json=HALF).json()
    impossible = client.post(f"{US}/optimize", json={**HALF, "budget": 9e9}).json()
    other = client.post("/v1/models/acme/de/commit", json=plan)
    for answer, text in (
        (other, "was made by another model"),
        (client.post(f"{US}/commit", json=impossible), "Only a plan that can run"),
        (client.post(f"{US}/commit", json={"spend": 3}), "is no plan"),
        (client.post(f"{US}/commit", json={"plan": plan, "models": {}}), "over several models"),
    ):
        assert answer.status_code == 422
        assert [one["code"] for one in answer.json()["errors"]] == ["not_committed"]
        assert text in answer.text


REGIONAL: dict[str, Any] = {
    "horizon": 4,
    "plans": {
        "north": {"spend": {"tv": {"r0": 900.0, "r1": [0, 0, 0, 50.0], "r2": 0.0}}, "others": "current"}
    },
}


def test_stated_spend_is_committed_by_region_and_period(
    client: TestClient, models: Path, tmp_path: Path
) -> None:
    answer = client.post(f"{US}/commit", json=REGIONAL)
    assert answer.status_code == 200
    path = tmp_path / "stated.record"
    path.write_bytes(answer.content)
    found = read_record(path)
    fitted = load_fitted(models / "brand=acme" / "market=us" / "fit")
    _, digest = commit_plan(parse_scenario(REGIONAL), fitted, tmp_path / "own.record")
    shown = client.post(f"{US}/scenario", json=REGIONAL).json()["plans"][0]

    assert found.digest == digest
    assert isinstance(found.promise.plan, StatedSpend)
    assert found.promise.plan.found.gain.model_dump() == shown["gain"]
    assert np.mean(found.promise.gain_draws) == pytest.approx(shown["gain"]["mean"])


@pytest.mark.parametrize(
    ("plans", "path", "text"),
    [
        ({"a": {"spend": {"tv": {"r0": 1}}, "others": "none"}}, "plans.a.spend.tv", "2 of 3 regions"),
        ({"a": {"spend": {"tw": 1}, "others": "none"}}, "plans.a.spend.tw", "unknown channel 'tw'"),
        ({"a": {"spend": {}, "others": "none"}, "b": {"spend": {}, "others": "none"}}, "", "one by one"),
    ],
)
def test_spend_that_does_not_fit_is_refused_with_its_place(
    client: TestClient, plans: dict[str, Any], path: str, text: str
) -> None:
    answer = client.post(f"{US}/commit", json={"horizon": 4, "plans": plans})
    (error,) = answer.json()["errors"]

    assert answer.status_code == 422
    assert error["path"].startswith(path) and text in error["message"]


def past_record(folder: Path) -> Path:
    """A plan that a model of ten weeks ago made, of which all has come in the model that is served."""
    past = named(sketch(small_panel().until(38)), "acme", "us")
    plan = plan_budget(past, parse_request(HALF | {"horizon": 8}))
    path, _ = commit_plan(plan, past, folder / "past.record")
    return path


def sent(client: TestClient, content: bytes, route: str = US, kind: str = "application/zip") -> Any:
    return client.post(f"{route}/variance", content=content, headers={"content-type": kind})


def test_variance_is_that_of_the_library(client: TestClient, models: Path, tmp_path: Path) -> None:
    path = past_record(tmp_path)
    record = read_record(path)
    own = explain(record, read_actuals(record, str(models / "brand=acme" / "market=us" / "fit")))
    answer = sent(client, path.read_bytes())
    found = answer.json()

    assert answer.status_code == 200
    assert found["model"].pop("version")
    assert found == json.loads(own.model_dump_json())
    assert (found["periods"], found["baseline_from"]) == (8, "newer model")
    assert found["actual_kpi"] == pytest.approx(small_panel().kpi_GT[:, 38:46].sum())


def test_a_record_that_cannot_be_compared_is_refused_in_words(client: TestClient, tmp_path: Path) -> None:
    past = past_record(tmp_path).read_bytes()
    ahead = client.post(f"{US}/commit", json=REGIONAL).content
    for answer, text in (
        (sent(client, ahead), "nothing of it has come yet"),
        (sent(client, past, "/v1/models/acme/de"), "is of acme / us, the data of acme / de"),
        (sent(client, past[:-40]), "is no plan of record, or damaged"),
        (sent(client, b"{}"), "is no plan of record, or damaged"),
    ):
        assert answer.status_code == 422
        assert [one["code"] for one in answer.json()["errors"]] == ["not_compared"]
        assert text in answer.text
    assert sent(client, past, kind="application/json").status_code == 415


def bomb(*, inner: bool) -> bytes:
    """A small archive that holds a very large file, itself or in an archive of arrays."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights", b"0" * 30_000_000)
    content = stream.getvalue()
    if not inner:
        return content
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("model/weights.npz", content)
    return outer.getvalue()


@pytest.mark.parametrize("inner", [False, True])
def test_a_small_file_that_unpacks_to_a_very_large_one_is_refused(client: TestClient, *, inner: bool) -> None:
    answer = sent(client, bomb(inner=inner))

    assert answer.status_code == 422
    assert "larger than any plan of record" in answer.text


def test_records_have_a_limit_of_their_own(models: Path, tmp_path: Path) -> None:
    content = past_record(tmp_path).read_bytes()
    with client_of(models, limits={"body_bytes": 1000}) as client:
        assert sent(client, content).status_code == 200
    with client_of(models, limits={"record_bytes": len(content) - 1}) as client:
        assert sent(client, content).status_code == 413
