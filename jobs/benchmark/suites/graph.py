"""Suite ``graph``: which causes are found, on linear graphs of the literature and in simulated media.

Shapes: G regions, T periods, C channels, N rows, D nodes, L lags; matrices are [cause, effect].
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from jobs.benchmark.figures import Figure, figures
from jobs.benchmark.methods import OURS
from jobs.benchmark.suites import scores
from jobs.benchmark.suites.linear_dag import Family, learn_dag, linear_data, random_dag
from jobs.benchmark.tasks import RunOptions, Task
from mmm.config import GraphSpec
from mmm.data.panel import Bools, Floats
from mmm.graph.learn import learn_channel_graph
from mmm.simulate.portfolio import simulate_market
from mmm.simulate.worlds import World

SUITE = "graph"
LINEAR: tuple[tuple[str, Family, int, int], ...] = (
    ("ER-2, 10 nodes", "er", 10, 2),
    ("ER-2, 20 nodes", "er", 20, 2),
    ("SF-4, 10 nodes", "sf", 10, 4),
)
ROWS = 1000
"""Observations of a linear graph."""
CORRELATED = 0.3
"""Correlation that the negative control takes for an edge."""
GRANGER_LAGS = 4
LAGGED_SEEDS = 1000
"""Worlds of this suite begin so far from those of the truth suite, so that graphs differ."""
WEEKS_PER_YEAR = 365.25 / 7


def graph_tasks(run_options: RunOptions) -> list[Task]:
    """Linear graphs by family, and lagged media worlds."""
    count = run_options.sizes.graphs
    families = LINEAR[:1] if run_options.quick else LINEAR
    tasks = [
        Task(
            suite=SUITE,
            case=name,
            method=OURS,
            work=partial(_linear, run_options, name, family, nodes, edges),
            expect=count * (0.2 if nodes <= 10 else 2.0),
        )
        for name, family, nodes, edges in families
    ]
    return [
        *tasks,
        Task(
            suite=SUITE,
            case="lagged media",
            method=OURS,
            work=partial(_lagged, run_options),
            expect=count * 0.8,
        ),
    ]


def _linear(run_options: RunOptions, name: str, family: Family, nodes: int, edges: int) -> list[Figure]:
    """Structural Hamming distance on graphs drawn one after the other."""
    rows: list[Figure] = []
    for index in range(run_options.sizes.graphs):
        seed = run_options.seed + index
        rng = np.random.default_rng(seed)
        true_DD = random_dag(rng, nodes, family, edges)
        data_ND = linear_data(rng, true_DD, ROWS)
        answers: dict[str, Callable[[], Floats]] = {
            OURS: partial(learn_dag, data_ND),
            "plain NOTEARS": partial(learn_dag, data_ND, refine=False),
            "correlation": partial(_thresholded, np.triu(np.corrcoef(data_ND.T), 1)),
        }
        for method, answer in answers.items():
            started = time.perf_counter()
            found_DD = answer()
            base = Figure(
                suite=SUITE, case=name, method=method, seed=seed, seconds=time.perf_counter() - started
            )
            rows += figures(base, {"SHD": scores.structural_hamming_distance(found_DD, true_DD)})
    return rows


def _lagged(run_options: RunOptions) -> list[Figure]:
    """Ranking of pairs of channels, each world judged by graphs that no other world has."""
    worlds = [
        simulate_market(run_options.sizes.design, seed=run_options.seed + LAGGED_SEEDS + index)
        for index in range(run_options.sizes.graphs)
    ]
    rows: list[Figure] = []
    for world in worlds:
        edges_CC = world.graph_CC != 0
        others = [other.graph_CC != 0 for other in worlds if other is not world]
        media_GTC = world.exposure_GTC
        answers: dict[str, Callable[[], Floats]] = {
            OURS: partial(_learned, world),
            "linear Granger": partial(granger_scores, media_GTC),
            "mean graph": partial(mean_graph, others, edges_CC.shape),
            "correlation": partial(_correlations, media_GTC),
        }
        for method, answer in answers.items():
            started = time.perf_counter()
            score_CC = answer()
            seconds = time.perf_counter() - started
            base = Figure(suite=SUITE, case="lagged media", method=method, seed=world.seed, seconds=seconds)
            rows += figures(
                base,
                {
                    "AUROC": scores.auroc(score_CC, edges_CC),
                    "precision": _precision(score_CC, edges_CC),
                },
            )
    return rows


def _thresholded(correlation_DD: Floats) -> Floats:
    return np.where(np.abs(correlation_DD) > CORRELATED, correlation_DD, 0.0)


def _learned(world: World) -> Floats:
    graph = learn_channel_graph(
        np.where(world.has_exposure_C, world.exposure_GTC, world.spend_GTC),
        np.ones(world.kpi_GT.shape, dtype=np.bool_),
        world.channels,
        GraphSpec(),
        periods_per_year=WEEKS_PER_YEAR,
        rng=np.random.default_rng(0),
        size_G=world.population_G,
        n_bootstrap=0,
    )
    return graph.score_CC


def _precision(score_CC: Floats, edges_CC: Bools) -> float:
    """Share of true edges among as many of the highest scores as there are edges."""
    pairs_CC = ~np.eye(len(edges_CC), dtype=bool)
    best = np.argsort(-score_CC[pairs_CC], kind="stable")[: int(edges_CC.sum())]
    return float(edges_CC[pairs_CC][best].mean())


def granger_scores(media_GTC: Floats) -> Floats:
    """Largest t value of a channel's lags in the linear autoregression of another, net of region and week."""
    x_GTC = media_GTC / media_GTC.mean((0, 1))
    x_GTC = x_GTC - x_GTC.mean(1, keepdims=True) - x_GTC.mean(0, keepdims=True) + x_GTC.mean((0, 1))
    periods, channels = x_GTC.shape[1:]
    lagged = [x_GTC[:, GRANGER_LAGS - lag : periods - lag] for lag in range(1, GRANGER_LAGS + 1)]
    design_NB = np.concatenate(lagged, -1).reshape(-1, GRANGER_LAGS * channels)
    target_NC = x_GTC[:, GRANGER_LAGS:].reshape(-1, channels)
    inverse_BB = np.linalg.pinv(design_NB.T @ design_NB)
    weight_BC = inverse_BB @ design_NB.T @ target_NC
    freedom = len(target_NC) - len(weight_BC)
    noise_C = ((target_NC - design_NB @ weight_BC) ** 2).sum(0) / freedom
    t_BC = weight_BC / np.sqrt(np.outer(np.diag(inverse_BB), noise_C))
    strongest_CC: Floats = np.abs(t_BC).reshape(GRANGER_LAGS, channels, channels).max(0)
    return strongest_CC


def mean_graph(others: list[Bools], shape: tuple[int, ...]) -> Floats:
    """How often each pair is an edge in the other worlds: what a learner of the average would answer."""
    return np.mean(others, axis=0, dtype=np.float64) if others else np.zeros(shape)


def _correlations(media_GTC: Floats) -> Floats:
    flat_NC = media_GTC.reshape(-1, media_GTC.shape[2])
    return np.asarray(np.abs(np.corrcoef(flat_NC.T)), dtype=np.float64)
