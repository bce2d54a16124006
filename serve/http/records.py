"""Routes about plans of record: ``commit`` freezes a plan, ``variance`` holds one against what came."""

from fastapi import FastAPI, Request
from fastapi.responses import Response

from mmm.planning.plan import Plan
from mmm.planning.record.result import Variance
from mmm.planning.scenario.request import ScenarioRequest, is_spend
from serve.http import schemas
from serve.http.bodies import check_scenario, read_json, read_record_body
from serve.http.shared import (
    POSTING,
    Brand,
    Market,
    Planner,
    Version,
    answer_of,
    asker_of,
    directory_of,
)
from serve.http.work import COMMIT_SECONDS, VARIANCE_SECONDS


def add_record_routes(app: FastAPI) -> None:
    """Add them to an application that has a directory."""

    @app.post(
        "/v1/models/{brand}/{market}/commit",
        tags=["plans"],
        summary="A plan frozen with its model, as plan of record",
        description=(
            "Scope plan. Takes a plan as `optimize` answered it, or a scenario request of one plan, whose "
            "amounts are kept by region and period as they are stated. Gives the file of `mmm commit`."
        ),
        responses=schemas.record(schemas.answers(Plan, *POSTING)),
        response_class=Response,
        openapi_extra=schemas.either(Plan, ScenarioRequest, schemas.SCENARIO_EXAMPLE),
    )
    async def commit(
        request: Request, caller: Planner, brand: Brand, market: Market, version: Version = None
    ) -> Response:
        directory = directory_of(request)
        card = directory.find(brand, market, version)
        content = await read_json(request, directory.settings.limits)
        plan: object = content
        price = 0.0
        if is_spend(content):
            plan, price = check_scenario(content, card, directory.settings.limits)
        asker = asker_of(caller, COMMIT_SECONDS + price)
        found = await directory.ask("commit", [card], {"plan": plan}, asker)
        return answer_of(request, card, found, schemas.ZIP)

    @app.post(
        "/v1/models/{brand}/{market}/variance",
        tags=["plans"],
        summary="What came, against a plan of record",
        description=(
            "Scope plan. Takes the file of `mmm commit` or of `commit`, and explains the KPI that came by "
            "delivery, price, baseline and the rest: `mmm variance` with the model served as the newer one. "
            "Refused while that model's data end before the plan begins."
        ),
        responses=schemas.answers(Variance, *POSTING),
        response_class=Response,
        openapi_extra=schemas.RECORD_BODY,
    )
    async def variance(
        request: Request, caller: Planner, brand: Brand, market: Market, version: Version = None
    ) -> Response:
        directory = directory_of(request)
        card = directory.find(brand, market, version)
        content = await read_record_body(request, directory.settings.limits)
        asker = asker_of(caller, VARIANCE_SECONDS)
        return answer_of(request, card, await directory.ask("variance", [card], {"record": content}, asker))
