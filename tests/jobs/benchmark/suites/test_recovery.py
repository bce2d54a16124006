"""Suites of known truth: published businesses and worlds of every kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.benchmark.figures import Figure, NotHereError
from jobs.benchmark.suites import recovery
from jobs.benchmark.suites.recovery import BUSINESSES, MARKETS, PUBLISHED, business_case, kind_tasks
from jobs.benchmark.tables import tables_of
from jobs.benchmark.tasks import QUICK, RunOptions, Sizes
from jobs.benchmark.worker import error_by_draw
from tests.small import sketch, small_panel


def options(tmp_path: Path, *, quick: bool) -> RunOptions:
    return RunOptions(
        suites=("kinds",),
        peers=(),
        out=tmp_path,
        work=tmp_path,
        cache=tmp_path,
        seed=0,
        cores=1,
        panel=None,
        quick=quick,
        sizes=QUICK if quick else Sizes(),
    )


def test_the_error_of_every_draw_is_relative_to_the_mean_truth() -> None:
    """A truth twice what every draw says is off by half of itself where contributions are even."""
    fitted = sketch(small_panel(regions=2))
    drawn_MGTC = fitted.predictor.parts.channels_MGTC
    regions, dates, channels = fitted.panel.regions, fitted.panel.dates, fitted.panel.channels
    table = pd.DataFrame({"geo": np.repeat(regions, len(dates)), "date": np.tile(dates, len(regions))})
    for c, name in enumerate(channels):
        table[f"contribution_{name}"] = 2.0 * drawn_MGTC[..., c].mean(0).ravel()
    expected = np.mean(
        [
            np.sqrt(((drawn_MGTC[m, g, :, c] - 2.0 * drawn_MGTC[..., c].mean(0)[g]) ** 2).mean())
            / (2.0 * drawn_MGTC[..., c].mean(0)[g]).mean()
            for m in range(fitted.members)
            for g in range(2)
            for c in range(len(channels))
        ]
    )

    assert error_by_draw(fitted, table) == pytest.approx(expected)


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason=f"the published benchmark is not at {PUBLISHED}")
@pytest.mark.parametrize(("name", "regions", "channels"), [("startup", 1, 4), ("scaleup", 2, 6)])
def test_a_published_business_is_read_as_it_is(
    name: str, regions: int, channels: int, tmp_path: Path
) -> None:
    read = business_case(PUBLISHED / f"{name}.parquet", tmp_path / name).read

    assert (len(read.panel.regions), len(read.panel.channels)) == (regions, channels)
    assert read.split.n_train == len(read.panel.dates) - 1
    assert read.panel.has_spend_C.all()


def test_without_the_published_businesses_the_suite_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "PUBLISHED", tmp_path / "nowhere")

    with pytest.raises(NotHereError, match="nowhere"):
        recovery.recovery_tasks(options(tmp_path, quick=True))


def test_every_kind_has_ten_worlds_that_no_other_suite_has(tmp_path: Path) -> None:
    tasks = kind_tasks(options(tmp_path, quick=False))

    assert {task.method for task in tasks} == set(MARKETS)
    assert all(sum(task.method == kind for task in tasks) == 10 for kind in MARKETS)
    assert min(task.seed for task in tasks if task.seed is not None) == 3000


def test_tables_have_medians_of_errors_and_means_of_coverage(tmp_path: Path) -> None:
    """Three worlds of errors 0.1, 0.2 and 0.6: median 0.2, mean 0.3; coverage 1, 1 and 0.4 is 80 %."""
    rows = [
        Figure(suite="kinds", case=f"national, seed {i}", method="national", metric=metric, value=value)
        for metric, values in (("attribution error", (0.1, 0.2, 0.6)), ("coverage", (1.0, 1.0, 0.4)))
        for i, value in enumerate(values)
    ]
    rows += [
        Figure(suite="recovery", case=name, method="ray-mmm", metric="error by draw", value=0.25)
        for name in BUSINESSES
    ]
    rows += recovery._quoted()
    kinds, published = tables_of(pd.DataFrame([vars(row) for row in rows]))[:2]

    assert kinds.rows == (("national", "0.200", "0.300", "80 %"),)
    assert published.header == ("", *BUSINESSES)
    assert published.rows[0] == ("ray-mmm", "0.25", "0.25", "0.25", "0.25")
    assert ("Meridian 1.1.6, published", "0.70§", "0.70§", "0.59§", "-") in published.rows
