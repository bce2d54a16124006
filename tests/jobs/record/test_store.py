from __future__ import annotations

from pathlib import Path

import pytest

from jobs.record.rows import Row
from jobs.record.store import ROW, absolute, check_place, put, read_row, result_key, result_place
from mmm.errors import OutputError
from mmm.scratch import scratch_beside
from tests.jobs.rows import row


def fill(folder: Path) -> None:
    """A fitted model, as far as the store cares."""
    (folder / "model").mkdir()
    (folder / "model" / "weights.npz").write_bytes(b"1")


def test_the_key_depends_on_data_and_settings() -> None:
    keys = {result_key("a", "b"), result_key("b", "a"), result_key("a", "c"), result_key("ab", "")}

    assert len(keys) == 4
    assert result_key("a", "b") == result_key("a", "b")


@pytest.mark.parametrize("scheme", ["", "memory://refit"])
def test_what_is_put_is_found(tmp_path: Path, scheme: str) -> None:
    place = result_place(scheme or str(tmp_path), "acme", "us", "k")
    assert read_row(place) is None

    put(place, row(), fill)

    assert read_row(place) == row()


def test_odd_names_stay_below_the_output(tmp_path: Path) -> None:
    place = Path(result_place(str(tmp_path), "..", "..", "k"))

    assert tmp_path in place.resolve().parents


def test_a_write_that_fails_leaves_nothing_that_counts(tmp_path: Path) -> None:
    def disk_full(folder: Path) -> None:
        fill(folder)
        raise OSError(28, "No space left on device")

    place = result_place(str(tmp_path), "acme", "us", "k")
    with pytest.raises(OSError, match=r"disk of .* is full"):
        put(place, row(), disk_full)

    assert read_row(place) is None
    assert list(Path(place).parent.iterdir()) == []


def test_half_a_row_is_no_row(tmp_path: Path) -> None:
    (tmp_path / ROW).write_text('{"brand": "acme"')

    assert read_row(str(tmp_path)) is None


def test_folders_of_dead_workers_are_removed_of_other_fits_too(tmp_path: Path) -> None:
    place = Path(result_place(str(tmp_path), "acme", "us", "k"))
    place.parent.mkdir(parents=True)
    (place.parent / ".k.0123.part").mkdir()
    (place.parent / ".older.0123.part").mkdir()
    with scratch_beside(place, folder=True) as alive:
        put(str(place), row(), fill)

        assert sorted(path.name for path in place.parent.iterdir()) == [alive.name, "k"]


def test_a_place_that_is_a_file_is_refused_before_any_fit(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(OutputError):
        check_place(str(tmp_path / "file"))


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(OutputError, match="nosuch"):
        check_place("nosuch://bucket/refit")


def test_places_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert absolute("out") == str(tmp_path / "out")
    assert absolute("s3://bucket/out/") == "s3://bucket/out"


def test_rows_of_later_versions_are_read() -> None:
    text = row().to_json().replace('{"brand"', '{"from_the_future": 1, "brand"')

    assert Row.from_json(text) == row()
