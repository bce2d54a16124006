"""The HTTP contract, in one process: answers, their equality with the commands, problem bodies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from mmm.analysis.attribution import contributions_table
from mmm.analysis.curves import response_curves
from mmm.cli import command as cli
from mmm.fitted import load_fitted
from tests.serve.fitted_models import HALF, MORE_TV, client_of, place_model

ACME = "/v1/models/acme/us"


def acme_folder(models: Path) -> Path:
    return models / "brand=acme" / "market=us" / "fit"


def by_command(command: str, models: Path, request: Any, folder: Path) -> Any:
    asked, out = folder / "asked.json", folder / "answer.json"
    asked.write_text(json.dumps(request))
    assert cli.main([command, str(acme_folder(models)), str(asked), "--out", str(out), "--force"]) in (0, 1)
    return json.loads(out.read_text())


def test_models_are_listed_with_version_and_window(client: TestClient) -> None:
    listed = client.get("/v1/models").json()["models"]

    assert [(m["brand"], m["market"]) for m in listed] == [("acme", "de"), ("acme", "us"), ("bolt", "us")]
    assert listed[1]["first_date"] == "2023-01-02"
    assert listed[1]["last_date"] == "2023-11-27"
    assert len({m["version"] for m in listed}) == 3


def test_a_model_tells_channels_window_and_scores(client: TestClient) -> None:
    detail = client.get(ACME).json()

    assert [channel["name"] for channel in detail["channels"]] == ["tv", "search", "radio"]
    assert detail["channels"][0]["unit"] == "USD"
    assert detail["period"] == "week" and detail["periods"] == 48
    assert detail["kpi_value"] == pytest.approx(2.0)
    assert detail["regions"] == ["r0", "r1", "r2"]


def test_curves_are_those_of_the_model(client: TestClient, models: Path) -> None:
    answer = client.get(f"{ACME}/curves")
    curves = response_curves(load_fitted(acme_folder(models)))
    tv = curves[curves["channel"] == "tv"]

    np.testing.assert_allclose(answer.json()["curves"]["tv"]["response"], tv["response"])
    assert answer.json()["window"] == {"first_date": "2023-01-02", "last_date": "2023-10-02", "periods": 40}
    again = client.get(f"{ACME}/curves", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_contributions_add_up_over_regions_and_components(client: TestClient, models: Path) -> None:
    answer = client.get(f"{ACME}/contributions").json()
    table = contributions_table(load_fitted(acme_folder(models)))
    values = np.array([row["value"] for row in answer["components"]])
    tv = next(row for row in answer["components"] if row["component"] == "tv")

    np.testing.assert_allclose(values.sum(0), answer["predicted"], rtol=1e-6)
    national = table[table["component"] == "tv"].groupby("date")["value"].sum()
    np.testing.assert_allclose(tv["value"], national, rtol=1e-6)
    own = client.get(f"{ACME}/contributions", params={"region": "r1"}).json()
    mine = table[(table["component"] == "tv") & (table["region"] == "r1")]
    np.testing.assert_allclose(own["components"][-3]["lower"], mine["lower"], rtol=1e-6, atol=1e-9)


def test_an_unknown_region_is_named(client: TestClient) -> None:
    answer = client.get(f"{ACME}/contributions", params={"region": "moon"})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "region"


@pytest.mark.parametrize(
    "request_",
    [
        HALF,
        {"budget": 100, "bounds": {"tv": {"min": 500}}},
        {"budget": 20000, "by_region": True, "horizon": 4},
    ],
    ids=["half", "infeasible", "by region"],
)
def test_optimize_answers_what_the_command_answers(
    client: TestClient, models: Path, tmp_path: Path, request_: Any
) -> None:
    answer = client.post(f"{ACME}/optimize", json=request_)
    plan = answer.json()

    assert answer.status_code == 200
    assert plan["model"].pop("version") == answer.headers["x-model-version"]
    assert plan == by_command("optimize", models, request_, tmp_path)


def test_scenario_answers_what_the_command_answers(client: TestClient, models: Path, tmp_path: Path) -> None:
    answer = client.post(f"{ACME}/scenario", json=MORE_TV)
    scenario = answer.json()

    assert scenario["model"].pop("version") == answer.headers["x-model-version"]
    assert scenario == by_command("scenario", models, MORE_TV, tmp_path)


def test_a_portfolio_shares_one_budget(client: TestClient) -> None:
    request = {"models": [{"brand": "acme", "market": "us"}, {"brand": "bolt", "market": "us"}], **HALF}
    answer = client.post("/v1/portfolio/optimize", json=request).json()

    assert set(answer["models"]) == {"acme/us", "bolt/us"}
    assert sum(answer["plan"]["spend"].values()) == pytest.approx(answer["plan"]["budget"])
    assert answer["plan"]["model"]["acme/us"]["version"]
    everything = client.post("/v1/portfolio/optimize", json=HALF).json()
    assert set(everything["models"]) == {"acme/de", "acme/us", "bolt/us"}


def test_a_portfolio_of_several_currencies_needs_rates(tmp_path: Path) -> None:
    place_model(tmp_path, "acme", "us")
    place_model(tmp_path, "acme", "de", currency="EUR")
    path = "/v1/portfolio/optimize"
    with client_of(tmp_path) as client:
        mixed = client.post(path, json=HALF)
        unrated = client.post(path, json={**HALF, "currency": "USD"})
        typo = client.post(path, json={**HALF, "currency": "USD", "kpi_values": {"acme/uk": 1}})
        rated = {**HALF, "currency": "USD", "exchange_rates": {"EUR": 2.0}, "kpi_values": {"acme/us": 4.0}}
        plan = client.post(path, json=rated).json()["plan"]

    assert mixed.json()["errors"][0]["code"] == "currencies"
    assert unrated.json()["errors"][0]["path"] == "exchange_rates.EUR"
    assert {error["path"] for error in typo.json()["errors"]} == {"kpi_values.acme/uk", "exchange_rates.EUR"}
    assert plan["current_spend"]["acme/de/tv"] == pytest.approx(2 * plan["current_spend"]["acme/us/tv"])
    assert sum(plan["spend"].values()) == pytest.approx(plan["current_budget"])


def test_a_version_may_be_pinned(client: TestClient) -> None:
    version = client.get(ACME).json()["version"]

    assert client.get(f"{ACME}/curves", params={"version": version}).status_code == 200
    answer = client.post(f"{ACME}/optimize", params={"version": "old"}, json=HALF)
    assert answer.status_code == 409
    assert version in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/models/acme/mars", 404),
        ("/v1/models/..%2F..%2Fetc/passwd", 404),
        ("/v1/models/acme/us%00", 404),
        ("/v1/models/acme/../../etc/passwd/curves", 404),
        ("/nothing", 404),
    ],
)
def test_what_is_not_there_is_404(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_every_problem_of_a_request_is_told_with_its_path(client: TestClient) -> None:
    answer = client.post(
        f"{ACME}/optimize", json={"budget": -1, "bounds": {"serch": {"max": 1}}, "horzon": 3}
    )
    found = {error["path"]: error["message"] for error in answer.json()["errors"]}

    assert answer.status_code == 422
    assert set(found) == {"budget", "bounds.serch", "horzon"}
    assert "Did you mean 'search'?" in found["bounds.serch"]
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"budget": NaN}', "NaN is no JSON number"),
        (b'{"budget": -Infinity}', "-Infinity is no JSON number"),
        (b'{"budget": 1e999}', "a budget is an amount"),
        (b'{"budget": 1' + b"0" * 5000 + b"}", "not valid JSON"),
        (b'{"budget": 1, "budget": 2}', "given twice"),
        (b"[" * 100_000, "nested deeper"),
        (b'{"a":' * 50 + b"1" + b"}" * 50, "nested deeper"),
        (b'{"bounds": {"\\ud800": {"max": 1}}}', "no Unicode"),
        (b"\xff\xfe{}", "not valid JSON"),
        (b"", "not valid JSON"),
        (b"[1]", "JSON object"),
    ],
)
def test_bodies_that_are_no_request_are_422(client: TestClient, body: bytes, words: str) -> None:
    answer = client.post(f"{ACME}/optimize", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 422, answer.text
    assert words in answer.text


def test_files_of_the_service_are_not_read(client: TestClient) -> None:
    answer = client.post(f"{ACME}/scenario", json={"plans": {"a": {"file": "/etc/passwd"}}})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "plans.a.file"


def test_large_bodies_and_other_media_types_are_refused(client: TestClient) -> None:
    large = client.post(f"{ACME}/optimize", json={"budget": 1, "note": "x" * 1_100_000})
    many = client.post(f"{ACME}/optimize", json={"budget": 1, "flighting": [1] * 60_000})
    form = client.post(f"{ACME}/optimize", data={"budget": "1"})

    assert (large.status_code, many.status_code, form.status_code) == (413, 413, 415)


def test_what_would_take_minutes_is_refused(models: Path) -> None:
    with client_of(models, limits={"variables": 5, "evolved_variables": 2}) as client:
        regional = client.post(f"{ACME}/optimize", json={**HALF, "by_region": True})
        slow = client.post(f"{ACME}/optimize", json={**HALF, "method": "hybrid"})
        assert client.post(f"{ACME}/optimize", json=HALF).status_code == 200

    assert [answer.json()["errors"][0]["path"] for answer in (regional, slow)] == ["by_region", "method"]


@pytest.mark.parametrize(
    "chosen",
    [[], "acme/us", [{"brand": "acme"}], [1], [{"brand": "acme", "market": "us"}] * 2, {"brand": "acme"}],
)
def test_a_portfolio_needs_models(client: TestClient, chosen: Any) -> None:
    answer = client.post("/v1/portfolio/optimize", json={**HALF, "models": chosen})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"].startswith("models")


def test_methods_and_cross_origin_calls_are_refused(client: TestClient) -> None:
    origin = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}

    assert client.delete(ACME).status_code == 405
    assert client.options(f"{ACME}/optimize", headers=origin).status_code == 405
    assert "access-control-allow-origin" not in client.get(ACME, headers=origin).headers


def test_request_ids_are_kept_if_usable(client: TestClient) -> None:
    assert client.get("/healthz", headers={"X-Request-Id": "abc-1"}).headers["x-request-id"] == "abc-1"
    assert client.get("/healthz", headers={"X-Request-Id": "a b\\n"}).headers["x-request-id"] != "a b\\n"


def test_every_request_leaves_one_line_with_its_circumstances(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="ray.serve.mmm"):
        client.post(f"{ACME}/optimize", json={"budget": -1}, headers={"X-Request-Id": "abc"})
    (line,) = [record for record in caplog.records if record.name == "ray.serve.mmm"]

    assert line.getMessage() == f"POST {ACME}/optimize 422"
    told = {
        "request_id": "abc",
        "route": "/v1/models/{brand}/{market}/optimize",
        "problem": "invalid_request",
    }
    assert told.items() <= vars(line).items()
    assert vars(line)["milliseconds"] > 0


def test_what_goes_wrong_inside_is_told_without_its_trace(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("serve.planner.loaded.perform", fail)
    answer = client.post(f"{ACME}/optimize", json=HALF)

    assert answer.status_code == 500
    assert "secret" not in answer.text and "Traceback" not in answer.text
    assert answer.json()["request_id"] in caplog.text
    assert "secret detail" in caplog.text
