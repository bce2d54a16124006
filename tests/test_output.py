"""Results appear whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from mmm.errors import FullError, OutputError
from mmm.output import check_output, prepare_output, unwritable, write_text


def fitted(folder: Path, content: str = "old") -> Path:
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "weights").write_text(content)
    return folder


def test_folder_appears_when_the_block_ends_well(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "run"
    with prepare_output(out) as scratch:
        (scratch / "metrics.json").write_text("{}")
        assert not out.exists()
    assert (out / "metrics.json").read_text() == "{}"
    assert out.stat().st_mode & 0o777 == 0o755
    assert list(out.parent.iterdir()) == [out]


def test_nothing_is_left_when_the_block_fails(tmp_path: Path) -> None:
    def interrupted() -> None:
        with prepare_output(tmp_path / "run") as scratch:
            (scratch / "metrics.json").write_text("{")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_model_is_replaced_only_by_force(tmp_path: Path) -> None:
    out = fitted(tmp_path / "run")
    with pytest.raises(OutputError, match=r"already holds a fitted model.*--force"), prepare_output(out):
        pytest.fail("refused before any work")
    with prepare_output(out, force=True) as scratch:
        fitted(scratch, "new")
    assert (out / "model" / "weights").read_text() == "new"
    assert list(tmp_path.iterdir()) == [out]


def test_the_old_model_stays_when_its_replacement_fails(tmp_path: Path) -> None:
    out = fitted(tmp_path / "run")
    with pytest.raises(ZeroDivisionError), prepare_output(out, force=True):
        raise ZeroDivisionError
    assert (out / "model" / "weights").read_text() == "old"
    assert list(tmp_path.iterdir()) == [out]


def test_force_does_not_remove_what_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputError, match="holds no fitted model"):
        check_output(tmp_path, force=True)


def test_an_empty_folder_is_free(tmp_path: Path) -> None:
    with prepare_output(tmp_path / "run"):
        pass
    with prepare_output(tmp_path / "run") as scratch:
        (scratch / "metrics.json").write_text("{}")
    assert (tmp_path / "run" / "metrics.json").exists()


@pytest.mark.skipif(os.name != "posix", reason="the place that nobody can write to is Linux's /proc")
def test_unwritable_places_are_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        check_output("/proc/run")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file, not a folder"):
        check_output(tmp_path / "file" / "run")
    with pytest.raises(OutputError, match="already exists"):
        check_output(tmp_path / "file")


def test_a_file_is_written_whole_and_kept_unless_forced(tmp_path: Path) -> None:
    path = write_text(tmp_path / "deep" / "spec.yaml", "one")
    with pytest.raises(OutputError, match="already exists"):
        write_text(path, "two")
    assert write_text(path, "three", force=True).read_text() == "three"
    with pytest.raises(OutputError, match="is a folder"):
        write_text(tmp_path, "four", force=True)
    assert list(path.parent.iterdir()) == [path]


def test_a_file_is_never_replaced_by_a_folder(tmp_path: Path) -> None:
    panel = tmp_path / "panel.csv"
    panel.write_text("date,kpi\n")

    with pytest.raises(OutputError, match="is a file; a folder is to be written"):
        check_output(panel, force=True, folder=True)
    with pytest.raises(OutputError, match="is a file"), prepare_output(panel, force=True):
        pass
    assert panel.read_text() == "date,kpi\n"


def full_disk(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fills while the text is written: after the scratch file was made."""
    (tmp_path / "plan.json").write_text("old")
    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(FullError, match=r"plan\.json cannot be written: the disk of .* is full") as caught:
        write_text(tmp_path / "plan.json", "new", force=True)

    assert "Free some space" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]
    assert (tmp_path / "plan.json").read_text() == "old"


def test_a_disk_that_fills_in_the_block_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    def filled() -> None:
        with prepare_output(tmp_path / "run") as scratch:
            (scratch / "half").write_text("half")
            full_disk()

    with pytest.raises(OutputError, match="is full"):
        filled()
    assert list(tmp_path.iterdir()) == []


def test_what_the_block_cannot_read_is_not_blamed_on_the_place(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), prepare_output(tmp_path / "run"):
        (tmp_path / "nowhere").read_text()


def test_a_used_up_quota_is_named(tmp_path: Path) -> None:
    assert "quota" in str(unwritable(tmp_path / "a" / "b", OSError(errno.EDQUOT, "Disk quota exceeded")))
