"""How the model is fitted: the ``train:`` section of a spec."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mmm.config.base import PLACE_ONLY, Count, Spec


class TrainSpec(Spec):
    """How the model is fitted."""

    inference: Literal["posterior", "ensemble"] = "posterior"
    """How what is not known is found out: ``posterior`` draws from the posterior of the model, started at its
    mode (decisions 0014 and 0017); ``ensemble`` refits the data with other weights and other prior centres,
    ``members`` times."""
    draws: Annotated[int, Field(ge=50, le=1000)] = 200
    """Draws that a model keeps; ``members: 1`` keeps the mode alone."""
    effort: Annotated[float, Field(ge=0.05, le=20)] = 1.0
    """Factor on the length of sampling."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of every random choice."""
    members: Count = 8
    """Members with ``inference: ensemble``, which give every interval there. 1 fits once: no intervals, with
    either inference."""
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 800
    """Full-batch steps of the descent to the mode. With ``inference: ensemble`` the most of a fit, of which
    the validation tail may choose fewer."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.05
    """Peak step of Adam; it rises, then falls as a cosine."""
    gradient_clip: Annotated[float, Field(gt=0, le=1e6)] = 10.0
    """Largest norm of a member's gradient."""
    validation: Annotated[int, Field(ge=0, le=1000)] | None = None
    """With ``inference: ensemble``, last periods of the training window that choose the number of epochs;
    None takes about a tenth, 0 trains for all epochs."""
    patience: Annotated[int, Field(ge=1, le=100_000)] = 200
    """With ``inference: ensemble``, epochs without a better validation loss after which the search for their
    number stops."""
    refit_on_all: bool = False
    """After scoring, fit once more on every period with the settings and epochs found."""
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$", json_schema_extra=PLACE_ONLY)] = "cpu"
    """Where tensors live: ``cpu``, ``cuda``, ``cuda:1``, or ``auto`` for a GPU where there is one."""
    threads: Annotated[Count | None, Field(json_schema_extra=PLACE_ONLY)] = None
    """Threads of a fit; None leaves PyTorch's setting. With ``mmm fit`` that is one, and parts of a large
    panel are drawn side by side on every core, which changes nothing of what is found."""
    precision: Annotated[Literal["float32", "float64"] | None, Field(json_schema_extra=PLACE_ONLY)] = None
    """Numbers a fit is made in; None takes ``float32``, and for training over shards on CPUs ``float64``, in
    which any number of workers finds the same to ten digits. Both fit alike to rounding."""
