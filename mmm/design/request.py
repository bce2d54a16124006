"""What is asked of a design: which channels, kinds and lengths of tests, for which decision."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from mmm.config import Spec
from mmm.config.files import read_yaml
from mmm.config.problems import Location, nearest, spec_problems
from mmm.errors import Problem, RequestError, SpecError
from mmm.planning.request import BudgetRequest
from mmm.storage import parent, resolve

Kind = Literal["hold_back", "go_dark", "heavy_up"]
KINDS: tuple[Kind, ...] = get_args(Kind)
VALUED = ("kpi", "profit")
"""Objectives of a budget whose outcome is an amount, so that a better decision has a value."""


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) < len(values):
        raise PydanticCustomError("repeated", "names something twice; write each once", {})
    return values


Once = AfterValidator(_distinct)
Weeks = Annotated[int, Field(ge=1, le=52)]
Share = Annotated[float, Field(ge=0.05, le=0.5)]


class DesignRequest(Spec):
    """A question for tests: what may be tested, how sure it must be, and for which decision."""

    budget: dict[str, Any] | str
    """The budget request that the test is to improve, inside or as the path of its file; its objective is
    ``kpi`` or ``profit``. A test is worth what this decision gains by it."""
    horizon: Annotated[int, Field(ge=1, le=520)] | None = None
    """Periods for which the decision is made again and again once the test is read; None is a year."""
    channels: Annotated[tuple[str, ...], Field(min_length=1), Once] | None = None
    """Channels that may be tested; None takes all."""
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1), Once] = KINDS
    """``hold_back``: part of the spend is taken away; ``go_dark``: all of it; ``heavy_up``: more is spent."""
    hold_back: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Part of the spend that a hold back takes away."""
    heavy_up: Annotated[float, Field(gt=0, le=5)] = 1.0
    """Part of the spend that a heavy up adds."""
    weeks: Annotated[tuple[Weeks, ...], Field(min_length=1), Once] = (4, 8, 12)
    """Lengths of tests; of a national test the length of each block."""
    treated: Annotated[tuple[Share, ...], Field(min_length=1), Once] = (0.5, 0.25)
    """Parts of the regions that are treated; each treated region has its own controls."""
    blocks: Annotated[int, Field(ge=1, le=6)] = 2
    """Blocks of a national test, with as usual before, between and after them."""
    exclude: tuple[str, ...] = ()
    """Regions that must not take part."""
    start: dt.date | None = None
    """First day of the test; None is the first period after the data."""
    level: Annotated[float, Field(ge=0.01, le=0.3)] = 0.1
    """Chance of finding an effect where there is none, both sides together."""
    power: Annotated[float, Field(ge=0.5, le=0.99)] = 0.8
    """Chance of finding an effect as large as the minimal detectable one."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of the assignment of regions."""

    @model_validator(mode="after")
    def _has_a_decision(self) -> Self:
        if isinstance(self.budget, str):
            raise PydanticCustomError("unread", "is the path of a file that was not read", {})
        objective = self.budget.get("objective", "kpi")
        if objective not in VALUED:
            raise PydanticCustomError(
                "no_value",
                "budget asks for {objective}, which has no value to gain; ask for kpi or profit",
                {"objective": str(objective)},
            )
        return self

    @property
    def asked(self) -> dict[str, Any]:
        """The budget request as written."""
        assert not isinstance(self.budget, str)
        return self.budget

    def change(self, kind: Kind) -> float:
        """Relative change of the channel's spend: -1 takes all of it away."""
        changes: dict[Kind, float] = {
            "hold_back": -self.hold_back,
            "go_dark": -1.0,
            "heavy_up": self.heavy_up,
        }
        return changes[kind]


def parse_design(
    data: object,
    *,
    source: str = "design request",
    base: str = "",
    lines: Mapping[Location, int] | None = None,
) -> DesignRequest:
    """Check a request and everything in it but the budget, which the planner reads for its model.

    Args:
        data: Mapping as read from YAML or JSON.
        source: What it is called in errors.
        base: Folder that the path of a budget request is seen from.
        lines: Line of each location in a file.

    Raises:
        RequestError: With every problem and its path.
    """
    if not isinstance(data, Mapping):
        text = "is no mapping; a request is a mapping of fields such as budget and channels"
        raise RequestError(source, [Problem("wrong_type", "", text)])
    values = dict(data)
    if isinstance(values.get("budget"), str):
        try:
            values["budget"] = read_yaml(resolve(values["budget"], base)).values
        except SpecError as error:
            if error.problems[0].code != "unreadable_spec":
                raise RequestError(error.source, error.problems) from error
            text = (
                f"{values['budget']!r} is no file that can be read. Below `budget` stands a budget request, "
                "such as {budget: current, horizon: 13}, or the path of the file of one."
            )
            raise RequestError(source, [Problem("unreadable_budget", "budget", text)]) from error
    try:
        return DesignRequest.model_validate(values)
    except ValidationError as error:
        raise RequestError(source, spec_problems(error, DesignRequest, data, lines or {})) from None


def read_design(path: str | Path) -> DesignRequest:
    """Read a design request from a YAML or JSON file; errors as :func:`parse_design`."""
    try:
        document = read_yaml(str(path))
    except SpecError as error:
        raise RequestError(error.source, error.problems) from error
    return parse_design(document.values, source=document.source, base=parent(str(path)), lines=document.lines)


def name_problems(
    request: DesignRequest, channels: tuple[str, ...], regions: tuple[str, ...]
) -> list[Problem]:
    """Channels and regions that the model does not have."""
    problems = []
    for field, named, known in (
        ("channels", request.channels or (), channels),
        ("exclude", request.exclude, regions),
    ):
        for name in named:
            if name not in known:
                close = nearest(name, known, count=1)
                hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known[:20])}"
                problems.append(Problem("unknown_name", field, f"{name!r} is not in the model; {hint}"))
    return problems


def budget_of(request: DesignRequest, channels: tuple[str, ...], periods: int) -> BudgetRequest:
    """The budget request, read for the model; a test informs the split over channels only.

    Raises:
        RequestError: It is wrong, in itself or for the model.
    """
    from mmm.planning.request import parse_request

    asked = {
        name: value for name, value in request.asked.items() if name not in ("by_region", "region_bounds")
    }
    return parse_request(
        asked, channels=channels, history_periods=periods, source="the budget request of the design"
    )
