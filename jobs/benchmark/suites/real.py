"""Suite ``real``: forecasts of the public panel, beside rules of thumb and what others have published.

The panel is the one whose spec is given, the one beside this checkout, or the file its publisher ships: it
may not be copied into this repository, so it is fetched from the package index.

Shapes: G regions, T periods.
"""

from __future__ import annotations

import re
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import yaml

from jobs.benchmark.baselines import ridge_answer
from jobs.benchmark.case import Answer, Case, windowed_case
from jobs.benchmark.figures import BenchmarkError, Figure, NotHereError, figures
from jobs.benchmark.methods import DEEPCAUSAL, OURS, POINT, RIDGE, Kept, ask_ours, ask_peer
from jobs.benchmark.tasks import RunOptions, Task
from jobs.stress.process import REPOSITORY, run_measured
from mmm.analysis.score import naive_predictors, score_splits
from mmm.config.files import load_market
from mmm.data.panel import Floats
from mmm.data.read import read_panel
from mmm.data.split import rolling_origins

BESIDE = REPOSITORY.parent / "shared" / "data" / "real_panel.yaml"
RELEASE = "deepcausalmmm==1.0.21"
MEMBER = "examples/data/MMM Data.csv"
FIRST_WEEK = "2023-01-02"
DOWNLOAD_LIMIT = 300.0


def real_spec(given: Path | None, cache: Path, *, download: bool = True) -> Path:
    """Spec of the public panel; fetched into ``cache`` if it lies nowhere else.

    Raises:
        NotHereError: It is not there and shall not be fetched.
        BenchmarkError: It cannot be fetched.
    """
    if given is not None:
        if not given.exists():
            raise BenchmarkError(f"no panel spec at {given}")
        return given
    if BESIDE.exists():
        return BESIDE
    home = cache / "real-panel"
    if (home / "real_panel.yaml").exists():
        return home / "real_panel.yaml"
    if not download:
        raise NotHereError("the public panel is not here; name its spec with --panel")
    return write_panel(_read_release(_download(home)), home)


def _download(home: Path) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--no-binary", "deepcausalmmm", "--dest", str(home), RELEASE]
    run_measured(command, home / "download.log", limit=DOWNLOAD_LIMIT)
    found = sorted(home.glob("deepcausalmmm-*.tar.gz"))
    if not found:
        raise BenchmarkError(f"the package index gave no source release of {RELEASE}")
    return found[0]


def _read_release(archive: Path) -> pd.DataFrame:
    with tarfile.open(archive) as release:
        member = next((m for m in release.getmembers() if m.name.endswith(MEMBER)), None)
        stream = release.extractfile(member) if member is not None else None
        if stream is None:
            raise BenchmarkError(f"{archive.name} holds no {MEMBER!r}; it ships another panel now")
        return pd.read_csv(stream)


def write_panel(published: pd.DataFrame, home: Path) -> Path:
    """The published table with plain names, weeks as Mondays, and its spec; values as they are."""
    channels: dict[str, str] = {}
    controls: list[str] = []
    names = {"dmacode": "region"}
    for column in published.columns:
        if match := re.match(r"impressions_Channel_(\d+)", column):
            names[column] = f"ch{match[1]}_impressions"
            channels[f"ch{match[1]}"] = names[column]
        elif column.startswith("control_"):
            controls.append(f"control_{len(controls) + 1:02d}")
            names[column] = controls[-1]
        elif "visits" in column:
            names[column] = "visits"
    if "weekid" not in published or "visits" not in names.values() or not channels:
        raise BenchmarkError("the published table has other columns than expected")
    frame = published.rename(columns=names)
    weeks = {week: place for place, week in enumerate(sorted(published["weekid"].unique()))}
    frame["date"] = pd.Timestamp(FIRST_WEEK) + pd.to_timedelta(
        7 * published["weekid"].map(weeks).to_numpy(), unit="D"
    )
    frame["region"] = frame["region"].astype(str)
    kept = ["region", "date", "visits", *channels.values(), *controls]
    home.mkdir(parents=True, exist_ok=True)
    frame[kept].to_parquet(home / "real_panel.parquet", index=False)
    columns = {
        "region": "region",
        "date": "date",
        "kpi": "visits",
        "channels": {name: {"exposure": column} for name, column in channels.items()},
        "controls": controls,
    }
    spec = {
        "brand": "public",
        "market": "us",
        "data": {"path": "real_panel.parquet"},
        "columns": columns,
        "splits": {"holdout": 13, "test": 0},
    }
    path = home / "real_panel.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    return path


SUITE = "real"
HOLDOUTS = (13, 8)
ORIGIN_HORIZON = 8
FULL = f"{DEEPCAUSAL.name}-full"
FULL_LIMIT = 4000.0
NAIVE = {
    "region_mean": "region's mean",
    "last_value": "last value",
    "recent_mean": "mean of 8 weeks",
    "seasonal": "a year before",
}
QUOTED = (
    ("deepcausalmmm", 13, "R²", 0.843, "", "JOSS article, table; padded weeks are scored too"),
    ("deepcausalmmm", 8, "R²", 0.918, "", "arXiv 2510.13087"),
    ("pymc-marketing", 13, "R²", 0.903, "", "as published with deepcausalmmm's comparison"),
    ("pymc-marketing", 13, "seconds per fit", 5995.0, "s", "as published with deepcausalmmm's comparison"),
    ("meridian", 13, "R²", -10.05, "", "as published with deepcausalmmm's comparison, small MCMC budget"),
)
"""Published figures on this panel: method, holdout, metric, value, unit, where."""


def real_tasks(run_options: RunOptions) -> list[Task]:
    """Both published holdouts and rolling origins, every method on each.

    Raises:
        BenchmarkError: The panel is not there and cannot be fetched.
    """
    spec = load_market(str(real_spec(run_options.panel, run_options.cache, download=not run_options.quick)))
    periods = len(read_panel(spec).panel.dates)
    tasks: list[Task] = []
    holdouts = HOLDOUTS[:1] if run_options.quick else HOLDOUTS
    for holdout in holdouts:
        name = case_name(holdout)
        case = windowed_case(
            spec, run_options.work / SUITE / f"last-{holdout}", name, periods=periods, holdout=holdout
        )
        tasks += _holdout_tasks(run_options, case, holdout)
    origins = rolling_origins(periods, ORIGIN_HORIZON, run_options.sizes.origins)
    for number, origin in enumerate(origins if not run_options.quick else (), 1):
        folder = run_options.work / SUITE / f"origin-{number}"
        case = windowed_case(
            spec, folder, f"origin {number}", periods=origin.n_periods, holdout=origin.n_holdout
        )
        tasks += [
            _task(case, POINT, partial(ask_ours, case, label=POINT, settings=run_options.sizes.point), 25.0),
            _naive(case),
        ]
        if "ridge" in run_options.peers:
            tasks.append(_task(case, RIDGE, partial(ridge_answer, case), 3.0))
    return tasks


def case_name(holdout: int) -> str:
    """Name of the case with so many weeks held out."""
    return f"last {holdout} weeks"


def _holdout_tasks(run_options: RunOptions, case: Case, holdout: int) -> list[Task]:
    sizes = run_options.sizes
    tasks = [
        _task(case, OURS, lambda: ask_ours(case, settings=sizes.settings), 70.0),
        _task(case, POINT, lambda: ask_ours(case, label=POINT, settings=sizes.point), 25.0),
        _naive(case),
        Task(suite=SUITE, case=case.name, method="published", work=lambda: _quoted(holdout), expect=0.1),
    ]
    if "ridge" in run_options.peers:
        tasks.append(_task(case, RIDGE, lambda: ridge_answer(case), 5.0))
    if holdout == HOLDOUTS[0] and {FULL, DEEPCAUSAL.name} & set(run_options.peers):
        run = FULL in run_options.peers
        tasks.append(
            Task(
                suite=SUITE,
                case=case.name,
                method=DEEPCAUSAL.name,
                work=lambda: _deepcausal(run_options, case, run=run),
                expect=1500.0 if run else 0.5,
            )
        )
    return tasks


def _task(case: Case, method: str, ask: Callable[[], Answer], expect: float) -> Task:
    def work() -> list[Figure]:
        answer = ask()
        base = Figure(suite=SUITE, case=case.name, method=method, seconds=answer.seconds)
        rows = figures(base, {"seconds per fit": answer.seconds}, "s")
        rows += figures(base, {"holdout coverage": answer.more.get("holdout_coverage")})
        return rows + (_scores(base, case, answer.predicted_GT) if answer.predicted_GT is not None else [])

    return Task(suite=SUITE, case=case.name, method=method, work=work, expect=expect)


def _scores(base: Figure, case: Case, predicted_GT: Floats) -> list[Figure]:
    found = score_splits(case.read.panel, case.read.split, predicted_GT)["holdout"]
    names = {"R²": "r2", "within-region R²": "r2_within", "RMSE": "rmse", "skill": "skill"}
    values = {name: found[key] for name, key in names.items()}
    return figures(
        base, {name: float(value) for name, value in values.items() if isinstance(value, float | int)}
    )


def _naive(case: Case) -> Task:
    def work() -> list[Figure]:
        rows: list[Figure] = []
        for rule, values_GT in naive_predictors(case.read.panel, case.read.split).items():
            rows += _scores(Figure(suite=SUITE, case=case.name, method=NAIVE[rule]), case, values_GT)
        return rows

    return Task(suite=SUITE, case=case.name, method="rules of thumb", work=work, expect=0.5)


def _quoted(holdout: int) -> list[Figure]:
    return [
        Figure(
            suite=SUITE,
            case=case_name(holdout),
            method=f"{method}, published",
            metric=metric,
            value=value,
            unit=unit,
            status="quoted",
            note=where,
        )
        for method, of, metric, value, unit, where in QUOTED
        if of == holdout
    ]


def _deepcausal(run_options: RunOptions, case: Case, *, run: bool) -> list[Figure]:
    """Scores of a whole fit with its defaults: run now if asked for, else the one kept from before."""
    kept = Kept(run_options.cache)
    answer = None if run else kept.find(case, DEEPCAUSAL)
    base = Figure(suite=SUITE, case=case.name, method=DEEPCAUSAL.name)
    if answer is None and not run:
        note = f"takes 25 minutes; --peers {FULL} runs it, later runs show it as recorded"
        return [replace(base, status="skipped", note=note)]
    rows: list[Figure] = []
    if answer is None:
        answer = ask_peer(case, DEEPCAUSAL, run_options.cache, limit=FULL_LIMIT)
        kept.keep(case, DEEPCAUSAL, case.folder_of(DEEPCAUSAL.name), answer.peak_mb)
        base = replace(base, seconds=answer.seconds)
        rows += figures(base, {"seconds per fit": answer.seconds}, "s")
    else:
        # Its scores hold; its seconds are those of another hour, with who knows what beside it.
        base = replace(base, status="recorded", note="a whole fit kept in the cache from an earlier run")
    return rows + (_scores(base, case, answer.predicted_GT) if answer.predicted_GT is not None else [])
