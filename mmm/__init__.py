"""Marketing mix modeling that says what it knows: attribution, response curves and budget plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmm.estimator import DeepCausalMMM

__all__ = ["DeepCausalMMM"]


def __getattr__(name: str) -> Any:
    """The estimator, loaded when it is first asked for: the command starts without torch."""
    if name == "DeepCausalMMM":
        from mmm.estimator import DeepCausalMMM

        return DeepCausalMMM
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
