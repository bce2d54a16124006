"""Errors of the HTTP interface: one kind of exception and its body after RFC 9457.

A body names what is wrong, the field's path and the way out; never code, paths of files or other people's
input beyond what the caller sent.
"""

import json
from collections.abc import Mapping, Sequence

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import Field
from starlette.exceptions import HTTPException

from mmm.config import Spec
from mmm.errors import Problem

PROBLEM_JSON = "application/problem+json"

TITLES = {
    400: "Bad request",
    401: "Token needed",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Another state than asked for",
    413: "Too large",
    415: "Unsupported media type",
    422: "Request cannot be answered as it is",
    429: "Too many requests",
    500: "Internal error",
    503: "Busy or not ready",
}


class ProblemField(Spec):
    """One thing that is wrong with a request."""

    path: str = Field(examples=["bounds.tv.max"])
    """Path of the field in the body, or the name of the parameter; empty for the request as a whole."""
    code: str = Field(examples=["unknown_channel"])
    """Stable identifier of the rule that is broken."""
    message: str = Field(examples=["unknown channel 'serch'. Did you mean 'search'?"])
    """What is wrong, the rule, and the way out."""


class ProblemBody(Spec):
    """Body of every answer that is an error (RFC 9457)."""

    type: str = Field(examples=["urn:ray-mmm:problem:invalid_request"])
    """Stable identifier of the kind of problem."""
    title: str = Field(examples=["Request cannot be answered as it is"])
    """The kind of problem for people."""
    status: int = Field(examples=[422])
    """HTTP status."""
    detail: str = Field(examples=["The request has 1 problem."])
    """What happened and the way out."""
    instance: str = Field(examples=["/v1/models/acme/us/optimize"])
    """Path that was asked for."""
    request_id: str = Field(examples=["7c9f0a1e"])
    """Id of the request, as in the log and in header X-Request-Id."""
    errors: tuple[ProblemField, ...] = ()
    """Everything that is wrong with the request, all at once."""


class RequestProblem(Exception):  # noqa: N818  (the RFC's word)
    """A request that is answered by a problem body.

    Args:
        status: HTTP status.
        code: Stable identifier of the kind of problem.
        detail: What happened and the way out.
        errors: What is wrong with single fields.
        headers: Further headers, such as Retry-After.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[Problem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status, self.code, self.detail = status, code, detail
        self.errors, self.headers = tuple(errors), dict(headers or {})
        super().__init__(status, code, detail)


def invalid_request(problems: Sequence[Problem]) -> RequestProblem:
    """422 with everything that is wrong."""
    count = len(problems)
    detail = f"The request has {count} problem{'s' if count != 1 else ''}."
    return RequestProblem(422, "invalid_request", detail, errors=problems)


def busy(detail: str, *, seconds: int = 1) -> RequestProblem:
    """503 that says when to come back."""
    return RequestProblem(503, "busy", detail, headers={"Retry-After": str(seconds)})


def too_many(detail: str, *, seconds: int = 1) -> RequestProblem:
    """429 that says when to come back."""
    return RequestProblem(429, "too_many", detail, headers={"Retry-After": str(seconds)})


def problem_response(request: Request, problem: RequestProblem) -> Response:
    """The answer to a request that failed; JSON in ASCII, since a caller's text may not be encodable."""
    request.state.problem = problem.code
    body = {
        "type": f"urn:ray-mmm:problem:{problem.code}",
        "title": TITLES.get(problem.status, "Error"),
        "status": problem.status,
        "detail": problem.detail,
        "instance": request.url.path,
        "request_id": getattr(request.state, "request_id", ""),
        "errors": [
            {"path": found.where, "code": found.code, "message": found.message} for found in problem.errors
        ],
    }
    return Response(
        json.dumps(body), status_code=problem.status, media_type=PROBLEM_JSON, headers=problem.headers
    )


async def on_problem(request: Request, error: Exception) -> Response:
    """Handler of :class:`RequestProblem`."""
    assert isinstance(error, RequestProblem)
    return problem_response(request, error)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Handler of the framework's own errors: no such route, method not allowed."""
    assert isinstance(error, HTTPException)
    code = {404: "no_such_path", 405: "method_not_allowed"}.get(error.status_code, "bad_request")
    hints = {404: "No such path. See /docs for those there are.", 405: "Use another method; see /docs."}
    detail = hints.get(error.status_code, str(error.detail))
    problem = RequestProblem(error.status_code, code, detail, headers=error.headers)
    return problem_response(request, problem)


async def on_invalid_parameter(request: Request, error: Exception) -> Response:
    """Handler of parameters that break their declaration."""
    assert isinstance(error, RequestValidationError)
    found = [
        Problem("bad_parameter", ".".join(str(part) for part in detail["loc"][1:]), str(detail["msg"]))
        for detail in error.errors()
    ]
    return problem_response(request, invalid_request(found))
