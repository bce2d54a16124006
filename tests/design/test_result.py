"""A frozen test, what it found, and readouts that depart from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from mmm.config import MarketSpec
from mmm.config.files import validate
from mmm.data.experiments import locate_experiments
from mmm.design.designer import Designer
from mmm.design.registration import Registration, freeze, read_registration, registration_text
from mmm.design.result import entries_csv, entries_yaml, read_result
from mmm.errors import RequestError
from tests.design.readouts import readout
from tests.small import market, small_panel


@pytest.fixture(scope="module")
def registration(regional: Designer) -> Registration:
    proposal = regional.named("search-go_dark-4w-50pc")
    assert proposal is not None
    return freeze(regional, proposal)


@pytest.fixture(scope="module")
def nationwide(national: Designer) -> Registration:
    (proposal,) = national.proposals()
    return freeze(national, proposal)


def written(table: pd.DataFrame, folder: Path) -> str:
    path = folder / "readout.csv"
    table.to_csv(path, index=False)
    return str(path)


def test_a_registration_reads_back_as_it_was_frozen(registration: Registration, tmp_path: Path) -> None:
    path = tmp_path / "test.yaml"
    path.write_text(registration_text(registration), encoding="utf-8")

    assert read_registration(str(path)) == registration
    assert len(registration.digest) == 7 + 64
    assert set(registration.digests) == set(Registration.model_fields) - {"digest", "digests"}


def test_the_same_request_freezes_the_same_test(regional: Designer, registration: Registration) -> None:
    again = Designer(regional.planner.fitted, regional.request)
    proposal = again.named(registration.test)
    assert proposal is not None

    assert freeze(again, proposal).digest == registration.digest


def test_what_was_changed_afterwards_is_named(registration: Registration, tmp_path: Path) -> None:
    path = tmp_path / "test.yaml"
    values = yaml.safe_load(registration_text(registration))
    values["treated"] = [*values["treated"][1:], values["control"][0]]
    values["relative_critical"] = 1e-6
    path.write_text(yaml.safe_dump(values), encoding="utf-8")

    with pytest.raises(RequestError) as caught:
        read_registration(str(path))
    assert {problem.where for problem in caught.value.problems} == {"treated", "relative_critical"}

    values = yaml.safe_load(registration_text(registration)) | {"digest": "0" * 64}
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    with pytest.raises(RequestError, match="does not belong"):
        read_registration(str(path))


def test_the_effect_is_what_treated_regions_lost_beside_control_regions(
    registration: Registration, tmp_path: Path
) -> None:
    found = read_result(registration, written(readout(registration, -0.1), tmp_path))

    treated = sum(registration.levels[name] for name in registration.treated)
    assert found.expected == pytest.approx(treated * 4 * 1.1, rel=1e-4)
    assert found.lift == pytest.approx(-0.1 * treated * 4 * 1.1, rel=1e-4)
    assert found.standard_error == pytest.approx(registration.relative_error * found.expected)
    assert found.spend_change == pytest.approx(-100.0 * 4 * 4 * 1.1)
    assert found.seen == (registration.relative_critical < 0.1)
    assert not read_result(registration, written(readout(registration, 0.0), tmp_path)).seen


def test_blocks_of_a_national_test_become_an_entry_each(nationwide: Registration, tmp_path: Path) -> None:
    found = read_result(nationwide, written(readout(nationwide, -0.2), tmp_path))
    first, second = found.entries

    level = nationwide.levels["national"]
    assert found.lift == pytest.approx(-0.2 * level * 8, rel=1e-4)
    assert first["lift"] == pytest.approx(second["lift"], rel=1e-4)
    assert float(str(first["standard_error"])) == pytest.approx(found.standard_error / np.sqrt(2), rel=1e-6)
    assert "regions" not in first
    gap = np.datetime64(str(second["start"])) - np.datetime64(str(first["end"]))
    assert gap == np.timedelta64(7 * nationwide.windows.gap + 1, "D")
    assert str(second["end"]) == str(nationwide.end)


def test_a_fit_accepts_the_entry(registration: Registration, regional: Designer, tmp_path: Path) -> None:
    panel = small_panel(regions=8, periods=130)
    found = read_result(registration, written(readout(registration), tmp_path))
    entries = yaml.safe_load(entries_yaml(found, registration))["experiments"]

    spec = validate(MarketSpec, {**market(panel).model_dump(mode="json"), "experiments": entries}, "spec")
    tests, problems = locate_experiments(spec, panel)

    assert not problems
    assert [panel.regions[g] for g in tests[0].region_R] == list(registration.treated)
    assert tests[0].periods == slice(104, 108)
    assert tests[0].in_panel
    rows = entries_csv(found).splitlines()
    assert rows[0].startswith("channel,regions,start,end,lift")
    assert len(rows) == 2


def test_a_readout_that_departs_is_refused_with_all_that_differs(
    registration: Registration, tmp_path: Path
) -> None:
    whole = readout(registration)
    region, date, kpi = (registration.columns[role] for role in ("region", "date", "kpi"))
    dates = registration.dates()
    gone, late = registration.treated[0], str(dates[-1])
    partial = whole[(whole[region] != gone) & (whole[date] != late)].copy()
    partial = pd.concat([partial, partial.iloc[[3]]])
    partial[kpi] = partial[kpi].where(np.arange(len(partial)) != 7)

    with pytest.raises(RequestError) as caught:
        read_result(registration, written(partial, tmp_path))
    codes = {problem.code: str(problem) for problem in caught.value.problems}

    assert set(codes) == {"missing_region", "missing_period", "duplicate_rows", "missing_values"}
    assert f"{gone} (treated)" in codes["missing_region"]
    assert late in codes["missing_period"]
    assert registration.test in str(caught.value)


@pytest.mark.parametrize("done", [0.0, -0.3, 0.5])
def test_a_test_that_was_run_otherwise_is_refused(
    registration: Registration, tmp_path: Path, done: float
) -> None:
    with pytest.raises(RequestError, match="another test") as caught:
        read_result(registration, written(readout(registration, change=done), tmp_path))
    assert [problem.code for problem in caught.value.problems] == ["other_change"]

    assert read_result(registration, written(readout(registration, change=-0.8), tmp_path)).entries


def test_a_readout_in_other_columns_is_refused(registration: Registration, tmp_path: Path) -> None:
    table = readout(registration).rename(columns={registration.columns["kpi"]: "sales"})
    with pytest.raises(RequestError, match="no column 'kpi'"):
        read_result(registration, written(table, tmp_path))
    with pytest.raises(RequestError, match="cannot be read"):
        read_result(registration, str(tmp_path / "absent.csv"))


def test_other_regions_and_periods_of_the_file_are_left_alone(
    registration: Registration, tmp_path: Path
) -> None:
    whole = readout(registration)
    more = whole.copy()
    more[registration.columns["region"]] = "elsewhere"
    early = whole.copy()
    early[registration.columns["date"]] = "2020-01-06"

    plain = read_result(registration, written(whole, tmp_path))
    assert read_result(registration, written(pd.concat([whole, more, early]), tmp_path)) == plain
