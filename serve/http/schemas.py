"""What the documentation of the interface says of bodies: schemas with units and examples."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from mmm.config import Spec
from mmm.planning.plan import Plan, PortfolioPlan
from mmm.planning.record.result import Variance
from mmm.planning.request import BudgetRequest, PortfolioTerms
from mmm.planning.scenario.request import ScenarioRequest
from mmm.planning.scenario.result import PlanFile, Scenario
from serve.http.card import Contributions, Curves, ModelDetail, ModelList
from serve.problems import PROBLEM_JSON, ProblemBody

REF = "#/components/schemas/{model}"

BUDGET_EXAMPLE = {
    "budget": "current",
    "horizon": 13,
    "default_bounds": {"min_change": -0.3, "max_change": 0.3},
}
SCENARIO_EXAMPLE = {
    "horizon": 13,
    "plans": {"more_tv": {"spend": {"tv": 120000}, "others": "current"}},
}
PORTFOLIO_EXAMPLE = {
    "models": [{"brand": "acme", "market": "us"}, {"brand": "acme", "market": "de"}],
    "budget": "current",
    "horizon": 13,
    "default_bounds": {"min_change": -0.3, "max_change": 0.3},
}


class ModelName(Spec):
    """A brand in a market."""

    brand: str = Field(examples=["acme"])
    """Brand."""
    market: str = Field(examples=["us"])
    """Market."""


class PortfolioRequest(BudgetRequest, PortfolioTerms):
    """A budget over several models, which compete for it; channels are named ``brand/market/channel``.

    Names in ``bounds``, ``fixed`` and ``groups`` may also be ``brand/market`` for all channels of a model.
    """

    models: Annotated[tuple[ModelName, ...], Field(min_length=1)] | None = None
    """Models that share the budget; leave it out for all the token may plan."""


class ModelChange(Spec):
    """A model that changed."""

    name: str = Field(examples=["acme/us"])
    """Brand and market."""
    before: str = Field(examples=["2"])
    """Version until now; empty if it is new."""
    after: str = Field(examples=["3"])
    """Version from now on; empty if it is gone."""


class Reloaded(Spec):
    """What a reload came to."""

    models: int
    """Models served now."""
    changes: list[ModelChange]
    """Models that changed."""
    broken: dict[str, str]
    """Models that could not be loaded, with the reason; their versions before are served on."""


class Health(Spec):
    """Whether the service answers."""

    status: str = Field(examples=["ok"])
    """ok."""
    models: int = Field(examples=[6])
    """Models served."""


class DocumentedAPI(FastAPI):
    """An application whose documentation holds the bodies it reads and writes by itself."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        if not self.openapi_schema:
            document = get_openapi(
                title=self.title, version=self.version, description=self.description, routes=self.routes
            )
            document["components"] = {"schemas": _schemas(), "securitySchemes": _SECURITY}
            self.openapi_schema = document
        return self.openapi_schema


_SECURITY = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token with the scope the operation names; none on the service's own machine.",
    }
}
_BODIES: tuple[type[BaseModel], ...] = (BudgetRequest, ScenarioRequest, PortfolioRequest)
_ANSWERS: tuple[type[BaseModel], ...] = (
    Plan,
    PortfolioPlan,
    Scenario,
    PlanFile,
    Variance,
    ModelList,
    ModelDetail,
    Curves,
    Contributions,
    Reloaded,
    Health,
    ProblemBody,
)


def _schemas() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for models, mode in ((_BODIES, "validation"), (_ANSWERS, "serialization")):
        _, schema = models_json_schema([(model, mode) for model in models], ref_template=REF)  # type: ignore[misc]
        found |= schema["$defs"]
    # Files are of the machine of whoever asks; over HTTP their rows are sent.
    found["SpendPlan"]["properties"].pop("file")
    return json.loads(json.dumps(found).replace("``", "`"))  # type: ignore[no-any-return]


def answers(model: type[BaseModel], *problems: int, text: str = "The answer.") -> dict[int | str, Any]:
    """The ``responses`` of an operation: its answer, and the problems it may come to."""
    schema = {"$ref": REF.format(model=model.__name__)}
    found: dict[int | str, Any] = {
        200: {"description": text, "content": {"application/json": {"schema": schema}}}
    }
    for status in problems:
        problem = {"$ref": REF.format(model=ProblemBody.__name__)}
        found[status] = {"description": _WHEN[status], "content": {PROBLEM_JSON: {"schema": problem}}}
        if status in (429, 503):
            found[status]["headers"] = {
                "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}
            }
    return found


ZIP = "application/zip"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BINARY = {"schema": {"type": "string", "format": "binary"}}
FILE_BODY = {
    "requestBody": {"required": True, "content": {"application/octet-stream": BINARY}},
    "security": [{"bearer": []}],
}
"""The ``openapi_extra`` of an operation that reads a file."""
RECORD_BODY = {
    "requestBody": {"required": True, "content": {ZIP: BINARY, "application/octet-stream": BINARY}},
    "security": [{"bearer": []}],
}
"""The same of a plan of record."""


def or_workbook(responses: dict[int | str, Any]) -> dict[int | str, Any]:
    """Responses whose answer may be had as a workbook too."""
    responses[200]["content"][XLSX] = BINARY
    return responses


def record(responses: dict[int | str, Any]) -> dict[int | str, Any]:
    """Responses whose answer is a plan of record."""
    responses[200]["content"] = {ZIP: BINARY}
    return responses


_WHEN = {
    400: "The body ended before its time.",
    401: "No known token.",
    403: "The token lacks the scope or the brand; or no tokens are set and the caller is another machine.",
    404: "No such model.",
    409: "Another version is served than asked for, or another reload is under way.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "The request cannot be answered as it is; every problem with its path.",
    429: "More requests a second than the token allows.",
    503: "Too much is under way, it took too long, or no model is loaded yet.",
}


def body(model: type[BaseModel], example: Mapping[str, Any]) -> dict[str, Any]:
    """The ``openapi_extra`` of an operation that reads a JSON body."""
    schema = {"$ref": REF.format(model=model.__name__)}
    return _json_body(schema, example)


def either(one: type[BaseModel], other: type[BaseModel], example: Mapping[str, Any]) -> dict[str, Any]:
    """The same of an operation that reads one of two bodies."""
    kinds = [{"$ref": REF.format(model=model.__name__)} for model in (one, other)]
    return _json_body({"anyOf": kinds}, example)


def _json_body(schema: Mapping[str, Any], example: Mapping[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": schema, "example": dict(example)}}
    return {"requestBody": {"required": True, "content": content}, "security": [{"bearer": []}]}
