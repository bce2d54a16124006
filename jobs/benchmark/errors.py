"""What can go wrong in one part of a benchmark without ending the others."""

from __future__ import annotations

from mmm.errors import MMMError


class BenchmarkError(MMMError, RuntimeError):
    """A part of the benchmark that could not be done: the message is the row's note."""


class NotHereError(BenchmarkError):
    """Something that a quick run does without rather than fetch it."""
