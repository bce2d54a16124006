"""Reach and frequency: what people do who are reached more or less often.

Of a channel that reaches people ``f`` times on average, somebody reached has ``1 + Poisson(f - 1)``
contacts, and responds to ``n`` of them as ``g(n) = n^s / (n^s + h^s)``: slope ``s``, half-frequency ``h``.
The mean over people, ``g_mean(f)``, is linear in ``g(1), g(2), …``: the chances of so many contacts are data
and computed once. What acts is ``reach · g_mean(f)``, carried over, relative to ``g_mean`` at the channel's
mean frequency; at that frequency throughout, reach acts as exposure does.

Shapes: M members, R channels with reach and frequency, C channels, G regions, T periods, N contacts (1 … N),
F frequencies, L lags, X cells.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import special
from torch import Tensor

from mmm.data.panel import Floats, Ints, Panel
from mmm.data.scale import Scaling
from mmm.model.adstock import carry_over

HALF, SLOPE = "frequency_half", "frequency_slope"
"""Free parameters of a person's response to contacts, standard normal before the data, shape MR."""
LEAST_HALF = 0.1
LOG_HALF, LOG_HALF_SD = 0.7, 0.4
LOG_SLOPE, LOG_SLOPE_SD = 0.7, 0.4
TAIL = 1e-9
"""Chance of more contacts than are counted: it bounds what is left out of ``g_mean``, for they count as the
most that are, and ``g`` is below 1."""
LINEAR_HALF = 8.0
LINEAR_SD = 2.0
"""Half-saturation of reach, relative to that of other channels, and its prior width relative to theirs: at a
typical volume its elasticity is 0.9 and between 0.6 and 1 with 90 %, unless the data say otherwise."""


@dataclass(frozen=True, eq=False)
class Contacts:
    """How often people were reached, of the channels in which that varies.

    Attributes:
        places: Their places among the channels, R.
        chance_RGTN: Chance that somebody reached has so many contacts; rows add up to 1.
        usual_RN: The same at the channel's mean frequency.
    """

    places: tuple[int, ...]
    chance_RGTN: Tensor
    usual_RN: Tensor

    def to(self, *target: torch.device | torch.dtype) -> Contacts:
        """The same on another device or in another precision."""
        moved = self
        for one in target:
            moved = replace(moved, chance_RGTN=moved.chance_RGTN.to(one), usual_RN=moved.usual_RN.to(one))
        return moved

    def first(self, periods: int) -> Contacts:
        """The same over the first periods."""
        return replace(self, chance_RGTN=self.chance_RGTN[:, :, :periods].contiguous())

    def of_regions(self, own: slice) -> Contacts:
        """The same of some regions."""
        return replace(self, chance_RGTN=self.chance_RGTN[:, own])


@dataclass(frozen=True, eq=False)
class Reached:
    """What a person reached counts, relative to one reached at the channel's mean frequency.

    Attributes:
        places: Channels, R of them, by their place among those asked for.
        factor_MRGT: The factor in every cell.
    """

    places: tuple[int, ...]
    factor_MRGT: Tensor

    def part(self, members: slice, of: Ints) -> Reached | None:
        """The same of some members and channels; None if none of these has a frequency."""
        among = {int(channel): place for place, channel in enumerate(of)}
        kept = [r for r, channel in enumerate(self.places) if channel in among]
        if not kept:
            return None
        return Reached(tuple(among[self.places[r]] for r in kept), self.factor_MRGT[members][:, kept])

    def of_cells(self, channel_X: Tensor, region_X: Tensor, period_X: Tensor, lags: int) -> Tensor:
        """Factor in cells and the periods before them, shape MXL; 1 for other channels."""
        period_XL = (period_X.unsqueeze(1) - torch.arange(lags)).clamp_min(0)
        factor_MXL = self.factor_MRGT.new_ones(len(self.factor_MRGT), len(channel_X), lags)
        for r, channel in enumerate(self.places):
            mine_X1 = (channel_X == channel).unsqueeze(1)
            own_MXL = self.factor_MRGT[:, r][:, region_X.unsqueeze(1), period_XL]
            factor_MXL = torch.where(mine_X1, own_MXL, factor_MXL)
        return factor_MXL


@dataclass(frozen=True, eq=False)
class Reaching:
    """How people are reached by planned media, of channels with reach and frequency.

    Attributes:
        contacts_GHC: Contacts of each person reached in the periods of the plan.
        before_GPC: The same in the periods before it; None where it begins at once.
        most_GC: People of a region who can be reached in a period; infinite where nothing limits them. Else
            amounts reach ``most · (1 - exp(-people / most))`` of the people they would reach without a limit.
    """

    contacts_GHC: Floats
    before_GPC: Floats | None
    most_GC: Floats


def contacts_counted(most: float) -> int:
    """Contacts beyond which a person at a frequency of ``most`` hardly ever goes."""
    return 1 + (math.ceil(special.pdtrik(1.0 - TAIL, most - 1.0)) if most > 1.0 else 0)


def chances(frequency: Floats, counted: int) -> Floats:
    """Chance of 1, 2, … contacts at each frequency, the last one of that many or more; adds the axis N."""
    extra = np.maximum(np.asarray(frequency, dtype=np.float64), 1.0)[..., None] - 1.0
    count_N = np.arange(counted)
    found = np.exp(special.xlogy(count_N, extra) - special.gammaln(count_N + 1) - extra)
    found[..., -1] = 1.0 - found[..., :-1].sum(-1)
    rows: Floats = np.maximum(found, 0.0)
    return rows


def contacts_of(panel: Panel, scaling: Scaling, dtype: torch.dtype) -> Contacts | None:
    """How often the people of a panel were reached; None where frequency varies in no channel."""
    if panel.contacts_GTC is None or scaling.contacts_C is None:
        return None
    places = np.flatnonzero(np.isfinite(scaling.contacts_C))
    if not len(places):
        return None
    contacts_RGT = panel.contacts_GTC[..., places].transpose(2, 0, 1)
    usual_R = scaling.contacts_C[places]
    counted = contacts_counted(max(float(contacts_RGT.max()), float(usual_R.max())))
    return Contacts(
        tuple(int(place) for place in places),
        torch.as_tensor(chances(contacts_RGT, counted), dtype=dtype),
        torch.as_tensor(chances(usual_R, counted), dtype=dtype),
    )


def bought_contacts(media_GTC: Floats, panel: Panel, scaling: Scaling) -> Floats:
    """Scaled media as spend buys them: of reach, by how often people were reached; others as they are."""
    if panel.contacts_GTC is None or scaling.contacts_C is None:
        return media_GTC
    often_GTC = panel.contacts_GTC / scaling.contacts_C
    bought_GTC: Floats = media_GTC * np.where(np.isfinite(often_GTC), often_GTC, 1.0)
    return bought_GTC


def person_shape(free: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Half-frequency and slope of a person's response, both MR, from free parameters."""
    half_MR = LEAST_HALF + torch.exp(LOG_HALF + LOG_HALF_SD * free[HALF])
    return half_MR, torch.exp(LOG_SLOPE + LOG_SLOPE_SD * free[SLOPE])


def person_response(half_MR: Tensor, slope_MR: Tensor, counted: int) -> Tensor:
    """Response of a person to 1, 2, … contacts, shape MRN."""
    log_N = torch.log(torch.arange(1, counted + 1, dtype=half_MR.dtype, device=half_MR.device))
    return torch.sigmoid(slope_MR.unsqueeze(-1) * (log_N - torch.log(half_MR).unsqueeze(-1)))


def reached(free: Mapping[str, Tensor], contacts: Contacts | None) -> Reached | None:
    """What a person reached counts in every cell; None without reach and frequency."""
    if contacts is None:
        return None
    response_MRN = person_response(*person_shape(free), contacts.usual_RN.shape[-1])
    usual_MR11 = torch.einsum("rn,mrn->mr", contacts.usual_RN, response_MRN)[..., None, None]
    factor_MRGT = torch.einsum("rgtn,mrn->mrgt", contacts.chance_RGTN, response_MRN) / usual_MR11
    return Reached(contacts.places, factor_MRGT)


def factor_at(
    free: Mapping[str, Tensor], contacts_RGH: Floats, usual_C: Floats, places: tuple[int, ...]
) -> Tensor:
    """What a person counts who is reached so often, relative to one at the mean frequency, shape MRGH.

    Args:
        free: Free parameters of a person.
        contacts_RGH: Contacts per person.
        usual_C: Mean frequency of every channel.
        places: Channels with reach.
    """
    usual_R = usual_C[list(places)]
    counted = contacts_counted(max(float(contacts_RGH.max(initial=1.0)), float(usual_R.max())))
    tables = (torch.as_tensor(chances(values, counted)).to(free[HALF]) for values in (contacts_RGH, usual_R))
    found = reached(free, Contacts(places, *tables))
    assert found is not None
    return found.factor_MRGT


def carried(stack_CGTL: Tensor, kernel_MCL: Tensor, seen: Reached | None) -> Tensor:
    """Media as they still act in each period, people reached by how often they were; shape MCGT.

    Args:
        stack_CGTL: Media of each period and the ones before it; of the first periods nothing is before.
        kernel_MCL: Carry-over.
        seen: What a person reached counts; None if no channel has a frequency.
    """
    volume_MCGT = carry_over(stack_CGTL, kernel_MCL)
    if seen is None:
        return volume_MCGT
    places = torch.as_tensor(seen.places, device=stack_CGTL.device)
    acting_MRGT = carried_series(stack_CGTL[places, ..., 0] * seen.factor_MRGT, kernel_MCL[:, places])
    return volume_MCGT.index_copy(1, places, acting_MRGT)


def carried_series(series_MRGT: Tensor, kernel_MRL: Tensor) -> Tensor:
    """Carry-over of media that differ between members, shape MRGT: one lag after the other bounds memory."""
    periods = series_MRGT.shape[-1]
    total = series_MRGT * kernel_MRL[:, :, None, :1]
    for lag in range(1, min(kernel_MRL.shape[-1], periods)):
        earlier = torch.nn.functional.pad(series_MRGT[..., : periods - lag], (lag, 0))
        total = total + earlier * kernel_MRL[:, :, None, lag : lag + 1]
    return total


def nearly_linear(
    slope_MC: Tensor, half_MC: Tensor, free_half_MC: Tensor, half_sd: float, places: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Saturation of all channels, that of reach nearly linear: people are reached one by one.

    Args:
        slope_MC: Hill slopes of channels as of exposure.
        half_MC: Half-saturations likewise.
        free_half_MC: Free parameters of half-saturation.
        half_sd: Their prior width as of exposure.
        places: Channels with reach and frequency.
    """
    if not places:
        return slope_MC, half_MC
    is_reach_C = slope_MC.new_zeros(slope_MC.shape[1], dtype=torch.bool)
    is_reach_C[list(places)] = True
    wider_MC = half_MC * LINEAR_HALF * torch.exp((LINEAR_SD - 1.0) * half_sd * free_half_MC)
    return (
        torch.where(is_reach_C, torch.ones_like(slope_MC), slope_MC),
        torch.where(is_reach_C, wider_MC, half_MC),
    )
