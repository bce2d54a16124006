"""What training needs to know of a panel, or of a shard of it: units, prior scales, channel graph, start.

Shapes: M members, G regions, T periods, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from mmm.config import MarketSpec, ModelSpec, TrainSpec
from mmm.data.experiments import locate_experiments
from mmm.data.panel import Bools, Floats, Panel
from mmm.data.scale import Scaling, fit_scaling
from mmm.data.schema import event_label
from mmm.data.stated.beliefs import locate_beliefs
from mmm.errors import TrainingError
from mmm.fitted import Fitted
from mmm.graph.channel_graph import ChannelGraph, empty_graph
from mmm.graph.learn import learn_channel_graph
from mmm.model.experiments import LiftTests, pose_lift_tests
from mmm.model.inputs import Inputs, build_inputs, typical_volume
from mmm.model.objective import Target
from mmm.model.parameters import Parameters, start_parameters
from mmm.model.placed import Placed, pose_beliefs
from mmm.model.restrictions import Restrictions
from mmm.model.scales import Scales
from mmm.train.calibrate import calibrate
from mmm.train.shards import Shards, Survey, add_up, messages, shard_of
from mmm.train.warm_start import begun, expected, for_fits, kept_scaling

GRAPH_RESAMPLES = 8
"""Fewest resamples of the series that tell how sure an edge of the channel graph is."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A scaled panel, or a shard of one, with everything training needs to know of it.

    Attributes:
        inputs: The panel as tensors.
        spec: The model's structure.
        scales: Prior scales.
        scaling: Units.
        graph: Which channels move which; without edges where it was not asked for.
        kpi_G: KPI of the average period of each region.
        channels: Names.
        roi_unit_C: Value of a KPI unit over what was spent on the channel in training.
        spend_C: What was spent on each channel in training; 0 where none is known.
        lift_tests: Measured lifts.
        shards: What the shard knows of the whole.
        restrictions: What the spec says of parameters whatever the data.
        n_train: Training periods.
        bought_C: Channels that are bought.
        expected: Where an older model says parameters are.
        warm: An older model where the search begins.
        placed: Beliefs about some cells, and lift tests made elsewhere.
    """

    inputs: Inputs
    spec: ModelSpec
    scales: Scales
    scaling: Scaling
    graph: ChannelGraph
    kpi_G: Tensor
    channels: tuple[str, ...]
    roi_unit_C: Tensor
    spend_C: Tensor
    lift_tests: LiftTests | None
    shards: Shards
    restrictions: Restrictions
    n_train: int
    bought_C: Bools
    expected: Parameters = field(default_factory=dict)
    warm: Fitted | None = None
    placed: tuple[Placed, ...] = ()

    def target(
        self, inputs: Inputs, weight_MGT: Tensor, anchor: Parameters, lift_tests: LiftTests | None
    ) -> Target:
        """What a fit on the trained cells of ``inputs`` goes towards."""
        return Target(
            weight_MGT=weight_MGT * inputs.trained_GT,
            anchor=anchor,
            kpi_G=self.kpi_G,
            cells=float(self.shards.total(inputs.trained_GT.sum())),
            prior_share=1.0 / self.shards.count,
            channels=self.channels,
            roi_unit_C=self.roi_unit_C,
            add_up=add_up(self.shards),
            held=for_fits(self.expected, len(weight_MGT)),
            bought=None if self.bought_C.all() else tuple(np.flatnonzero(self.bought_C).tolist()),
            lift_tests=lift_tests,
            placed=self.placed,
        )

    def start(self, members: int, seed: int) -> Parameters:
        """Where training starts."""
        generator = torch.Generator().manual_seed(seed)
        start = start_parameters(
            self.inputs, self.spec, self.scales, members, generator, national=self.shards.regions == 1
        )
        if self.warm is not None:
            return begun(start, self.spec, self.scales, self.n_train, self.warm)
        return start | for_fits(self.expected, members)


def pose(
    spec: MarketSpec,
    panel: Panel,
    n_train: int,
    shards: Shards,
    *,
    survey: Survey | None = None,
    previous: Fitted | None = None,
    with_graph: bool = True,
    warm: Fitted | None = None,
) -> Prepared:
    """Scale a panel, or a shard of one, and find out everything that training takes as given.

    Args:
        spec: The market and its settings.
        panel: The data.
        n_train: Training periods.
        shards: What the shard knows of the whole.
        survey: What was found out about the whole panel; None finds it in ``panel``.
        previous: An older model of the market.
        with_graph: Learn the channel graph; lift tests and unrecorded demand have it learned in any case.
        warm: An older model of the market to begin at.
    """
    scaling = fit_scaling(panel, n_train, messages(shards))
    if previous is not None:
        scaling = kept_scaling(scaling, panel, previous)
    graph = empty_graph(panel.channels)
    if with_graph or spec.experiments or _heeds_demand(spec):
        # Nobody sees how sure the edges of a fit are that is only scored.
        resamples = max(spec.train.members, GRAPH_RESAMPLES) if with_graph else 0
        graph = find_graph(spec, panel, scaling, n_train, shards, resamples)
    inputs = _measured(spec, panel, scaling, n_train, shards, previous, graph)
    scales = calibrate(inputs, n_train, spec.train.seed, shards) if previous is None else previous.scales
    like = inputs.kpi_GT.to(chosen_device(spec.train))
    spend_C = messages(shards)(panel.spend_GTC[:, :n_train].sum((0, 1)))
    lift_tests = _lift_tests(spec, panel, scaling, graph, inputs, shards, survey)
    prepared = Prepared(
        inputs=inputs.to(like.device),
        spec=spec.model,
        scales=scales,
        scaling=scaling,
        graph=graph,
        kpi_G=torch.as_tensor(scaling.kpi_G).to(like),
        channels=panel.channels,
        roi_unit_C=torch.as_tensor(_roi_unit(panel, spend_C, shards)).to(like),
        spend_C=torch.as_tensor(spend_C),
        lift_tests=None if lift_tests is None else lift_tests.to(like),
        shards=shards,
        restrictions=restrictions_of(spec, panel),
        warm=warm,
        n_train=n_train,
        placed=tuple(one.to(like) for one in _placed(spec, panel, n_train, scaling, shards, survey)),
        bought_C=panel.bought_C,
    )
    if previous is None:
        return prepared
    return replace(prepared, expected=expected(prepared.start(1, spec.train.seed), panel, previous))


def _heeds_demand(spec: MarketSpec) -> bool:
    """Whether the model knows of demand that no column shows: what one channel made another run is none."""
    return spec.train.inference == "posterior" and spec.model.priors.demand > 0


def restrictions_of(spec: MarketSpec, panel: Panel) -> Restrictions:
    """Signs of controls and groups of channels, as the spec states them.

    The sign of a column of events that are names is that of each of them.
    """
    columns = spec.columns
    signs = {"positive": 1, "negative": -1}
    stated = {
        control: signs[sign]
        for column, sign in columns.signs.items()
        for control in panel.controls
        if control == column or (column in columns.events and control.startswith(event_label(column, "")))
    }
    group_C = [columns.media[name].group for name in panel.channels]
    shape_of_C = [c if group is None else group_C.index(group) for c, group in enumerate(group_C)]
    stated |= {name: signs[own.sign] for name, own in columns.treatments.items() if own.sign != "any"}
    sign_K = tuple(stated.get(name, 0) for name in panel.controls)
    return Restrictions(sign_K, tuple(shape_of_C), len(panel.treatments))


def chosen_device(settings: TrainSpec) -> torch.device:
    """The device asked for; ``auto`` takes a GPU where there is one."""
    name = settings.device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise TrainingError(
            f"train.device is {name}, but this machine has {torch.cuda.device_count()} usable GPUs. "
            "Set it to cpu or auto."
        )
    return device


def find_graph(
    spec: MarketSpec, panel: Panel, scaling: Scaling, n_train: int, shards: Shards, resamples: int
) -> ChannelGraph:
    """The channel graph from the media of the training periods; mediators move no channel that is none."""
    others = [name for name in panel.channels if name not in panel.mediators]
    back = tuple((cause, effect) for cause in panel.mediators for effect in others)
    graph = spec.model.graph
    if back:
        graph = graph.model_copy(update={"forbidden": (*graph.forbidden, *back)})
    return learn_channel_graph(
        panel.media_GTC[:, :n_train],
        panel.present_GT[:, :n_train],
        panel.channels,
        graph,
        periods_per_year=panel.periods_per_year,
        rng=np.random.default_rng([spec.train.seed, 3]),
        size_G=scaling.size_G,
        n_bootstrap=resamples,
        regions=shards.regions,
        first_region=shards.first,
        total=messages(shards),
    )


def _measured(
    spec: MarketSpec,
    panel: Panel,
    scaling: Scaling,
    n_train: int,
    shards: Shards,
    previous: Fitted | None,
    graph: ChannelGraph,
) -> Inputs:
    """The panel as tensors, with the typical volume of each channel over all shards."""
    dtype = torch.float64 if spec.train.precision == "float64" else torch.float32
    known_C = np.zeros(len(panel.channels)) if previous is None else previous.log_half_C
    inputs = build_inputs(panel, scaling, spec.model, n_train, log_half_C=known_C, graph=graph, dtype=dtype)
    if previous is not None:
        return inputs
    sums = messages(shards)(np.stack(typical_volume(inputs.stack_CGTL[:, :, :n_train])))
    log_half_C = sums[0] / np.maximum(sums[1], 1)
    return replace(inputs, log_half_C=torch.as_tensor(log_half_C).to(inputs.kpi_GT))


def _roi_unit(panel: Panel, spend_C: Floats, shards: Shards) -> Floats:
    """Value of a KPI unit over what was spent on each channel in training; 0 where nothing was."""
    sums = np.array([np.nansum(panel.kpi_value_GT), np.isfinite(panel.kpi_value_GT).sum()])
    value, cells = messages(shards)(sums)
    unit_C: Floats = np.divide(value / cells, spend_C, out=np.zeros_like(spend_C), where=spend_C > 0)
    return unit_C


def _placed(
    spec: MarketSpec,
    panel: Panel,
    n_train: int,
    scaling: Scaling,
    shards: Shards,
    survey: Survey | None,
) -> tuple[Placed, ...]:
    """Beliefs about some cells, those of lift tests made elsewhere among them."""
    if not (spec.model.priors.channels or spec.experiments):
        return ()
    regions = None if survey is None else survey.regions
    found, _, _ = locate_beliefs(spec, panel, n_train, regions=regions, total=messages(shards))
    return pose_beliefs(found, scaling.kpi_G)


def _lift_tests(
    spec: MarketSpec,
    panel: Panel,
    scaling: Scaling,
    graph: ChannelGraph,
    inputs: Inputs,
    shards: Shards,
    survey: Survey | None,
) -> LiftTests | None:
    if survey is None:
        tests, _ = locate_experiments(spec, panel)
    else:
        tests = tuple(shard_of(test, shards, panel) for test in survey.lift_tests)
    return pose_lift_tests(tests, panel, scaling, graph, inputs.stack_CGTL.shape[-1])
