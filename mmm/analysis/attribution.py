"""What brought the KPI: predictions, contributions and effects with their intervals.

Estimands. *Contribution* of a channel in a cell: expected KPI with all media as they ran, less that with
the channel's own direct effect taken out. *Direct* effect: its sum. *Indirect* effect: what the channels
that it moves would not have brought, had it not run. *Total*: both; totals of channels overlap. *Started*:
what the media that a channel ran on its own account bring, in it and in the channels that they move; over
all channels it adds up to the direct effects.

Shapes: M members, G regions, T periods, C channels, K controls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from mmm.analysis.intervals import LEVEL, interval, interval_from_zero
from mmm.data.panel import Bools, Floats, Panel
from mmm.fitted import Fitted
from mmm.graph.channel_graph import ChannelGraph, downstream_delta, own_account
from mmm.sums import Sums

MEDIA_KINDS = ("channel", "organic", "mediator")
"""Kinds of components that act as media do and never take KPI away."""


def cell_frame(fitted: Fitted, present_GT: Bools) -> pd.DataFrame:
    """Region and date of every present cell, region by region."""
    region_N, period_N = np.nonzero(present_GT)
    return pd.DataFrame(
        {
            "region": np.array(fitted.panel.regions, dtype=object)[region_N],
            "date": fitted.panel.dates[period_N].astype("datetime64[s]"),
        }
    )


def predictions_table(fitted: Fitted, level: float = LEVEL) -> pd.DataFrame:
    """``predictions.parquet``: actual and predicted KPI of every present cell.

    The interval is that of a new observation: spread of the members, noise of the cell and, after the
    data that entered the fit, how far the level may have wandered by then. Periods that entered the fit
    are labelled ``train``, whatever window they were scored in before a refit on all periods.
    """
    panel, prediction_MGT = fitted.panel, fitted.predictor.parts.prediction_MGT
    expected_GT = prediction_MGT.mean(0)
    sd_GT = predictive_sd(fitted)
    factor = float(special.ndtri(0.5 + level / 2))
    frame = cell_frame(fitted, panel.present_GT)
    trained_T = np.arange(len(panel.dates)) < fitted.trained_until
    labels_GT = np.broadcast_to(np.where(trained_T, "train", fitted.split.labels()), panel.present_GT.shape)
    shown = panel.present_GT
    frame["split"] = labels_GT[shown]
    frame["actual"] = panel.kpi_GT[shown]
    frame["predicted"] = expected_GT[shown]
    frame["lower"] = (expected_GT - factor * sd_GT)[shown]
    frame["upper"] = (expected_GT + factor * sd_GT)[shown]
    return frame


def predictive_sd(fitted: Fitted) -> Floats:
    """Standard deviation of a new observation in each cell, shape GT."""
    predictor, scales = fitted.predictor, fitted.scales
    prediction_MGT = predictor.parts.prediction_MGT
    members = prediction_MGT.shape[0]
    between_GT = prediction_MGT.var(0, ddof=1) if members > 1 else np.zeros(prediction_MGT.shape[1:])
    noise_G = np.sqrt((predictor.noise_MG**2).mean(0))
    ahead_T = np.maximum(np.arange(len(fitted.panel.dates)) - fitted.trained_until + 1, 0)
    regional = "regional_level" in fitted.parameters
    drift = scales.national_level**2 + (scales.regional_level**2 if regional else 0.0)
    walk_GT = fitted.scaling.kpi_G[:, None] ** 2 * drift * ahead_T
    sd: Floats = np.sqrt(between_GT + noise_G[:, None] ** 2 + walk_GT)
    return sd


def component_names(panel: Panel) -> list[tuple[str, str]]:
    """Name and kind of everything that adds up to the prediction, in the order of :func:`components_of`."""
    treated = {treatment.name for treatment in panel.treatments}
    return [
        ("baseline", "baseline"),
        ("seasonality", "seasonality"),
        *((name, "treatment" if name in treated else "control") for name in panel.controls),
        *zip(panel.channels, panel.kind_C, strict=True),
    ]


def components_of(fitted: Fitted) -> list[tuple[str, str, Floats]]:
    """Name, kind and values, shape MGT, of everything that adds up to the prediction."""
    panel, parts = fitted.panel, fitted.predictor.parts
    values = [
        parts.baseline_MGT,
        parts.season_MGT,
        *(parts.controls_MGTK[..., k] for k in range(len(panel.controls))),
        *(parts.channels_MGTC[..., c] for c in range(len(panel.channels))),
    ]
    named = zip(component_names(panel), values, strict=True)
    return [(name, kind, values_MGT) for (name, kind), values_MGT in named]


def contributions_table(fitted: Fitted) -> pd.DataFrame:
    """``contributions.parquet``: components of every present cell; they add up to ``predicted``."""
    panel = fitted.panel
    cells = cell_frame(fitted, panel.present_GT)
    frames = []
    for name, kind, values_MGT in components_of(fitted):
        bounded = interval_from_zero if kind in MEDIA_KINDS else interval
        mean, lower, upper = bounded(values_MGT[:, panel.present_GT])
        frames.append(cells.assign(component=name, kind=kind, value=mean, lower=lower, upper=upper))
    table = pd.concat(frames, ignore_index=True)
    return table.astype({"region": "str", "component": "str", "kind": "str"})


def direct_totals(fitted: Fitted, weight_GT: Floats) -> Floats:
    """Direct effect of every channel, summed over cells with weights, shape MC."""
    totals: Floats = np.einsum("mgtc,gt->mc", fitted.predictor.parts.channels_MGTC, weight_GT)
    return totals


def indirect_totals(fitted: Fitted, weight_GT: Floats) -> Floats:
    """What each channel brings through the channels it moves, summed with weights, shape MC."""
    totals_MC = np.zeros((fitted.members, len(fitted.panel.channels)))
    for graph, members in _graphs(fitted):
        for c in np.flatnonzero(graph.edges_CC.any(axis=1)):
            lost_MGTC = lost_downstream(fitted, graph, int(c), members)
            totals_MC[members, c] = np.einsum("mgtc,gt->m", lost_MGTC, weight_GT)
    return totals_MC


def _graphs(fitted: Fitted) -> Iterator[tuple[ChannelGraph, slice]]:
    """The graph's bootstrap members in turn, each with the members of the model that it is for."""
    turns = min(fitted.graph.members, fitted.members) if fitted.members > 1 else 0
    for turn in range(max(turns, 1)):
        yield fitted.graph.member(turn) if turns else fitted.graph, slice(turn, None, max(turns, 1))


def lost_downstream(fitted: Fitted, graph: ChannelGraph, channel: int, members: slice) -> Floats:
    """What the other channels would not have brought without one channel, in some members, shape MGTC.

    The channel's media are taken away, the media it caused downstream go with them, and the downstream
    channels bring less by that much.
    """
    panel, predictor = fitted.panel, fitted.predictor
    removed_GTC = np.zeros_like(panel.media_GTC)
    removed_GTC[..., channel] = -panel.media_GTC[..., channel]
    induced_GTC = downstream_delta(removed_GTC, graph)
    induced_GTC[..., channel] = 0.0
    without_GTC = np.maximum(panel.media_GTC + induced_GTC, 0.0)
    moved_C = (without_GTC != panel.media_GTC).any((0, 1))
    lost_MGTC = np.zeros_like(predictor.parts.channels_MGTC[members])
    lost_MGTC[..., moved_C] = predictor.parts.channels_MGTC[members][..., moved_C]
    lost_MGTC[..., moved_C] -= predictor.contributions_under(without_GTC, members, moved_C)
    return lost_MGTC


def started_totals(fitted: Fitted, weight_GT: Floats) -> Floats:
    """What the media that each channel started itself bring, summed with weights, shape MC.

    The media of a channel are those it ran on its own account and those that others made it run, so that its
    direct effect in a cell is shared out in proportion to the media that act there, carried over as they are
    on average over members. Shares add up to 1; one is negative where a channel ran less than others made it.
    """
    direct_MGTC, media_GTC = fitted.predictor.parts.channels_MGTC, fitted.panel.media_GTC
    if not fitted.graph.edges_CC.any() and not fitted.graph.coefficient_MKCC.any():
        return direct_totals(fitted, weight_GT)
    acting_GTC = fitted.predictor.usually_acting(media_GTC)

    def share(started_GTC: Floats) -> Floats:
        carried_GTC = fitted.predictor.usually_acting(started_GTC)
        shared: Floats = np.divide(
            carried_GTC, acting_GTC, out=np.zeros_like(carried_GTC), where=acting_GTC > 0
        )
        return shared

    totals_MC = np.empty((fitted.members, len(fitted.panel.channels)))
    for graph, members in _graphs(fitted):
        own_GTC = own_account(media_GTC, graph)
        totals_MC[members] = np.einsum("mgtc,gtc,gt->mc", direct_MGTC[members], share(own_GTC), weight_GT)
        for c in np.flatnonzero(graph.edges_CC.any(axis=1)):
            started_GTC = np.zeros_like(own_GTC)
            started_GTC[..., c] = own_GTC[..., c]
            elsewhere_GTC = downstream_delta(started_GTC, graph) - started_GTC
            totals_MC[members, c] += np.einsum(
                "mgtd,gtd,gt->m", direct_MGTC[members], share(elsewhere_GTC), weight_GT
            )
    return totals_MC


@dataclass(frozen=True, eq=False)
class EffectSums(Sums):
    """What estimands are made of, over the training cells.

    Attributes:
        cells: Number of cells.
        value: Value of a KPI unit, added up over cells.
        kpi: KPI where it is known.
        spend_C: Spend.
        media_C: Media.
        direct_MC: Direct effect.
        indirect_MC: What a channel brings through those it moves.
        started_MC: What the media that it ran on its own account bring.
        value_MC: Value of the direct effect.
        slope_MC: The same of one per cent more of everything that ran, times a hundred.
    """

    cells: float
    value: float
    kpi: float
    spend_C: Floats
    media_C: Floats
    direct_MC: Floats
    indirect_MC: Floats
    started_MC: Floats
    value_MC: Floats
    slope_MC: Floats

    def spend_of(self, panel: Panel) -> Floats:
        """Spend of each channel, NaN where none is known, shape C."""
        return _known_amount(self.spend_C, panel.has_spend_C)


def effect_sums(fitted: Fitted) -> EffectSums:
    """The sums of a model's regions, which may be some of a panel's."""
    panel, cells_GT = fitted.panel, fitted.training_GT
    weight_GT = cells_GT.astype(np.float64)
    value_GT = weight_GT * panel.kpi_value_GT
    _, slope_MPC = fitted.predictor.scaled_totals(np.array([1.0]), value_GT)
    return EffectSums(
        cells=float(weight_GT.sum()),
        value=float(value_GT.sum()),
        kpi=float(np.nansum(panel.kpi_GT[cells_GT])),
        spend_C=panel.spend_GTC[cells_GT].sum(0),
        media_C=panel.media_GTC[cells_GT].sum(0),
        direct_MC=direct_totals(fitted, weight_GT),
        indirect_MC=indirect_totals(fitted, weight_GT),
        started_MC=started_totals(fitted, weight_GT),
        value_MC=direct_totals(fitted, value_GT),
        slope_MC=slope_MPC[:, 0],
    )


def effect_draws(fitted: Fitted) -> dict[str, Floats]:
    """:func:`estimands` of a model with all of its regions."""
    return estimands(fitted.panel, effect_sums(fitted))


def estimands(panel: Panel, sums: EffectSums) -> dict[str, Floats]:
    """Every estimand of a channel in each member, over the training window, each of shape MC.

    ``direct``, ``indirect``, ``total`` and ``started`` in KPI units; ``roi``, the value of the direct effect
    per unit of currency spent, ``marginal_roi``, that of the next unit (one per cent more of everything that
    ran), and ``roi_total``, which counts the total effect. Returns are NaN for channels without spend.
    Where some channels are not bought also ``per_1000``, KPI of the direct effect for each thousand
    exposures, NaN for channels without any.

    Args:
        panel: Any regions of it, for its channels.
        sums: Over all regions.
    """
    spend_C = sums.spend_of(panel)
    thousand_C = _known_amount(sums.media_C, panel.has_exposure_C) / 1000.0
    exposure = {} if panel.bought_C.all() else {"per_1000": sums.direct_MC / thousand_C}
    mean_value = sums.value / max(sums.cells, 1.0)
    return {
        "direct": sums.direct_MC,
        "indirect": sums.indirect_MC,
        "total": sums.direct_MC + sums.indirect_MC,
        "started": sums.started_MC,
        "roi": sums.value_MC / spend_C,
        "marginal_roi": sums.slope_MC / spend_C,
        "roi_total": (sums.value_MC + sums.indirect_MC * mean_value) / spend_C,
        **exposure,
    }


def _known_amount(amount_C: Floats, given_C: Bools) -> Floats:
    """Amounts of channels that state them; NaN for others and where there is none, shape C."""
    known: Floats = np.where(given_C & (amount_C > 0), amount_C, np.nan)
    return known


def effects_table(fitted: Fitted, sums: EffectSums | None = None) -> pd.DataFrame:
    """``effects.parquet``: effects and returns of every channel with their intervals.

    Args:
        fitted: The model; any of its regions, where sums are given.
        sums: :func:`effect_sums` of all regions, where they are known already.
    """
    sums = effect_sums(fitted) if sums is None else sums
    spend_C = np.nan_to_num(sums.spend_of(fitted.panel))
    table = pd.DataFrame({"channel": list(fitted.panel.channels), "spend": spend_C})
    for name, values_MC in estimands(fitted.panel, sums).items():
        table[name], table[f"{name}_lower"], table[f"{name}_upper"] = interval_from_zero(values_MC)
    return table


def draws_table(fitted: Fitted, found: dict[str, Floats]) -> pd.DataFrame:
    """``draws.parquet``: draw, channel, direct, total, roi; what all intervals of effects are made of.

    Args:
        fitted: The model; any of its regions.
        found: :func:`estimands` of all of them.
    """
    draws, channels = found["direct"].shape
    columns = {name: found[name].ravel() for name in ("direct", "total", "roi")}
    names = np.tile(np.array(fitted.panel.channels, dtype=object), draws)
    table = pd.DataFrame({"draw": np.repeat(np.arange(draws), channels), "channel": names, **columns})
    return table.astype({"channel": "str"})


def contribution_draws(fitted: Fitted) -> Floats:
    """What every channel brings in every cell, by draw or member, KPI units, shape MGTC."""
    return fitted.predictor.parts.channels_MGTC


def graph_table(fitted: Fitted) -> pd.DataFrame:
    """``graph.parquet``: every pair with evidence, by falling weight."""
    graph = fitted.graph
    shown_CC = (graph.score_CC > 0) | graph.edges_CC
    cause, effect = np.nonzero(shown_CC)
    names = np.array(graph.channels, dtype=object)
    table = pd.DataFrame(
        {
            "cause": names[cause],
            "effect": names[effect],
            "weight": graph.score_CC[shown_CC],
            "probability": graph.probability_CC[shown_CC],
            "edge": graph.edges_CC[shown_CC],
            "passed_on": graph.passed_on_CC[shown_CC],
        }
    ).astype({"cause": "str", "effect": "str"})
    return table.sort_values("weight", ascending=False, ignore_index=True)
