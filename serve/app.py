"""``serve run serve.app:build models=demo/refit``: the service on Ray Serve.

Arguments are those of :class:`Arguments`, as ``key=value`` on the command line or under ``args`` in a
configuration file; unknown ones are refused.
"""

# No `from __future__ import annotations`: Serve reads the builder's annotations at run time.

import json
import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from ray import serve
from ray.serve.schema import LoggingConfig

from mmm.config.files import validate
from mmm.errors import Problem, SpecError
from serve.deployments import CatalogueHost, Interface, planner_keeping
from serve.settings import ServeSettings
from serve.tokens import read_tokens

Count = Annotated[int, Field(ge=1, le=1000)]

TOKENS_VARIABLE = "MMM_TOKENS"
"""Environment variable that may hold the list of tokens as JSON."""


class Arguments(ServeSettings):
    """What ``serve run`` and ``serve deploy`` take."""

    interfaces: Count = 2
    """Replicas of the interface; two, so that one may die."""
    planners: Count = 1
    """Fewest replicas of the planner."""
    most_planners: Count = 2
    """Most replicas of the planner; their number follows the load in between."""
    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"
    """INFO logs every request; WARNING only what goes wrong."""


def build(args: Arguments) -> serve.Application:
    """The application of ``serve run serve.app:build`` and of ``serve/config.yaml``."""
    settings = settings_of(args)
    logs = LoggingConfig(encoding="JSON", log_level=args.log_level, enable_access_log=False)
    checked: dict[str, Any] = {
        "health_check_period_s": 5,
        "health_check_timeout_s": 30,
        "graceful_shutdown_wait_loop_s": 1,
        "graceful_shutdown_timeout_s": settings.limits.plan_seconds,
        "logging_config": logs,
    }
    catalogue = _deployment(CatalogueHost, name="Catalogue", ray_actor_options={"num_cpus": 0.1}, **checked)
    planners = _deployment(
        planner_keeping(settings.keep),
        name="Planner",
        ray_actor_options={"num_cpus": 0.5},
        max_ongoing_requests=max(8, settings.limits.queue),
        max_queued_requests=settings.limits.queue,
        autoscaling_config={
            "min_replicas": args.planners,
            "max_replicas": max(args.planners, args.most_planners),
            "target_ongoing_requests": 2,
            "upscale_delay_s": 10,
            "downscale_delay_s": 120,
        },
        **checked,
    )
    interface = _deployment(
        Interface,
        name="Interface",
        num_replicas=args.interfaces,
        ray_actor_options={"num_cpus": 0.1},
        max_ongoing_requests=256,
        max_queued_requests=1024,
        **checked,
    )
    catalogue_handle = catalogue.bind(settings)
    return interface.bind(settings, planners.bind(settings, catalogue_handle), catalogue_handle)


def _deployment(of: type[Any], **options: Any) -> serve.Deployment:
    made = serve.deployment(**options)(of)
    assert isinstance(made, serve.Deployment)
    return made


def settings_of(args: Arguments) -> ServeSettings:
    """Settings with the tokens of all three places.

    Raises:
        SpecError: A token, or the file of tokens, is not as it should be.
    """
    given = args.model_dump(include=set(ServeSettings.model_fields))
    tokens = [*given.pop("tokens"), *_tokens_of_environment()]
    models, path = given.pop("models"), given.pop("tokens_file")
    if path is not None:
        path = str(Path(path).expanduser().absolute())
        given |= {"tokens_file": path, "file_tokens": read_tokens(path)}
    if "://" not in models:
        models = str(Path(models).expanduser().absolute())
    return validate(ServeSettings, {**given, "models": models, "tokens": tokens}, "settings of the service")


def _tokens_of_environment() -> list[Any]:
    text = os.environ.get(TOKENS_VARIABLE, "")
    try:
        tokens = json.loads(text) if text else []
    except ValueError as error:
        raise SpecError(
            TOKENS_VARIABLE, [Problem("not_json", "", f"{error}; a JSON list of tokens")]
        ) from None
    if not isinstance(tokens, list):
        text = "holds no list of tokens; python -m serve.tokens shows one"
        raise SpecError(TOKENS_VARIABLE, [Problem("wrong_type", "tokens", text)])
    return tokens
