"""The likelihood of lift tests: the model's own counterfactual for exactly the cells that were treated.

Shapes: M members, E experiments, N cells (a channel in a region and period of a test, once with and once
without the change), L lags; the rest as in ``mmm.model.inputs``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from mmm.config import ModelSpec
from mmm.data.experiments import LiftTest
from mmm.data.panel import Floats, Panel
from mmm.data.scale import Scaling
from mmm.graph.channel_graph import ChannelGraph, downstream_delta
from mmm.model.adstock import lag_stack
from mmm.model.frequency import Reached, reached
from mmm.model.inputs import Inputs
from mmm.model.network import ChannelShape, channel_shape, channel_weight
from mmm.model.parameters import Parameters
from mmm.model.saturation import hill


@dataclass(frozen=True, eq=False)
class LiftTests:
    """Measured lifts, and the media behind them.

    Attributes:
        lift_ME: Measured lift, KPI units; rows differ between members as measurements would.
        error_E: Standard errors.
        test_N: Experiment of each cell.
        channel_N: Channel of each cell; with total effects also those that the treated one moves.
        region_N: Region.
        period_N: Period.
        sign_N: KPI units per unit of scaled KPI; negative for media without the change.
        stack_NL: Scaled media of the cell's period and those before it.
    """

    lift_ME: Tensor
    error_E: Tensor
    test_N: Tensor
    channel_N: Tensor
    region_N: Tensor
    period_N: Tensor
    sign_N: Tensor
    stack_NL: Tensor

    def until(self, periods: int) -> LiftTests:
        """The same for a model that knows these periods only.

        Of a test after them the media are its own; effectiveness, and what a person reached counts, are taken
        from the last period that is known.
        """
        return replace(self, period_N=self.period_N.clamp(max=periods - 1))

    def to(self, like: Tensor) -> LiftTests:
        """The same on the device, and in the precision, of another tensor."""
        moved = {}
        for item in fields(self):
            value = getattr(self, item.name)
            moved[item.name] = value.to(like) if value.is_floating_point() else value.to(like.device)
        return LiftTests(**moved)

    def redrawn(self, draw_ME: Floats) -> LiftTests:
        """The same with measurements moved by so many standard errors for each member."""
        return replace(self, lift_ME=self.lift_ME + self.error_E * torch.as_tensor(draw_ME).to(self.lift_ME))


def pose_lift_tests(
    tests: Sequence[LiftTest], panel: Panel, scaling: Scaling, graph: ChannelGraph, lags: int
) -> LiftTests | None:
    """Lift tests as tensors in float64; None if there are none.

    Args:
        tests: Experiments on the panel.
        panel: The data.
        scaling: Its units.
        graph: Which channels move which, for total effects.
        lags: Weights of the carry-over kernel, L.
    """
    parts = [
        part
        for position, test in enumerate(tests)
        for part in _cells(position, test, panel, scaling, graph, lags)
    ]
    if not parts:
        return None
    columns = [torch.cat([torch.as_tensor(part[k]) for part in parts]) for k in range(len(parts[0]))]
    return LiftTests(
        torch.tensor([[test.experiment.lift for test in tests]], dtype=torch.float64),
        torch.tensor([test.experiment.standard_error for test in tests], dtype=torch.float64),
        *columns,
    )


def _cells(
    position: int, test: LiftTest, panel: Panel, scaling: Scaling, graph: ChannelGraph, lags: int
) -> list[tuple[np.ndarray, ...]]:
    """Columns of ``LiftTests`` from ``test_N`` on, once for each arm."""
    imposed_GTC = test.imposed(panel)
    if test.experiment.effect == "total":
        change_GTC = downstream_delta(imposed_GTC[:, : test.periods.stop], graph)
    else:
        change_GTC = imposed_GTC[:, : test.periods.stop]
    recorded_GTC = panel.media_GTC[:, : test.periods.stop]
    other_GTC = np.maximum(recorded_GTC + (-change_GTC if test.in_panel else change_GTC), 0.0)
    arms = (recorded_GTC, other_GTC) if test.in_panel else (other_GTC, recorded_GTC)
    channel_N, row_N, period_N = np.nonzero(
        np.broadcast_to(test.present_RP, (len(panel.channels), *test.present_RP.shape))
        & np.any(change_GTC[test.region_R] != 0, axis=(0, 1))[:, None, None]
    )
    region_N, period_N = test.region_R[row_N], period_N + test.periods.start
    parts: list[tuple[np.ndarray, ...]] = []
    for sign, media_GTC in zip((1.0, -1.0), arms, strict=True):
        scaled_CGT = scaling.scale_media(media_GTC).transpose(2, 0, 1)
        stack_CGTL = lag_stack(torch.as_tensor(np.ascontiguousarray(scaled_CGT)), lags).numpy()
        stack_NL = stack_CGTL[channel_N, region_N, period_N]
        test_N = np.full(len(region_N), position)
        parts.append((test_N, channel_N, region_N, period_N, sign * scaling.kpi_G[region_N], stack_NL))
    return parts


def modelled_lift(
    tests: LiftTests,
    shape: ChannelShape,
    weight_MCG: Tensor,
    effectiveness_MCGT: Tensor | None,
    seen: Reached | None = None,
) -> Tensor:
    """Lift of each test under the model, KPI units, shape ME.

    Args:
        tests: The tests.
        shape: Carry-over and saturation of channels.
        weight_MCG: Scaled KPI per unit of saturation, MC1 for one region.
        effectiveness_MCGT: Multiplier of effects over time; None holds it at 1.
        seen: What a person reached counts: lifts are at the frequency of the panel.
    """
    c, g = tests.channel_N, tests.region_N
    stack = tests.stack_NL
    if seen is not None:
        stack = stack * seen.of_cells(c, g, tests.period_N, stack.shape[-1])
    volume_MN = (shape.kernel_MCL[:, c] * stack).sum(-1)
    level_MN = hill(volume_MN, shape.half_MC[:, c], shape.slope_MC[:, c])
    value_MN = tests.sign_N * level_MN * weight_MCG[:, c, g if weight_MCG.shape[2] > 1 else 0 * g]
    if effectiveness_MCGT is not None:
        value_MN = value_MN * effectiveness_MCGT[:, c, g, tests.period_N]
    lift_ME = value_MN.new_zeros(len(value_MN), len(tests.error_E))
    return lift_ME.index_add(1, tests.test_N, value_MN)


def shard_lift(
    tests: LiftTests,
    parameters: Parameters,
    inputs: Inputs,
    spec: ModelSpec,
    effectiveness_MCGT: Tensor | None,
) -> Tensor:
    """``modelled_lift`` from free parameters; over shards it is a sum."""
    shape = channel_shape(parameters, inputs, spec)
    weight_MCG = channel_weight(parameters, inputs, shape, spec)
    return modelled_lift(tests, shape, weight_MCG, effectiveness_MCGT, reached(parameters, inputs.contacts))
