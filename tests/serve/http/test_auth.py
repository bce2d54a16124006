"""Who is answered: tokens, scopes, brands, pace; this machine only without tokens."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from serve.http.auth import RateLimit, Rates, is_loopback
from serve.planner.local import LocalCatalogue
from serve.settings import Token
from serve.tokens import main, new_token
from tests.serve.fitted_models import HALF, client_of

READER, READER_ENTRY = new_token("reader", ("read",), None)
ACME, ACME_ENTRY = new_token("acme's planner", ("read", "plan"), ("acme",))
ADMIN, ADMIN_ENTRY = new_token("admin", ("admin",), None)
TOKENS = (READER_ENTRY, ACME_ENTRY, ADMIN_ENTRY)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("header", [{}, bearer("wrong"), bearer(""), {"Authorization": f"Basic {READER}"}])
def test_without_a_known_token_nothing_is_told(models: Path, header: dict[str, str]) -> None:
    with client_of(models, tokens=TOKENS) as client:
        for path in ("/v1/models", "/v1/models/acme/us", "/v1/models/no/such"):
            answer = client.get(path, headers=header)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
        assert client.get("/healthz").status_code == 200


def test_a_token_is_known_by_the_whole_of_its_digest(models: Path) -> None:
    """Another digest that begins, or ends, as the token's own is another token."""
    digest = READER_ENTRY.sha256
    near = [digest[:32] + "0" * 32, "0" * 32 + digest[32:], digest[:63] + ("1" if digest[63] == "0" else "0")]
    entries = tuple(READER_ENTRY.model_copy(update={"sha256": other}) for other in near)
    with client_of(models, tokens=entries) as client:
        assert client.get("/v1/models", headers=bearer(READER)).status_code == 401
    with client_of(models, tokens=(*entries, READER_ENTRY)) as client:
        assert client.get("/v1/models", headers=bearer(READER)).status_code == 200


def test_scopes(models: Path) -> None:
    with client_of(models, tokens=TOKENS) as client:
        assert client.get("/v1/models", headers=bearer(READER)).status_code == 200
        refused = client.post("/v1/models/acme/us/optimize", json=HALF, headers=bearer(READER))
        assert refused.status_code == 403 and "lacks scope plan" in refused.json()["detail"]
        assert client.post("/v1/reload", headers=bearer(ACME)).status_code == 403
        assert client.post("/v1/reload", headers=bearer(ADMIN)).status_code == 200
        assert client.get("/v1/models", headers=bearer(ADMIN)).status_code == 403


def test_a_token_of_one_brand_sees_nothing_of_others(models: Path) -> None:
    with client_of(models, tokens=TOKENS) as client:
        listed = client.get("/v1/models", headers=bearer(ACME)).json()["models"]
        assert {model["brand"] for model in listed} == {"acme"}
        statuses = {
            client.get(f"/v1/models/{name}", headers=bearer(ACME)).status_code
            for name in ("bolt/us", "nobody/us")
        }
        assert statuses == {403}
        one = {**HALF, "models": [{"brand": "bolt", "market": "us"}]}
        assert client.post("/v1/portfolio/optimize", json=one, headers=bearer(ACME)).status_code == 403
        shared = client.post("/v1/portfolio/optimize", json=HALF, headers=bearer(ACME)).json()
        assert set(shared["models"]) == {"acme/de", "acme/us"}


def test_a_token_has_its_pace(models: Path) -> None:
    token, entry = new_token("slow", ("read",), None)
    slow = entry.model_copy(update={"per_second": 2.0})
    with client_of(models, tokens=(slow,)) as client:
        answers = [client.get("/v1/models", headers=bearer(token)) for _ in range(4)]

    assert [answer.status_code for answer in answers[:2]] == [200, 200]
    assert answers[3].status_code == 429
    assert int(answers[3].headers["retry-after"]) >= 1


def test_pace_gives_what_came_in_since() -> None:
    now = [0.0]
    pace = RateLimit(2.0, clock=lambda: now[0])

    assert [pace.wait(), pace.wait()] == [0.0, 0.0]
    assert pace.wait() == pytest.approx(0.5)
    now[0] = 0.5
    assert pace.wait() == 0.0
    assert pace.wait() > 0.0


@pytest.mark.parametrize(("peer", "host"), [("10.0.0.7", "127.0.0.1"), ("127.0.0.1", "evil.example:8000")])
def test_without_tokens_only_this_machine_is_answered(models: Path, peer: str, host: str) -> None:
    with client_of(models, peer=peer) as client:
        answer = client.get("/v1/models", headers={"Host": host})
        assert answer.status_code == 403
        assert "No tokens are set" in answer.json()["detail"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1", "[::1]"])
def test_loopback_by_name_and_address(host: str) -> None:
    assert is_loopback(host)
    assert not is_loopback("0.0.0.0")
    assert not is_loopback("localhost.evil.example")


def test_a_new_token_is_shown_once_with_its_entry(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["planner", "--scopes", "read", "--brands", "acme,bolt"]) == 0
    shown = capsys.readouterr().out

    assert "token: " in shown and "sha256: " in shown and "- bolt" in shown
    with pytest.raises(SystemExit):
        main(["planner", "--scopes", "root"])
    assert "unknown scope root" in capsys.readouterr().err


def test_digests_are_hexadecimal() -> None:
    with pytest.raises(ValueError, match="pattern"):
        Token(name="a", sha256="no digest", scopes=("read",))


def tokens_file(folder: Path, *entries: Token) -> Path:
    path = folder / "tokens.json"
    path.write_text(json.dumps({"tokens": [entry.model_dump(mode="json") for entry in entries]}))
    return path


def test_a_token_taken_out_of_the_file_is_refused_after_a_reload(models: Path, tmp_path: Path) -> None:
    path = tokens_file(tmp_path, READER_ENTRY, ADMIN_ENTRY)
    with client_of(models, tokens_file=str(path), file_tokens=(READER_ENTRY, ADMIN_ENTRY)) as client:
        assert client.get("/v1/models", headers=bearer(READER)).status_code == 200
        tokens_file(tmp_path, ADMIN_ENTRY, ACME_ENTRY)
        assert client.post("/v1/reload", headers=bearer(ADMIN)).status_code == 200
        assert client.get("/v1/models", headers=bearer(READER)).status_code == 401
        assert client.get("/v1/models", headers=bearer(ACME)).status_code == 200


def test_a_file_of_tokens_that_is_damaged_leaves_them_as_they_were(
    models: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tokens_file(tmp_path, READER_ENTRY, ADMIN_ENTRY)
    with client_of(models, tokens_file=str(path), file_tokens=(READER_ENTRY, ADMIN_ENTRY)) as client:
        path.write_text("tokens: [")
        assert client.post("/v1/reload", headers=bearer(ADMIN)).status_code == 200
        assert client.get("/v1/models", headers=bearer(READER)).status_code == 200
    assert "tokens stay as they are" in caplog.text


def test_without_any_token_left_nobody_is_answered(models: Path, tmp_path: Path) -> None:
    """An emptied file must not open the service to this machine, which was closed to it before."""
    path = tokens_file(tmp_path, ADMIN_ENTRY)
    with client_of(models, tokens_file=str(path), file_tokens=(ADMIN_ENTRY,)) as client:
        tokens_file(tmp_path)
        assert client.post("/v1/reload", headers=bearer(ADMIN)).status_code == 200
        assert client.get("/v1/models", headers=bearer(ADMIN)).status_code == 401
        assert client.get("/v1/models").status_code == 401


def test_a_token_is_accepted_until_its_last_day(models: Path) -> None:
    today = datetime.now(UTC).date()
    token, entry = new_token("guest", ("read",), None, today)
    with client_of(models, tokens=(entry,)) as client:
        assert client.get("/v1/models", headers=bearer(token)).status_code == 200
    late = entry.model_copy(update={"expires": today - timedelta(days=1)})
    with client_of(models, tokens=(late,)) as client:
        answer = client.get("/v1/models", headers=bearer(token))
        assert answer.status_code == 401 and "was accepted until" in answer.json()["detail"]


def test_the_rate_over_all_interfaces_holds_too(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def admit(self: LocalCatalogue, token: str) -> float:
        assert token == entry.sha256
        return 3.0

    token, entry = new_token("slow", ("read",), None)
    monkeypatch.setattr(LocalCatalogue, "admit", admit)
    with client_of(models, tokens=(entry.model_copy(update={"per_second": 2.0}),)) as client:
        answer = client.get("/v1/models", headers=bearer(token))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")


def test_rates_are_counted_by_token_and_follow_its_entry() -> None:
    slow = READER_ENTRY.model_copy(update={"per_second": 1.0})
    rates = Rates()

    assert [rates.wait(slow.sha256, (slow, ACME_ENTRY)) > 0 for _ in range(3)] == [False, True, True]
    assert rates.wait(ACME_ENTRY.sha256, (slow, ACME_ENTRY)) == 0.0
    faster = slow.model_copy(update={"per_second": 5.0})
    assert rates.wait(slow.sha256, (faster,)) == 0.0


def test_every_refusal_is_told_in_the_log_with_who_and_whence(
    models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING")
    with client_of(models, tokens=TOKENS) as client:
        client.get("/v1/models", headers=bearer("wrong"))
        client.post("/v1/reload", headers=bearer(ACME))
        client.get("/v1/models", headers=bearer(READER))
    told = [record for record in caplog.records if hasattr(record, "peer")]

    assert [(record.status, record.peer) for record in told] == [(401, "127.0.0.1"), (403, "127.0.0.1")]  # type: ignore[attr-defined]
    assert told[1].caller == "acme's planner"  # type: ignore[attr-defined]
