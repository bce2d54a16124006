"""Bodies of requests: read within limits, checked wholly before any model is asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from starlette.requests import ClientDisconnect, Request

from mmm.config.files import validate
from mmm.data.source import TEXT_SUFFIXES
from mmm.errors import Problem, ProblemsError, RequestError
from mmm.planning.request import BudgetRequest, PortfolioTerms, parse_request
from mmm.planning.scenario.request import ScenarioRequest, parse_scenario
from mmm.tabular.workbook import SUFFIX
from serve.http.schemas import XLSX, ZIP
from serve.http.work import budget_price, scenario_price
from serve.planner.protocol import ModelCard
from serve.problems import RequestProblem, invalid_request
from serve.settings import Limits

BODY_SECONDS = 20.0
"""Seconds in which a body must have come."""


async def read_json(request: Request, limits: Limits) -> dict[str, Any]:
    """The body as plain data.

    Raises:
        RequestProblem: 415 if it is no JSON by its type, 413 too large, 422 if it is not a JSON object in
            UTF-8 without NaN, key given twice, or nesting beyond the limit.
    """
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json" or request.headers.get("content-encoding", "identity") != "identity":
        raise RequestProblem(415, "media_type", "Send the body as application/json, not compressed.")
    body = await _body(request, limits.body_bytes)
    try:
        content = json.loads(body.decode(), parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except RecursionError:
        raise invalid_request([_deep(limits)]) from None
    except ValueError as error:
        text = f"is not valid JSON: {error}. Send one JSON object in UTF-8."
        raise invalid_request([Problem("not_json", "", text)]) from None
    if not isinstance(content, dict):
        text = "the body must be a JSON object of fields such as budget and horizon"
        raise invalid_request([Problem("wrong_type", "", text)])
    _check_extent(content, limits)
    return content


FILE_KINDS = ("application/octet-stream", "text/csv", "text/plain", XLSX)
FILE_SUFFIXES = (*TEXT_SUFFIXES, SUFFIX)


async def read_file(request: Request, name: str, limits: Limits) -> tuple[str, bytes]:
    """A file that was sent as the body, with its suffix.

    Raises:
        RequestProblem: 415 if its type or the suffix of its name is not read, 413 if it is too large.
    """
    kind = _kind_of(request)
    suffix = PurePosixPath(name).suffix.lower()
    if kind not in FILE_KINDS or suffix not in FILE_SUFFIXES:
        text = (
            "Send the file itself as application/octet-stream, and its name, which ends with .csv or .xlsx."
        )
        raise RequestProblem(415, "media_type", text)
    return suffix, await _body(request, limits.body_bytes)


RECORD_KINDS = (FILE_KINDS[0], ZIP)


async def read_record_body(request: Request, limits: Limits) -> bytes:
    """A plan of record that was sent as the body.

    Raises:
        RequestProblem: 415 if it is none by its type, 413 if it is too large.
    """
    if _kind_of(request) not in RECORD_KINDS:
        text = "Send the file of `mmm commit` itself, as application/zip or application/octet-stream."
        raise RequestProblem(415, "media_type", text)
    return await _body(request, limits.record_bytes)


def _kind_of(request: Request) -> str:
    """Media type that a file was sent as, without its parameters."""
    return request.headers.get("content-type", FILE_KINDS[0]).partition(";")[0].strip().lower()


async def _body(request: Request, most: int) -> bytes:
    """The body, read no further than its limit."""
    too_large = RequestProblem(
        413, "too_large", f"The body must not exceed {most} bytes. Ask for less at once."
    )
    stated = request.headers.get("content-length", "0")
    if stated.isdecimal() and int(stated) > most:
        raise too_large
    parts, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise too_large
                parts.append(part)
    except (ClientDisconnect, TimeoutError):
        raise RequestProblem(400, "gone", "The body ended before its time.") from None
    return b"".join(parts)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key {twice!r} is given twice")
    return content


def _deep(limits: Limits) -> Problem:
    return Problem(
        "too_deep", "", f"the body is nested deeper than {limits.depth} levels; no request needs that"
    )


def _check_extent(content: dict[str, Any], limits: Limits) -> None:
    """Refuse bodies that are nested too deep, hold too many values, or text that is no Unicode."""
    level: list[Any] = [content]
    values = 0
    for _ in range(limits.depth + 1):
        if not level:
            return
        values += len(level)
        if values > limits.values:
            text = f"the body holds more than {limits.values} values; ask for less at once"
            raise RequestProblem(413, "too_large", text)
        for value in level:
            for name in (value,) if isinstance(value, str) else value if isinstance(value, dict) else ():
                if not _is_text(name):
                    raise invalid_request([Problem("not_text", "", "the body holds text that is no Unicode")])
        level = [inner for value in level for inner in _inside(value)]
    raise invalid_request([_deep(limits)])


def _is_text(name: str) -> bool:
    return name.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in name)


def _inside(value: Any) -> Sequence[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()


def check_budget(content: Mapping[str, Any], card: ModelCard, limits: Limits) -> tuple[BudgetRequest, float]:
    """Check a budget request to one model.

    Returns:
        The request, and the seconds of work that it is expected to be.

    Raises:
        RequestProblem: 422 with every problem; a request that would take too long among them.
    """
    try:
        request = parse_request(content, channels=card.channels, history_periods=card.periods)
    except RequestError as error:
        raise invalid_request(error.problems) from None
    regions = len(card.regions) if request.by_region else 1
    lines = len(card.channels) + len(request.treatment_costs)
    return request, budget_price(request, lines * regions, limits)


def check_portfolio(
    content: dict[str, Any], cards: Sequence[ModelCard], limits: Limits
) -> tuple[BudgetRequest, PortfolioTerms, float]:
    """Check a budget request to several models; its terms are taken out of the content.

    Returns:
        The request, the terms, and the seconds of work that it is expected to be.

    Raises:
        RequestProblem: As :func:`check_budget`.
    """
    stated = {name: content.pop(name) for name in PortfolioTerms.model_fields if name in content}
    try:
        terms = validate(PortfolioTerms, stated, "portfolio request")
        terms.check({card.entry.name: card.currency for card in cards})
    except ProblemsError as error:
        raise invalid_request(error.problems) from None
    names = [card.entry.name for card in cards]
    channels = [f"{card.entry.name}/{channel}" for card in cards for channel in card.channels]
    periods = min((card.periods for card in cards), default=None)
    try:
        request = parse_request(content, channels=[*channels, *names], history_periods=periods)
    except RequestError as error:
        raise invalid_request(error.problems) from None
    return request, terms, budget_price(request, len(channels), limits)


def check_scenario(
    content: Mapping[str, Any], card: ModelCard, limits: Limits
) -> tuple[ScenarioRequest, float]:
    """Check spend plans for one model.

    Returns:
        The request, and the seconds of work that it is expected to be.

    Raises:
        RequestProblem: 422 with every problem; plans that would take too long among them.
    """
    try:
        request = parse_scenario(content, channels=card.channels)
    except RequestError as error:
        raise invalid_request(error.problems) from None
    return request, scenario_price(request, card, limits)


def chosen_models(content: dict[str, Any]) -> list[str] | None:
    """Take ``models`` out of a portfolio request: names ``brand/market``; None if it names none.

    Raises:
        RequestProblem: 422 if it is no list of models, or names one twice.
    """
    models = content.pop("models", None)
    if models is None:
        return None
    names = [_model_name(model) for model in models] if isinstance(models, list) else []
    wrong = [index for index, name in enumerate(names) if name is None]
    found = [
        Problem("bad_model", f"models[{i}]", 'give a brand and a market: {"brand": …, "market": …}')
        for i in wrong[:20]
    ]
    if not names:
        found.append(Problem("no_models", "models", "names no model; list some, or leave it out for all"))
    if len(set(names)) < len(names) and not wrong:
        found.append(Problem("repeated", "models", "names a model twice"))
    if found:
        raise invalid_request(found)
    return [name for name in names if name is not None]


def _model_name(model: Any) -> str | None:
    if isinstance(model, str) and model.count("/") == 1:
        return model
    if isinstance(model, dict) and set(model) == {"brand", "market"}:
        brand, market = model["brand"], model["market"]
        return f"{brand}/{market}" if isinstance(brand, str) and isinstance(market, str) else None
    return None
