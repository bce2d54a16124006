"""Jobs on Ray. From Python one thing is asked of them: a search of settings in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.tune.search import search_in_process

__all__ = ["search_in_process"]


def __getattr__(name: str) -> Any:
    """The search, loaded when it is first asked for: jobs start without Optuna."""
    if name == "search_in_process":
        from jobs.tune.search import search_in_process

        return search_in_process
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
