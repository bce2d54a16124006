"""Who calls and what they may: bearer tokens known by digest, scopes, brands, pace.

Without any token the service answers its own machine only, by connection and by the name it was called by,
so that no web page can reach it under a name of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

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


class Rates:
    """Rates of tokens, by digest; those without a rate always may."""

    def __init__(self) -> None:
        self._limits: dict[str, tuple[float, RateLimit]] = {}

    def wait(self, digest: str, tokens: Sequence[Token]) -> float:
        """Take one of a token's requests; 0 if there was one, else the seconds until there will be."""
        rate = next((token.per_second for token in tokens if token.sha256 == digest), None)
        if rate is None:
            self._limits.pop(digest, None)
            return 0.0
        if digest not in self._limits or self._limits[digest][0] != rate:
            self._limits[digest] = rate, RateLimit(rate)
        return self._limits[digest][1].wait()


@dataclass(frozen=True)
class Caller:
    """Somebody whose token is known, or this machine.

    Attributes:
        name: For the log.
        scopes: What they may do.
        brands: Brands they may see, None for all.
        token: Their token's entry, None for this machine.
    """

    name: str
    scopes: frozenset[Scope]
    brands: frozenset[str] | None = None
    token: Token | None = None

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


class Authenticator:
    """Recognises callers.

    Args:
        tokens: Gives those known now. Without any, from the start on, only this machine is answered; once
            there were some, nobody is.
    """

    def __init__(self, tokens: Callable[[], tuple[Token, ...]]) -> None:
        self._tokens = tokens
        self._had_tokens = bool(tokens())
        self._rates = Rates()

    def caller(self, request: Request) -> Caller:
        """Who sent a request; the name is noted in its state, also of those who are refused.

        Raises:
            RequestProblem: 401 without a known token, 403 from another machine, 429 too often.
        """
        tokens = self._tokens()
        self._had_tokens |= bool(tokens)
        if not self._had_tokens:
            _require_own_machine(request)
            return THIS_MACHINE
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        token = _find(text.strip(), tokens) if kind.lower() == "bearer" else None
        if token is None:
            detail = "Send a known token in header Authorization: Bearer TOKEN."
            raise RequestProblem(401, "token", detail, headers=_CHALLENGE)
        request.state.caller = token.name
        if token.expires is not None and datetime.now(UTC).date() > token.expires:
            detail = f"The token of {token.name} was accepted until {token.expires}. Ask for a new one."
            raise RequestProblem(401, "token", detail, headers=_CHALLENGE)
        require_pace(token, self._rates.wait(token.sha256, tokens))
        brands = None if token.brands is None else frozenset(token.brands)
        return Caller(token.name, frozenset(token.scopes), brands, token)


def require_pace(token: Token, seconds: float) -> None:
    """Go on only if a token's rate allows it.

    Raises:
        RequestProblem: 429, with the time to wait.
    """
    if seconds > 0:
        detail = f"More requests a second than the token of {token.name} allows. Slow down."
        raise RequestProblem(429, "pace", detail, headers={"Retry-After": str(max(1, round(seconds)))})


def _find(text: str, tokens: Sequence[Token]) -> Token | None:
    """Compares with every known digest, whole, so that time tells nothing."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest().encode()
    found = None
    for token in tokens:
        if hmac.compare_digest(digest, token.sha256.encode()):
            found = token
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
