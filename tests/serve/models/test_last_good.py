"""Versions served last: known again by the next process, and no trouble where they cannot be kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from serve.models.catalogue import Catalogue
from serve.models.folders import FolderSource
from serve.models.last_good import read_last_good, state_file, write_last_good
from serve.models.source import ModelEntry, SourceError
from tests.serve.fitted_models import place_model

ENTRY = ModelEntry("acme", "us", "1", "/nowhere")


class Fickle:
    """A place of models that can go away."""

    def __init__(self, *entries: ModelEntry) -> None:
        self.found, self.away = entries, False

    def entries(self) -> tuple[ModelEntry, ...]:
        if self.away:
            raise SourceError("no answer")
        return self.found

    def holds(self, entry: ModelEntry) -> bool:
        return entry.source != "replaced"


def test_what_is_confirmed_is_known_to_the_next_catalogue(tmp_path: Path) -> None:
    path, source = tmp_path / "state" / "served.json", Fickle(ENTRY)
    Catalogue(source, kept=path).confirm([ENTRY])
    source.found = (ModelEntry("acme", "us", "2", "/damaged"),)

    assert Catalogue(source, kept=path).latest.last_good == (ENTRY,)
    assert [item.name for item in path.parent.iterdir()] == ["served.json"]


def test_a_place_that_is_away_at_the_start_leaves_the_versions_served_last(tmp_path: Path) -> None:
    source = Fickle(ENTRY)
    Catalogue(source, kept=tmp_path / "s.json").confirm([ENTRY])
    source.away = True

    assert Catalogue(source, kept=tmp_path / "s.json").latest.entries == (ENTRY,)
    with pytest.raises(SourceError, match="no answer"):
        Catalogue(source, kept=tmp_path / "another.json")


def test_models_that_are_gone_and_files_of_another_version_are_forgotten(tmp_path: Path) -> None:
    replaced, gone = ModelEntry("acme", "us", "1", "replaced"), ModelEntry("bolt", "us", "1", "/b")
    catalogue = Catalogue(Fickle(ENTRY), kept=tmp_path / "s.json")
    catalogue.confirm([replaced, gone])

    assert list(read_last_good(tmp_path / "s.json")) == ["acme/us"]
    assert catalogue.look().last_good == ()


@pytest.mark.parametrize("content", ["", "{", "[1]", '[{"brand": "a"}]', "\\xff"])
def test_a_damaged_file_is_told_and_forgotten(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "s.json"
    path.write_text(content)

    assert read_last_good(path) == {}
    assert "cannot be read" in caplog.text


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    write_last_good(tmp_path / "file" / "s.json", {"acme/us": ENTRY})

    assert "cannot be written" in caplog.text


def test_each_place_has_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    assert state_file("/a").parent == tmp_path / "ray-mmm"
    assert state_file("/a") != state_file("/b")
    assert state_file("/a", str(tmp_path / "own")).parent == tmp_path / "own"


def test_a_folder_knows_whether_a_fit_is_still_that_version(tmp_path: Path) -> None:
    place_model(tmp_path, "acme", "us")
    source = FolderSource(tmp_path)
    (entry,) = source.entries()
    assert source.holds(entry)

    place_model(tmp_path, "acme", "us", seed=1)
    assert not source.holds(entry)


def test_a_fit_whose_files_are_damaged_is_still_an_entry(tmp_path: Path) -> None:
    """It is a broken champion, whose brand goes on with what it had, and not a model that was taken away."""
    place_model(tmp_path, "acme", "us")
    source = FolderSource(tmp_path)
    before = source.entries()
    (tmp_path / "brand=acme/market=us/fit/model/weights.npz").unlink()
    (tmp_path / "brand=acme/market=us/fit/model/provenance.json").write_text("")

    assert source.entries() == before
