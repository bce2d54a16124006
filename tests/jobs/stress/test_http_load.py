"""The load generator: counts what came, sees connections that break."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest

from jobs.stress.http_load import load, main
from tests.serve.fitted_models import place_three
from tests.serve.page.site import serving


def test_every_request_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place_three(tmp_path)
    with serving(tmp_path) as url:
        assert main([f"{url}v1/models/acme/us/curves", "--clients", "3", "--requests", "20"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["requests"], told["errors"], told["statuses"]) == (20, 0, {"200": 20})
        assert sum(told["versions"].values()) == 20
        assert 0 < told["p50_ms"] <= told["p99_ms"] <= told["max_ms"]

        body = '{"budget": -1}'
        assert main([f"{url}v1/models/acme/us/optimize", "--requests", "2", "--body", body]) == 1
        assert json.loads(capsys.readouterr().out)["statuses"] == {"422": 2}
        page = load(url, requests=2)
        assert page.statuses == {200: 2}
        mixed = load(url, requests=9, also=[(f"{url}v1/models/acme/us/optimize", body.encode()), (url, None)])
        assert mixed.statuses == {200: 6, 422: 3}


def hang_up(server: socket.socket, times: int) -> None:
    for _ in range(times):
        server.accept()[0].close()


def test_connections_that_break_are_errors() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=hang_up, args=(server, 3), daemon=True).start()
        found = load(f"http://127.0.0.1:{server.getsockname()[1]}/", requests=3)

    assert found.errors == 3
    assert found.statuses == {0: 3}
    assert found.as_dict()["p99_ms"] is None


def answer_and_hang_up(server: socket.socket, times: int) -> None:
    for _ in range(times):
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def test_a_pace_is_kept_and_connections_closed_between_requests_are_none_lost() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer_and_hang_up, args=(server, 5), daemon=True).start()
        began: list[float] = []
        found = load(
            f"http://127.0.0.1:{server.getsockname()[1]}/",
            requests=5,
            per_second=20.0,
            on_answer=lambda answer: began.append(answer.began),
        )

    assert found.statuses == {200: 5}
    assert all(moment >= number / 20.0 for number, moment in enumerate(began))
