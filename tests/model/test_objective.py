"""What training minimises: by hand, per cell, the same over shards, with right gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mmm.config import Belief, ChannelBelief, ChannelPriors, LossSpec, ModelSpec, PriorSpec, TemporalSpec
from mmm.data.panel import Panel
from mmm.data.scale import Scaling, fit_scaling
from mmm.model.inputs import Inputs, build_inputs
from mmm.model.network import forward
from mmm.model.objective import BELIEFS as DRAWN
from mmm.model.objective import Target, attribution_penalty, beliefs, misfit, objective, robust
from mmm.model.parameters import REGIONAL, Parameters, standard_normal
from mmm.model.scales import Scales
from tests.small import posed, small_panel, some_regions, with_gaps

SCALES = Scales()
SPEC = ModelSpec(temporal=TemporalSpec(hidden=3, stride=4))
BELIEFS = PriorSpec(
    media_share=Belief(mean=0.2, sd=0.05),
    channels={
        "search": ChannelPriors(share=ChannelBelief(mean=0.1, sd=0.02)),
        "tv": ChannelPriors(roi=ChannelBelief(mean=2.0, sd=0.5)),
    },
)


def target_of(inputs: Inputs, scaling: Scaling, members: int = 2, **changes: Any) -> Target:
    plain = Target(
        weight_MGT=torch.ones(members, 1, 1, dtype=torch.float64) * inputs.trained_GT,
        anchor={},
        kpi_G=torch.as_tensor(scaling.kpi_G),
        cells=float(inputs.trained_GT.sum()),
        channels=("tv", "search", "radio"),
        roi_unit_C=torch.tensor([1e-5, 2e-5, 3e-5], dtype=torch.float64),
    )
    return replace(plain, **changes)


def test_huber_by_hand() -> None:
    residual = torch.tensor([0.5, -1.0, 2.0, -10.0])
    loss = robust(residual, LossSpec(huber_delta=1.0))

    assert loss.tolist() == pytest.approx([0.125, 0.5, 1.5, 9.5])
    assert robust(residual, LossSpec(kind="mse")).tolist() == pytest.approx([0.125, 0.5, 2.0, 50.0])


def test_misfit_by_hand() -> None:
    """One cell of weight 2, noise 0.5, standardised residual 0.6: 2 · (0.18 + log 0.5)."""
    inputs, _, parameters = posed(small_panel(regions=1), SPEC, members=1)
    parameters["noise"] = torch.full((1,), math.log(0.5), dtype=torch.float64)
    parts = forward(parameters, inputs, SPEC, SCALES)
    exact = replace(inputs, kpi_GT=parts.prediction_MGT[0] + 0.3)
    weight = torch.zeros(1, 1, 48, dtype=torch.float64)
    weight[..., 3] = 2.0

    loss = misfit(parameters, parts, exact, SPEC.loss, weight)
    assert float(loss) == pytest.approx(2 * (0.18 + math.log(0.5)))


def test_cells_that_do_not_train_never_enter() -> None:
    panel = with_gaps(small_panel())
    inputs, scaling, parameters = posed(panel, SPEC)
    parts = forward(parameters, inputs, SPEC, SCALES)
    wild = replace(inputs, kpi_GT=torch.where(inputs.trained_GT > 0, inputs.kpi_GT, 1e6))

    clean, poisoned = (
        objective(parameters, parts, data, SPEC, target_of(data, scaling)) for data in (inputs, wild)
    )
    assert torch.equal(clean, poisoned)


def test_the_loss_is_per_cell() -> None:
    inputs, scaling, parameters = posed(small_panel(), SPEC)
    parts = forward(parameters, inputs, SPEC, SCALES)
    target = target_of(inputs, scaling)
    unseen = replace(target, weight_MGT=0.0 * target.weight_MGT)

    gain_M = objective(parameters, parts, inputs, SPEC, target)
    gain_M = gain_M - objective(parameters, parts, inputs, SPEC, unseen)
    expected_M = misfit(parameters, parts, inputs, SPEC.loss, target.weight_MGT) / (3 * 40)
    torch.testing.assert_close(gain_M, expected_M)


def test_priors_pull_towards_their_anchor() -> None:
    inputs, scaling, parameters = posed(small_panel(), SPEC)
    parts = forward(parameters, inputs, SPEC, SCALES)
    free = target_of(inputs, scaling, weight_MGT=torch.zeros(2, 3, 48, dtype=torch.float64))
    anchored = replace(free, anchor={"half": parameters["half"].clone()})

    gain = objective(parameters, parts, inputs, SPEC, free) - objective(
        parameters, parts, inputs, SPEC, anchored
    )
    torch.testing.assert_close(gain * free.cells, 0.5 * parameters["half"].square().sum(1))


def test_attribution_priors_by_hand() -> None:
    spec = SPEC.model_copy(update={"priors": BELIEFS})
    inputs, scaling, parameters = posed(small_panel(), spec)
    parts = forward(parameters, inputs, spec, SCALES)
    target = target_of(inputs, scaling)
    found_M = attribution_penalty(parts, spec, target, torch.ones(2, dtype=torch.float64))

    trained_GT = inputs.trained_GT.numpy() * scaling.kpi_G[:, None]
    brought_MC = np.einsum("mcgt,gt->mc", parts.channels_MCGT.numpy(), trained_GT)
    total_M = (parts.prediction_MGT.numpy() * trained_GT).sum((1, 2))
    share_MC = brought_MC / total_M[:, None]
    expected_M = 0.5 * ((share_MC.sum(1) - 0.2) / 0.05) ** 2 + 0.5 * ((share_MC[:, 1] - 0.1) / 0.02) ** 2
    expected_M += 0.5 * ((brought_MC[:, 0] * 1e-5 - 2.0) / 0.5) ** 2
    np.testing.assert_allclose(found_M, expected_M)


def test_strength_zero_and_no_beliefs_are_silent() -> None:
    inputs, scaling, parameters = posed(small_panel(), SPEC)
    parts = forward(parameters, inputs, SPEC, SCALES)
    for priors in (PriorSpec(), BELIEFS.model_copy(update={"strength": 0.0})):
        spec = SPEC.model_copy(update={"priors": priors})
        penalty = attribution_penalty(parts, spec, target_of(inputs, scaling), torch.ones(2).double())
        assert penalty.tolist() == [0.0, 0.0]


def test_gradients_of_the_objective() -> None:
    spec = SPEC.model_copy(update={"priors": BELIEFS, "loss": LossSpec(l1=0.0)})
    inputs, scaling, parameters = posed(small_panel(regions=2, periods=20, channels=3), spec, members=1)
    # The share of media is taken of a prediction that is held: its gradient is not a derivative by design.
    spec = spec.model_copy(update={"priors": PriorSpec(channels={"tv": BELIEFS.channels["tv"]})})
    names = list(parameters)

    def loss(*values: Tensor) -> Tensor:
        at = dict(zip(names, values, strict=True))
        target = target_of(inputs, scaling, members=1)
        return objective(at, forward(at, inputs, spec, SCALES), inputs, spec, target)

    values = tuple(parameters[name].clone().requires_grad_(True) for name in names)
    assert torch.autograd.gradcheck(loss, values, fast_mode=True, atol=1e-6)


# --- shards -----------------------------------------------------------------------------------------


class AddUp:
    """Sums over shards, in the order in which they are asked for: own part with gradient, others' without."""

    def __init__(self, others: list[Tensor] | None = None) -> None:
        self.own: list[Tensor] = []
        self.others = others

    def __call__(self, value: Tensor) -> Tensor:
        self.own.append(value.detach())
        return value if self.others is None else value + self.others[len(self.own) - 1]


def loss_and_gradient(
    parameters: Parameters, panel: Panel, spec: ModelSpec, whole: Target, rows: np.ndarray, **changes: Any
) -> Parameters:
    """Gradient of the objective over some regions, and its value as ``loss``."""
    n_train = 40
    full = fit_scaling(panel, n_train)
    scaling = replace(
        full,
        kpi_G=full.kpi_G[rows],
        size_G=full.size_G[rows],
        control_mean_GK=full.control_mean_GK[rows],
    )
    measured = build_inputs(panel, full, spec, n_train, dtype=torch.float64).log_half_C.numpy()
    inputs = build_inputs(
        some_regions(panel, rows), scaling, spec, n_train, log_half_C=measured, dtype=torch.float64
    )
    own = {
        name: (value[:, rows] if name in REGIONAL else value).clone().requires_grad_(True)
        for name, value in parameters.items()
    }
    anchor = {name: value[:, rows] if name in REGIONAL else value for name, value in whole.anchor.items()}
    target = replace(
        whole,
        weight_MGT=whole.weight_MGT[:, rows],
        anchor=anchor,
        kpi_G=whole.kpi_G[rows],
        **changes,
    )
    loss = objective(own, forward(own, inputs, spec, SCALES), inputs, spec, target).sum()
    loss.backward()  # type: ignore[no-untyped-call]
    gradients = {name: value.grad for name, value in own.items() if value.grad is not None}
    return {**gradients, "loss": loss.detach()}


def test_each_member_has_centres_of_its_own_of_what_is_believed() -> None:
    # The second member believes in a return one standard deviation, 0.5, above 2.0: as one who states 2.5.
    tv = BELIEFS.channels["tv"]
    spec = SPEC.model_copy(update={"priors": PriorSpec(channels={"tv": tv})})
    higher = PriorSpec(channels={"tv": ChannelPriors(roi=ChannelBelief(mean=2.5, sd=0.5))})
    inputs, scaling, parameters = posed(small_panel(), spec)
    components = forward(parameters, inputs, spec, SCALES)
    drawn_MB = torch.zeros(2, beliefs(3), dtype=torch.float64)
    drawn_MB[1, 2] = 1.0
    misfit_M = torch.ones(2, dtype=torch.float64)

    plain_target = target_of(inputs, scaling)
    drawn_target = replace(plain_target, anchor={DRAWN: drawn_MB})
    drawn = attribution_penalty(components, spec, drawn_target, misfit_M)
    plain = attribution_penalty(components, spec, plain_target, misfit_M)
    stated = attribution_penalty(
        components, spec.model_copy(update={"priors": higher}), target_of(inputs, scaling), misfit_M
    )

    torch.testing.assert_close(drawn, torch.stack([plain[0], stated[1]]))


@pytest.mark.parametrize("priors", [PriorSpec(), BELIEFS, BELIEFS.model_copy(update={"dynamic": True})])
@pytest.mark.parametrize("cut", [1, 3])
def test_loss_and_gradients_of_shards_add_up_to_the_whole(priors: PriorSpec, cut: int) -> None:
    panel = with_gaps(small_panel(regions=5))
    spec = SPEC.model_copy(update={"priors": priors})
    inputs, scaling, parameters = posed(panel, spec)
    generator = torch.Generator().manual_seed(1)
    weights = torch.rand((2, 5, 48), generator=generator, dtype=torch.float64)
    anchor = {
        name: torch.randn(value.shape, generator=generator, dtype=torch.float64)
        for name, value in parameters.items()
        if standard_normal(name) or name == "share"
    }
    whole = target_of(inputs, scaling, weight_MGT=weights * inputs.trained_GT, anchor=anchor)
    parts = (np.arange(cut), np.arange(cut, 5))
    grads = shard_gradients(parameters, panel, spec, whole, parts)

    expected = loss_and_gradient(parameters, panel, spec, whole, np.arange(5))
    for name, value in expected.items():
        first, second = grads[0][name], grads[1][name]
        together = torch.cat([first, second], 1) if name in REGIONAL else first + second
        torch.testing.assert_close(together, value, atol=1e-9, rtol=1e-9, msg=f"{name} differs")


def shard_gradients(
    parameters: Parameters,
    panel: Panel,
    spec: ModelSpec,
    whole: Target,
    parts: tuple[np.ndarray, np.ndarray],
) -> list[Parameters]:
    def ask(rows: np.ndarray, add_up: Callable[[Tensor], Tensor]) -> Parameters:
        return loss_and_gradient(parameters, panel, spec, whole, rows, prior_share=0.5, add_up=add_up)

    heard = [AddUp(), AddUp()]
    for rows, add_up in zip(parts, heard, strict=True):
        ask(rows, add_up)
    return [ask(rows, AddUp(heard[1 - which].own)) for which, rows in enumerate(parts)]
