from __future__ import annotations

import pytest

from jobs.refit.task import Work
from jobs.stress.gpu_check import checks, main, problem
from jobs.stress.scheduler_load import no_fit
from mmm.config import MarketSpec
from mmm.config.files import validate


def test_the_script_runs_where_there_is_no_gpu_on_the_cpu_against_itself() -> None:
    found = dict(checks("cpu", budget=0.0, steps=2, regions=2, weeks=60))

    assert found == {"difference": 0.0}, "no time is left for anything else"


def test_a_machine_without_a_gpu_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 1
    assert "no usable GPU" in capsys.readouterr().err


def test_the_panel_is_the_one_that_was_simulated() -> None:
    spec, read = problem(3, 60)

    assert read.panel.kpi_GT.shape == (3, 60)
    assert len(spec.columns.channels) == len(read.panel.channels) == 8


def test_rows_of_no_fit_are_as_large_as_those_of_a_fit() -> None:
    values = {"brand": "a", "market": "b", "data": {"path": "p"}}
    columns = {"date": "d", "kpi": "k", "channels": {"tv": {"spend": "tv"}}}
    work = Work(validate(MarketSpec, {**values, "columns": columns}, "test"), "/out")

    (row,) = no_fit([work]).rows

    assert (row.brand, row.market, row.status) == ("a", "b", "done")
    assert 1500 < len(row.to_json()) < 4000
