"""Small panels and models for tests: a few regions and periods, parameters drawn rather than fitted.

Shapes: M members, G regions, T periods, C channels, K controls.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from mmm.config import MarketSpec, ModelSpec
from mmm.config.files import validate
from mmm.data.panel import UNSTATED, Bools, Floats, Panel
from mmm.data.scale import Scaling, fit_scaling
from mmm.data.split import Split
from mmm.fitted import Fitted
from mmm.graph.channel_graph import ChannelGraph, empty_graph
from mmm.model.inputs import Inputs, build_inputs
from mmm.model.parameters import Parameters, start_parameters
from mmm.model.predictor import Predictor
from mmm.model.scales import Scales

CHANNELS = ("tv", "search", "radio", "email", "print")
HOLDOUT = 8
BY_REGION = ("present_GT", "kpi_GT", "media_GTC", "spend_GTC", "controls_GTK", "kpi_value_GT")
"""Fields of a panel whose first axis is regions; population is one as well, or None."""


def some_regions(panel: Panel, region_S: npt.ArrayLike) -> Panel:
    """The panel of some of its regions, by position, on the same calendar."""
    rows = np.asarray(region_S)
    return replace(
        panel,
        regions=tuple(panel.regions[g] for g in rows),
        population_G=None if panel.population_G is None else panel.population_G[rows],
        contacts_GTC=None if panel.contacts_GTC is None else panel.contacts_GTC[rows],
        **{name: getattr(panel, name)[rows] for name in BY_REGION},
    )


def small_panel(
    regions: int = 3, periods: int = 48, channels: int = 3, controls: int = 1, seed: int = 0
) -> Panel:
    """A weekly panel: channels with spend, one of them with exposure; KPI from media, level and noise."""
    rng = np.random.default_rng(seed)
    spend_GTC = rng.gamma(2.0, 50.0, (regions, periods, channels)) * (1 + np.arange(channels))
    media_GTC = spend_GTC.copy()
    media_GTC[..., 0] *= 12.0
    controls_GTK = rng.normal(10.0, 1.0, (regions, periods, controls))
    level_G = 1000.0 * (1 + np.arange(regions))
    kpi_GT = level_G[:, None] * (1 + 0.02 * rng.standard_normal((regions, periods)))
    kpi_GT += level_G[:, None] * 0.001 * np.sqrt(spend_GTC).sum(-1) / channels
    return Panel(
        regions=tuple(f"r{g}" for g in range(regions)) if regions > 1 else ("national",),
        dates=np.datetime64("2023-01-02", "D") + 7 * np.arange(periods),
        frequency="weekly",
        channels=CHANNELS[:channels],
        controls=("price", "promo")[:controls],
        present_GT=np.ones((regions, periods), dtype=bool),
        kpi_GT=kpi_GT,
        media_GTC=media_GTC,
        spend_GTC=spend_GTC,
        has_spend_C=np.ones(channels, dtype=bool),
        has_exposure_C=np.arange(channels) == 0,
        controls_GTK=controls_GTK,
        population_G=1e6 * np.arange(1, regions + 1, dtype=np.float64) if regions > 1 else None,
        kpi_value_GT=np.full((regions, periods), 2.0),
        currency="USD",
    )


def reach_panel(spread: float = 0.5, seed: int = 3, **extent: int) -> Panel:
    """The small panel, its first channel by reach; how often people are reached wanders."""
    panel, rng = small_panel(**extent), np.random.default_rng(seed)
    each_GT = 1.0 + 1.5 * np.exp(spread * rng.standard_normal(panel.kpi_GT.shape))
    contacts_GTC = np.full_like(panel.media_GTC, np.nan)
    contacts_GTC[..., 0] = each_GT
    return replace(panel, contacts_GTC=contacts_GTC)


def with_gaps(panel: Panel) -> Panel:
    """The panel with an absent cell, a missing KPI and an absent last period of the first region."""
    present_GT: Bools = panel.present_GT.copy()
    present_GT[0, 5] = present_GT[0, -1] = False
    kpi_GT = np.where(present_GT, panel.kpi_GT, np.nan)
    kpi_GT[-1, 7] = np.nan
    gone = ~present_GT[..., None]
    return replace(
        panel,
        present_GT=present_GT,
        kpi_GT=kpi_GT,
        media_GTC=np.where(gone, 0.0, panel.media_GTC),
        spend_GTC=np.where(gone, 0.0, panel.spend_GTC),
    )


def market(panel: Panel, *, holdout: int = HOLDOUT, **settings: Any) -> MarketSpec:
    """A spec of the panel; ``settings`` are ``model`` and ``train``.

    Fits are ensembles unless asked otherwise: descents of a few steps, where draws want a mode.
    """
    settings["train"] = {"inference": "ensemble", **settings.get("train", {})}
    return validate(
        MarketSpec,
        {
            "brand": "acme",
            "market": "us",
            "data": {"path": "panel.parquet"},
            "columns": {
                "region": "region",
                "date": "date",
                "kpi": "kpi",
                "channels": {name: {"spend": name} for name in panel.channels},
                "controls": list(panel.controls),
            },
            "kpi_value": 2.0,
            "splits": {"holdout": holdout},
            **settings,
        },
        "test",
    )


def split_of(panel: Panel, holdout: int = HOLDOUT) -> Split:
    """Training, then ``holdout`` periods."""
    return Split(len(panel.dates) - holdout, holdout, 0)


def drawn(inputs: Inputs, spec: ModelSpec, scales: Scales, members: int = 2, seed: int = 0) -> Parameters:
    """Parameters away from their start, so that every term of the model says something; float64."""
    generator = torch.Generator().manual_seed(seed)
    start = start_parameters(inputs, spec, scales, members, generator)
    parameters = {}
    for name, value in start.items():
        spread = 0.1 if name in ("level", "noise") else 0.5
        parameters[name] = value + spread * torch.randn(value.shape, generator=generator, dtype=torch.float64)
    parameters["share"] = parameters["share"] + 1.0
    return parameters


def posed(
    panel: Panel, spec: ModelSpec, *, members: int = 2, seed: int = 0, n_train: int | None = None
) -> tuple[Inputs, Scaling, Parameters]:
    """Inputs in float64, their scaling and drawn parameters."""
    n_train = len(panel.dates) - HOLDOUT if n_train is None else n_train
    scaling = fit_scaling(panel, n_train)
    inputs = build_inputs(panel, scaling, spec, n_train, dtype=torch.float64)
    return inputs, scaling, drawn(inputs, spec, Scales(), members, seed)


def sketch(
    panel: Panel | None = None,
    *,
    members: int = 3,
    seed: int = 0,
    graph: ChannelGraph | None = None,
    parameters: dict[str, Floats] | None = None,
    **settings: Any,
) -> Fitted:
    """A fitted model whose parameters were drawn instead of learned."""
    panel = small_panel() if panel is None else panel
    spec, split = market(panel, **settings), split_of(panel)
    inputs, scaling, start = posed(panel, spec.model, members=members, seed=seed, n_train=split.n_train)
    values = {name: value.numpy() for name, value in start.items()}
    return Fitted(
        spec=spec,
        panel=panel,
        split=split,
        scaling=scaling,
        scales=Scales(),
        log_half_C=inputs.log_half_C.numpy(),
        parameters={**values, **(parameters or {})},
        graph=empty_graph(panel.channels) if graph is None else graph,
        trained_until=split.n_train,
        trace={"stage": ["train"], "epoch": [10], "loss": [0.5], "validation": [None]},
        provenance={
            "data_fingerprint": "d",
            "spec_digest": "s",
            "seed": 0,
            "epochs": 10,
            "versions": {"torch": "2"},
        },
    )


def predictor_on(fitted: Fitted, panel: Panel, *, scaling: Scaling | None = None) -> Predictor:
    """The same model on another panel of the same regions and channels, units unchanged."""
    return Predictor(
        panel,
        scaling or fitted.scaling,
        fitted.spec.model,
        fitted.scales,
        fitted.parameters,
        fitted.log_half_C,
        fitted.trained_until,
    )


def chain_graph(channels: tuple[str, ...], passed_on: float = 0.4, members: int = 3) -> ChannelGraph:
    """The first channel moves the second within the period and nothing else does."""
    size = len(channels)
    edges_CC = np.zeros((size, size), dtype=bool)
    edges_CC[0, 1] = True
    coefficient_KCC = passed_on * edges_CC[None].astype(np.float64)
    return ChannelGraph(
        channels=channels,
        edges_CC=edges_CC,
        score_CC=0.6 * edges_CC,
        probability_CC=1.0 * edges_CC,
        coefficient_KCC=coefficient_KCC,
        coefficient_MKCC=np.stack([coefficient_KCC] * members),
        retention_K=(0.0,),
        delay_K=(0,),
    )


def without_value(fitted: Fitted, currency: str | None = None) -> Fitted:
    """The model of a spec that does not say what a KPI unit is worth, nor, by default, in what is paid."""
    value_GT = np.ones_like(fitted.panel.kpi_value_GT)
    panel = replace(fitted.panel, kpi_value_GT=value_GT, currency=currency or UNSTATED)
    spec = fitted.spec.model_copy(update={"kpi_value": None, "currency": currency})
    return replace(fitted, panel=panel, spec=spec)
