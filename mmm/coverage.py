"""How often intervals hold the truth where a fitted model is true: the calibration of its own inference.

Worlds are made from the model: the KPI it expects under one of its draws, and noise as that draw has it;
media, controls and gaps are those of the data. Each world is fitted anew, knowing nothing of the draw. Were
inference exact, the truth would stand anywhere among the new draws with equal chance (Talts et al. 2018,
"Validating Bayesian inference algorithms with simulation-based calibration"; worlds come from the posterior
here, so that they look like the market). It says nothing of errors of form, which simulated worlds of other
forms show.

Shapes: M draws, G regions, T periods, C channels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from mmm import words
from mmm.analysis.attribution import direct_totals
from mmm.config import MarketSpec
from mmm.data.panel import Floats, Panel
from mmm.errors import Problem, RequestError
from mmm.fitted import Fitted
from mmm.train.fit import fit
from mmm.train.posterior.robust import TAILS

LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Levels of the intervals that are asked."""
FEWEST_WORLDS = 2
FEWEST_DRAWS = 20
"""Draws below which a rank among them says nothing."""


def simulated(fitted: Fitted, draw: int, rng: np.random.Generator) -> Panel:
    """The panel with a KPI as one draw of the model makes it; what was not observed stays so."""
    panel, predictor = fitted.panel, fitted.predictor
    expected_GT = predictor.parts.prediction_MGT[draw]
    shape = expected_GT.shape
    heavy = fitted.spec.model.loss.kind != "mse"
    noise_GT = rng.standard_t(TAILS, shape) if heavy else rng.standard_normal(shape)
    kpi_GT = np.maximum(expected_GT + predictor.noise_MG[draw][:, None] * noise_GT, 0.0)
    return replace(panel, kpi_GT=np.where(panel.observed_GT, kpi_GT, panel.kpi_GT))


def training_totals(fitted: Fitted) -> Floats:
    """Direct effect of every channel over the training window, shape MC."""
    return direct_totals(fitted, fitted.training_GT.astype(np.float64))


def coverage_ranks(fitted: Fitted, worlds: int, seed: int, told: Callable[[int, int], None]) -> pd.DataFrame:
    """Where the truth of every channel's total stands among the draws of a fit to each simulated world.

    Args:
        fitted: The model, with draws.
        worlds: Worlds to simulate and fit.
        seed: Of the worlds' noise and of their fits.
        told: Hears worlds done and worlds in all.

    Returns:
        Columns world, channel, truth, estimate (KPI units over the training window), rank (share of draws
        below the truth) and width (of the 90 % interval, relative to the truth).

    Raises:
        RequestError: The model has too few draws, or fewer than two worlds are asked for.
        TrainingError: A fit diverged.
    """
    problems = []
    if fitted.members < FEWEST_DRAWS:
        problems.append(
            Problem(
                "few_draws",
                "train.members",
                f"the model has {words.count(fitted.members, 'draw')}; ranks need {FEWEST_DRAWS}. Fit it "
                "with train.inference: posterior and train.members above 1.",
            )
        )
    if worlds < FEWEST_WORLDS:
        rule = f"at least {FEWEST_WORLDS} are needed: their spread says how sure the share is."
        problems.append(Problem("few_worlds", "worlds", f"is {worlds}; {rule}"))
    if problems:
        raise RequestError("The check of coverage", problems)
    truth_MC, rows = training_totals(fitted), []
    chosen = np.linspace(0, fitted.members - 1, worlds).round().astype(int)
    for world, draw in enumerate(chosen):
        panel = simulated(fitted, int(draw), np.random.default_rng([seed, 9, world]))
        own = _seeded(fitted.spec, seed + world)
        found_MC = training_totals(fit(own, panel, fitted.split, with_graph=bool(own.experiments)))
        lower_C, upper_C = np.quantile(found_MC, [0.05, 0.95], axis=0)
        rows.append(
            pd.DataFrame(
                {
                    "world": world,
                    "channel": fitted.panel.channels,
                    "truth": truth_MC[draw],
                    "estimate": found_MC.mean(0),
                    "rank": (found_MC < truth_MC[draw]).mean(0),
                    "width": (upper_C - lower_C) / np.maximum(truth_MC[draw], 1e-12),
                }
            )
        )
        told(world + 1, worlds)
    return pd.concat(rows, ignore_index=True)


def _seeded(spec: MarketSpec, seed: int) -> MarketSpec:
    return spec.model_copy(update={"train": spec.train.model_copy(update={"seed": seed})})


def coverage_table(ranks: pd.DataFrame) -> pd.DataFrame:
    """Share of truths inside intervals of each level, with its standard error over worlds.

    Args:
        ranks: See :func:`coverage_ranks`.

    Returns:
        Columns level, covered, error, below and above: shares that lie under and over
        the interval.
    """
    rows = []
    for level in LEVELS:
        tail = (1.0 - level) / 2.0
        inside = ranks["rank"].between(tail, 1.0 - tail)
        by_world = inside.groupby(ranks["world"]).mean()
        rows.append(
            {
                "level": level,
                "covered": float(inside.mean()),
                "error": float(by_world.std(ddof=1) / np.sqrt(len(by_world))),
                "below": float((ranks["rank"] < tail).mean()),
                "above": float((ranks["rank"] > 1.0 - tail).mean()),
            }
        )
    return pd.DataFrame(rows)
