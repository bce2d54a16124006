"""``python -m serve.check_config FILE``: what Serve would take in silence in a configuration file.

Serve ignores keys it does not know, at every level; here they are problems with their line, as are arguments
of the service that are wrong.
"""

from __future__ import annotations

import argparse
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from ray.serve.schema import ServeDeploySchema

from mmm.config.files import Document, read_yaml
from mmm.config.problems import Location, nearest, place, spec_problems
from mmm.errors import Problem, SpecError
from serve.app import Arguments

BUILDER = "serve.app:build"


def check_config(source: str) -> None:
    """Check a file for ``serve deploy``.

    Raises:
        SpecError: With every problem.
    """
    document = read_yaml(source)
    problems = list(_strangers(document.values, ServeDeploySchema, (), document))
    try:
        ServeDeploySchema.model_validate(document.values)
    except ValidationError as error:
        problems += spec_problems(error, ServeDeploySchema, document.values, document.lines)
    problems += _wrong_arguments(document)
    if problems:
        raise SpecError(source, list({problem.where: problem for problem in problems}.values()))


def _strangers(
    values: object, model: type[BaseModel], location: Location, document: Document
) -> Iterator[Problem]:
    """Keys that the schema does not have, at any depth."""
    if not isinstance(values, Mapping):
        return
    for key, value in values.items():
        here = (*location, str(key))
        field = model.model_fields.get(str(key))
        if field is None:
            close = nearest(str(key), model.model_fields, count=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(model.model_fields)}."
            message = f"unknown key {key!r}, which Serve would ignore; {hint} Correct or remove it."
            yield Problem("unknown_key", place(here, document.lines), message)
            continue
        for inner in _models_in(field.annotation):
            items = value if isinstance(value, list) else [value]
            for index, item in enumerate(items):
                yield from _strangers(item, inner, (*here, index) if items is value else here, document)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """The one schema a field may hold, alone or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, types.UnionType, list):
        return [model for option in get_args(annotation) for model in _models_in(option)][:1]
    return []


def _wrong_arguments(document: Document) -> Iterator[Problem]:
    applications = document.values.get("applications")
    for index, application in enumerate(applications if isinstance(applications, list) else ()):
        if not isinstance(application, Mapping) or application.get("import_path") != BUILDER:
            continue
        arguments = application.get("args", {})
        try:
            Arguments.model_validate(arguments)
        except ValidationError as error:
            prefix = ("applications", index, "args")
            yield from spec_problems(error, Arguments, arguments, document.lines, prefix)


def main(arguments: Sequence[str] | None = None) -> int:
    """Status 0 if the file is as it should be, 2 if not."""
    parser = argparse.ArgumentParser(prog="python -m serve.check_config", description=__doc__)
    parser.add_argument("file", help="configuration for `serve deploy`")
    options = parser.parse_args(arguments)
    try:
        check_config(options.file)
    except SpecError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{options.file} is as Serve and the service read it.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
