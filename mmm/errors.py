"""Errors a user can act on. Each names the thing, its place, the rule and the way out.

Every error keeps its findings as plain data and survives pickling, since Ray carries errors between
processes. Each inherits a builtin, so callers that know nothing of this package can still catch it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input.

    Attributes:
        code: Stable identifier, e.g. ``duplicate_rows``.
        where: Coordinates in the input: file, column, region, date or YAML path.
        message: What is wrong, the rule, and the way out, in one sentence or two.
    """

    code: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class MMMError(Exception):
    """Base of every error this package raises on purpose."""


class ProblemsError(MMMError, ValueError):
    """An input with one or more problems, all of them reported together.

    Args:
        source: What was read: a file, a spec, a request.
        problems: Everything that is wrong with it.
    """

    def __init__(self, source: str, problems: tuple[Problem, ...] | list[Problem]) -> None:
        self.source = source
        self.problems = tuple(problems)
        super().__init__(source, self.problems)

    def __reduce__(self) -> tuple[type[ProblemsError], tuple[str, tuple[Problem, ...]]]:
        return type(self), (self.source, self.problems)

    def __str__(self) -> str:
        count = len(self.problems)
        head = f"{self.source} has {count} problem{'s' if count != 1 else ''}:"
        return "\n".join([head, *(f"  - {problem}" for problem in self.problems)])


class SpecError(ProblemsError):
    """A specification that breaks its schema or contradicts itself or its data."""


class PanelError(ProblemsError):
    """A panel that cannot be modelled as it is."""


class RequestError(ProblemsError):
    """A budget request or scenario plan that cannot be answered."""


class ModelFileError(MMMError, ValueError):
    """A fitted model's directory that is incomplete, damaged or of another format version."""


class RecordError(MMMError, ValueError):
    """A plan of record that is damaged, or does not fit what it is held against."""


class OutputError(MMMError, OSError):
    """An output place that cannot be written or already holds something."""


class FullError(OutputError):
    """A place without room: the same command goes on once there is some."""


class TrainingError(MMMError, RuntimeError):
    """Training that diverged or could not go on."""


class CheckpointError(MMMError, ValueError):
    """A checkpoint of another spec or of other data, or one that cannot be read."""
