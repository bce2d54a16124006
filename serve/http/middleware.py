"""What is around every answer: a request id, one line in the log, the time it took, and no stack traces."""

import logging
import re
import time
from typing import Any
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve.metrics import Meters
from serve.problems import RequestProblem, problem_response

logger = logging.getLogger("ray.serve.mmm")

_USABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
UNKNOWN_ROUTE = "unknown"
REFUSALS = (401, 403, 429)


class RequestLog:
    """Middleware around the whole application.

    Args:
        app: The application.
        meters: Told of every request.
        own_ids: Set header X-Request-Id; false where the proxy in front does.
    """

    def __init__(self, app: ASGIApp, meters: Meters, *, own_ids: bool) -> None:
        self._app, self._meters, self._own_ids = app, meters, own_ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; what is no HTTP request goes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        asked = Headers(scope=scope).get("x-request-id", "")
        identity = asked if _USABLE_ID.fullmatch(asked) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = identity
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Cache-Control", "no-store")
                if self._own_ids:
                    headers["X-Request-Id"] = identity
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except Exception:  # the last net: logged whole here, told without a stack trace there
            logger.exception("request %s failed", identity)
            if status:
                raise
            problem = RequestProblem(
                500, "internal", f"Something went wrong here. Tell the operator request {identity}."
            )
            await problem_response(Request(scope), problem)(scope, receive, send_on)
        finally:
            self._note(scope, status, (time.perf_counter() - started) * 1000.0)

    def _note(self, scope: Scope, status: int, milliseconds: float) -> None:
        route = getattr(scope.get("route"), "path", UNKNOWN_ROUTE)
        method = scope["method"] if route != UNKNOWN_ROUTE else "any"
        self._meters.request(route, method, status, milliseconds)
        # Refusals are told whatever the level of the log: they are its account of who tried what.
        level = logging.WARNING if status in REFUSALS else logging.INFO
        if not logger.isEnabledFor(level):
            return
        state: dict[str, Any] = scope["state"]
        line: dict[str, Any] = {
            "request_id": state["request_id"],
            "method": method,
            "route": route,
            "status": status,
            "milliseconds": round(milliseconds, 2),
            **{name: state[name] for name in ("caller", "model", "problem") if name in state},
        }
        if status in REFUSALS:
            line["peer"] = (scope.get("client") or ("unknown",))[0]
        logger.log(level, "%s %s %d", method, scope["path"][:200], status, extra=line)
