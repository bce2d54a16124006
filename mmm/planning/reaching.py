"""How often a plan reaches people, and how many there are to reach.

Shapes: G regions, H periods of the horizon, C channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mmm.analysis.frequency import best_frequency, today
from mmm.data.panel import Floats, Panel
from mmm.errors import Problem
from mmm.fitted import Fitted
from mmm.model.frequency import Reaching
from mmm.planning.amounts import AmountsToMedia, Flighting
from mmm.planning.fields import unknown_name
from mmm.words import number

Asked = Literal["keep", "best"] | Mapping[str, float]
"""A frequency as a request has it: as it was, the best, or contacts per person by channel."""


@dataclass(frozen=True)
class ReachKey:
    """What of a request decides how people are reached; the same in every answer that shares a response.

    Attributes:
        frequency: Channels, by place, whose frequency the plan sets, and to what.
        ceiling: Channels, by place, of which a share of the population can be reached at most.
    """

    frequency: tuple[tuple[int, float], ...] = ()
    ceiling: tuple[tuple[int, float], ...] = ()


KEEP = ReachKey()


def reach_key(fitted: Fitted, frequency: Asked, ceiling: Mapping[str, float]) -> ReachKey:
    """A request's words as numbers; ``best`` is that of the model, of channels that are bought."""
    channels = fitted.panel.channels
    if isinstance(frequency, str):
        best = _bought(fitted) if frequency == "best" else ()
        chosen = tuple((c, best_frequency(fitted, c)) for c in best)
    else:
        chosen = tuple((channels.index(name), value) for name, value in sorted(frequency.items()))
    limits = tuple((channels.index(name), share) for name, share in sorted(ceiling.items()))
    return ReachKey(chosen, limits)


def _bought(fitted: Fitted) -> tuple[int, ...]:
    """Channels that are bought and have reach, by place."""
    return tuple(c for c in fitted.predictor.reach if fitted.panel.bought_C[c])


def reach_problems(fitted: Fitted, frequency: Asked, ceiling: Mapping[str, float]) -> Iterator[Problem]:
    """What of a request this model cannot do."""
    panel, places = fitted.panel, fitted.predictor.reach
    known = [panel.channels[c] for c in places]
    named = {
        "frequency": () if isinstance(frequency, str) else tuple(frequency),
        "reach_ceiling": tuple(ceiling),
    }
    for field, names in named.items():
        for name in names:
            if name not in panel.channels:
                yield Problem("unknown_channel", field, unknown_name(name, panel.channels))
            elif name not in known:
                text = f"{name} has no reach with a frequency that varies, so that nothing is known of others"
                yield Problem("no_reach", field, f"{text}. Leave it out.")
    if ceiling and panel.population_G is None:
        text = "is a share of the population, which the data do not have. Name it in columns.population."
        yield Problem("no_population", "reach_ceiling", text)


def best_problems(fitted: Fitted, frequency: Asked) -> Iterator[Problem]:
    """Of one model, that it is asked for a best frequency and has none."""
    if frequency == "best" and not _bought(fitted):
        text = "no channel that is bought has reach and a frequency that varies. Leave it out."
        yield Problem("no_reach", "frequency", text)


def reaching_of(
    to_media: AmountsToMedia, unit_GHC: Floats, horizon: int, flighting: Flighting, key: ReachKey, wait: int
) -> tuple[Floats, Reaching | None]:
    """Media per unit of amount at the frequency of a plan, and how people are reached.

    The same money buys the same contacts: at another frequency they reach ``contacts / frequency`` people.
    People beyond those reached today are the harder to find the fewer are left: a limit counts so that
    today's amounts reach whom they reached.
    """
    contacts_GHC = to_media.contacts_GHC(horizon, flighting)
    if contacts_GHC is None:
        return unit_GHC, None
    before_GPC = to_media.contacts_GHC(wait) if wait else None
    most_GC = np.full(unit_GHC[:, 0].shape, np.inf)
    unit_GHC, contacts_GHC = unit_GHC.copy(), contacts_GHC.copy()
    for c, share in key.ceiling:
        most_GC[:, c] = _people(to_media.panel, share)
        unit_GHC[..., c] *= _harder(to_media.panel.media_GTC[:, -horizon:, c], most_GC[:, c, None])
    for c, frequency in key.frequency:
        unit_GHC[..., c] *= contacts_GHC[..., c] / frequency
        contacts_GHC[..., c] = frequency
    return unit_GHC, Reaching(contacts_GHC, before_GPC, most_GC)


def _people(panel: Panel, share: float) -> Floats:
    assert panel.population_G is not None
    return share * panel.population_G


def _harder(people_GH: Floats, most_G1: Floats) -> Floats:
    """People an amount must aim at for each whom it reached."""
    share_GH = np.clip(people_GH / most_G1, 0.0, NEARLY_ALL)
    factor: Floats = np.divide(-np.log1p(-share_GH), share_GH, out=np.ones_like(share_GH), where=share_GH > 0)
    return factor


NEARLY_ALL = 0.99
"""Share of those who can be reached above which a period counts as having reached that many of them."""


def reach_remarks(fitted: Fitted, key: ReachKey) -> tuple[str, ...]:
    """What a plan says of frequencies that it sets; each begins with a channel."""
    channels = fitted.panel.channels
    set_to = tuple(
        f"{channels[c]}: people are reached {number(value)} times, not {number(today(fitted, c))}; "
        "at the same price per contact."
        for c, value in key.frequency
    )
    held = tuple(
        f"{channels[c]}: {number(100 * share)} % of the people can be reached at most in a period."
        for c, share in key.ceiling
    )
    return (*set_to, *held)
