"""Suite ``designs``: tests as they are designed, run in simulated worlds and read, against what was promised.

Size and power: the frozen estimator on later weeks of a world, in which nothing was changed, and with its
minimal detectable effect put in. Value: a market is fitted, the recommended test and a random one of like
cost are run by the truth, read by the frozen rule, and the market is fitted again with what each found. All
fits are those of a user who states no settings.

Shapes: G regions, T periods, C channels.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from jobs.benchmark.case import CHANGE, HORIZON
from jobs.benchmark.figures import Figure, figures
from jobs.benchmark.methods import OURS
from jobs.benchmark.suites import scores
from jobs.benchmark.tasks import RunOptions, Task
from mmm.analysis.attribution import direct_totals
from mmm.config import MarketSpec
from mmm.config.files import validate
from mmm.data.panel import Bools, Floats
from mmm.data.read import panel_from_frame
from mmm.design.assignment import match
from mmm.design.designer import Designer, Proposal
from mmm.design.estimator import (
    Adjustment,
    Windows,
    adjusted_kpi,
    band_of,
    covariate_values,
    effects,
    find_coefficients,
)
from mmm.design.placebo import precision
from mmm.design.registration import Registration, freeze
from mmm.design.request import parse_design
from mmm.design.result import Cells, result_of
from mmm.fitted import Fitted
from mmm.planning.budget import plan_budget
from mmm.simulate.portfolio import Design, shared_spec, simulate_market
from mmm.simulate.trials import with_change
from mmm.simulate.worlds import World
from mmm.train.fit import fit

SUITE = "designs"
SEEDS = 2000
"""Worlds of this suite begin so far from those of the truth suite."""
HISTORY = 156
"""Weeks that a design is made on in worlds whose later weeks judge it."""
QUIET = 160
"""Weeks after them in which nothing is changed."""
LEVEL, POWER = 0.1, 0.8
RETENTION = 0.5
"""Carry-over of media that estimators are told of where no model is fitted."""
DRAWN = 32
LIKE = 2.0
"""Factor within which the cost of a random test is that of the recommended one."""
SMALL = Design(regions=10, weeks=104, channels=6, noise=0.02, outliers=0.0)
"""Worlds that are fitted four times each: less noisy than the usual ones, in which hardly any test pays."""
AFTER = 40
"""Weeks after the history in which tests are run."""


@dataclass(frozen=True)
class Shape:
    """What kind of test is judged.

    Attributes:
        regions: Regions of the world; 1 is switched on and off.
        group: Regions of which one is treated.
        weeks: Length of the test, or of each block.
    """

    regions: int
    group: int
    weeks: int

    @property
    def windows(self) -> Windows:
        """Lengths."""
        if self.regions == 1:
            return Windows(self.weeks, self.weeks, 3, 2, national=True)
        return Windows(max(self.weeks, 8), self.weeks, 3)

    @property
    def name(self) -> str:
        """For a person."""
        where = "national" if self.regions == 1 else f"1 of {self.group} of {self.regions} regions"
        return f"{where}, {self.weeks} weeks"


SHAPES = (Shape(12, 2, 8), Shape(12, 2, 4), Shape(20, 4, 8), Shape(20, 2, 4), Shape(1, 1, 4))


def design_tasks(run_options: RunOptions) -> list[Task]:
    """Size and power by shape, then value by world."""
    first, quick = run_options.seed + SEEDS, run_options.quick
    worlds = 4 if quick else 20
    tasks = [
        Task(
            suite=SUITE,
            case=shape.name,
            method=OURS,
            work=partial(_size_and_power, shape, range(first, first + worlds)),
            expect=0.2 * worlds,
        )
        for shape in SHAPES
    ]
    return tasks + [
        Task(
            suite=SUITE,
            case=f"world {seed}",
            method=OURS,
            work=partial(_value, seed),
            expect=60.0,
            seed=seed,
        )
        for seed in range(first + 100, first + 100 + run_options.sizes.design_worlds)
    ]


# --- size and power --------------------------------------------------------------------------------


def _size_and_power(shape: Shape, seeds: range) -> list[Figure]:
    found = [later_windows(shape, seed) for seed in seeds]
    called = np.concatenate([one for one, _ in found])
    seen = np.concatenate([two for _, two in found])
    base = Figure(suite=SUITE, case=shape.name, method=OURS, note=f"{len(called)} windows")
    values: dict[str, float | None] = {
        "size at 10 %": float(called.mean()),
        "power at stated MDE": float(seen.mean()),
    }
    return figures(base, values)


def later_windows(shape: Shape, seed: int) -> tuple[Bools, Bools]:
    """Windows after the history in which an effect is called: with none, and with the detectable one.

    The rule is fixed on the history alone; windows do not overlap, and each is read from its own weeks.
    """
    world = simulate_market(Design(regions=shape.regions, weeks=HISTORY + QUIET, channels=6), seed=seed)
    windows, lags = shape.windows, 8
    raw_GTK, rule = _rule(world, lags)
    known_GT = world.kpi_GT[:, :HISTORY]
    strata = match(known_GT, np.ones(shape.regions, dtype=np.bool_), shape.group)
    treated_SG = strata.drawn(range(1 if windows.national else DRAWN))
    history = effects(
        adjusted_kpi(known_GT, raw_GTK[:, :HISTORY], rule), treated_SG, strata.controls(treated_SG), windows
    )
    exact = precision(history, np.ones(history.effect_SW.shape[1], np.bool_), LEVEL, windows.needed)
    assert exact is not None
    relative = []
    for first in range(HISTORY + lags, HISTORY + QUIET - windows.needed + 1, windows.needed):
        own = slice(first - lags, first + windows.needed)
        adjusted_GT = adjusted_kpi(world.kpi_GT[:, own], raw_GTK[:, own], rule)[:, lags:]
        one = effects(adjusted_GT, treated_SG[:1], strata.controls(treated_SG[:1]), windows)
        relative.append(float(one.relative_SW[0, 0]))
    relative_W, put_in = np.array(relative), exact.detectable(POWER)
    moved = np.concatenate([relative_W + put_in, relative_W - put_in])
    return np.abs(relative_W) > exact.critical, np.abs(moved) > exact.critical


def _rule(world: World, lags: int) -> tuple[Floats, Adjustment]:
    """Covariates of a test of the first channel, and how they are taken out, by the history alone."""
    raw_GTK = np.concatenate([world.controls_GTK, world.exposure_GTC[..., 1:]], -1)
    count = raw_GTK.shape[-1]
    media_K = np.arange(count) >= len(world.controls)
    kernel_L = RETENTION ** np.arange(lags)
    plain = Adjustment(
        level_G=world.kpi_GT[:, :HISTORY].mean(1),
        mean_GK=raw_GTK[:, :HISTORY].mean(1),
        media_K=media_K,
        kernel_KL=np.where(media_K[:, None], kernel_L / kernel_L.sum(), np.eye(1, lags)),
        coefficient_K=np.zeros(count),
        band=np.inf,
    )
    kpi_GT, seen_GTK = world.kpi_GT[:, :HISTORY], raw_GTK[:, :HISTORY]
    coefficient_K = find_coefficients(kpi_GT, covariate_values(seen_GTK, plain), plain.level_G)
    found = replace(plain, coefficient_K=coefficient_K)
    return raw_GTK, replace(found, band=max(band_of(adjusted_kpi(kpi_GT, seen_GTK, found)), 0.3))


# --- value -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Trial:
    """A market whose tests are run by its truth.

    Attributes:
        world: The world, test weeks included.
        history: Weeks that a design may see.
    """

    world: World
    history: int

    def spec(self, **more: Any) -> MarketSpec:
        """The market's spec, with experiments where some were made."""
        values = {
            "brand": "acme",
            "market": "us",
            "data": {"path": "panel.parquet"},
            **shared_spec(self.world),
        }
        return validate(MarketSpec, {**values, **more}, "trial")

    def fitted(self, world: World, weeks: int, **more: Any) -> Fitted:
        """A fit on the first weeks of a world, all of them used, with default settings."""
        spec = self.spec(**more)
        frame = world.frame()
        read = panel_from_frame(frame[frame["date"] < world.dates[0] + np.timedelta64(7 * weeks, "D")], spec)
        return fit(spec, read.panel, read.split, n_train=weeks)

    def budget(self, weeks: int) -> dict[str, Any]:
        """The decision: what the last quarter before this week cost, each channel within half of it."""
        spend_C = self.world.spend_GTC[:, weeks - HORIZON : weeks].sum((0, 1))
        bounds = {
            name: {"min": (1 - CHANGE) * spend, "max": (1 + CHANGE) * spend}
            for name, spend in zip(self.world.channels, spend_C.tolist(), strict=True)
        }
        total = float(spend_C.sum())
        return {"budget": total, "horizon": HORIZON, "bounds": bounds}

    def error(self, fitted: Fitted) -> float:
        """Error of what all channels brought over the history."""
        cells_GT = np.zeros(fitted.panel.kpi_GT.shape)
        cells_GT[:, : self.history] = 1.0
        truth_C = self.world.direct_GTC[:, : self.history].sum((0, 1))
        return scores.attribution_error(direct_totals(fitted, cells_GT).mean(0), truth_C)

    def earned(self, fitted: Fitted, weeks: int) -> float:
        """What the plan of a fit truly brings, KPI units."""
        plan = plan_budget(fitted, self.budget(weeks))
        own = replace(
            self.world,
            intensity_GTC=self.world.intensity_GTC[:, :weeks],
            spend_GTC=self.world.spend_GTC[:, :weeks],
        )
        spend_C = own.spend_GTC[:, -HORIZON:].sum((0, 1))
        planned_C = np.array([plan.spend[name] for name in self.world.channels])
        return own.kpi_under(planned_C / spend_C, HORIZON)


def run_test(trial: Trial, registration: Registration) -> tuple[World, Cells, float]:
    """The world with the test run in it, its readout, and what it truly cost in money."""
    world, windows, dates_T = trial.world, registration.windows, registration.dates()
    first = int(np.searchsorted(world.dates, dates_T[0]))
    start = first + registration.lags - 1 + windows.before
    region_G = np.array([world.regions.index(name) for name in registration.regions])
    treated_G = np.isin(world.regions, registration.treated)
    factor_GT = np.ones(world.kpi_GT.shape)
    for block in start + windows.block_starts():
        factor_GT[treated_G, block : block + windows.test] = 1.0 + registration.change
    changed = with_change(world, registration.channel, factor_GT)
    own = slice(first, first + len(dates_T))
    frame_columns = {covariate.name: covariate for covariate in registration.covariates}
    raw = [
        (
            changed.exposure_GTC[..., changed.channels.index(name)]
            if name in changed.channels and changed.has_exposure_C[changed.channels.index(name)]
            else changed.spend_GTC[..., changed.channels.index(name)]
            if name in changed.channels
            else changed.controls_GTK[..., changed.controls.index(name)]
        )
        for name in frame_columns
    ]
    amount_GT = changed.spend_GTC[..., changed.channels.index(registration.channel)]
    cells = Cells(
        changed.kpi_GT[region_G, own],
        amount_GT[region_G, own],
        np.stack(raw, -1)[region_G, own],
    )
    spent = float((changed.spend_GTC - world.spend_GTC).sum())
    gained = float((changed.direct_GTC - world.direct_GTC).sum())
    return changed, cells, max(spent - world.kpi_value * gained, 0.0)


def random_test(proposals: list[Proposal], table: pd.DataFrame, chosen: str, seed: int) -> Proposal:
    """A test drawn from those that cost about as much as the chosen one."""
    others = table[(table["test"] != chosen) & table["cost"].notna()]
    cost = max(float(table.loc[table["test"] == chosen, "cost"].iloc[0]), 1.0)
    apart = np.abs(np.log(np.maximum(others["cost"].to_numpy(float), 1.0) / cost))
    near = others[apart <= max(np.log(LIKE), float(np.sort(apart)[min(4, len(apart) - 1)]))]
    name = str(np.random.default_rng([seed, 5]).choice(near["test"].to_numpy(str)))
    return next(proposal for proposal in proposals if proposal.name == name)


def _value(seed: int) -> list[Figure]:
    """A world's recommended test, a random one, and none."""
    started = time.perf_counter()
    trial = Trial(simulate_market(replace(SMALL, weeks=SMALL.weeks + AFTER), seed=seed), SMALL.weeks)
    before = trial.fitted(trial.world, trial.history)
    request = parse_design({"budget": trial.budget(trial.history)})
    designer = Designer(before, request)
    proposals = designer.proposals()
    table = designer.ranked(proposals)
    # Where nothing pays the test that tells most stands for it: then it is about knowing, not about money.
    pays = bool(table["recommended"].any())
    chosen = (
        table[table["recommended"]].iloc[0] if pays else table.sort_values("told", ascending=False).iloc[0]
    )
    best = next(proposal for proposal in proposals if proposal.name == chosen["test"])
    other = random_test(proposals, table, best.name, seed)
    weeks = trial.history + best.candidate.windows.test + best.candidate.windows.cooldown
    none = trial.fitted(trial.world, weeks)
    earned = trial.earned(none, weeks)
    values: dict[str, float | None] = {
        "error without a test": trial.error(none),
        "recommended": float(bool(chosen["recommended"])),
        "stated net": float(chosen["net"]),
        "stated value": float(chosen["value"]),
        "stated cost": float(chosen["cost"]),
        "power": float(chosen["power"]),
        "told": float(chosen["told"]),
    }
    for name, proposal in (("the recommended test", best), ("a random test", other)):
        fitted, cost = _after(trial, designer, proposal, weeks)
        gained = (trial.earned(fitted, weeks) - earned) * trial.world.kpi_value * designer.times
        values |= {
            f"error after {name}": trial.error(fitted),
            f"gain of the plan after {name}": gained,
            f"realised net of {name}": gained - cost,
        }
    base = Figure(
        suite=SUITE,
        case=f"world {seed}",
        method=OURS,
        seed=seed,
        seconds=time.perf_counter() - started,
        note=f"{best.name}; random {other.name}",
    )
    return figures(base, values)


def _after(trial: Trial, designer: Designer, proposal: Proposal, weeks: int) -> tuple[Fitted, float]:
    """The market fitted with what a test found, and what the test truly cost."""
    registration = freeze(designer, proposal)
    changed, cells, cost = run_test(trial, registration)
    found = result_of(registration, cells)
    last = trial.history + proposal.candidate.windows.test + proposal.candidate.windows.cooldown
    return trial.fitted(changed, max(weeks, last), experiments=list(found.entries)), cost
