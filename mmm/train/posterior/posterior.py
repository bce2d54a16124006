"""Draws from the posterior of a model, started from the mode that a descent found.

The answer does not depend on how long the descent took: it only says where to begin. Residual weights are
taken at the mode, and so is the course of the network's effectiveness over time, but not how much of it each
channel has; everything else is drawn.

Shapes: M draws, C channels, G regions, T training periods, D coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmm.data.panel import Floats
from mmm.model.beliefs import ExpectedShare, expectation, expected_share, log_shares
from mmm.model.frequency import HALF, SLOPE
from mmm.model.inputs import Inputs
from mmm.model.objective import HELD_SD
from mmm.model.parameters import Parameters
from mmm.model.scales import Scales
from mmm.model.temporal import (
    AMPLITUDE,
    COURSE,
    amplified,
    amplitude_of,
    effectiveness,
    most_amplitude,
)
from mmm.train.posterior.at_once import Sampling, Search
from mmm.train.posterior.begun import arrays_of, begun_for
from mmm.train.posterior.convergence import effective_draws, rank_normalised, split_r_hat
from mmm.train.posterior.density import Beliefs, Density, Varying
from mmm.train.posterior.draws import (
    evenly,
    learned_scales,
    log_shares_of,
    network_of,
    parameters_of,
    start_of,
)
from mmm.train.posterior.layout import layout
from mmm.train.posterior.linear import expected_kpi, linear_parts
from mmm.train.posterior.media import shape_coordinates
from mmm.train.posterior.moments import columns_of, moments_of
from mmm.train.posterior.robust import cell_weights, known_share
from mmm.train.posterior.sampler import Effort, Sampled
from mmm.train.prepare import Prepared
from mmm.train.progress import Progress

EFFORTS = (
    (4_000, (16, 40, 44, 10)),
    (25_000, (6, 36, 40, 10)),
    (80_000, (4, 30, 50, 20)),
    (math.inf, (16, 7, 12, 6)),
)
"""Cells of channels at most, and chains, rounds of warm-up, rounds kept and steps of a trajectory: what makes
a hundred effective draws of most channel totals of simulated worlds in the time a fit may take. Chains of the
largest panels hardly move in that time: many short ones from all over tell more than a few long ones."""
FEW, QUICK = 4, 0.1
"""Draws that make no interval worth the name, and the share of the rounds that they are worth."""
FIRST_SEARCH, LAST_SEARCH = 60, 150
"""Places looked at by the search for the mode while weights of cells move, and after."""
BEGUN_WARM_UP = 4
"""Rounds of warm-up of chains that go on from those of a like posterior: their directions are known, and
trajectories are long enough that a few rounds forget where they began."""
TOGETHER = 0.9
"""Variance of a period's mean residual, relative to that of regions that have nothing in common, from which
they have shocks in common. Level and season leave 0.7 to 0.8 of it where there are none, give or take 0.1:
there shocks do no harm and double the time (decision 0028)."""
BATCH = 16
"""Draws whose linear parts are drawn together: bounds the memory."""
TIME_AXIS = {
    **dict.fromkeys(("kpi_GT", "trained_GT", "controls_GTK"), 1),
    **dict.fromkeys(("national_TN", "regional_TR", "season_TF", "region_season_TE"), 0),
    **dict.fromkeys(("between_TS", "course_TV"), 0),
    **dict.fromkeys(("stack_CGTL", "followed_CGT"), 2),
}


@dataclass(frozen=True, eq=False)
class Posterior:
    """What was drawn.

    Attributes:
        parameters: The model's free parameters, M draws.
        scales: Their units: widths as learned.
        report: How sampling went, for the provenance: draws, chains, split R-hat, effective draws.
        chains: Where the chains ended, for fits that go on from there; empty where none does.
    """

    parameters: Parameters
    scales: Scales
    report: dict[str, Any]
    chains: dict[str, Floats] = field(default_factory=dict)


def draw_posterior(
    prepared: Prepared,
    mode: Parameters,
    *,
    members: int,
    seed: int,
    effort: float,
    progress: Progress,
    threads: int = 1,
) -> Generator[Search | Sampling, Any, Posterior]:
    """Draws from the posterior; with one member the mode itself.

    Yields each search and sampling it needs and is sent what was found, see :mod:`mmm.train.run`. Chains of a
    model at which the search begins are gone on from.

    Args:
        prepared: The scaled panel, or a shard of it, with everything that is believed of it.
        mode: Free parameters of one fit.
        members: Draws wanted.
        seed: Of every random number.
        effort: Factor on the length of sampling.
        progress: Told of every round.
        threads: Parts of a large panel that are computed side by side; changes nothing of what is found.
    """
    mode = {name: value.detach().double().cpu() for name, value in mode.items()}
    density = _density(prepared, mode)
    begun = begun_for(density, prepared.warm)
    theta_D = start_of(mode, density) if begun is None else begun.centre_D
    variance_G = torch.ones(len(density.columns.kpi_GT), dtype=torch.float64)
    # Weights of cells hardly move from where a like posterior has them.
    lengths = (FIRST_SEARCH, LAST_SEARCH) if begun is None else (LAST_SEARCH,)
    for place, most in enumerate(lengths):
        density, variance_G = _reweighted(density, theta_D, prepared)
        progress.update("mode", place + 1, len(lengths))
        theta_D = yield Search(density, theta_D, most, None if begun is None else begun.stretch_DD)
    if prepared.shards.regions > 1 and _moving_together(density, theta_D) > TOGETHER:
        coordinates = density.layout.split(theta_D.unsqueeze(0))
        moments, density = density.moments, _density(prepared, mode, shocks=True)
        weight_GT = moments.weight_GT / moments.known
        density = density.weighted(moments_of(density.columns, weight_GT, moments.known))
        theta_D = yield Search(density, density.layout.join(coordinates)[0], LAST_SEARCH)
    if members == 1:
        return _handed_over(prepared, density, theta_D.unsqueeze(0), mode, variance_G, None, {})
    length = effort_for(density, effort * (QUICK if members <= FEW else 1.0))
    if begun is not None and len(begun.theta_MD) == length.chains:
        length = replace(length, warm_up=min(length.warm_up, BEGUN_WARM_UP))
    else:
        begun = None
    sampled: Sampled = yield Sampling(
        density,
        theta_D,
        length,
        torch.Generator().manual_seed(seed),
        lambda done, rounds: progress.update(
            "sample", done, rounds, chain=length.chains, draw=length.chains * max(done - length.warm_up, 0)
        ),
        begun,
        threads,
    )
    theta_ND = sampled.theta_MND.flatten(0, 1)
    report = {"acceptance": round(sampled.accepted, 3), "step": round(sampled.step, 4)}
    report |= _agreement(prepared, density, sampled.theta_MND)
    chosen = evenly(len(theta_ND), min(members, len(theta_ND)))
    found = _handed_over(prepared, density, theta_ND[chosen], mode, variance_G, seed, report)
    return replace(found, chains=arrays_of(density, sampled.chains))


def effort_for(density: Density, factor: float) -> Effort:
    """How much sampling a panel of this size gets: more chains where a step costs little.

    Args:
        density: The posterior.
        factor: On the rounds, from the settings.
    """
    channels, regions, periods = density.inputs.stack_CGTL.shape[:3]
    cells = channels * periods * max(density.shards.regions, regions)
    chains, warm_up, rounds, steps = next(effort for most, effort in EFFORTS if cells <= most)
    return Effort(chains, max(math.ceil(warm_up * factor), 4), max(math.ceil(rounds * factor), 4), steps)


def _density(prepared: Prepared, mode: Parameters, *, shocks: bool = False) -> Density:
    """The posterior with every cell of weight 1."""
    inputs = _training(prepared.inputs, prepared.n_train)
    national = prepared.shards.regions == 1
    restrictions = prepared.restrictions
    columns = columns_of(inputs, restrictions, national=national, shocks=shocks)
    kpi_G = prepared.kpi_G.double().cpu()
    kpi_sum_G = (columns.trained_GT * (columns.kpi_GT + 1.0)).sum(1) * kpi_G
    cells_G = columns.trained_GT.sum(1) * kpi_G
    total, kpi_sum = prepared.shards.total(torch.stack([cells_G.sum(), kpi_sum_G.sum()])).tolist()
    tests = prepared.lift_tests
    density = Density(
        inputs,
        columns,
        moments_of(columns, columns.trained_GT),
        scales=prepared.scales,
        layout=layout(
            inputs.stack_CGTL.shape[0],
            restrictions,
            national=national,
            demand=prepared.spec.priors.demand > 0,
            held=not prepared.bought_C.all(),
            lasting=bool(inputs.carries_R.any()),
            reach=len(inputs.reach),
            shocks=shocks,
            courses=inputs.course_TV.shape[1] if "gru_output" in mode else 0,
        ),
        expected=expectation(prepared.spec, prepared.spend_C.double().cpu(), prepared.bought_C),
        beliefs=Beliefs(
            spec=prepared.spec,
            channels=prepared.channels,
            roi_unit_C=prepared.roi_unit_C.double().cpu(),
            kpi_sum=float(kpi_sum),
            lift_tests=None if tests is None else tests.until(prepared.n_train).to(inputs.kpi_GT),
            held={},
            placed=tuple(one.until(prepared.n_train) for one in prepared.placed),
            replaced=_replaced(prepared),
        ),
        region_weight_G=cells_G / total,
        varying=_varying(mode, inputs, prepared),
        shards=prepared.shards,
    )
    return density.believing(_held(prepared, density))


def _replaced(prepared: Prepared) -> dict[int, ExpectedShare]:
    """What is expected of channels of which something else is stated."""
    stated = [name for name, own in prepared.spec.priors.channels.items() if own.replaces]
    if not stated or prepared.spec.priors.strength == 0:
        return {}
    spend_C = prepared.spend_C.double().cpu().numpy()
    return {
        prepared.channels.index(name): expected_share(
            prepared.spec, spend_C, prepared.channels.index(name), prepared.bought_C
        )
        for name in stated
    }


def _held(prepared: Prepared, density: Density) -> dict[str, tuple[Tensor, float]]:
    """Where an older model has the channels."""
    old = {name: value[:1].double().cpu() for name, value in prepared.expected.items()}
    if not old:
        return {}
    shape = shape_coordinates(old, density.inputs, density.beliefs.spec)
    held = {name: (density.layout.of_groups(value), HELD_SD) for name, value in shape.items()}
    held |= {name: (old[name], HELD_SD) for name in (HALF, SLOPE) if name in old}
    if "per_head" in old:
        held["per_head"] = (old["per_head"].reshape(1, 1), HELD_SD)
    held["log_share"] = (log_shares_of(old, density), HELD_SD)
    return held


def _training(inputs: Inputs, n_train: int) -> Inputs:
    """Training periods of inputs, in float64 on the CPU."""
    parts: dict[str, Any] = {}
    if inputs.contacts is not None:
        parts["contacts"] = inputs.contacts.to(torch.float64, torch.device("cpu")).first(n_train)
    for item in fields(inputs):
        if item.name == "contacts":
            continue
        value = getattr(inputs, item.name).double().cpu()
        axis = TIME_AXIS.get(item.name)
        parts[item.name] = value if axis is None else value.narrow(axis, 0, n_train).contiguous()
    return Inputs(**parts)


def _varying(mode: Parameters, inputs: Inputs, prepared: Prepared) -> Varying | None:
    """How effects vary over time at the mode."""
    if "gru_output" not in mode:
        return None
    with torch.no_grad():
        deviation_CGT = effectiveness(mode, inputs, prepared.spec.temporal.bound)[0] - 1.0
        return Varying(deviation_CGT, most_amplitude(mode)[0])


def _reweighted(density: Density, theta_D: Tensor, prepared: Prepared) -> tuple[Density, Tensor]:
    """The density with cells weighted by their residuals at a place, and each region's noise."""
    loss, shards = prepared.spec.loss, prepared.shards
    weight_GT, variance_G = cell_weights(
        _residual(density, theta_D), density.columns.trained_GT, loss, shards
    )
    known = known_share(weight_GT, variance_G, loss, shards)
    return density.weighted(moments_of(density.columns, weight_GT, known)), variance_G


def _residual(density: Density, theta_D: Tensor) -> Tensor:
    """KPI less what is expected at a place, in mean KPI, shape GT."""
    coordinates = density.layout.split(theta_D.unsqueeze(0))
    with torch.no_grad():
        media = density.media(coordinates)
        linear = linear_parts(density, coordinates, media, None)
        return density.columns.kpi_GT - expected_kpi(density, media, linear)[0]


def _moving_together(density: Density, theta_D: Tensor) -> float:
    """Variance of the mean residual of a period over what it would be if regions had nothing in common."""
    weight_GT = density.moments.weight_GT / density.moments.known
    sums_2T = torch.stack([(weight_GT * _residual(density, theta_D)).sum(0), weight_GT.sum(0)])
    residual_T, weight_T = density.shards.total(sums_2T)
    noise = float(density.noise(density.layout.split(theta_D.unsqueeze(0)))[0, 0])
    seen_T = weight_T > 0
    return float((residual_T[seen_T].square() / weight_T[seen_T]).mean()) / noise**2


def _agreement(prepared: Prepared, density: Density, theta_MND: Tensor) -> dict[str, Any]:
    """Split R-hat and effective draws of what channels bring."""
    chains, rounds, _ = theta_MND.shape
    share_MC = torch.exp(log_shares(density.layout.split(theta_MND.flatten(0, 1)), density.expected))
    values_MC = torch.cat([share_MC, share_MC.sum(1, keepdim=True)], 1)
    values_MNQ = rank_normalised(values_MC.reshape(chains, rounds, -1).numpy())
    names = [*prepared.channels, "all media"]
    r_hat_Q, effective_Q = split_r_hat(values_MNQ), effective_draws(values_MNQ)
    return {
        "chains": chains,
        "draws": chains * rounds,
        "r_hat": {name: round(float(value), 4) for name, value in zip(names, r_hat_Q, strict=True)},
        "effective": {name: round(float(value), 1) for name, value in zip(names, effective_Q, strict=True)},
    }


def _handed_over(
    prepared: Prepared,
    density: Density,
    theta_MD: Tensor,
    mode: Parameters,
    variance_G: Tensor,
    seed: int | None,
    report: dict[str, Any],
) -> Posterior:
    """Parameters of every draw, linear parts drawn too; without a seed, their means."""
    scales = learned_scales(density, density.layout.split(theta_MD))
    parts: list[Parameters] = []
    first = prepared.shards.first
    own = slice(first, first + len(density.columns.kpi_GT))
    batch = min(BATCH, density.rows)
    for start in range(0, len(theta_MD), batch):
        part_MD = theta_MD[start : start + batch]
        coordinates = density.layout.split(part_MD)
        with torch.no_grad():
            media = density.media(coordinates)
            noise = (
                None if seed is None else _noise(density, prepared.shards.regions, own, part_MD, seed + start)
            )
            linear = linear_parts(density, coordinates, media, noise)
            parts.append(parameters_of(density, coordinates, media, linear, scales, variance_G))
    parameters = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    network = network_of(mode, len(theta_MD))
    if network:
        coordinates = density.layout.split(theta_MD)
        amplitude_MC = amplitude_of(coordinates[AMPLITUDE], most_amplitude(network))
        network |= amplified(network, amplitude_MC) | {COURSE: density.courses(coordinates)}
    return Posterior(parameters | network, scales, report)


def _noise(density: Density, regions: int, own: slice, part_MD: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Standard normal numbers of linear parts: those of a region are the same on whatever shard it is."""
    rng = np.random.default_rng([seed, 5])
    columns, draws = density.columns, len(part_MD)
    shared_MP = rng.standard_normal((draws, len(columns.shared_names)))
    effects = len(columns.own_names)
    if "region_width" in density.layout.sizes:
        effects += density.inputs.stack_CGTL.shape[0] + columns.restrictions.treatments
    own_MGO = rng.standard_normal((draws, regions, effects))[:, own]
    return torch.as_tensor(shared_MP), torch.as_tensor(np.ascontiguousarray(own_MGO))
