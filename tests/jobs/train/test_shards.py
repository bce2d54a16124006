"""Cutting regions into shards: consecutive, none empty, about as many observed cells."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from jobs.train.shards import cut_regions, group_of
from mmm.errors import SpecError


def cells(*counts: int) -> np.ndarray:
    return np.array(counts, dtype=np.int64)


def test_equal_regions_are_halved() -> None:
    assert cut_regions(cells(10, 10, 10, 10), 2) == [slice(0, 2), slice(2, 4)]


def test_a_large_region_is_alone() -> None:
    assert cut_regions(cells(100, 10, 10, 10), 2) == [slice(0, 1), slice(1, 4)]
    assert cut_regions(cells(10, 10, 10, 100), 2) == [slice(0, 3), slice(3, 4)]


def test_more_shards_than_regions_are_refused() -> None:
    with pytest.raises(SpecError, match=r"3 workers were asked for, but the panel has 2 regions.* at most 2"):
        cut_regions(cells(5, 5), 3)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=60), st.integers(1, 12))
def test_every_region_is_in_one_shard_and_no_shard_is_empty(counts: list[int], shards: int) -> None:
    shards = min(shards, len(counts))
    found = cut_regions(np.array(counts, dtype=np.int64), shards)

    assert [part.start for part in found] == [0, *(part.stop for part in found[:-1])]
    assert found[-1].stop == len(counts)
    assert all(part.stop > part.start for part in found)


@given(st.lists(st.integers(50, 150), min_size=40, max_size=200), st.integers(2, 8))
def test_shards_are_balanced(counts: list[int], shards: int) -> None:
    found = cut_regions(np.array(counts, dtype=np.int64), shards)
    loads = [sum(counts[part]) for part in found]

    assert max(loads) - min(loads) <= 2 * max(counts) + shards


def test_one_process_is_its_own_sum() -> None:
    group = group_of([slice(0, 5)], 0)

    assert (group.first, group.regions, group.count) == (0, 5, 1)
    assert group.total(torch.ones(2)).tolist() == [1.0, 1.0]
