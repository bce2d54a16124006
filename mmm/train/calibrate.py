"""Data-driven defaults: how much the level wanders, how strong seasons and controls are, how noisy cells.

Maximum likelihood of a linearised model with everything linear integrated out (empirical Bayes): media
enter through two fixed carried-over, saturated versions each, levels as random walks, seasons and controls
as normal effects. The answer scales the priors of the real fit.

Shapes: G regions, T training periods, P shared columns, F features per region.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from scipy import optimize
from torch import Tensor

from mmm.data.panel import Bools, Floats
from mmm.model.adstock import carry_over, geometric_kernel
from mmm.model.baseline import level_basis
from mmm.model.inputs import Inputs
from mmm.model.scales import Scales
from mmm.train.shards import Alone, Shards, messages, spread_out

MOST_REGIONS = 14
"""Regions that suffice to tell the scales."""
MOST_PERIODS = 260
"""Periods that suffice, the last ones: what a look at them costs grows with their cube."""
RETENTIONS = (0.2, 0.7)
WALK_SPACING = 2
OUTLIER = 4.5
"""Robust standard deviations from the running median beyond which a cell is left out here."""
BETWEEN_REGIONS = 0.05
"""Variance of a region's level around the national one, wide."""

START = {
    "noise": 0.05,
    "national_level": 0.01,
    "season": 0.05,
    "control": 0.05,
    "media": 0.1,
    "regional_level": 0.01,
    "region_season": 0.03,
    "region_media": 0.05,
}
REGIONAL_NAMES = ("regional_level", "region_season", "region_media")


@dataclass(frozen=True, eq=False)
class _Series:
    """Clean training series with the columns of the linearised model."""

    kpi_GT: Tensor
    known_GT: Tensor
    walk_TN: Tensor
    season_TF: Tensor
    region_season_TE: Tensor
    control_GTK: Tensor
    media_GTF: Tensor

    @property
    def names(self) -> list[str]:
        """Scales to be found."""
        absent = set() if self.kpi_GT.shape[0] > 1 else set(REGIONAL_NAMES)
        if self.control_GTK.shape[2] == 0:
            absent.add("control")
        if self.season_TF.shape[1] == 0:
            absent |= {"season", "region_season"}
        return [name for name in START if name not in absent]


def calibrate(inputs: Inputs, n_train: int, seed: int, shards: Shards | None = None) -> Scales:
    """Scales of levels, seasons, controls and noise that make the training data most likely.

    Args:
        inputs: The scaled panel, or a shard of its regions.
        n_train: Training periods.
        seed: Chooses the regions looked at, where there are many.
        shards: What the shard knows of the whole; the series of the few regions looked at are all that
            shards tell each other.
    """
    series = _clean_series(inputs, n_train, seed, shards or Alone(inputs.regions))
    names = series.names

    def negative(log_N: Floats) -> tuple[float, Floats]:
        free = torch.tensor(log_N, dtype=torch.float64, requires_grad=True)
        scale = {name: START[name] * torch.exp(value) for name, value in zip(names, free, strict=True)}
        loss = _negative_evidence(series, scale) + 0.5 * (free**2).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        assert free.grad is not None
        return float(loss.detach()), free.grad.numpy()

    found = optimize.minimize(
        negative,
        np.zeros(len(names)),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-4.0, 3.0)] * len(names),
        options={"maxiter": 40, "ftol": 1e-6},
    )
    scales = {name: START[name] * math.exp(value) for name, value in zip(names, found.x, strict=True)}
    return Scales(**{name: scales.get(name, START[name]) for name in Scales().as_dict()})


def _negative_evidence(series: _Series, scale: dict[str, Tensor]) -> Tensor:
    """Negative log marginal likelihood; shared effects enter by the matrix determinant lemma."""
    known_GT, noise = series.known_GT, scale["noise"]
    regions, periods = known_GT.shape
    shared = [
        (series.walk_TN * scale["national_level"]).expand(regions, -1, -1),
        series.media_GTF * scale["media"],
        torch.ones(regions, periods, 1, dtype=known_GT.dtype),
    ]
    if "season" in scale:
        shared.append((series.season_TF * scale["season"]).expand(regions, -1, -1))
    if "control" in scale:
        shared.append(series.control_GTK * scale["control"])
    columns_GTP = torch.cat(shared, -1) * known_GT.unsqueeze(-1)
    covariance_GTT = _own_covariance(series, scale) + torch.diag(noise**2 * torch.ones_like(known_GT[0]))
    lower_GTT = torch.linalg.cholesky(covariance_GTT)
    both = torch.cat([columns_GTP, (series.kpi_GT * known_GT).unsqueeze(-1)], -1)
    white = torch.linalg.solve_triangular(lower_GTT, both, upper=False)
    columns, values = white[..., :-1], white[..., -1]
    inner_PP = torch.eye(columns.shape[-1], dtype=noise.dtype) + torch.einsum("gtp,gtq->pq", columns, columns)
    inner_lower = torch.linalg.cholesky(inner_PP)
    pull_P = torch.einsum("gtp,gt->p", columns, values).unsqueeze(-1)
    explained = torch.linalg.solve_triangular(inner_lower, pull_P, upper=False).square().sum()
    log_det = 2 * lower_GTT.diagonal(dim1=1, dim2=2).log().sum() + 2 * inner_lower.diagonal().log().sum()
    log_det = log_det - 2 * (1 - known_GT).sum() * torch.log(noise)
    evidence: Tensor = 0.5 * (log_det + values.square().sum() - explained)
    return evidence


def _own_covariance(series: _Series, scale: dict[str, Tensor]) -> Tensor:
    """Covariance of what is a region's own, over its known cells, shape GTT."""
    known_GT = series.known_GT
    regions, periods = known_GT.shape
    if "regional_level" not in scale:
        return torch.zeros(regions, periods, periods, dtype=known_GT.dtype)
    walk_TN = series.walk_TN * scale["regional_level"]
    own_TT = walk_TN @ walk_TN.T + BETWEEN_REGIONS
    if "region_season" in scale:
        season_TE = series.region_season_TE * scale["region_season"]
        own_TT = own_TT + season_TE @ season_TE.T
    media = series.media_GTF * scale["region_media"]
    own_GTT = own_TT + media @ media.transpose(1, 2)
    return own_GTT * known_GT.unsqueeze(1) * known_GT.unsqueeze(2)


def _clean_series(inputs: Inputs, n_train: int, seed: int, shards: Shards) -> _Series:
    """Series of the regions looked at, from whichever shards have them."""
    seen = slice(max(n_train - MOST_PERIODS, 0), n_train)
    periods = seen.stop - seen.start
    trained_GT = inputs.trained_GT[:, seen].cpu().numpy() > 0
    total, first = messages(shards), shards.first
    own_G = np.arange(first, first + inputs.regions)
    counts_G = spread_out(trained_GT.sum(1).astype(np.float64), own_G, shards.regions, total)
    chosen = _choose(counts_G, seed)
    place = np.flatnonzero((chosen >= first) & (chosen < first + inputs.regions))
    rows = chosen[place] - first

    def together(values: Floats) -> Tensor:
        return torch.as_tensor(spread_out(values, place, len(chosen), total))

    kpi_GT = inputs.kpi_GT[rows, seen].cpu().numpy().astype(np.float64)
    kept_GT = together(_without_outliers(kpi_GT, trained_GT[rows]).astype(np.float64))
    if not kept_GT.any():
        kept_GT = together(trained_GT[rows].astype(np.float64))
    media_GTF = together(_volumes(inputs, rows, seen))
    level_F = media_GTF.mean((0, 1)).clamp_min(1e-9)

    def double(values: Tensor) -> Tensor:
        return values[seen].double().cpu()

    return _Series(
        kpi_GT=together(kpi_GT) - 1.0,
        known_GT=kept_GT,
        walk_TN=torch.as_tensor(level_basis(periods, periods, WALK_SPACING)),
        season_TF=double(inputs.season_TF),
        region_season_TE=double(inputs.region_season_TE),
        control_GTK=together(inputs.controls_GTK[rows, seen].double().cpu().numpy()),
        media_GTF=media_GTF / (media_GTF + level_F) / math.sqrt(len(RETENTIONS)),
    )


def _volumes(inputs: Inputs, rows: np.ndarray, seen: slice) -> Floats:
    """Carried-over media of some regions, once for each retention, shape GTF."""
    if not len(rows):
        return np.zeros((0, seen.stop - seen.start, len(RETENTIONS) * inputs.stack_CGTL.shape[0]))
    stack_CGTL = inputs.stack_CGTL[:, rows, seen].double().cpu()
    media = []
    for retention in RETENTIONS:
        retention_MC = torch.full((1, stack_CGTL.shape[0]), retention, dtype=torch.float64)
        kernel = geometric_kernel(retention_MC, torch.zeros_like(retention_MC), stack_CGTL.shape[-1])
        media.append(carry_over(stack_CGTL, kernel)[0].permute(1, 2, 0))
    volumes: Floats = torch.cat(media, -1).numpy()
    return volumes


def _choose(count_G: Floats, seed: int) -> np.ndarray:
    """Regions to look at: all, or a draw from those with the most known cells."""
    regions = len(count_G)
    if regions <= MOST_REGIONS:
        return np.arange(regions)
    full = np.argsort(-count_G, kind="stable")[: max(MOST_REGIONS, regions // 2)]
    return np.sort(np.random.default_rng(seed).choice(full, MOST_REGIONS, replace=False))


def _without_outliers(kpi_GT: Floats, trained_GT: Bools) -> Bools:
    """Trained cells that are not far from the running median of nine periods."""
    if not len(kpi_GT):
        return trained_GT
    reach = 4
    padded = np.pad(np.where(trained_GT, kpi_GT, np.nan), ((0, 0), (reach, reach)), constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        residual = np.where(trained_GT, kpi_GT - np.nanmedian(windows, axis=-1), np.nan)
        spread = 1.4826 * np.nan_to_num(np.nanmedian(np.abs(residual), axis=1))[:, None] + 1e-9
    kept: Bools = trained_GT & (np.abs(residual) < OUTLIER * spread)
    return kept
