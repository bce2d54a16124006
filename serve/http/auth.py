"""Who calls and what they may: bearer tokens known by digest, scopes, brands, pace.

Without any token the service answers its own machine only, by connection and by the name it was called by,
so that no web page can reach it under a name of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request

from serve.problems import RequestProblem
from serve.settings import Scope, Token

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="ray-mmm"'}


class RateLimit:
    """A bucket that fills at a steady rate and gives one for each request.

    Args:
        per_second: Rate; the bucket holds as many as come in a second, at least one.
        clock: Seconds.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = per_second, clock
        self._most = max(per_second, 1.0)
        self._left, self._at = self._most, clock()

    def wait(self) -> float:
        """Take one; 0 if there was one, else the seconds until there will be."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1.0:
            return (1.0 - self._left) / self._rate
        self._left -= 1.0
        return 0.0


@dataclass(frozen=True)
class Caller:
    """Somebody whose token is known, or this machine.

    Attributes:
        name: For the log.
        scopes: What they may do.
        brands: Brands they may see, None for all.
    """

    name: str
    scopes: frozenset[Scope]
    brands: frozenset[str] | None = None

    def sees(self, brand: str) -> bool:
        """Whether they may know of a brand."""
        return self.brands is None or brand in self.brands

    def require(self, scope: Scope, brand: str | None = None) -> None:
        """Go on only if they may.

        Raises:
            RequestProblem: 403.
        """
        if scope not in self.scopes:
            detail = f"The token of {self.name} lacks scope {scope}. Use one that has it."
            raise RequestProblem(403, "scope", detail)
        if brand is not None and not self.sees(brand):
            raise RequestProblem(403, "brand", f"The token of {self.name} is not for this brand.")


THIS_MACHINE = Caller("this machine", frozenset(("read", "plan", "admin")))


@dataclass(frozen=True)
class _Known:
    digest: bytes
    caller: Caller
    pace: RateLimit | None = field(compare=False)


class Authenticator:
    """Recognises callers.

    Args:
        tokens: Those known; none leaves the service to its own machine.
    """

    def __init__(self, tokens: tuple[Token, ...]) -> None:
        self._known = [
            _Known(
                token.sha256.encode(),
                Caller(
                    token.name,
                    frozenset(token.scopes),
                    None if token.brands is None else frozenset(token.brands),
                ),
                None if token.per_second is None else RateLimit(token.per_second),
            )
            for token in tokens
        ]

    def caller(self, request: Request) -> Caller:
        """Who sent a request.

        Raises:
            RequestProblem: 401 without a known token, 403 from another machine, 429 too often.
        """
        if not self._known:
            _require_own_machine(request)
            return THIS_MACHINE
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        known = self._find(token.strip()) if kind.lower() == "bearer" else None
        if known is None:
            detail = "Send a known token in header Authorization: Bearer TOKEN."
            raise RequestProblem(401, "token", detail, headers=_CHALLENGE)
        seconds = known.pace.wait() if known.pace is not None else 0.0
        if seconds > 0:
            detail = f"More requests a second than the token of {known.caller.name} allows. Slow down."
            headers = {"Retry-After": str(max(1, round(seconds)))}
            raise RequestProblem(429, "pace", detail, headers=headers)
        return known.caller

    def _find(self, token: str) -> _Known | None:
        """Compares with every known digest, whole, so that time tells nothing."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest().encode()
        found = None
        for known in self._known:
            if hmac.compare_digest(digest, known.digest):
                found = known
        return found


def is_loopback(host: str) -> bool:
    """Whether a name or address is of the machine itself."""
    host = host.strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _require_own_machine(request: Request) -> None:
    """Refuse other machines, and names by which a page of another site might call."""
    called = request.headers.get("host", "")
    name = called.rpartition(":")[0] if called.rpartition(":")[2].isdigit() else called
    if request.client is None or not is_loopback(request.client.host) or not is_loopback(name):
        detail = (
            "No tokens are set, so only this machine is answered, as localhost or 127.0.0.1. "
            "Set tokens to serve others; see docs/serve.md."
        )
        raise RequestProblem(403, "own_machine_only", detail)
