"""The descent: finds minima, keeps members apart, clips, goes on where it stopped, says when it diverged."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mmm.errors import TrainingError
from mmm.model.parameters import Parameters
from mmm.train.descent import Descent, Loss, Schedule

PLAN = Schedule(epochs=300, learning_rate=0.1, gradient_clip=10.0)


def bowl(parameters: Parameters, epoch: int) -> Tensor:
    """Least at (1, -2), the same for every member."""
    away = parameters["a"] - torch.tensor([1.0, -2.0])
    return away.square().sum(1)


def start(members: int = 1) -> Parameters:
    return {"a": torch.zeros(members, 2)}


def test_it_finds_a_minimum() -> None:
    descent = Descent(start(), PLAN)
    while descent.epoch < PLAN.epochs:
        descent.step(bowl)

    torch.testing.assert_close(
        descent.parameters["a"].detach(), torch.tensor([[1.0, -2.0]]), atol=1e-3, rtol=0
    )
    assert descent.losses[-1] < 1e-5 < descent.losses[0]
    assert len(descent.losses) == PLAN.epochs


def test_the_step_rises_then_falls() -> None:
    rates = [PLAN.rate(epoch) for epoch in range(PLAN.epochs)]

    assert rates[0] == pytest.approx(0.1 / 20, rel=1e-3)
    assert max(rates) <= 0.1
    assert rates[19] > 0.98 * 0.1
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert rates[-1] < 0.02 * 0.1


def test_members_do_not_touch_one_another() -> None:
    def uneven(parameters: Parameters, epoch: int) -> Tensor:
        return bowl(parameters, epoch) * torch.tensor([1.0, 1e6])[: len(parameters["a"])]

    both, alone = Descent(start(2), PLAN), Descent(start(1), PLAN)
    for _ in range(30):
        both.step(uneven)
        alone.step(uneven)

    assert torch.equal(both.parameters["a"][0], alone.parameters["a"][0])


def test_gradients_are_clipped_by_member() -> None:
    """A member whose gradient is too long moves as if it were shorter; the other as it is."""
    slopes = torch.tensor([[3.0, 4.0], [0.3, 0.4]])
    descent = Descent(start(2), Schedule(10, 0.1, gradient_clip=1.0))
    descent.step(lambda parameters, _: (parameters["a"] * slopes).sum(1))

    expected = torch.tensor([[0.6, 0.8], [0.3, 0.4]])
    torch.testing.assert_close(descent.state()["means"]["a"], 0.1 * expected)


def test_adam_takes_the_steps_of_torch() -> None:
    """The same numbers as the optimiser everyone knows, where nothing is clipped."""
    ours, theirs = Descent(start(), PLAN), torch.zeros(1, 2, requires_grad=True)
    adam = torch.optim.Adam([theirs], betas=(0.9, 0.99))
    for epoch in range(50):
        adam.param_groups[0]["lr"] = PLAN.rate(epoch)
        adam.zero_grad()
        bowl({"a": theirs}, epoch).sum().backward()  # type: ignore[no-untyped-call]
        adam.step()
        ours.step(bowl)

    torch.testing.assert_close(ours.parameters["a"], theirs.detach(), rtol=1e-6, atol=0)


def test_two_shards_take_the_step_of_the_whole() -> None:
    """Shared parameters are moved by the sum of gradients, own ones by their own; clipping sees all."""
    plan = Schedule(10, 0.1, gradient_clip=1.0)
    pull = torch.tensor([[[3.0], [1.0], [-2.0]]])

    def loss(own: Tensor, shared: Tensor, rows: slice) -> Tensor:
        return ((own + shared.unsqueeze(1)) * pull[:, rows] + own.square()).sum((1, 2))

    def part(rows: slice, other: Tensor) -> tuple[Descent, list[Tensor]]:
        said: list[Tensor] = []

        def total(values: Tensor) -> Tensor:
            said.append(values)
            return values + other

        begin = {"a": torch.ones(1, 1), "regional_level": torch.ones(1, 3, 1)[:, rows]}
        descent = Descent(begin, plan, total)
        descent.step(lambda at, _: loss(at["regional_level"], at["a"], rows))
        return descent, said

    rows = (slice(0, 1), slice(1, 3))
    messages = [part(which, torch.zeros(1))[1][0] for which in rows]
    shards = [part(which, messages[1 - at])[0] for at, which in enumerate(rows)]
    begin = {"a": torch.ones(1, 1), "regional_level": torch.ones(1, 3, 1)}
    whole = Descent(begin, plan)
    whole.step(lambda at, _: loss(at["regional_level"], at["a"], slice(None)))

    together = torch.cat([shard.parameters["regional_level"] for shard in shards], 1)
    torch.testing.assert_close(together, whole.parameters["regional_level"])
    for shard in shards:
        torch.testing.assert_close(shard.parameters["a"], whole.parameters["a"])
        assert shard.losses == pytest.approx(whole.losses)


def test_a_step_by_regions_is_the_step_of_all_at_once() -> None:
    """Each part sees its regions alone; what no part asks for stays where it is."""
    plan = Schedule(10, 0.1, gradient_clip=1.0)
    pull = torch.tensor([[[3.0], [1.0], [-2.0]]])
    begin = {"a": torch.ones(2, 1), "regional_level": torch.ones(2, 3, 1), "region_noise": torch.ones(2, 3)}

    def loss(at: Parameters, pull: Tensor) -> Tensor:
        own = at["regional_level"]
        return ((own + at["a"].unsqueeze(1)) * pull + own.square()).sum((1, 2))

    def part(rows: slice) -> tuple[slice, Loss]:
        return rows, lambda at, _: loss(at, pull[:, rows])

    whole, parts = Descent(begin, plan), Descent(begin, plan)
    for _ in range(2):
        whole.step(lambda at, _: loss(at, pull))
        parts.step_by_regions([part(slice(0, 2)), part(slice(2, 3))])

    torch.testing.assert_close(parts.parameters, whole.parameters)
    assert parts.losses == pytest.approx(whole.losses)
    assert torch.equal(parts.parameters["region_noise"], begin["region_noise"])


@pytest.mark.parametrize("stop", [1, 37])
def test_going_on_from_a_state_equals_not_having_stopped(stop: int) -> None:
    straight, first = Descent(start(), PLAN), Descent(start(), PLAN)
    for _ in range(60):
        straight.step(bowl)
    for _ in range(stop):
        first.step(bowl)
    second = Descent(start(), PLAN)
    second.restore(first.state())
    while second.epoch < 60:
        second.step(bowl)

    assert torch.equal(second.parameters["a"], straight.parameters["a"])
    assert second.losses == straight.losses


def test_a_state_does_not_change_afterwards() -> None:
    """However long the descent went on, and whoever else went on from the state."""
    straight, descent = Descent(start(), PLAN), Descent(start(), PLAN)
    for _ in range(20):
        straight.step(bowl)
    for _ in range(10):
        descent.step(bowl)
    state = descent.state()
    descent.step(bowl)

    assert state["epoch"] == len(state["losses"]) == 10
    for _ in range(2):
        again = Descent(start(), PLAN)
        again.restore(state)
        while again.epoch < 20:
            again.step(bowl)
        assert torch.equal(again.parameters["a"], straight.parameters["a"])


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_training(bad: float) -> None:
    with pytest.raises(TrainingError, match="at epoch 1 of 300"):
        Descent(start(), PLAN).step(lambda parameters, _: parameters["a"].sum(1) * bad)
