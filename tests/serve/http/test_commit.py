"""Plans of record over HTTP: the file of `mmm commit`, and what is refused."""

from __future__ import annotations

from pathlib import Path

from fastapi.testclient import TestClient

from mmm.fitted import load_fitted
from mmm.planning.plan import Plan
from mmm.planning.record.commit import commit_plan
from mmm.planning.record.kept import read_record
from tests.serve.fitted_models import HALF

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
