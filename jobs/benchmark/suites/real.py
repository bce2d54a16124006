"""Suite ``real``: forecasts of the public panel, beside rules of thumb and what others have published.

Shapes: G regions, T periods.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from jobs.benchmark.book import Row, figures
from jobs.benchmark.case import Answer, Case, windowed_case
from jobs.benchmark.course import Task
from jobs.benchmark.methods import OURS, POINT, RIDGE, Kept, ask_ours, ask_peer
from jobs.benchmark.panel import real_spec
from jobs.benchmark.peers.ridge import ridge_answer
from jobs.benchmark.peers.venv import DEEPCAUSAL
from jobs.benchmark.plan import Order
from mmm.analysis.score import naive_predictors, score_splits
from mmm.config.files import load_market
from mmm.data.panel import Floats
from mmm.data.read import read_panel
from mmm.data.split import rolling_origins

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


def real_tasks(order: Order) -> list[Task]:
    """Both published holdouts and rolling origins, every method on each.

    Raises:
        BenchmarkError: The panel is not there and cannot be fetched.
    """
    spec = load_market(str(real_spec(order.panel, order.cache, download=not order.quick)))
    periods = len(read_panel(spec).panel.dates)
    tasks: list[Task] = []
    holdouts = HOLDOUTS[:1] if order.quick else HOLDOUTS
    for holdout in holdouts:
        name = case_name(holdout)
        case = windowed_case(
            spec, order.work / SUITE / f"last-{holdout}", name, periods=periods, holdout=holdout
        )
        tasks += _holdout_tasks(order, case, holdout)
    origins = rolling_origins(periods, ORIGIN_HORIZON, order.sizes.origins)
    for number, origin in enumerate(origins if not order.quick else (), 1):
        folder = order.work / SUITE / f"origin-{number}"
        case = windowed_case(
            spec, folder, f"origin {number}", periods=origin.n_periods, holdout=origin.n_holdout
        )
        tasks += [
            _task(case, POINT, partial(ask_ours, case, label=POINT, settings=order.sizes.point), 25.0),
            _naive(case),
        ]
        if "ridge" in order.peers:
            tasks.append(_task(case, RIDGE, partial(ridge_answer, case), 3.0))
    return tasks


def case_name(holdout: int) -> str:
    """Name of the case with so many weeks held out."""
    return f"last {holdout} weeks"


def _holdout_tasks(order: Order, case: Case, holdout: int) -> list[Task]:
    sizes = order.sizes
    tasks = [
        _task(case, OURS, lambda: ask_ours(case, settings=sizes.settings), 70.0),
        _task(case, POINT, lambda: ask_ours(case, label=POINT, settings=sizes.point), 25.0),
        _naive(case),
        Task(suite=SUITE, case=case.name, method="published", work=lambda: _quoted(holdout), expect=0.1),
    ]
    if "ridge" in order.peers:
        tasks.append(_task(case, RIDGE, lambda: ridge_answer(case), 5.0))
    if holdout == HOLDOUTS[0] and {FULL, DEEPCAUSAL.name} & set(order.peers):
        run = FULL in order.peers
        tasks.append(
            Task(
                suite=SUITE,
                case=case.name,
                method=DEEPCAUSAL.name,
                work=lambda: _deepcausal(order, case, run=run),
                expect=1500.0 if run else 0.5,
            )
        )
    return tasks


def _task(case: Case, method: str, ask: Callable[[], Answer], expect: float) -> Task:
    def work() -> list[Row]:
        answer = ask()
        base = Row(suite=SUITE, case=case.name, method=method, seconds=answer.seconds)
        rows = figures(base, {"seconds per fit": answer.seconds}, "s")
        rows += figures(base, {"holdout coverage": answer.more.get("holdout_coverage")})
        return rows + (_scores(base, case, answer.predicted_GT) if answer.predicted_GT is not None else [])

    return Task(suite=SUITE, case=case.name, method=method, work=work, expect=expect)


def _scores(base: Row, case: Case, predicted_GT: Floats) -> list[Row]:
    found = score_splits(case.read.panel, case.read.split, predicted_GT)["holdout"]
    names = {"R²": "r2", "within-region R²": "r2_within", "RMSE": "rmse", "skill": "skill"}
    values = {name: found[key] for name, key in names.items()}
    return figures(
        base, {name: float(value) for name, value in values.items() if isinstance(value, float | int)}
    )


def _naive(case: Case) -> Task:
    def work() -> list[Row]:
        rows: list[Row] = []
        for rule, values_GT in naive_predictors(case.read.panel, case.read.split).items():
            rows += _scores(Row(suite=SUITE, case=case.name, method=NAIVE[rule]), case, values_GT)
        return rows

    return Task(suite=SUITE, case=case.name, method="rules of thumb", work=work, expect=0.5)


def _quoted(holdout: int) -> list[Row]:
    return [
        Row(
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


def _deepcausal(order: Order, case: Case, *, run: bool) -> list[Row]:
    """Scores of a whole fit with its defaults: run now if asked for, else the one kept from before."""
    kept = Kept(order.cache)
    answer = None if run else kept.find(case, DEEPCAUSAL)
    base = Row(suite=SUITE, case=case.name, method=DEEPCAUSAL.name)
    if answer is None and not run:
        note = f"takes 25 minutes; --peers {FULL} runs it, later runs show it as recorded"
        return [replace(base, status="skipped", note=note)]
    rows: list[Row] = []
    if answer is None:
        answer = ask_peer(case, DEEPCAUSAL, order.cache, limit=FULL_LIMIT)
        kept.keep(case, DEEPCAUSAL, case.room(DEEPCAUSAL.name), answer.peak_mb)
        base = replace(base, seconds=answer.seconds)
        rows += figures(base, {"seconds per fit": answer.seconds}, "s")
    else:
        # Its scores hold; its seconds are those of another hour, with who knows what beside it.
        base = replace(base, status="recorded", note="a whole fit kept in the cache from an earlier run")
    return rows + (_scores(base, case, answer.predicted_GT) if answer.predicted_GT is not None else [])
