"""One fit of pymc-marketing, run by the interpreter of its own environment: FOLDER in, answer out.

Imports nothing of this repository. Reads ``panel.npz`` and ``job.json``; writes ``predicted.npy`` and
``answer.json``. The model of its documentation for panels (geometric adstock, logistic saturation, two yearly
harmonics) with its default priors and sampler.

Shapes: S draws, G regions, T periods, C channels, K controls.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pymc_marketing.mmm import GeometricAdstock, LogisticSaturation  # type: ignore[import-not-found]
from pymc_marketing.mmm.multidimensional import MMM  # type: ignore[import-not-found]

CONTRIBUTION = "channel_contribution_original_scale"
LEVEL = 0.9


def long_frame(panel: dict[str, np.ndarray], job: dict[str, Any]) -> tuple[pd.DataFrame, list[str]]:
    """One row for each region and period, and the names of the controls."""
    regions, periods = panel["kpi_GT"].shape
    frame = pd.DataFrame(
        {
            "date": np.tile(pd.date_range("2023-01-02", periods=periods, freq="7D"), regions),
            "geo": np.repeat([f"g{g:04d}" for g in range(regions)], periods),
            "kpi": panel["kpi_GT"].ravel(),
        }
    )
    for c, name in enumerate(job["channels"]):
        frame[name] = panel["media_GTC"][..., c].ravel()
    names = [f"control_{k}" for k in range(panel["controls_GTK"].shape[2])]
    for k, name in enumerate(names):
        frame[name] = panel["controls_GTK"][..., k].ravel()
    gaps = ["kpi", *names]
    frame[gaps] = frame.groupby("geo", sort=False)[gaps].transform(lambda column: column.ffill().bfill())
    return frame, names


def main(folder: Path) -> None:
    """Fit, ask, write."""
    job = json.loads((folder / "job.json").read_text())
    with np.load(folder / "panel.npz") as arrays:
        panel = dict(arrays)
    frame, controls = long_frame(panel, job)
    regions, periods = panel["kpi_GT"].shape
    last = frame["date"].max() - pd.Timedelta(days=7 * job["holdout"])
    seen, ahead = frame[frame["date"] <= last], frame[frame["date"] > last]
    started = time.perf_counter()
    model = MMM(
        date_column="date",
        target_column="kpi",
        channel_columns=job["channels"],
        control_columns=controls or None,
        dims=("geo",),
        adstock=GeometricAdstock(l_max=8),
        saturation=LogisticSaturation(),
        yearly_seasonality=2,
    )
    model.build_model(seen.drop(columns="kpi"), seen["kpi"])
    model.add_original_scale_contribution_variable(var=["channel_contribution", "y"])
    model.fit(
        seen.drop(columns="kpi"),
        seen["kpi"],
        random_seed=job["seed"],
        cores=job["threads"],
        progressbar=False,
        **job["settings"],
    )
    seconds = time.perf_counter() - started
    draws = model.idata.posterior[CONTRIBUTION].stack(draw_=("chain", "draw"))  # noqa: PD013
    total_CS = draws.sum(("date", "geo")).transpose("channel", "draw_").to_numpy()
    lower_C, upper_C = np.quantile(total_CS, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1)
    drawn = model.sample_posterior_predictive(
        ahead.drop(columns="kpi"), include_last_observations=True, random_seed=job["seed"], progressbar=False
    )
    name = "y_original_scale" if "y_original_scale" in drawn else "y"
    mean = drawn[name].mean("sample" if "sample" in drawn[name].dims else ("chain", "draw"))
    ahead_GT = mean.transpose("geo", "date").to_numpy()[:, -job["holdout"] :]
    predicted_GT = np.full((regions, periods), np.nan)
    predicted_GT[:, -job["holdout"] :] = ahead_GT
    np.save(folder / "predicted.npy", predicted_GT)

    def by_channel(values_C: np.ndarray) -> dict[str, float]:
        return dict(zip(job["channels"], values_C.astype(float).tolist(), strict=True))

    answer = {
        "seconds": seconds,
        "direct": by_channel(total_CS.mean(1)),
        "lower": by_channel(lower_C),
        "upper": by_channel(upper_C),
    }
    (folder / "answer.json").write_text(json.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
