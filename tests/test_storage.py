"""Places on disk and behind URIs: told apart, joined, listed and read in one way."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import fsspec
import pytest
from pyarrow import fs as pafs

from mmm.storage import filesystem, is_uri, list_files, parent, read_bytes, read_text, resolve, write_whole


@pytest.mark.parametrize(
    ("place", "base", "found"),
    [
        ("panel.csv", "/data/specs", "/data/specs/panel.csv"),
        ("../panel.csv", "s3://bucket/specs", "s3://bucket/panel.csv"),
        ("a/b.csv", "s3://bucket/specs/", "s3://bucket/specs/a/b.csv"),
        ("/abs/panel.csv", "/data", "/abs/panel.csv"),
        ("/abs/panel.csv", "s3://bucket/specs", "/abs/panel.csv"),
        ("gs://other/x.csv", "s3://bucket/specs", "gs://other/x.csv"),
        ("gs://other/x.csv", "/data", "gs://other/x.csv"),
    ],
)
def test_a_place_is_seen_from_its_folder(place: str, base: str, found: str) -> None:
    assert resolve(place, base) == found


def test_the_home_of_the_user_is_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")

    assert resolve("~/panel.csv", "/data") == "/home/ann/panel.csv"


@pytest.mark.parametrize(
    ("place", "folder"),
    [("/data/specs/us.yaml", "/data/specs"), ("s3://bucket/specs/us.yaml", "s3://bucket/specs")],
)
def test_the_folder_of_a_file(place: str, folder: str) -> None:
    assert parent(place) == folder
    assert is_uri(place) == is_uri(folder)


def test_a_relative_file_lies_where_the_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert parent("us.yaml") == str(tmp_path)
    assert filesystem("us.yaml")[1] == str(tmp_path / "us.yaml")


def test_disks_are_pyarrows_and_other_schemes_fsspecs(tmp_path: Path) -> None:
    for place in (str(tmp_path), tmp_path.as_uri()):
        system, path = filesystem(place)
        assert isinstance(system, pafs.LocalFileSystem)
        assert path == str(tmp_path)
    assert isinstance(filesystem("memory://panel.csv")[0], pafs.PyFileSystem)


def test_an_unknown_scheme_is_named() -> None:
    with pytest.raises(ValueError, match="nosuch"):
        filesystem("nosuch://panel.csv")


def test_files_are_listed_with_the_keys_of_their_folders(tmp_path: Path) -> None:
    for name in (
        "brand=acme/market=us/part-0.parquet",
        "brand=acme/market=de/part-0.parquet",
        "brand=A%2FB/market=us/part-0.parquet",
        "plain/notes.csv",
        "_delta_log/0.json",
        "brand=acme/.hidden/x.csv",
        "brand=acme/market=us/_SUCCESS",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x", encoding="utf-8")
    found = [
        (Path(file.path).relative_to(tmp_path).as_posix(), file.keys) for file in list_files(str(tmp_path))
    ]

    assert found == [
        ("brand=A%2FB/market=us/part-0.parquet", {"brand": "A/B", "market": "us"}),
        ("brand=acme/market=de/part-0.parquet", {"brand": "acme", "market": "de"}),
        ("brand=acme/market=us/part-0.parquet", {"brand": "acme", "market": "us"}),
        ("plain/notes.csv", {}),
    ]


def test_files_in_memory_are_listed_alike() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/shop/brand=acme/market=us/part-0.csv", b"x")
    try:
        (file,) = list_files("memory://shop")
    finally:
        memory.rm("/shop", recursive=True)

    assert file.keys == {"brand": "acme", "market": "us"}


def test_text_is_read_with_and_without_a_mark_of_its_encoding(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    for content in ("brand: käse\n".encode(), b"\xef\xbb\xbf" + "brand: käse\n".encode()):
        path.write_bytes(content)
        assert read_text(str(path)) == "brand: käse\n"
        assert read_text(path.as_uri()) == "brand: käse\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("brand: a".encode("utf-16"), "UTF-16 or UTF-32"),
        ("brand: a".encode("utf-32-be"), "UTF-16 or UTF-32"),
        ("brand: käse".encode("latin-1"), r"not UTF-8 \(byte 8\)"),
    ],
)
def test_other_encodings_are_said_with_the_way_out(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(content)

    with pytest.raises(ValueError, match=words) as caught:
        read_text(str(path))
    assert "Save it as UTF-8" in str(caught.value)
    assert read_bytes(str(path)) == content


def test_a_file_is_read_up_to_what_is_allowed_and_no_further(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("12345", encoding="utf-8")

    assert read_text(str(path), most=5) == "12345"
    with pytest.raises(ValueError, match="larger than 4 bytes"):
        read_text(str(path), most=4)


@pytest.mark.parametrize("kind", ["folder", "named pipe", "device"])
def test_what_is_no_file_is_not_opened(tmp_path: Path, kind: str) -> None:
    """Opening a pipe that nobody writes to would wait for ever."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    place = {"folder": str(tmp_path), "named pipe": str(pipe), "device": "/dev/null"}[kind]

    for name in (place, f"file://{place}"):
        with pytest.raises(ValueError, match=f"it is a {kind}, not a file"):
            read_bytes(name)


def test_what_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_text(str(tmp_path / "no.yaml"))


def test_two_writers_at_a_time_leave_one_of_two_whole_files(tmp_path: Path) -> None:
    place, size, seen = str(tmp_path / "table"), 200_000, set[str]()
    write_whole(place, b"a" * size)

    def write(letter: bytes) -> None:
        for _ in range(40):
            write_whole(place, letter * size)

    writers = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b")]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        text = read_text(place)
        seen.add(f"{len(text)} {text[0]} {text.count(text[0])}")
    for writer in writers:
        writer.join()

    assert seen <= {f"{size} {letter} {size}" for letter in "ab"}
    assert [path.name for path in tmp_path.iterdir()] == ["table"]


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = str(tmp_path / "folder" / "row.json")
    write_whole(place, b"old")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_whole(place, b"new")

    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["row.json"]
    assert (tmp_path / "folder" / "row.json").read_bytes() == b"old"


@pytest.mark.parametrize("kind", [OSError, KeyboardInterrupt])
def test_a_remote_write_that_is_interrupted_leaves_the_old_file_and_nothing_beside(
    monkeypatch: pytest.MonkeyPatch, kind: type[BaseException]
) -> None:
    memory = fsspec.filesystem("memory")
    write_whole("memory://whole/row.json", b"old")

    def interrupted(*_: object, **__: object) -> None:
        raise kind

    monkeypatch.setattr(type(memory), "mv", interrupted)
    with pytest.raises(kind):
        write_whole("memory://whole/row.json", b"new")

    assert memory.ls("/whole", detail=False) == ["/whole/row.json"]
    assert read_text("memory://whole/row.json") == "old"


def test_remote_places_are_written_too() -> None:
    write_whole("memory://written/deep/x.txt", "ä".encode())

    assert read_text("memory://written/deep/x.txt") == "ä"
