"""What the documentation of the interface says of bodies: schemas with units and examples."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from mmm.config import Spec
from mmm.planning.plan import Plan, PortfolioPlan
from mmm.planning.request import BudgetRequest, PortfolioTerms
from mmm.planning.scenario.request import ScenarioRequest
from mmm.planning.scenario.result import PlanFile, Scenario
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


class Window(Spec):
    """Periods that something is about."""

    first_date: str = Field(examples=["2023-01-02"])
    """Start of the first period."""
    last_date: str = Field(examples=["2025-09-22"])
    """Start of the last period."""
    periods: int
    """Number of periods."""


class ModelSummary(BaseModel):
    """A served model."""

    model_config = {"use_attribute_docstrings": True}

    brand: str = Field(examples=["acme"])
    """Brand."""
    market: str = Field(examples=["us"])
    """Market."""
    version: str = Field(examples=["3"])
    """Version in the registry, or key of the fit."""
    kpi: str = Field(examples=["sales"])
    """Name of the KPI."""
    kpi_label: str = Field(examples=["Sales"])
    """What pages call it."""
    kpi_unit: str | None = Field(examples=["orders"])
    """What it is counted in, where the spec says so."""
    currency: str = Field(examples=["USD"])
    """Currency of spend."""
    priced: bool
    """Somebody said what a KPI unit is worth; without it returns and values in money mean nothing."""
    first_date: str = Field(examples=["2023-01-02"])
    """Start of the first period of its data."""
    last_date: str = Field(examples=["2025-12-22"])
    """Start of the last period of its data; plans begin after it."""
    trained_until: str = Field(examples=["2025-12-22"])
    """Start of the last period that entered the fit."""
    members: int = Field(examples=[8])
    """Ensemble members behind the intervals."""


class ModelList(BaseModel):
    """Served models that the token may see."""

    model_config = {"use_attribute_docstrings": True}

    models: list[ModelSummary]
    """One for each brand and market."""


class BestFrequency(Spec):
    """How often people are reached in a period, and how often they are best reached."""

    today: float
    """Contacts per person reached in the last year of the data."""
    best: float
    """At which the same contacts bring most, on average over draws."""
    best_lower: float | None
    """Lower bound of the draws' own best, 90 %."""
    best_upper: float | None
    """Upper bound."""
    chance_higher: float | None
    """Share of draws whose best is above today's."""
    gain: float
    """KPI over the training window at the best frequency less that at today's, at the same spend."""
    gain_lower: float | None
    """Lower bound, 90 %."""
    gain_upper: float | None
    """Upper bound."""
    band_lower: float
    """From here to ``band_upper`` the mean is within 2 % of the best: no advice where today lies within."""
    band_upper: float
    """Upper end of that band."""
    advice: Literal["none", "higher", "lower"]
    """Where today's should move."""


class DesignedTest(Spec):
    """The test of a channel that pays best, as `mmm design` found it."""

    what: str = Field(examples=["go dark for 8 weeks in 5 regions"])
    """The test in words."""
    recommended: bool
    """It is the one to run."""
    power: float | None
    """Chance that it sees the effect that the model expects."""
    width_now: float | None
    """Width of the 90 % interval of the channel's effect over the training window, KPI units."""
    width_after: float | None
    """The same as expected after the test."""
    value: float | None
    """What decisions gain by it, in the currency; null where a KPI unit has no stated value."""
    cost: float | None
    """What it loses, in the currency."""
    net: float | None
    """Value less cost."""
    why_not: str
    """What speaks against it; empty if nothing."""


class Treatment(Spec):
    """A lever that is no medium, among the controls."""

    name: str
    """Name, as ``controls`` of a request gives its path."""
    reference: float
    """Value against which its effect is counted, mean over regions."""
    usual: float
    """Its mean of the last year over regions, which plans take where no path is stated."""


class ChannelDetail(Spec):
    """A channel of a model."""

    name: str
    """Name, as requests give it."""
    label: str
    """What pages call it."""
    unit: str
    """Unit of its amounts: currency, or exposure for a channel without spend."""
    current_spend: float
    """Amount of the last ``horizon`` periods."""
    supported_max: float
    """Largest amount of any ``horizon`` periods in the data."""
    kind: Literal["channel", "organic", "mediator"]
    """Bought, or organic media or a mediator: those are held in budgets and free in scenarios."""
    has_price: bool
    """Spend and exposure are known, so that ``prices`` may say what a unit costs."""
    elasticity: float | None
    """Per cent by which its price rose in the data with one per cent more spend; null where not known."""
    frequency: BestFrequency | None
    """How often people are best reached; null for channels without reach and frequency."""
    test: DesignedTest | None
    """What would settle what it brings; null where no design found a test, or none was made."""


class ModelDetail(ModelSummary):
    """A served model with its data window, channels, scores and remarks."""

    period: str = Field(examples=["week"])
    """Length of a period: day, week, month or quarter."""
    periods: int
    """Periods of its data."""
    horizon: int
    """Periods that ``current_spend`` and ``supported_max`` are over."""
    regions: list[str]
    """Regions."""
    controls: list[str]
    """Controls, treatments among them."""
    treatments: list[Treatment]
    """Those of the controls that are treatments."""
    designed: bool
    """A design of tests lies beside the model (``mmm design DIR REQUEST --out DIR/tests.parquet``)."""
    kpi_value: float | None
    """Currency per KPI unit over the last periods; null where the spec does not state it."""
    channels: list[ChannelDetail]
    """Channels."""
    has_graph: bool
    """Channels move each other, so that ``effects: total`` differs from ``direct``."""
    scores: dict[str, dict[str, float | None]]
    """Scores by window: r2, r2_within (within regions), wape, skill over the best naive forecast."""
    warnings: list[dict[str, Any]]
    """Remarks of the diagnostics: severity, code, where, what, why, what_to_do."""
    model: dict[str, Any]
    """Provenance."""


class Curve(Spec):
    """Response of one channel over the training window, national."""

    multiplier: list[float]
    """Times its own history; 1 is as it ran."""
    spend: list[float | None]
    """Currency over the window; null for a channel without spend."""
    response: list[float]
    """KPI units it brings, mean over members."""
    lower: list[float | None]
    """Lower bound, 90 %."""
    upper: list[float | None]
    """Upper bound, 90 %."""
    marginal: list[float | None]
    """KPI units per further unit of spend."""
    supported: list[bool]
    """Whether it ever ran at such a level."""


class Curves(BaseModel):
    """Response curves of a model."""

    model_config = {"use_attribute_docstrings": True}

    brand: str
    """Brand."""
    market: str
    """Market."""
    kpi: str
    """Name of the KPI."""
    currency: str
    """Currency of spend."""
    kpi_value: float | None
    """Currency per KPI unit; null where the spec does not state it."""
    period: str
    """Length of a period."""
    window: Window
    """Periods the curves are over."""
    curves: dict[str, Curve]
    """By channel."""
    hill: dict[str, dict[str, Any]]
    """Hill equation through each curve: top, half_saturation, slope, r2, saturation_point, unit."""
    model: dict[str, Any]
    """Provenance and version."""


class Component(Spec):
    """One component of the KPI by period."""

    component: str
    """Name: a channel, a control, baseline or seasonality."""
    kind: str
    """baseline, seasonality, control or channel."""
    value: list[float | None]
    """KPI units by period, mean over members."""
    lower: list[float | None]
    """Lower bound, 90 %."""
    upper: list[float | None]
    """Upper bound, 90 %."""


class Contributions(BaseModel):
    """What brought the KPI, by period; components of a period add up to ``predicted``."""

    model_config = {"use_attribute_docstrings": True}

    brand: str
    """Brand."""
    market: str
    """Market."""
    region: str | None
    """Region; null for the sum of all."""
    dates: list[str]
    """Starts of the periods."""
    predicted: list[float | None]
    """Predicted KPI."""
    actual: list[float | None]
    """Observed KPI; null where it is not known of every region."""
    components: list[Component]
    """What it is made of."""
    model: dict[str, Any]
    """Version and data window."""


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
    content = {"application/json": {"schema": schema, "example": dict(example)}}
    return {"requestBody": {"required": True, "content": content}, "security": [{"bearer": []}]}
