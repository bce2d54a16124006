"""Checkpoints of shards: whole or not at all, for any number of shards, the one before a damaged one."""

from __future__ import annotations

import errno
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pyarrow.fs import LocalFileSystem

from jobs.train.checkpoints import KEPT, ShardCheckpoint
from mmm.errors import CheckpointError, FullError
from mmm.train.sharded_state import State
from mmm.train.shards import Alone
from tests.train.crew import Thread, crew

REGIONS = 5
IDENTITY = {"data": "d", "spec": "s", "n_train": 40}


def whole_state(epoch: int) -> State:
    return {
        "epoch": epoch,
        "parameters": {"share": torch.arange(3.0)[None] + epoch, "region_scale": torch.rand(1, REGIONS, 2)},
        "trace": {"loss": [0.5, None]},
    }


def part_of(state: State, own: slice) -> State:
    parameters = state["parameters"] | {"region_scale": state["parameters"]["region_scale"][:, own]}
    return state | {"parameters": parameters}


def on_shards(
    place: Path | str, sizes: tuple[int, ...], work: Callable[..., Any], **changes: Any
) -> list[Any]:
    def one(shard: Thread, own: slice) -> Any:
        store = ShardCheckpoint(str(place), shard, own.stop - own.start, every=2)
        store.open(IDENTITY | changes)
        return work(store, own)

    return crew(sizes, one)[0]


def saved(place: Path | str, sizes: tuple[int, ...], *epochs: int) -> dict[int, State]:
    states = {epoch: whole_state(epoch) for epoch in epochs}

    def work(store: ShardCheckpoint, own: slice) -> None:
        for state in states.values():
            store.save("train", part_of(state, own))

    on_shards(place, sizes, work)
    return states


def loaded(place: Path | str, said: list[str] | None = None) -> State | None:
    heard = [] if said is None else said
    store = ShardCheckpoint(str(place), Alone(REGIONS), REGIONS, every=2, say=heard.append)
    store.open(IDENTITY)
    return store.load("train")


def same(found: State | None, expected: State) -> bool:
    assert found is not None
    return found["epoch"] == expected["epoch"] and all(
        torch.equal(found["parameters"][name], value) for name, value in expected["parameters"].items()
    )


@pytest.mark.parametrize("sizes", [(5,), (2, 3), (1, 3, 1)])
@pytest.mark.parametrize("others", [(5,), (3, 2), (1, 1, 1, 2)])
def test_any_number_of_shards_reads_what_any_other_wrote(
    tmp_path: Path, sizes: tuple[int, ...], others: tuple[int, ...]
) -> None:
    state = saved(tmp_path, sizes, 4)[4]
    found = on_shards(tmp_path, others, lambda store, own: (store.load("train"), own))

    for part, own in found:
        assert same(part, part_of(state, own))
        assert part["trace"] == {"loss": [0.5, None]}


def test_only_the_last_ones_are_kept(tmp_path: Path) -> None:
    states = saved(tmp_path, (2, 3), 2, 4, 6, 8)

    assert sorted(path.name for path in (tmp_path / "train").iterdir()) == ["0000006", "0000008"]
    assert KEPT == 2
    assert same(loaded(tmp_path), states[8])


@pytest.mark.parametrize("name", ["regions-0000002-0000003.pt", "shared.pt", "commit.json"])
def test_a_disk_that_fills_under_one_shard_is_named_by_all_and_the_one_before_stays(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = saved(tmp_path, (2, 3), 2)
    system = LocalFileSystem()

    class Full:
        """The disk is full for one file, of which a part is written."""

        def __getattr__(self, attribute: str) -> Any:
            return getattr(system, attribute)

        def open_output_stream(self, path: str) -> Any:
            if not path.endswith(name):
                return system.open_output_stream(path)
            Path(path).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

    def work(store: ShardCheckpoint, own: slice) -> str:
        monkeypatch.setattr(store, "_system", Full())
        with pytest.raises(FullError) as caught:
            store.save("train", part_of(whole_state(4), own))
        return str(caught.value)

    told = on_shards(tmp_path, (2, 3), work)

    assert told == [told[0]] * 2 and "is full. Free some space" in told[0]
    assert [path.name for path in (tmp_path / "train").iterdir()] == ["0000002"]
    assert same(loaded(tmp_path), states[2])


def test_nothing_there_is_none(tmp_path: Path) -> None:
    assert loaded(tmp_path / "never") is None


@pytest.mark.parametrize("damage", ["uncommitted", "half a commit", "cut part", "lost part", "other bytes"])
def test_a_damaged_one_is_skipped_for_the_one_before_and_said(tmp_path: Path, damage: str) -> None:
    states = saved(tmp_path, (2, 3), 2, 4)
    last = tmp_path / "train" / "0000004"
    part = last / "regions-0000002-0000003.pt"
    content = part.read_bytes()
    match damage:
        case "uncommitted":
            (last / "commit.json").unlink()
        case "half a commit":
            (last / "commit.json").write_bytes((last / "commit.json").read_bytes()[:50])
        case "cut part":
            part.write_bytes(content[: len(content) // 2])
        case "lost part":
            part.unlink()
        case "other bytes":
            part.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    said: list[str] = []

    assert same(loaded(tmp_path, said), states[2])
    assert said[0].startswith("checkpoint train 4 is skipped: ")
    assert said[1:] == ["going on from train 2"]


def test_a_part_that_only_one_shard_needs_is_skipped_by_all(tmp_path: Path) -> None:
    saved(tmp_path, (2, 3), 2, 4)
    (tmp_path / "train" / "0000004" / "regions-0000002-0000003.pt").write_bytes(b"")
    found = on_shards(tmp_path, (1, 4), lambda store, _: store.load("train")["epoch"])

    assert found == [2, 2]


@pytest.mark.parametrize(("field", "value"), [("data", "x"), ("spec", "x"), ("n_train", 52)])
def test_one_of_another_fit_is_refused(tmp_path: Path, field: str, value: object) -> None:
    saved(tmp_path, (2, 3), 2)

    with pytest.raises(CheckpointError, match=f"{field} changed since. .* --anew"):
        on_shards(tmp_path, (5,), lambda store, _: store.load("train"), **{field: value})


def test_states_are_kept_at_their_turn(tmp_path: Path) -> None:
    def work(store: ShardCheckpoint, own: slice) -> None:
        for epoch in (1, 2, 3):
            store.keep("train", epoch, partial(part_of, whole_state(epoch), own))

    on_shards(tmp_path, (2, 3), work)
    assert [path.name for path in (tmp_path / "train").iterdir()] == ["0000002"]


def test_a_place_may_be_any_filesystem() -> None:
    place = "memory://checkpoints"
    state = saved(place, (2, 3), 2)[2]

    assert same(loaded(place), state)


def test_uncommitted_parts_of_other_shards_do_no_harm(tmp_path: Path) -> None:
    """A run of more workers died while it wrote the checkpoint that fewer then wrote again."""
    folder = tmp_path / "train" / "0000004"
    folder.mkdir(parents=True)
    (folder / "regions-0000000-0000001.pt").write_bytes(b"half")
    state = saved(tmp_path, (2, 3), 4)[4]

    assert same(loaded(tmp_path), state)


def test_a_checkpoint_of_the_legacy_digest_is_gone_on_with(tmp_path: Path) -> None:
    saved(tmp_path, (5,), 2)
    store = ShardCheckpoint(str(tmp_path), Alone(REGIONS), REGIONS, every=2)

    store.open(IDENTITY | {"spec": "new"}, legacy=IDENTITY)
    state = store.load("train")
    assert state is not None and state["epoch"] == 2

    store.open(IDENTITY | {"spec": "new"}, legacy=IDENTITY | {"spec": "other"})
    with pytest.raises(CheckpointError, match="spec changed since"):
        store.load("train")
