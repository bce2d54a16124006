"""The HTTP interface: routes over a directory. Runs under Ray Serve and under any ASGI server alike."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from mmm.planning.plan import Plan, PortfolioPlan
from mmm.planning.request import BudgetRequest
from mmm.planning.scenario.plan_file import scenario_workbook
from mmm.planning.scenario.request import ScenarioRequest
from mmm.planning.scenario.result import PlanFile, Scenario
from serve.directory import ModelDirectory
from serve.http import card as cards
from serve.http import schemas
from serve.http.auth import Authenticator, Caller
from serve.http.bodies import (
    check_budget,
    check_portfolio,
    check_scenario,
    chosen_models,
    read_file,
    read_json,
)
from serve.http.docs_page import docs_router
from serve.http.middleware import RequestLog
from serve.http.records import add_record_routes
from serve.http.shared import (
    ASKING,
    POSTING,
    SECURED,
    Admin,
    Brand,
    Market,
    Planner,
    Reader,
    Version,
    answer_of,
    asker_of,
    directory_of,
)
from serve.page.assets import WORTH_PACKING, page_router
from serve.planner.protocol import ModelCard
from serve.problems import (
    RequestProblem,
    busy,
    on_http_error,
    on_invalid_parameter,
    on_problem,
)

VERSION = "1"
DESCRIPTION = """Response curves, contributions, scenarios and budget plans of fitted marketing mix models.

Amounts are in the model's currency over the horizon (exposure for channels without spend), KPI in its own
units, ROI in currency of KPI per currency spent. Every number of a model comes with its interval. Every
answer names the model's version and data window. Errors are problem bodies (RFC 9457)."""

PACKING = 4
"""Level of compression of answers for callers that take it: curves of 15 channels are 95 KB, not 400."""


def create_app(directory: ModelDirectory, *, own_ids: bool = True) -> FastAPI:
    """The application over a directory.

    Args:
        directory: Models and questions; started and stopped with the application.
        own_ids: Set header X-Request-Id; false behind a proxy that does.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        await directory.start()
        yield
        await directory.stop()

    app = schemas.DocumentedAPI(
        title="ray-mmm",
        version=VERSION,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.directory, app.state.authenticator = directory, Authenticator(lambda: directory.tokens)
    app.add_middleware(GZipMiddleware, minimum_size=WORTH_PACKING, compresslevel=PACKING)
    app.add_middleware(RequestLog, meters=directory.meters, own_ids=own_ids)
    app.add_exception_handler(RequestProblem, on_problem)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, on_invalid_parameter)
    _add_service_routes(app)
    _add_model_routes(app)
    _add_question_routes(app)
    add_record_routes(app)
    app.include_router(docs_router())
    app.include_router(page_router())
    return app


def _unchanged(request: Request, card: ModelCard, content: bytes) -> Response:
    """Content that stays as long as its version: a caller that has it already is told so."""
    request.state.model = card.entry.key
    headers = {
        "ETag": f'"{card.etag}"',
        "Cache-Control": "private, no-cache",
        "X-Model-Version": card.entry.version,
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="application/json", headers=headers)


def _add_service_routes(app: FastAPI) -> None:
    @app.get(
        "/healthz",
        tags=["service"],
        summary="Whether the service can answer",
        responses=schemas.answers(schemas.Health, 503),
        response_class=Response,
    )
    async def healthz(request: Request) -> Response:
        count = len(directory_of(request).models)
        if not count:
            raise busy("No model is loaded. See the log, or register a champion.", seconds=5)
        return _json({"status": "ok", "models": count})

    @app.post(
        "/v1/reload",
        tags=["service"],
        summary="Look for new champions now",
        description="Scope admin. Answers once what was found is served; the service also looks by itself.",
        responses=schemas.answers(schemas.Reloaded, 401, 403, 409, 429, 503),
        response_class=Response,
        openapi_extra=SECURED,
    )
    async def reload(request: Request, caller: Admin) -> Response:
        del caller
        directory = directory_of(request)
        changes = [vars(change) for change in await directory.reload()]
        return _json({"models": len(directory.models), "changes": changes, "broken": directory.broken})


def _add_model_routes(app: FastAPI) -> None:
    @app.get(
        "/v1/models",
        tags=["models"],
        summary="Served models",
        description="Scope read. Those of the token's brands.",
        responses=schemas.answers(cards.ModelList, 401, 403, 429),
        response_class=Response,
        openapi_extra=SECURED,
    )
    async def list_models(request: Request, caller: Reader) -> Response:
        models = directory_of(request).models.values()
        seen = [card.summary for card in models if caller.sees(card.entry.brand)]
        return _json({"models": seen})

    @app.get(
        "/v1/models/{brand}/{market}",
        tags=["models"],
        summary="One model: window, channels, scores, remarks",
        description="Scope read.",
        responses=schemas.answers(cards.ModelDetail, *ASKING),
        response_class=Response,
        openapi_extra=SECURED,
    )
    async def get_model(
        request: Request, caller: Reader, brand: Brand, market: Market, version: Version = None
    ) -> Response:
        del caller
        card = directory_of(request).find(brand, market, version)
        return _unchanged(request, card, card.detail)

    @app.get(
        "/v1/models/{brand}/{market}/curves",
        tags=["models"],
        summary="Response curves with intervals",
        description="Scope read. National, over the training window: each channel's own history scaled.",
        responses=schemas.answers(cards.Curves, *ASKING),
        response_class=Response,
        openapi_extra=SECURED,
    )
    async def get_curves(
        request: Request, caller: Reader, brand: Brand, market: Market, version: Version = None
    ) -> Response:
        del caller
        card = directory_of(request).find(brand, market, version)
        return _unchanged(request, card, card.curves)

    @app.get(
        "/v1/models/{brand}/{market}/contributions",
        tags=["models"],
        summary="What brought the KPI, by period",
        description="Scope read. Summed over regions, or of one region.",
        responses=schemas.answers(cards.Contributions, *ASKING),
        response_class=Response,
        openapi_extra=SECURED,
    )
    async def get_contributions(
        request: Request,
        caller: Reader,
        brand: Brand,
        market: Market,
        version: Version = None,
        region: Annotated[
            str | None, Query(description="Region; leave it out for the sum of all.", max_length=200)
        ] = None,
    ) -> Response:
        directory = directory_of(request)
        card = directory.find(brand, market, version)
        return answer_of(request, card, await directory.contributions(card, region, asker_of(caller)))


def _add_question_routes(app: FastAPI) -> None:
    @app.post(
        "/v1/models/{brand}/{market}/optimize",
        tags=["plans"],
        summary="The best split of a budget",
        description=(
            "Scope plan. The request of `mmm optimize` and its plan.json. A request that no plan can keep is "
            "answered with 200 and status `infeasible`, and says which limits clash."
        ),
        responses=schemas.answers(Plan, *POSTING),
        response_class=Response,
        openapi_extra=schemas.body(BudgetRequest, schemas.BUDGET_EXAMPLE),
    )
    async def optimize(
        request: Request, caller: Planner, brand: Brand, market: Market, version: Version = None
    ) -> Response:
        directory = directory_of(request)
        card = directory.find(brand, market, version)
        content = await read_json(request, directory.settings.limits)
        question, price = check_budget(content, card, directory.settings.limits)
        asker = asker_of(caller, price)
        return answer_of(request, card, await directory.ask("optimize", [card], {"request": question}, asker))

    @app.post(
        "/v1/models/{brand}/{market}/scenario",
        tags=["plans"],
        summary="The KPI of spend plans, side by side with the status quo",
        description=(
            "Scope plan. The plans of `mmm scenario` and its scenario.json; rows instead of files. With "
            "`format=xlsx` as a workbook: plans, channels, and every plan period by period."
        ),
        responses=schemas.or_workbook(schemas.answers(Scenario, *POSTING)),
        response_class=Response,
        openapi_extra=schemas.body(ScenarioRequest, schemas.SCENARIO_EXAMPLE),
    )
    async def scenario(
        request: Request,
        caller: Planner,
        brand: Brand,
        market: Market,
        version: Version = None,
        format: Annotated[Literal["json", "xlsx"], Query(description="Form of the answer.")] = "json",  # noqa: A002
    ) -> Response:
        directory = directory_of(request)
        card = directory.find(brand, market, version)
        content = await read_json(request, directory.settings.limits)
        question, price = check_scenario(content, card, directory.settings.limits)
        asker = asker_of(caller, price)
        answer = await directory.ask("scenario", [card], {"request": question}, asker)
        if format == "xlsx":
            book = await asyncio.to_thread(lambda: scenario_workbook(Scenario.model_validate_json(answer)))
            return answer_of(request, card, book, schemas.XLSX)
        return answer_of(request, card, answer)

    @app.post(
        "/v1/models/{brand}/{market}/plan-file",
        tags=["plans"],
        summary="A plan file read into the amounts of a spend plan",
        description=(
            "Scope plan. CSV or XLSX: a row for each amount (date, channel, spend and, by region, region) or "
            "a column for each channel beside date. Everything that is wrong with it is told with its row."
        ),
        responses=schemas.answers(PlanFile, *POSTING),
        response_class=Response,
        openapi_extra=schemas.FILE_BODY,
    )
    async def plan_file(
        request: Request,
        caller: Planner,
        brand: Brand,
        market: Market,
        name: Annotated[str, Query(description="Name of the file.", examples=["plan.xlsx"], max_length=200)],
        version: Version = None,
    ) -> Response:
        directory = directory_of(request)
        card = directory.find(brand, market, version)
        suffix, content = await read_file(request, name, directory.settings.limits)
        question = {"suffix": suffix, "content": content}
        return answer_of(request, card, await directory.ask("plan_file", [card], question, asker_of(caller)))

    @app.post(
        "/v1/portfolio/optimize",
        tags=["plans"],
        summary="One budget over several brands and markets",
        description=(
            "Scope plan. Models compete for the budget; what each brings is weighed by its value of a KPI "
            "unit. Channels are named `brand/market/channel`. Models of several currencies need rates."
        ),
        responses=schemas.answers(PortfolioPlan, *POSTING),
        response_class=Response,
        openapi_extra=schemas.body(schemas.PortfolioRequest, schemas.PORTFOLIO_EXAMPLE),
    )
    async def optimize_portfolio(request: Request, caller: Planner) -> Response:
        directory = directory_of(request)
        content = await read_json(request, directory.settings.limits)
        cards = _chosen(directory, caller, chosen_models(content))
        question, terms, price = check_portfolio(content, cards, directory.settings.limits)
        asker = asker_of(caller, price)
        answer = await directory.ask("portfolio", cards, {"request": question, "terms": terms}, asker)
        return Response(answer, media_type="application/json")


def _chosen(directory: ModelDirectory, caller: Caller, names: list[str] | None) -> list[ModelCard]:
    """Models a portfolio request is about.

    Raises:
        RequestProblem: 403 for a brand of others, 404 for an unknown model.
    """
    if names is None:
        found = [card for card in directory.models.values() if caller.sees(card.entry.brand)]
        if not found:
            raise RequestProblem(404, "no_model", "No model is served that the token may plan.")
        return found
    pairs = [name.split("/", 1) for name in names]
    for brand, _ in pairs:
        caller.require("plan", brand)
    return [directory.find(brand, market) for brand, market in pairs]


def _json(content: Any) -> Response:
    return Response(json.dumps(content), media_type="application/json")
