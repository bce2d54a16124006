"""Markets of one or two channels have a graph too, without crashing the interpreter."""

from __future__ import annotations

import numpy as np
import pytest

from mmm.config import GraphSpec
from mmm.graph.learn import learn_channel_graph


@pytest.mark.parametrize("channels", [1, 2])
def test_few_channels(channels: int) -> None:
    rng = np.random.default_rng(0)
    media_GTC = rng.gamma(2.0, 1.0, (4, 60, channels))
    if channels == 2:
        media_GTC[..., 1] += 0.8 * np.roll(media_GTC[..., 0], 1, 1)

    graph = learn_channel_graph(
        media_GTC,
        np.ones((4, 60), dtype=bool),
        ("tv", "search")[:channels],
        GraphSpec(),
        periods_per_year=52.0,
        rng=rng,
        size_G=np.ones(4),
        n_bootstrap=4,
    )

    assert graph.edges_CC.tolist() == ([[False]] if channels == 1 else [[False, True], [False, False]])
