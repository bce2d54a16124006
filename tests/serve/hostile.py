"""``python -m tests.serve.hostile URL --requests 10000``: hostile requests against a running service.

Half of them are made from the service's own documentation, valid and invalid; the others are mutations of
good requests and plain garbage. A line of JSON tells the answers by status, faults, the slowest, and how the
memory of given processes grew; status 1 if anything was a fault of the service.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)

Ask = tuple[str, str, dict[str, str], bytes]

GOOD: dict[str, Any] = {
    "optimize": {
        "budget": 100000,
        "horizon": 13,
        "objective": "kpi",
        "bounds": {"tv": {"min": 0, "max": 1e6}, "search": {"min_change": -0.3, "max_change": 0.3}},
        "default_bounds": {"min_change": -0.5, "max_change": 0.5},
        "groups": [{"channels": ["tv", "radio"], "max": 400000}],
        "by_region": False,
        "flighting": "history",
        "effects": "direct",
        "risk": "mean",
        "level": 0.9,
        "fixed": ["radio"],
        "unit_costs": {},
        "seed": 0,
    },
    "scenario": {
        "horizon": 4,
        "effects": "direct",
        "level": 0.9,
        "plans": {
            "a": {"spend": {"tv": 120000, "search": [1, 2, 3, 4]}, "others": "current"},
            "b": {"rows": [{"date": "2023-12-04", "channel": "tv", "spend": 5}], "others": "none"},
        },
    },
}
HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 0.5, 1e-320, 1e13, 1e18, 1e308, -1e308, 10**400, "", "a", "current", "nan",
    "1e999", "0" * 3000, "\x00", "\u202e\U0001f4a9", "tv", "../../etc/passwd", "%00", "{{7*7}}", [], [[]],
    [None], [0] * 50, [1e308] * 13, {}, {"": {}}, {"tv": None}, {"tv": {"min": 2, "max": 1}},
    {"a": {"b": {}}},
    "profit", "target_roi", "kpi_target", "total", "even", "trust-constr", "2023-12-04", -(10**30), 156, 520,
)  # fmt: skip
PATHS = (
    "/v1/models/acme/us/{}", "/v1/models/acme/us/{}?version=%F0%9F%92%A9", "/v1/models/%00/us/{}",
    "/v1/models/acme%2F..%2F/us/{}", "/v1/models/" + "a" * 3000 + "/us/{}", "/v1/portfolio/{}",
    "//v1//models//acme//us//{}", "/v1/models/acme/us/{}/..%2f", "/v1/models/\u00fc/us/{}",
)  # fmt: skip


def garbage(start: int, count: int) -> Iterator[Ask]:
    """Mutated good requests and plain garbage."""
    dice = random.Random(start)
    for _ in range(count):
        task = dice.choice(("optimize", "optimize", "scenario"))
        path = PATHS[0] if dice.random() < 0.8 else dice.choice(PATHS)
        headers = {"Content-Type": "application/json"}
        if dice.random() < 0.1:
            headers = dice.choice(_headers(dice))
        method = "POST" if dice.random() < 0.95 else dice.choice(("PUT", "GET", "DELETE", "PATCH", "HEAD"))
        yield method, path.format(task), headers, _body(dice, task)


def _headers(dice: random.Random) -> list[dict[str, str]]:
    return [
        {"Content-Type": "application/json", "X-Request-Id": "x" * dice.randrange(200)},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {"Content-Type": "application/json", "If-None-Match": "*", "Accept": "nonsense"},
        {"Content-Type": "application/json", "Range": "bytes=0-1", "X-HTTP-Method-Override": "DELETE"},
        {},
    ]


def _body(dice: random.Random, task: str) -> bytes:
    kind = dice.random()
    if kind < 0.1:
        return dice.randbytes(dice.randrange(400))
    if kind < 0.12:
        return b"[" * dice.randrange(1, 200_000)
    if kind < 0.13:
        return b'{"budget": "' + b"9" * dice.randrange(1_000_000, 3_000_000) + b'"}'
    content = copy.deepcopy(GOOD[task])
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        _mutate(dice, content)
    text = json.dumps(content, ensure_ascii=dice.random() < 0.9)
    body = text.encode("utf-8", "surrogatepass")
    if kind < 0.2:
        at = dice.randrange(max(1, len(body)))
        return (
            body[:at]
            + dice.choice((b"", b"\xff", b"NaN", b"Infinity", b"\\ud800", b"1e999"))
            + body[at + 1 :]
        )
    return body


def _mutate(dice: random.Random, node: Any) -> None:
    """Put something hostile somewhere into the content."""
    while True:
        if isinstance(node, dict):
            key: Any = dice.choice([*node, "extra"])
        elif node:
            key = dice.randrange(len(node))
        else:
            return
        inside = node.get(key) if isinstance(node, dict) else node[key]
        if not isinstance(inside, dict | list) or not inside or dice.random() < 0.3:
            node[key] = copy.deepcopy(dice.choice(HOSTILE))
            return
        node = inside


def from_documentation(
    schema: Any, count: int, call: Callable[[Any], None], *, start: int = 0, only: str = ""
) -> None:
    """Cases that schemathesis makes of every operation's documentation, valid ones and others."""
    operations = [found.ok() for found in schema.get_all_operations()]
    operations = [one for one in operations if one.path.startswith(("/v1", "/healthz")) and only in one.path]
    modes = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
    each = max(1, count // (len(operations) * len(modes)))
    dice = random.Random(start)
    for operation in operations:
        for mode in modes:

            @seed(start)
            @settings(
                max_examples=each,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def attack(case: Any) -> None:
                _often_existing(dice, case)
                call(case)

            with suppress(Unsatisfiable):  # an operation without parameters has no wrong requests
                attack()


def _often_existing(dice: random.Random, case: Any) -> None:
    """Mostly a model that there is: what is asked of others goes no further than 404."""
    if case.path_parameters and dice.random() < 0.8:
        case.path_parameters.update(brand="acme", market="us")
        if case.query and dice.random() < 0.9:
            case.query.pop("version", None)


def raw_garbage(host: str, port: int, count: int, start: int = 0) -> None:
    """Bytes that are no HTTP, and requests that end before their time."""
    dice = random.Random(start)
    for _ in range(count):
        with socket.create_connection((host, port), timeout=5) as connection:
            connection.settimeout(0.05)
            half = (
                b"POST /v1/models/acme/us/optimize HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n{"
            )
            connection.sendall(
                dice.choice((dice.randbytes(300), half, b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 50))
            )
            try:
                connection.recv(100)
            except OSError:
                continue


def memory_of(pids: Sequence[int]) -> dict[int, float]:
    """Resident megabytes of processes."""
    pages = {pid: int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids}
    return {pid: round(count * 4096 / 1e6, 1) for pid, count in pages.items()}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.serve.hostile", description=__doc__)
    parser.add_argument("url", help="root of the service, e.g. http://127.0.0.1:8000")
    parser.add_argument("--requests", type=int, default=10_000, help="how many (default 10000)")
    parser.add_argument("--token", help="bearer token with every scope")
    parser.add_argument("--pids", default="", help="processes whose memory is told, separated by commas")
    options = parser.parse_args()
    token = {"Authorization": f"Bearer {options.token}"} if options.token else {}
    pids = [int(pid) for pid in options.pids.split(",") if pid]
    statuses: Counter[int] = Counter()
    faults: list[str] = []
    slowest: list[Any] = [0.0, ""]
    session = requests.Session()

    def note(status: int, seconds: float, what: str) -> None:
        statuses[status] += 1
        if status >= 500 or status == 0:
            faults.append(f"{status} {what}")
        if seconds > slowest[0]:
            slowest[:] = [round(seconds, 2), what]

    def call(case: Any) -> None:
        began = time.perf_counter()
        response = case.call(session=session, headers=token, timeout=90)
        what = f"{case.method} {case.path} {str(case.body)[:300]}"
        note(response.status_code, time.perf_counter() - began, what)
        try:
            case.validate_response(response, checks=CHECKS)
        except (AssertionError, ExceptionGroup) as error:
            faults.append(f"{what}: {str(error)[:300]}")

    half = options.requests // 2
    before = memory_of(pids)
    for number, (method, path, headers, body) in enumerate(garbage(1, half)):
        began = time.perf_counter()
        response = session.request(
            method, options.url + path, headers={**token, **headers}, data=body, timeout=90
        )
        note(response.status_code, time.perf_counter() - began, f"{method} {path[:60]} {body[:300]!r}")
        if number == half // 5:
            before = memory_of(pids)
    parts = urlsplit(options.url)
    raw_garbage(parts.hostname or "", parts.port or 80, min(200, half // 10))
    schema = schemathesis.openapi.from_url(f"{options.url}/openapi.json")
    from_documentation(schema, options.requests - half, call)
    after = memory_of(pids)
    answer = {
        "requests": sum(statuses.values()),
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
        "faults": len(faults),
        "first_faults": faults[:10],
        "slowest": slowest,
        "memory_mb": {pid: [before[pid], after[pid]] for pid in pids},
    }
    sys.stdout.write(json.dumps(answer) + "\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
