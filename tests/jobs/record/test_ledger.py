from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from jobs.record.ledger import LEDGER_SCHEMA, Entry, Ledger, Standing
from jobs.record.ledger_files import BEFORE
from mmm.errors import OutputError

MONDAY = date(2025, 1, 6)
MADE = datetime(2025, 1, 7, tzinfo=UTC)


def standing(week: int, role: str = "champion", spec: str = "spec") -> Standing:
    """The version made of the data of so many weeks."""
    return Standing(
        brand="acme",
        market="us",
        version=week,
        key=f"key{week}",
        role=role,
        directory="/models",
        spec_digest=spec,
        until=MONDAY + timedelta(weeks=week),
        made_at=MADE + timedelta(weeks=week),
    )


def entry(made: int, week: int, error: float = 10.0, naive: float = 100.0, role: str = "champion") -> Entry:
    """What the version of one week was judged in another: within 20 it is covered."""
    return Entry(
        brand="acme",
        market="us",
        version=made,
        made_at=MADE + timedelta(weeks=made),
        period=MONDAY + timedelta(weeks=week),
        horizon=week - made,
        expected=1000.0 - error,
        lower=980.0 - error,
        upper=1020.0 - error,
        actual=1000.0,
        error=error,
        covered=abs(error) <= 20,
        naive=1000.0 - naive,
        role=role,
        key=f"key{made}",
    )


def test_tables_come_back_as_they_were_written(tmp_path: Path) -> None:
    ledger = Ledger(str(tmp_path))
    ledger.stand(standing(0))
    ledger.stand(replace(standing(1, "challenger"), version=None))
    ledger.add([entry(0, 1), entry(0, 2)])
    ledger.write()

    again = Ledger(str(tmp_path))
    frame = pd.read_parquet(tmp_path / "ledger.parquet")

    assert again.standings("acme", "us") == ledger.standings("acme", "us")
    assert again.entries("acme", "us") == (entry(0, 1), entry(0, 2))
    assert list(frame) == LEDGER_SCHEMA.names
    assert frame["error"].tolist() == (frame["actual"] - frame["expected"]).tolist()
    assert again.judged("acme", "us") == {("key0", entry(0, week).period) for week in (1, 2)}


def test_a_refit_adds_a_file_and_leaves_the_others(tmp_path: Path) -> None:
    for week in (1, 2):
        ledger = Ledger(str(tmp_path))
        ledger.add([entry(0, 1), entry(0, week)])
        ledger.write()
    first, second = sorted((tmp_path / "ledger.parquet").iterdir())

    assert [len(pd.read_parquet(part)) for part in (first, second)] == [1, 1]
    assert Ledger(str(tmp_path)).entries("acme", "us") == (entry(0, 1), entry(0, 2))
    Ledger(str(tmp_path)).write()
    assert sorted((tmp_path / "ledger.parquet").iterdir()) == [first, second], "nothing new, and a file"


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_ledger_of_one_file_becomes_a_folder(tmp_path: Path, interrupted: bool) -> None:
    """Also where an earlier attempt ended half way."""
    old = tmp_path / (BEFORE if interrupted else "ledger.parquet")
    pd.DataFrame([vars(entry(0, 1))]).to_parquet(old)
    ledger = Ledger(str(tmp_path))
    assert ledger.entries("acme", "us") == (entry(0, 1),)
    ledger.add([entry(0, 2)])
    ledger.write()

    assert [path.name for path in tmp_path.iterdir() if "ledger" in path.name] == ["ledger.parquet"]
    assert Ledger(str(tmp_path)).entries("acme", "us") == (entry(0, 1), entry(0, 2))
    assert len(pd.read_parquet(tmp_path / "ledger.parquet")) == 2


def test_nothing_is_entered_twice(tmp_path: Path) -> None:
    ledger = Ledger(str(tmp_path))
    ledger.add([entry(0, 1)])
    ledger.add([entry(0, 1, error=99.0)])
    ledger.stand(standing(0))
    ledger.stand(replace(standing(0, "challenger"), made_at=MADE + timedelta(days=30)))

    assert ledger.entries("acme", "us") == (entry(0, 1),)
    assert ledger.standings("acme", "us") == (standing(0, "challenger"),)


def test_another_table_is_refused_with_its_place(tmp_path: Path) -> None:
    pd.DataFrame({"brand": ["acme"]}).to_parquet(tmp_path / "ledger.parquet")

    with pytest.raises(OutputError, match=r"ledger.parquet is no such table of a refit"):
        Ledger(str(tmp_path))


@pytest.mark.parametrize(("error", "waits"), [(30.0, True), (10.0, False), (5.0, False)])
def test_settings_whose_versions_forecast_worse_than_the_champion_wait(
    error: float, waits: bool, tmp_path: Path
) -> None:
    ledger = Ledger(str(tmp_path))
    ledger.stand(standing(0))
    ledger.stand(standing(1, "challenger", spec="new"))
    ledger.add([entry(0, week) for week in range(2, 6)])
    ledger.add([entry(1, week, error, role="challenger") for week in range(2, 6)])

    said = ledger.objection("acme", "us", "new")

    assert bool(said) == waits
    assert not waits or "off by 30 on average in 4 periods, the champion by 10" in said
    assert ledger.objection("acme", "us", "other settings") == ""


def test_a_record_of_three_periods_says_nothing(tmp_path: Path) -> None:
    ledger = Ledger(str(tmp_path))
    ledger.stand(standing(0))
    ledger.stand(standing(1, "challenger"))
    ledger.add([entry(made, week, 10.0 + 50 * made) for made in (0, 1) for week in range(2, 5)])

    assert ledger.objection("acme", "us", "spec") == ""


@pytest.mark.parametrize(
    ("errors", "naive", "said"),
    [
        ([10.0] * 13, 100.0, ""),
        ([10.0, 30.0] * 6, 100.0, "6 of the last 12 periods lay within"),
        ([19.0, 15.0, 17.0, 12.0] * 3, 2.0, "the mean of the last periods before would have been by 2"),
        ([30.0] * 3, 1.0, ""),
    ],
)
def test_coverage_or_skill_that_leave_their_band_are_said(
    errors: list[float], naive: float, said: str, tmp_path: Path
) -> None:
    ledger = Ledger(str(tmp_path))
    ledger.add([entry(week, week + 1, error, naive) for week, error in enumerate(errors)])

    told = ledger.remark("acme", "us")

    assert said in told
    assert bool(told) == bool(said)


def test_versions_stay_in_order_where_a_clock_was_set_back(tmp_path: Path) -> None:
    """Both are of the same data, of other settings: nothing but the order tells which is the newer."""
    first, second = (
        standing(1),
        replace(standing(1), key="key2", version=2, made_at=MADE - timedelta(hours=1)),
    )
    ledger = Ledger(str(tmp_path))
    for item in (first, second):
        ledger.stand(item)
    ledger.write()

    found = Ledger(str(tmp_path)).standings("acme", "us")

    assert [item.key for item in found] == ["key1", "key2"]
    assert found[0] == first


def test_what_a_person_promoted_or_took_back_is_in_the_record(tmp_path: Path) -> None:
    ledger = Ledger(str(tmp_path))
    for week, role in enumerate(("champion", "challenger", "champion"), start=1):
        ledger.stand(standing(week, role))

    ledger.in_use("acme", "us", 2)

    assert [item.role for item in ledger.standings("acme", "us")] == ["champion", "champion", ""]
