"""Settings of the service: what it serves, to whom, and how much it takes on."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from jobs.record.versions import CHAMPION
from mmm.config import Spec

Scope = Literal["read", "plan", "admin"]


class Token(Spec):
    """One bearer token; the service knows its digest only."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    """Who uses it, as it stands in the log."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of the token in hexadecimal digits; `python -m serve.tokens NAME` makes both."""
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    """``read``: models, curves, contributions. ``plan``: scenarios and budgets. ``admin``: reload."""
    brands: tuple[str, ...] | None = None
    """Brands it may see; omit for all."""
    expires: date | None = None
    """Last day, UTC, on which it is accepted; omit for no end."""
    per_second: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)] | None = None
    """Requests a second it may make, bursts of as many again apart, at all interfaces together; omit for no
    limit."""
    at_once: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Plans and scenarios it may have under way in one interface; omit for that of the limits."""


class Limits(Spec):
    """What one request may ask, and how many may wait."""

    body_bytes: Annotated[int, Field(ge=1_000, le=100_000_000)] = 1_000_000
    """Largest request body, plans of record apart."""
    record_bytes: Annotated[int, Field(ge=1_000, le=2_000_000_000)] = 50_000_000
    """Largest plan of record; unpacked it may be twenty times as large."""
    depth: Annotated[int, Field(ge=4, le=100)] = 12
    """Deepest nesting of a request body."""
    values: Annotated[int, Field(ge=100, le=10_000_000)] = 50_000
    """Most values in a request body."""
    variables: Annotated[int, Field(ge=1, le=1_000_000)] = 3000
    """Most decision variables of a budget: channels, or channels x regions; of all models together."""
    aimed_variables: Annotated[int, Field(ge=1, le=1_000_000)] = 600
    """Most of them for objectives other than ``kpi``, and for a ``risk``."""
    groups: Annotated[int, Field(ge=1, le=100_000)] = 64
    """Most groups of a budget request."""
    group_names: Annotated[int, Field(ge=1, le=1_000_000)] = 4000
    """Most names in all groups together."""
    cells: Annotated[int, Field(ge=1, le=1_000_000_000)] = 20_000_000
    """Most plans x periods x regions x channels x members of a scenario."""
    slow_variables: Annotated[int, Field(ge=1, le=1_000_000)] = 64
    """Most decision variables for `trust-constr`, and for total effects by region: these take seconds."""
    evolved_variables: Annotated[int, Field(ge=1, le=1_000_000)] = 16
    """Most decision variables for `differential_evolution` and `hybrid`, whose time grows with the square."""
    plan_seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """Seconds after which a plan is given up with 503."""
    slow_at_once: Annotated[int, Field(ge=1, le=1000)] = 8
    """Questions of more than a quarter of a second of work, under way or waiting in one interface."""
    slow_of_a_token: Annotated[int, Field(ge=1, le=1000)] = 2
    """Those of them that one token may have."""
    at_once: Annotated[int, Field(ge=1, le=100_000)] = 16
    """Plans and scenarios that one token may have under way in one interface."""
    queue: Annotated[int, Field(ge=1, le=100_000)] = 64
    """Plans and scenarios under way or waiting in one replica; further ones are answered 503."""


class ServeSettings(Spec):
    """The whole service."""

    models: Annotated[str, Field(min_length=1)]
    """Where fitted models are: a folder (one fitted model, a tree of them, or what `jobs.refit` wrote), or
    the URI of an MLflow registry (`sqlite:///…`, `http://…`)."""
    alias: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,50}$")] = CHAMPION
    """Alias of the versions to serve, for a registry."""
    poll: Annotated[float, Field(ge=0.2, le=3600)] = 5.0
    """Seconds between two looks for new models."""
    keep: Annotated[int, Field(ge=1, le=10_000)] = 32
    """Models that one planner replica keeps loaded; the least recently used goes first."""
    tokens: tuple[Token, ...] = ()
    """Who may call. Without any the service answers its own machine only."""
    tokens_file: str | None = None
    """YAML or JSON file with a list `tokens`; they join those given here and in variable `MMM_TOKENS`. It is
    read again with every look for new models."""
    file_tokens: tuple[Token, ...] = ()
    """What the file held at the start, for a node that cannot read it; set by the service itself."""
    state: str | None = None
    """Folder for the versions served last, so that a restart knows them; by default `ray-mmm` in
    `$XDG_STATE_HOME` or `~/.local/state`."""
    limits: Limits = Limits()
    """What one request may ask."""

    @property
    def all_tokens(self) -> tuple[Token, ...]:
        """Tokens of every place as they were at the start."""
        return (*self.tokens, *self.file_tokens)
