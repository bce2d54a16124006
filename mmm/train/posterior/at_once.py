"""Modes of and draws from the posterior of one market, or of many like ones as one tensor program.

Tensors of a small market are so small that a step of a search or of the sampler costs what starting its
operations costs. Posteriors of like shape and settings are therefore stacked and stepped together; nothing of
one touches another.

Shapes: B posteriors, M chains of each, D coordinates; the rest as in ``mmm.train.posterior.density``.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from mmm.config import GraphSpec
from mmm.model.inputs import Inputs
from mmm.model.scales import Scales
from mmm.train.posterior.density import Density
from mmm.train.posterior.information import information, spread_places
from mmm.train.posterior.marginal import Terms, pulled_back, settled
from mmm.train.posterior.sampler import Chains, Effort, Sampled, Told, sample
from mmm.train.posterior.search import curvature, highest
from mmm.train.posterior.side_by_side import Mapped, side_by_side

Tensors = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Search:
    """A mode to be found.

    Attributes:
        density: The posterior.
        start_D: Where to begin.
        most: Places looked at, at most.
        stretch_DD: Directions and lengths that chains of a like posterior found; None knows none.
    """

    density: Density
    start_D: Tensor
    most: int
    stretch_DD: Tensor | None = None

    @property
    def cells(self) -> int:
        """Cells by channel."""
        return self.density.inputs.stack_CGTL[..., 0].numel()


@dataclass(frozen=True, eq=False)
class Sampling:
    """Draws to be made.

    Attributes:
        density: The posterior.
        mode_D: Where it is highest.
        effort: How much.
        generator: Source of every random number.
        told: Hears how far it is.
        begun: Chains of a like posterior to go on from; None begins around the mode.
        threads: Parts of a large panel that are computed side by side.
    """

    density: Density
    mode_D: Tensor
    effort: Effort
    generator: torch.Generator
    told: Told
    begun: Chains | None = None
    threads: int = 1

    @property
    def cells(self) -> int:
        """Cells by channel and chain."""
        return self.effort.chains * self.density.inputs.stack_CGTL[..., 0].numel()


def likeness(step: Search | Sampling) -> Hashable | None:
    """What searches or samplings of one program have in common; None for one that must be run alone."""
    density = step.density
    beliefs, expected = density.beliefs, density.expected
    of_its_own = (beliefs.lift_tests, beliefs.placed, beliefs.held, beliefs.replaced, density.inputs.contacts)
    if density.shards.count > 1 or beliefs.spec.priors.channels or any(of_its_own):
        return None
    if isinstance(step, Search):
        length: Hashable = (step.most, step.stretch_DD is None)
    else:
        length = (step.effort, step.begun is None)
    return (
        length,
        beliefs.spec.model_copy(update={"graph": GraphSpec()}).model_dump_json(),
        (tuple(density.layout.sizes.items()), density.layout.group_C),
        (density.columns.own_names, density.columns.shared_names, density.columns.restrictions),
        (str(expected.weight), None if expected.bought_C is None else tuple(expected.bought_C.tolist())),
        tuple((name, value.shape) for name, value in _tensors(density).items()),
    )


def find(searches: Sequence[Search]) -> list[Tensor]:
    """Modes of like posteriors, in the order given."""
    stack = _Stack([search.density for search in searches])
    start_BD = torch.stack([search.start_D for search in searches])
    known = [search.stretch_DD for search in searches if search.stretch_DD is not None]
    return list(highest(stack.gradient, start_BD, searches[0].most, torch.stack(known) if known else None))


def draw(samplings: Sequence[Sampling]) -> list[Sampled]:
    """Draws of like samplings, in the order given."""
    alone = len(samplings) == 1 and samplings[0].density.shards.count == 1

    def told(done: int, rounds: int) -> None:
        for sampling in samplings:
            sampling.told(done, rounds)

    with side_by_side(samplings[0].threads if alone else 1) as mapped:
        stack = _Stack([sampling.density for sampling in samplings], mapped)
        return sample(
            stack.gradient,
            stack.curvature,
            torch.stack([sampling.mode_D for sampling in samplings]),
            samplings[0].effort,
            [sampling.generator for sampling in samplings],
            told,
            [sampling.begun for sampling in samplings if sampling.begun is not None],
        )


class _Stack:
    """Like densities as one; of one alone there is nothing to be stacked.

    Args:
        densities: The densities.
        mapped: Computes parts of one alone.
    """

    def __init__(self, densities: Sequence[Density], mapped: Mapped = map) -> None:
        self._first, self._tensors, self._mapped = densities[0], Tensors(), mapped
        if len(densities) > 1:
            parts = [_tensors(density) for density in densities]
            self._tensors = {name: torch.stack([part[name] for part in parts]) for name in parts[0]}

    def gradient(self, theta_BMD: Tensor) -> tuple[Tensor, Tensor]:
        """Log posteriors, shape BM, and their gradients, shape BMD."""
        if not self._tensors:
            value_M, gradient_MD = self._first.gradient(theta_BMD[0], self._mapped)
            return value_M.unsqueeze(0), gradient_MD.unsqueeze(0)
        free_BMD = theta_BMD.detach().requires_grad_(True)
        terms, rest_BM = torch.func.vmap(self._given)(free_BMD, self._tensors)
        with torch.no_grad():
            likelihood_BM, slopes = torch.func.vmap(self._likelihood)(terms, self._tensors)
        gradient_BMD = pulled_back(free_BMD, terms, slopes, rest_BM)
        return settled(likelihood_BM + rest_BM.detach(), gradient_BMD)

    def curvature(self, theta_BD: Tensor) -> Tensor:
        """How fast the log posteriors fall around a place in each, shape BDD: what is expected of it."""
        if self._tensors:
            told_BDD = torch.func.vmap(self._information)(theta_BD, self._tensors)
        else:
            told_BDD = information(self._first, theta_BD[0], self._mapped).unsqueeze(0)
        found_BDD = told_BDD + curvature(self._rest_gradient, theta_BD)
        spreads = spread_places(self._first.layout)
        found_BDD[:, torch.tensor(spreads)[:, None], spreads] = curvature(self.gradient, theta_BD, spreads)
        return found_BDD

    def _rest_gradient(self, theta_BMD: Tensor) -> tuple[Tensor, Tensor]:
        """Log priors less the distance from beliefs, shape BM, and their gradients, shape BMD."""
        free_BMD = theta_BMD.detach().requires_grad_(True)
        if self._tensors:
            rest_BM = torch.func.vmap(self._rest)(free_BMD, self._tensors)
            (gradient_BMD,) = torch.autograd.grad(rest_BM.sum(), free_BMD)
            return rest_BM.detach(), gradient_BMD
        value_M, gradient_MD = self._first.rest_gradient(theta_BMD[0])
        return value_M.unsqueeze(0), gradient_MD.unsqueeze(0)

    def _information(self, theta_D: Tensor, tensors: Tensors) -> Tensor:
        return information(_rebuilt(self._first, tensors), theta_D)

    def _rest(self, theta_MD: Tensor, tensors: Tensors) -> Tensor:
        return _rebuilt(self._first, tensors).rest(theta_MD)

    def _given(self, theta_MD: Tensor, tensors: Tensors) -> tuple[Terms, Tensor]:
        return _rebuilt(self._first, tensors).given(theta_MD)

    def _likelihood(self, terms: Terms, tensors: Tensors) -> tuple[Tensor, Terms]:
        return _rebuilt(self._first, tensors).likelihood(terms)


def _tensors(density: Density) -> Tensors:
    """Everything in which like densities differ, by ``section.name``."""
    like = density.region_weight_G
    sections: dict[str, object] = {
        "inputs": density.inputs,
        "columns": density.columns,
        "moments": density.moments,
    }
    if density.axes is not None:
        sections["axes"] = density.axes
    found = {
        f"{section}.{name}": value
        for section, content in sections.items()
        for name, value in vars(content).items()
        if isinstance(value, Tensor)
    }
    found |= {f"scales.{name}": like.new_tensor(value) for name, value in density.scales.as_dict().items()}
    found |= {"expected.log_spend_C": density.expected.log_spend_C, "density.region_weight_G": like}
    if density.varying is not None:
        found |= {f"varying.{name}": value for name, value in vars(density.varying).items()}
    return found


def _rebuilt(like: Density, tensors: Tensors) -> Density:
    """A density with other tensors; numbers have become tensors without dimensions."""
    sections: dict[str, dict[str, Any]] = {}
    for path, value in tensors.items():
        section, _, name = path.partition(".")
        sections.setdefault(section, {})[name] = value
    other = copy(like)
    other.inputs = Inputs(**sections["inputs"])
    other.columns = replace(like.columns, **sections["columns"])
    other.moments = replace(like.moments, **sections["moments"])
    other.scales = Scales(**sections["scales"])
    other.expected = replace(like.expected, **sections["expected"])
    if like.axes is not None:
        other.axes = replace(like.axes, **sections["axes"])
    if like.varying is not None:
        other.varying = replace(like.varying, **sections["varying"])
    for name, value in sections["density"].items():
        setattr(other, name, value)
    return other
