"""Tests of single markets, as workers find them, and what news of a channel is worth to each.

Shapes: M members, C channels, E errors of a reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from jobs.record.store import local_copy
from mmm.data.panel import Floats
from mmm.design.designer import Designer, ranked
from mmm.design.request import DesignRequest
from mmm.design.value import gain, readout
from mmm.errors import MMMError

ERRORS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Standard errors of a reading of a channel's log effect, in standard deviations of what the model knows."""
FLOOR = 0.02
"""Part of a channel's mean effect below which a draw counts as this part: a log needs one."""


@dataclass(frozen=True)
class Model:
    """A fitted model of the portfolio.

    Attributes:
        brand: Brand.
        market: Market.
        directory: Where it lies.
    """

    brand: str
    market: str
    directory: str

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.brand} / {self.market}"


@dataclass(frozen=True, eq=False)
class Designed:
    """What a worker found out of a market.

    Attributes:
        model: The model.
        tests: Its tests, see ``mmm.design.designer.COLUMNS``; None where it failed.
        news: Value, in the market's currency over the horizon, of reading each channel's log effect with the
            errors of ``ERRORS``: by channel. Empty where nothing has a value in money.
        problem: Why it failed.
    """

    model: Model
    tests: pd.DataFrame | None = None
    news: dict[str, tuple[float, ...]] | None = None
    problem: str = ""


def design_markets(models: Sequence[Model], request: DesignRequest) -> list[Designed]:
    """Tests of some markets; one that fails stops no other."""
    return [_designed(model, request) for model in models]


def _designed(model: Model, request: DesignRequest) -> Designed:
    from mmm.fitted import load_fitted

    try:
        with local_copy(model.directory, ("model",)) as folder:
            fitted = load_fitted(folder)
        known = set(fitted.panel.channels)
        channels = None
        if request.channels is not None:
            channels = tuple(name for name in request.channels if name in known)
            if not channels:
                return Designed(model, ranked([]), {})
        exclude = tuple(name for name in request.exclude if name in fitted.panel.regions)
        own = request.model_copy(update={"channels": channels, "exclude": exclude})
        designer = Designer(fitted, own)
        tests = designer.ranked(designer.proposals())
        return Designed(model, tests, news_values(designer))
    except MMMError as error:
        return Designed(model, problem=" ".join(str(error).split()))
    except FileNotFoundError as error:
        return Designed(model, problem=f"its model is not there any more ({error})")


def news_values(designer: Designer) -> dict[str, tuple[float, ...]]:
    """What it is worth to a market to read the log effect of each of its channels, see :class:`Designed`."""
    if designer.decision.value is None:
        return {}
    worth = designer.decision.value * designer.times
    effect_MC = designer.effect_MC
    log_MC: Floats = np.log(np.maximum(effect_MC, FLOOR * np.maximum(effect_MC.mean(0), 1e-12)))
    found = {}
    for c, channel in enumerate(designer.panel.channels):
        spread = float(log_MC[:, c].std())
        values = [
            worth * gain(designer.decision.utility_AM, readout(log_MC[:, c], error * spread)).value
            if spread > 0
            else 0.0
            for error in ERRORS
        ]
        found[channel] = tuple(values)
    return found
