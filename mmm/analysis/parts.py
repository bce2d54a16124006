"""A model in parts, each with some of its regions: what adds up over them, and national tables made of it.

Whoever analyses a panel that no process can hold goes through it part by part: tables by region are those of
the part, sums are added up, and national tables are made of the sums. One part with all regions says the
same.

Shapes: M members, G regions, T periods, C channels, N channels and controls, X components.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from mmm.analysis.attribution import (
    MEDIA_KINDS,
    EffectSums,
    component_names,
    components_of,
    direct_totals,
    draws_table,
    effect_sums,
    effects_table,
    estimands,
    graph_table,
)
from mmm.analysis.curves import CurveSums, curve_sums, hill_table, response_curves
from mmm.analysis.intervals import LEVEL, interval, interval_from_zero
from mmm.analysis.priors import priors_table
from mmm.analysis.quality import QualitySums, quality_sums
from mmm.analysis.realisation import realised_table
from mmm.analysis.score import ScoreSums, score_sums
from mmm.analysis.tables import (
    PeriodSums,
    adstock_table,
    by_period,
    correlations_table,
    effectiveness_table,
    returns_table,
    saturated_GC,
    series_products,
    training_table,
    windows_table,
)
from mmm.data.panel import Floats
from mmm.data.regions import kept_regions
from mmm.fitted import Fitted
from mmm.model.parameters import of_regions
from mmm.sums import Sums

EVERYWHERE = "all regions"
"""Name of the only region of national predictions and contributions."""


@dataclass(frozen=True, eq=False)
class ForecastSums(Sums):
    """National predictions, of the cells whose KPI is known.

    Attributes:
        cells_T: Number of cells.
        actual_T: KPI.
        predicted_MT: Expected KPI.
        noise_T: Variance of the cells' residuals.
        kpi_T: KPI of an average period of the regions that are known.
        squares_T: Its squares.
    """

    cells_T: Floats
    actual_T: Floats
    predicted_MT: Floats
    noise_T: Floats
    kpi_T: Floats
    squares_T: Floats


@dataclass(frozen=True, eq=False)
class MediaSums(Sums):
    """What checks of channels and of the baseline look at.

    Attributes:
        regions: Number of regions.
        predicted_M: Expected KPI of the training cells.
        brought_MC: What channels bring in them.
        baseline_T: Baseline of the training cells, mean over members.
        cells_T: Training cells.
        ran_TC: Media of every period.
        varied_C: Squared deviations of media from their region's mean, over periods that entered the fit.
        varied: Cells of these.
        level_C: Squares of the regions' means.
        weight_C: KPI at full saturation over the region's KPI, mean over members, added up over regions.
    """

    regions: int
    predicted_M: Floats
    brought_MC: Floats
    baseline_T: Floats
    cells_T: Floats
    ran_TC: Floats
    varied_C: Floats
    varied: int
    level_C: Floats
    weight_C: Floats


@dataclass(frozen=True, eq=False)
class PartSums(Sums):
    """Everything of a model that adds up over regions.

    Attributes:
        effects: Of effects, returns and priors.
        curves: Of curves.
        periods: Of returns by window.
        forecast: Of national predictions, of the model users get.
        scored: The same of the fit that was scored.
        scores: Of scores, of the fit that was scored.
        media: Of checks.
        quality: Of ``data_quality.json``.
        products_NN: Of correlations.
        effectiveness_MCT: Multipliers of effects.
        components_XMT: Components of the prediction, present cells.
    """

    effects: EffectSums
    curves: CurveSums
    periods: PeriodSums
    forecast: ForecastSums
    scored: ForecastSums
    scores: ScoreSums
    media: MediaSums
    quality: QualitySums
    products_NN: Floats
    effectiveness_MCT: Floats
    components_XMT: Floats


def part_of(fitted: Fitted, own: slice) -> Fitted:
    """A model with some consecutive regions of its panel."""
    kept_G = np.zeros(len(fitted.panel.regions), dtype=np.bool_)
    kept_G[own] = True
    scaling = fitted.scaling
    units = {name: getattr(scaling, name)[own] for name in ("kpi_G", "size_G", "control_mean_GK")}
    return replace(
        fitted,
        panel=kept_regions(fitted.panel, kept_G),
        scaling=replace(scaling, **units),
        parameters=of_regions(fitted.parameters, own),
    )


def part_sums(fitted: Fitted, scored: Fitted) -> PartSums:
    """The sums of some regions.

    Args:
        fitted: The model users get, with these regions.
        scored: The fit that was scored, with the same; often the same object.
    """
    panel, predictor = fitted.panel, fitted.predictor
    present_GT = panel.present_GT.astype(np.float64)
    forecast = _forecast_sums(fitted)
    return PartSums(
        effects=effect_sums(fitted),
        curves=curve_sums(fitted),
        periods=by_period(fitted),
        forecast=forecast,
        scored=forecast if scored is fitted else _forecast_sums(scored),
        scores=ScoreSums(score_sums(panel, fitted.split, scored.predictor.parts.prediction_MGT.mean(0))),
        media=media_sums(fitted),
        quality=quality_sums(fitted),
        products_NN=series_products(fitted),
        effectiveness_MCT=predictor.effectiveness_MCGT.sum(2),
        components_XMT=np.stack(
            [np.einsum("mgt,gt->mt", values_MGT, present_GT) for _, _, values_MGT in components_of(fitted)]
        ),
    )


def _forecast_sums(fitted: Fitted) -> ForecastSums:
    panel, predictor, kpi_G = fitted.panel, fitted.predictor, fitted.scaling.kpi_G
    known_GT = panel.observed_GT.astype(np.float64)
    return ForecastSums(
        cells_T=known_GT.sum(0),
        actual_T=np.nansum(panel.kpi_GT, axis=0),
        predicted_MT=np.einsum("mgt,gt->mt", predictor.parts.prediction_MGT, known_GT),
        noise_T=(predictor.noise_MG**2).mean(0) @ known_GT,
        kpi_T=kpi_G @ known_GT,
        squares_T=kpi_G**2 @ known_GT,
    )


def media_sums(fitted: Fitted) -> MediaSums:
    """The sums of a model's regions, which may be some of a panel's."""
    panel, parts, until = fitted.panel, fitted.predictor.parts, fitted.trained_until
    cells_GT = fitted.training_GT
    present_GT1 = panel.present_GT[:, :until, None]
    media_GTC = panel.media_GTC[:, :until]
    mean_GC = (media_GTC * present_GT1).sum(1) / np.maximum(present_GT1.sum(1), 1)
    return MediaSums(
        regions=len(panel.regions),
        predicted_M=parts.prediction_MGT[:, cells_GT].sum(1),
        brought_MC=direct_totals(fitted, cells_GT.astype(np.float64)),
        baseline_T=np.where(cells_GT, parts.baseline_MGT.mean(0), 0.0).sum(0),
        cells_T=cells_GT.sum(0).astype(np.float64),
        ran_TC=panel.media_GTC.sum(0),
        varied_C=(np.where(present_GT1, media_GTC - mean_GC[:, None], 0.0) ** 2).sum((0, 1)),
        varied=int(present_GT1.sum()),
        level_C=(mean_GC**2).sum(0),
        weight_C=saturated_GC(fitted).sum(0),
    )


def national_tables(fitted: Fitted, sums: PartSums | None = None) -> dict[str, pd.DataFrame]:
    """The national tables of a model, by name.

    Args:
        fitted: The model; any part of it, whose regions count for nothing, where sums are given.
        sums: Over all parts, of a model in parts.
    """
    effects = effect_sums(fitted) if sums is None else sums.effects
    periods = by_period(fitted) if sums is None else sums.periods
    curves = response_curves(fitted, sums=None if sums is None else sums.curves)
    mean_MCT = None if sums is None else sums.effectiveness_MCT / sums.media.regions
    tables = {
        "effects": effects_table(fitted, effects),
        "curves": curves,
        "hill": hill_table(curves),
        "graph": graph_table(fitted),
        "adstock": adstock_table(fitted),
        "effectiveness": effectiveness_table(fitted, mean_MCT),
        "training": training_table(fitted),
        "returns": returns_table(fitted, periods),
        "windows": windows_table(fitted, periods),
        "realised": realised_table(fitted, periods),
        "correlations": correlations_table(fitted, None if sums is None else sums.products_NN),
    }
    if fitted.members > 1:
        tables["priors"] = priors_table(fitted, effects)
        if fitted.spec.train.inference == "posterior":
            tables["draws"] = draws_table(fitted, estimands(fitted.panel, effects))
    return tables


def national_predictions(fitted: Fitted, sums: ForecastSums, level: float = LEVEL) -> pd.DataFrame:
    """Predictions of all regions together, as rows of one, of the cells whose KPI is known.

    The interval is that of the sum: what all regions share errs together, noise and levels of their own do
    not.
    """
    known_T = sums.cells_T > 0
    members, scales = len(sums.predicted_MT), fitted.scales
    between_T = sums.predicted_MT.var(0, ddof=1) if members > 1 else np.zeros(len(known_T))
    ahead_T = np.maximum(np.arange(len(known_T)) - fitted.trained_until + 1, 0)
    walk_T = ahead_T * ((scales.national_level * sums.kpi_T) ** 2 + scales.regional_level**2 * sums.squares_T)
    sd_T = float(special.ndtri(0.5 + level / 2)) * np.sqrt(between_T + sums.noise_T + walk_T)
    trained_T = np.arange(len(known_T)) < fitted.trained_until
    expected_T = sums.predicted_MT.mean(0)
    frame = pd.DataFrame(
        {
            "region": EVERYWHERE,
            "date": fitted.panel.dates.astype("datetime64[s]"),
            "split": np.where(trained_T, "train", fitted.split.labels()),
            "actual": sums.actual_T,
            "predicted": expected_T,
            "lower": expected_T - sd_T,
            "upper": expected_T + sd_T,
        }
    )
    return frame[known_T].reset_index(drop=True)


def national_contributions(fitted: Fitted, sums: PartSums) -> pd.DataFrame:
    """Contributions of all regions together, as rows of one; intervals are those of the sum."""
    frames = []
    for (name, kind), values_MT in zip(component_names(fitted.panel), sums.components_XMT, strict=True):
        bounded = interval_from_zero if kind in MEDIA_KINDS else interval
        mean, lower, upper = bounded(values_MT)
        columns: dict[str, Any] = {
            "region": EVERYWHERE,
            "date": fitted.panel.dates.astype("datetime64[s]"),
            "component": name,
            "kind": kind,
            "value": mean,
            "lower": lower,
            "upper": upper,
        }
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)
