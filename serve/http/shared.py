"""What routes share: whose request it is, which model it is about, how it is answered."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request
from fastapi.responses import Response

from serve.admission import Asker
from serve.directory import ModelDirectory
from serve.http.auth import Authenticator, Caller, require_pace
from serve.planner.protocol import ModelCard
from serve.settings import Scope

Brand = Annotated[
    str, Path(description="Brand, as GET /v1/models lists it.", examples=["acme"], max_length=200)
]
Market = Annotated[
    str, Path(description="Market, as GET /v1/models lists it.", examples=["us"], max_length=200)
]
Version = Annotated[
    str | None,
    Query(
        description="Answer from this version only; 409 if another is served.", examples=["3"], max_length=200
    ),
]
ASKING = (401, 403, 404, 409, 422, 429, 503)
POSTING = (400, *ASKING, 413, 415)


def directory_of(request: Request) -> ModelDirectory:
    """The directory of the application that was asked."""
    directory = request.app.state.directory
    assert isinstance(directory, ModelDirectory)
    return directory


def allowed(scope: Scope) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency that lets only those through who have a scope, and for a brand in the path its brand."""

    async def check(request: Request) -> Caller:
        authenticator: Authenticator = request.app.state.authenticator
        caller = authenticator.caller(request)
        request.state.caller = caller.name
        if caller.token is not None and caller.token.per_second is not None:
            require_pace(caller.token, await directory_of(request).admit(caller.token))
        caller.require(scope, request.path_params.get("brand"))
        return caller

    return check


Reader = Annotated[Caller, Depends(allowed("read"))]
Planner = Annotated[Caller, Depends(allowed("plan"))]
Admin = Annotated[Caller, Depends(allowed("admin"))]
SECURED: dict[str, Any] = {"security": [{"bearer": []}]}


def answer_of(request: Request, card: ModelCard, content: bytes, kind: str = "application/json") -> Response:
    """An answer of a model, with its version."""
    request.state.model = card.entry.key
    return Response(content, media_type=kind, headers={"X-Model-Version": card.entry.version})


def asker_of(caller: Caller, price: float = 0.0) -> Asker:
    """Whose question it is, for the limits of what may be under way."""
    if caller.token is None:
        return Asker(price=price)
    return Asker(caller.token.sha256, caller.token.at_once, price)
