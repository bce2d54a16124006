"""Plan files over HTTP: what is sent is read into a plan, and a scenario may be had as a workbook."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest
from fastapi.testclient import TestClient

from serve.http.schemas import XLSX
from tests.serve.fitted_models import MORE_TV

ACME = "/v1/models/acme/us"
FILE = {"Content-Type": "application/octet-stream"}
PLAN = "date,tv,search\n2023-12-04,100,20\n2023-12-11,50,30\n"


def send(client: TestClient, content: bytes, name: str = "plan.csv", **headers: str) -> Any:
    return client.post(f"{ACME}/plan-file", params={"name": name}, content=content, headers=FILE | headers)


def test_a_file_becomes_the_amounts_of_a_scenario(client: TestClient) -> None:
    found = send(client, PLAN.encode()).json()
    request = {"plans": {"file": {"spend": found["spend"], "others": "none"}}}
    plan = client.post(f"{ACME}/scenario", json=request).json()["plans"][0]

    assert found["dates"] == ["2023-12-04", "2023-12-11"]
    assert found["spend"] == {"tv": [100.0, 50.0], "search": [20.0, 30.0]}
    assert found["model"]["version"]
    assert plan["spend"] == {"tv": 150.0, "search": 50.0, "radio": 0.0}


def test_a_scenario_as_a_workbook_can_be_sent_back(client: TestClient) -> None:
    answer = client.post(f"{ACME}/scenario", params={"format": "xlsx"}, json=MORE_TV)
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    found = send(client, answer.content, "plan.xlsx").json()

    assert answer.headers["content-type"] == XLSX
    assert book.sheetnames == ["1 more", "2 status quo", "plans", "channels"]
    assert sum(found["spend"]["tv"]) == pytest.approx(9000.0)


@pytest.mark.parametrize(("content", "name", "status", "said"), [
    (PLAN.replace("tv", "tvv"), "plan.csv", 422, "unknown channel 'tvv'"),
    (PLAN.replace("100", "-100"), "plan.csv", 422, "an amount is a number from 0 to 1e13"),
    (PLAN.replace("2023-12-04", "2022-12-04"), "plan.csv", 422, "none of the 2 periods of the plan"),
    ("", "plan.csv", 422, "is an empty file"),
    (PLAN, "plan.xlsx", 422, "cannot be read as a workbook"),
    (PLAN, "plan.docx", 415, "ends with .csv or .xlsx"),
    ("x" * 1_000_001, "plan.csv", 413, "must not exceed"),
])  # fmt: skip
def test_what_cannot_be_read_is_said(
    client: TestClient, content: str, name: str, status: int, said: str
) -> None:
    answer = send(client, content.encode(), name)

    assert answer.status_code == status
    assert said in answer.text


def test_json_is_no_file(client: TestClient) -> None:
    assert send(client, b"{}", **{"Content-Type": "application/json"}).status_code == 415
