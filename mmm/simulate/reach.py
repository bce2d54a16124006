"""Channels of a simulated world that reach people so and so often.

Shapes: R channels with reach and frequency, C channels, G regions, T periods, N contacts, F frequencies.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.signal import lfilter

from mmm.data.panel import Floats

CONTACTS = 120
"""Contacts of a person that are told apart."""
TYPICAL_REACH = 0.12
MOST_REACH = 0.85
"""Share of a region's people reached in a typical period, and at most: beyond, contacts go to the same."""
FREQUENCIES: Floats = np.round(np.arange(1.0, 20.005, 0.01), 2)
"""Frequencies among which the truly best one is looked for."""


def mean_response(frequency: Floats, half: float, slope: float) -> Floats:
    """What people do on average who are reached so often: 1 + Poisson(frequency - 1) contacts each."""
    extra = np.asarray(frequency, dtype=np.float64) - 1.0
    weight, total = np.exp(-extra), np.zeros_like(extra)
    for contacts in range(1, CONTACTS + 1):
        total += weight * contacts**slope / (contacts**slope + half**slope)
        weight = weight * extra / contacts
    return total


@dataclass(frozen=True, eq=False)
class Reach:
    """Who was reached, how often, and what that does to a person.

    Attributes:
        places: Channels, R, by their place.
        people_RGT: People reached.
        contacts_RGT: Contacts of each of them on average.
        half_R: Contacts at which a person does half of the most it can be brought to.
        slope_R: Hill slope of a person.
    """

    places: tuple[int, ...]
    people_RGT: Floats
    contacts_RGT: Floats
    half_R: Floats
    slope_R: Floats

    @cached_property
    def worth_RGT(self) -> Floats:
        """What a contact counts at the frequency it was bought at, mean 1."""
        worth_RGT = np.stack(
            [
                mean_response(contacts_GT, float(half), float(slope)) / contacts_GT
                for contacts_GT, half, slope in zip(self.contacts_RGT, self.half_R, self.slope_R, strict=True)
            ]
        )
        relative: Floats = worth_RGT / worth_RGT.mean((1, 2), keepdims=True)
        return relative

    def acting(self, intensity_GTC: Floats) -> Floats:
        """Contacts per head of all channels, those of the channels here by what they count."""
        acting_GTC = intensity_GTC.copy()
        for r, channel in enumerate(self.places):
            acting_GTC[..., channel] *= self.worth_RGT[r]
        return acting_GTC

    def after(self, other: Reach | None, first: int) -> Reach:
        """Channels of another world and, ``first`` places on, those here."""
        places = tuple(first + place for place in self.places)
        if other is None:
            return replace(self, places=places)
        return Reach(
            (*other.places, *places),
            np.concatenate([other.people_RGT, self.people_RGT]),
            np.concatenate([other.contacts_RGT, self.contacts_RGT]),
            np.concatenate([other.half_R, self.half_R]),
            np.concatenate([other.slope_R, self.slope_R]),
        )

    @cached_property
    def best_R(self) -> Floats:
        """Frequency at which the same contacts bring most people-responses."""
        pairs = zip(self.half_R, self.slope_R, strict=True)
        best = [
            FREQUENCIES[np.argmax(mean_response(FREQUENCIES, float(half), float(slope)) / FREQUENCIES)]
            for half, slope in pairs
        ]
        return np.array(best, dtype=np.float64)

    def mean_R(self, periods: int | None = None) -> Floats:
        """Contacts over people reached."""
        people, contacts = self.people_RGT[..., :periods], self.contacts_RGT[..., :periods]
        mean: Floats = (people * contacts).sum((1, 2)) / people.sum((1, 2))
        return mean


def draw_reach(
    rng: np.random.Generator,
    intensity_GTC: Floats,
    population_G: Floats,
    places: tuple[int, ...],
    shapes: tuple[tuple[float, float], tuple[float, float]],
    spread: float,
) -> Reach:
    """Contacts of some channels split into people and how often each was reached.

    Frequency wanders by itself, and a little with the pressure; where more people would have to be reached
    than there are, it rises instead.

    Args:
        rng: Source of every number.
        intensity_GTC: Contacts per head, 1 in a typical period.
        population_G: Heads.
        places: Channels.
        shapes: Ranges of half-frequency and slope.
        spread: Standard deviation of the log of contacts beyond the first; 0 holds frequency constant.
    """
    people, each, half_R, slope_R = [], [], [], []
    for channel in places:
        pressure_GT = intensity_GTC[..., channel]
        usual = rng.uniform(1.8, 4.0)
        own_GT = rng.standard_normal(pressure_GT.shape) * np.sqrt(1 - 0.8**2)
        moves_GT = lfilter([1.0], [1.0, -0.8], own_GT, axis=1) + 0.3 * np.log(np.maximum(pressure_GT, 0.05))
        contacts_GT = 1.0 + (usual - 1.0) * np.exp(spread * moves_GT)
        share_GT = TYPICAL_REACH * usual * pressure_GT / contacts_GT
        if spread > 0:
            contacts_GT = contacts_GT * np.maximum(share_GT / MOST_REACH, 1.0)
            share_GT = np.minimum(share_GT, MOST_REACH)
        people.append(share_GT * population_G[:, None])
        each.append(contacts_GT)
        half_R.append(rng.uniform(*shapes[0]))
        slope_R.append(rng.uniform(*shapes[1]))
    return Reach(places, np.stack(people), np.stack(each), np.array(half_R), np.array(slope_R))
