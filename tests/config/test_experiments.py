"""Lift tests in a spec: what is refused, and tables beside the spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mmm.config import Experiment, MarketSpec
from mmm.config.digest import spec_digest
from mmm.config.files import load_market, parse_yaml, validate
from mmm.errors import SpecError
from mmm.portfolio import load_portfolio
from tests.data.panels import spec, write_spec

TEST = {
    "channel": "tv",
    "region": "CA",
    "start": "2023-03-06",
    "end": "2023-04-03",
    "lift": 400.0,
    "standard_error": 50.0,
    "spend_change": 200.0,
}


def load(folder: Path, *tests: dict[str, Any]) -> tuple[Experiment, ...]:
    return load_market(str(write_spec(folder, spec() | {"experiments": list(tests)}))).experiments


def problems(folder: Path, *tests: dict[str, Any]) -> str:
    with pytest.raises(SpecError) as caught:
        load(folder, *tests)
    return str(caught.value)


def test_a_test_is_read(tmp_path: Path) -> None:
    (found,) = load(tmp_path, TEST)

    assert found.regions == ("CA",)
    assert found.effect == "total"
    assert found.in_panel is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"standard_error": 0}, "experiments[0].standard_error (line "),
        ({"standard_error": -1.0}, "greater than 0"),
        ({"channel": "tvv"}, "experiments[0].channel names 'tvv', which is no channel; did you mean 'tv'"),
        ({"end": "2023-02-06"}, "before it starts"),
        ({"spend_change": 0}, "spend_change is 0"),
        ({"lift": -400.0}, "opposite signs"),
        ({"lift": float("nan")}, "experiments[0].lift"),
        ({"se": 3}, "unknown key 'se'"),
        ({"regions": []}, "experiments[0].regions"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    assert said in problems(tmp_path, TEST | change)


def test_a_lift_on_the_wrong_side_within_its_error_is_a_measurement(tmp_path: Path) -> None:
    (found,) = load(tmp_path, TEST | {"lift": -60.0})

    assert found.lift == -60.0


def test_overlapping_duplicates_are_refused(tmp_path: Path) -> None:
    later = TEST | {"start": "2023-04-03", "end": "2023-05-01"}
    said = problems(tmp_path, TEST, later)
    assert "experiments[0] and experiments[1] measure the same channel" in said

    assert len(load(tmp_path, TEST, later | {"region": "NY"})) == 2
    assert len(load(tmp_path, TEST, later | {"start": "2023-04-10"})) == 2
    everywhere = {key: value for key, value in later.items() if key != "region"}
    assert "measure the same channel" in problems(tmp_path, TEST, everywhere)


def test_several_tables_of_problems_come_at_once(tmp_path: Path) -> None:
    said = problems(tmp_path, TEST | {"standard_error": 0}, TEST | {"spend_change": "much"})

    assert "experiments[0].standard_error" in said
    assert "experiments[1].spend_change" in said


def test_tests_may_lie_in_a_table(tmp_path: Path) -> None:
    (tmp_path / "tests.csv").write_text(
        "channel,regions,start,end,lift,standard_error,spend_change,in_panel\n"
        "tv,CA;NY,2023-03-06,2023-04-03,400,50,200,\n"
        "tv,,2023-05-01,2023-05-29,-90,50,-20,true\n",
        encoding="utf-8",
    )
    path = write_spec(tmp_path, spec() | {"experiments": "tests.csv"})
    first, second = load_market(str(path)).experiments

    assert first.regions == ("CA", "NY")
    assert first.in_panel is None
    assert second.regions is None
    assert second.in_panel is True
    (tmp_path / "tests.csv").write_text("channel,lift\ntv,many\n", encoding="utf-8")
    with pytest.raises(SpecError, match=r"experiments\[0\].lift"):
        load_market(str(path))


def test_an_absent_table_is_named(tmp_path: Path) -> None:
    path = write_spec(tmp_path, spec() | {"experiments": "nowhere.csv"})

    with pytest.raises(SpecError, match=r"nowhere\.csv: no such file"):
        load_market(str(path))


def test_a_portfolio_reads_tables_beside_its_file(tmp_path: Path) -> None:
    (tmp_path / "tests.csv").write_text(
        "channel,start,end,lift,standard_error,spend_change\ntv,2023-03-06,2023-04-03,400,50,200\n",
        encoding="utf-8",
    )
    market = spec() | {"experiments": "tests.csv"}
    path = write_spec(tmp_path, {"markets": [market]})
    (found,) = load_portfolio(str(path)).specs()

    assert found.experiments[0].lift == 400.0


def test_experiments_count_in_the_digest(tmp_path: Path) -> None:
    paths = []
    for lift in (400.0, 401.0):
        (tmp_path / str(lift)).mkdir()
        paths.append(write_spec(tmp_path / str(lift), spec() | {"experiments": [TEST | {"lift": lift}]}))

    assert spec_digest(load_market(str(paths[0]))) != spec_digest(load_market(str(paths[1])))


def test_a_national_market_has_no_regions_to_treat(tmp_path: Path) -> None:
    values = spec()
    del values["columns"]["region"]
    path = write_spec(tmp_path, values | {"experiments": [TEST]})

    with pytest.raises(SpecError, match="the model is national"):
        load_market(str(path))


@pytest.mark.parametrize("written", ["[01, 02]", "[001, 075]", "[7, 75]", "[08, 09]"])
def test_codes_of_regions_need_no_quotes(written: str) -> None:
    """YAML 1.1 reads 010 as 8 and 08 as text; a code is what was written."""
    text = (
        "brand: a\nmarket: b\ndata: {path: p.csv}\n"
        "columns: {region: r, date: d, kpi: k, channels: {tv: {spend: tv}}}\n"
        f"experiments: [{{channel: tv, regions: {written}, start: 2023-03-06, end: 2023-04-24, lift: 900, "
        "standard_error: 300, spend_change: 60000}]\n"
    )
    spec = validate(MarketSpec, parse_yaml(text, "test").values, "test")

    assert spec.experiments[0].regions == tuple(written.strip("[]").split(", "))
