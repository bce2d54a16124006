"""Checkpoints: whole or not at all, of the same fit only, never code."""

from __future__ import annotations

import errno
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmm.errors import CheckpointError, OutputError
from mmm.train.checkpoint import FileCheckpoint, NoCheckpoint

IDENTITY = {"data": "d", "spec": "s", "n_train": 40}


def opened(folder: Path, *, resume: bool = True, every: float = 0.0, **changes: Any) -> FileCheckpoint:
    checkpoint = FileCheckpoint(folder, resume=resume, every=every)
    checkpoint.open({**IDENTITY, **changes})
    return checkpoint


def test_what_is_saved_is_found_again(tmp_path: Path) -> None:
    opened(tmp_path / "c").save("train", {"epoch": 3, "parameters": {"a": torch.ones(2)}})
    state = opened(tmp_path / "c").load("train")

    assert state is not None
    assert state["epoch"] == 3
    assert torch.equal(state["parameters"]["a"], torch.ones(2))
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["train.pt"]


def test_nothing_is_loaded_unless_told_to_resume(tmp_path: Path) -> None:
    opened(tmp_path / "c").save("train", {"epoch": 3})
    fresh = opened(tmp_path / "c", resume=False)

    assert fresh.load("train") is None
    assert not (tmp_path / "c").exists()


def test_an_absent_stage_is_none(tmp_path: Path) -> None:
    assert opened(tmp_path / "c").load("train") is None
    assert NoCheckpoint().load("train") is None


@pytest.mark.parametrize(("field", "value"), [("data", "other"), ("spec", "other"), ("n_train", 52)])
def test_a_checkpoint_of_another_fit_is_refused(tmp_path: Path, field: str, value: object) -> None:
    opened(tmp_path / "c").save("train", {"epoch": 3})

    with pytest.raises(CheckpointError, match=f"{field} changed since. .*without --resume"):
        opened(tmp_path / "c", **dict[str, Any]({field: value}))


def test_a_checkpoint_of_the_legacy_digest_is_gone_on_with_and_saved_anew(tmp_path: Path) -> None:
    opened(tmp_path / "c", spec="legacy").save("train", {"epoch": 3})
    checkpoint = FileCheckpoint(tmp_path / "c", resume=True)
    checkpoint.open(IDENTITY, legacy={**IDENTITY, "spec": "legacy"})

    state = checkpoint.load("train")
    assert state is not None and state["epoch"] == 3
    checkpoint.save("train", {"epoch": 4})
    assert opened(tmp_path / "c").load("train") == {"epoch": 4}

    with pytest.raises(CheckpointError, match="spec changed since"):
        FileCheckpoint(tmp_path / "c", resume=True).open(
            {**IDENTITY, "spec": "other"}, legacy={**IDENTITY, "spec": "legacy"}
        )


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "code", "other"])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, damage: str) -> None:
    opened(tmp_path / "c").save("train", {"epoch": 3, "values": torch.ones(100)})
    path = tmp_path / "c" / "train.pt"
    whole = path.read_bytes()
    torch.save({"something": 1}, tmp_path / "other.pt")
    path.write_bytes(
        {
            "other": (tmp_path / "other.pt").read_bytes(),
            "cut": whole[: len(whole) // 2],
            "empty": b"",
            "text": b"not a checkpoint",
            "code": pickle.dumps(Path("/somewhere"), protocol=2),
        }[damage]
    )

    with pytest.raises(CheckpointError, match="cannot be read"):
        opened(tmp_path / "c")


def test_states_are_kept_no_oftener_than_asked(tmp_path: Path) -> None:
    calls: list[int] = []

    def state() -> dict[str, int]:
        calls.append(1)
        return {"epoch": len(calls)}

    seldom = opened(tmp_path / "seldom", every=3600.0)
    always = opened(tmp_path / "always", every=0.0)
    for _ in range(3):
        seldom.keep("train", 1, state)
    assert calls == []
    for _ in range(3):
        always.keep("train", 1, state)
    assert always.load("train") == {"epoch": 3}


def test_removing_leaves_nothing(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path / "c")
    checkpoint.remove()
    checkpoint.save("train", {"epoch": 1})
    checkpoint.save("epochs", {"epochs": 1})
    checkpoint.remove()

    assert not (tmp_path / "c").exists()


def test_an_interrupted_write_leaves_the_last_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = opened(tmp_path / "c")
    checkpoint.save("train", {"epoch": 1})

    def broken(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", broken)
    with pytest.raises(OSError, match="disk full"):
        checkpoint.save("train", {"epoch": 2})
    assert checkpoint.load("train") == {"epoch": 1}


@pytest.mark.parametrize("leftover", [".train.part", ".another.part", "old.part"])
def test_what_a_killed_save_left_is_removed(tmp_path: Path, leftover: str) -> None:
    opened(tmp_path / "c").save("train", {"epoch": 3})
    (tmp_path / "c" / leftover).write_bytes(b"half")
    opened(tmp_path / "c", resume=False)

    assert not (tmp_path / "c").exists()


def test_a_file_of_somebody_else_stays_and_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    opened(tmp_path / "c").save("train", {"epoch": 3})
    (tmp_path / "c" / "notes.txt").write_text("mine")
    opened(tmp_path / "c").remove()

    assert [path.name for path in (tmp_path / "c").iterdir()] == ["notes.txt"]
    assert "notes.txt" in caplog.text


def test_a_full_disk_is_named_and_the_save_before_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = opened(tmp_path / "c")
    checkpoint.save("train", {"epoch": 3})

    def filling(path: Path, content: bytes) -> int:
        with path.open("wb") as stream:
            stream.write(content[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", filling)
    with pytest.raises(OutputError, match=r"the disk of .* is full"):
        checkpoint.save("train", {"epoch": 4})

    assert [path.name for path in (tmp_path / "c").iterdir()] == ["train.pt"]
    state = opened(tmp_path / "c").load("train")
    assert state is not None and state["epoch"] == 3


def test_no_damage_of_a_checkpoint_escapes_as_anything_else(tmp_path: Path) -> None:
    opened(tmp_path / "c").save("train", {"epoch": 3, "parameters": {"a": torch.ones(50)}})
    path = tmp_path / "c" / "train.pt"
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        start = int(rng.integers(0, len(whole)))
        path.write_bytes(rng.choice([whole[:start], whole[:start] + rng.bytes(32) + whole[start + 32 :]]))
        try:
            opened(tmp_path / "c").load("train")
        except CheckpointError:
            refused += 1
    assert refused > 30
