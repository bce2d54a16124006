"""States cut into what shards share and what each shard's regions own, and put together again.

Shapes: G regions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmm.config import MarketSpec
from mmm.data.panel import Panel
from mmm.data.scale import Scaling
from mmm.data.split import Split
from mmm.fitted import Fitted
from mmm.graph.channel_graph import ChannelGraph
from mmm.model.parameters import REGIONAL
from mmm.model.scales import Scales

State = dict[str, Any]
"""Tensors, numbers and text in dicts and lists."""

REGION_AXIS = {**dict.fromkeys(REGIONAL, 1), "kpi_G": 0, "size_G": 0, "control_mean_GK": 0}
"""Axis of regions of every tensor that has one, by name; a name is the last key of its place in a state."""


def cut(state: State) -> tuple[State, State]:
    """What shards share, and what the regions of this shard own; the same keys in both where they nest."""
    shared: State = {}
    own: State = {}
    for name, value in state.items():
        if isinstance(value, dict):
            shared[name], below = cut(value)
            if below:
                own[name] = below
        elif name in REGION_AXIS and isinstance(value, Tensor):
            own[name] = value
        else:
            shared[name] = value
    return shared, own


def put_together(shared: State, parts: Sequence[State]) -> State:
    """The state of all regions of some shards, in the order of the parts."""
    whole = dict(shared)
    for name, first in parts[0].items():
        if isinstance(first, dict):
            whole[name] = put_together(shared.get(name, {}), [part[name] for part in parts])
        else:
            whole[name] = torch.cat([part[name] for part in parts], REGION_AXIS[name])
    return whole


def rows_of(own: State, start: int, stop: int) -> State:
    """What some regions of a shard own, by position in it."""
    return {
        name: rows_of(value, start, stop)
        if isinstance(value, dict)
        else value.narrow(REGION_AXIS[name], start, stop - start).clone()
        for name, value in own.items()
    }


def state_of(fitted: Fitted) -> State:
    """Everything that a fit found out, without the data."""
    return {
        "parameters": {name: _tensor(value) for name, value in fitted.parameters.items()},
        "scaling": _plain(fitted.scaling),
        "scales": fitted.scales.as_dict(),
        "log_half_C": _tensor(fitted.log_half_C),
        "graph": _plain(fitted.graph),
        "trained_until": fitted.trained_until,
        "trace": dict(fitted.trace),
        "provenance": dict(fitted.provenance),
    }


def fitted_of(state: State, spec: MarketSpec, panel: Panel, split: Split) -> Fitted:
    """The inverse of :func:`state_of`, with the data of its regions."""
    graph = {name: _array(value) for name, value in state["graph"].items()}
    for name in ("channels", "retention_K", "delay_K"):
        graph[name] = tuple(graph[name])
    return Fitted(
        spec=spec,
        panel=panel,
        split=split,
        scaling=Scaling(**{name: _array(value) for name, value in state["scaling"].items()}),
        scales=Scales(**state["scales"]),
        log_half_C=_array(state["log_half_C"]),
        parameters={name: _array(value) for name, value in state["parameters"].items()},
        graph=ChannelGraph(**graph),
        trained_until=state["trained_until"],
        trace=state["trace"],
        provenance=state["provenance"],
    )


def _plain(item: Scaling | ChannelGraph) -> State:
    return {field.name: _tensor(getattr(item, field.name)) for field in fields(item)}


def _tensor(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return torch.as_tensor(np.ascontiguousarray(value))
    return list(value) if isinstance(value, tuple) else value


def _array(value: Any) -> Any:
    return value.numpy() if isinstance(value, Tensor) else value
