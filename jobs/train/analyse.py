"""After the training of a panel in parts: each shard's tables as files, and everything national as sums.

A process reads the rows of its shard, goes through its regions in blocks, appends their tables to the shard's
files and adds up what is national. Nothing it holds grows with the panel but its shard.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs as pafs

from jobs.train.worker import FITTED, TrainPlan, read_shard
from mmm.analysis.attribution import contributions_table, predictions_table
from mmm.analysis.parts import PartSums, part_of, part_sums
from mmm.analysis.tables import regions_table
from mmm.data.panel import Panel
from mmm.errors import CheckpointError
from mmm.fitted import Fitted, save_fitted
from mmm.storage import filesystem
from mmm.sums import in_blocks
from mmm.train.shards import Alone

BLOCK_CELLS = 2**18
"""Cells of channels, by member, that a process answers with at once: 2 MiB a table in double precision;
larger blocks take longer, and memory that is not given back."""
TABLES, MODELS = "tables", "parts"
"""Folders of what shards write, below the checkpoints of their training."""


@dataclass(frozen=True, eq=False)
class ShardAnalysis:
    """What a shard tells the driver.

    Attributes:
        sums: Of its regions.
        regions: Their rows of ``regions.parquet``, whose ``scale`` is not relative to anything yet.
    """

    sums: PartSums
    regions: pd.DataFrame


def part_name(index: int) -> str:
    """Name of a shard's files and folders."""
    return f"part-{index:05d}"


def analyse_shard(plan: TrainPlan, index: int, workers: int) -> ShardAnalysis:
    """Write the tables and the model of one of the shards.

    Args:
        plan: A training whose fits are done.
        index: Which shard.
        workers: How many there are.

    Raises:
        CheckpointError: A fit is not there.
    """
    own = plan.own(workers)[index]
    panel = read_shard(plan.spec, plan.regions[own], plan.calendar).panel
    fits = [fitted_part(plan, name, own, panel) for name in plan.fits]
    keep_part(fits[-1], f"{plan.place}/{MODELS}/{part_name(index)}")
    with _Files(f"{plan.place}/{TABLES}", part_name(index)) as files:
        found = [_block(at, fits, files) for at in blocks(fits[-1])]
    regions = pd.concat([one.regions for one in found], ignore_index=True)
    return ShardAnalysis(reduce(add, (one.sums for one in found)), regions)


def blocks(fitted: Fitted) -> Iterator[slice]:
    """Consecutive regions that are analysed at once."""
    regions, periods, channels = fitted.panel.media_GTC.shape
    return in_blocks(regions, fitted.members * periods * channels, BLOCK_CELLS)


def _block(at: slice, fits: list[Fitted], files: _Files) -> ShardAnalysis:
    fitted = part_of(fits[-1], at)
    scored = fitted if len(fits) == 1 else part_of(fits[0], at)
    files.append("predictions", predictions_table(fitted))
    files.append("contributions", contributions_table(fitted))
    if scored is not fitted:
        files.append("scored_predictions", predictions_table(scored))
    unit_C = np.ones(len(fitted.panel.channels))
    return ShardAnalysis(part_sums(fitted, scored), regions_table(fitted, unit_C))


def fitted_part(plan: TrainPlan, name: str, own: slice, panel: Panel) -> Fitted:
    """A finished fit with some of its regions.

    Args:
        plan: The training.
        name: Which of its fits.
        own: Which regions.
        panel: Their data.

    Raises:
        CheckpointError: It is not there.
    """
    from mmm.train.sharded_state import fitted_of

    count = own.stop - own.start
    shard = Alone(len(plan.regions), first=own.start)
    state = plan.checkpoint(name, shard, count).load(FITTED)
    if state is None:
        raise CheckpointError(f"{plan.place}/{name} holds no finished fit. Run the same command again.")
    fitted = fitted_of(state, plan.spec, panel, plan.split)
    if len(plan.fits) > 1 and name == list(plan.fits)[-1]:
        told = {**fitted.provenance, "scores_of": "fit on the training window"}
        fitted = replace(fitted, provenance=told)
    return fitted


def keep_part(fitted: Fitted, place: str) -> None:
    """Write ``model/`` of some regions below a place, path or URI."""
    system, folder = filesystem(place)
    with tempfile.TemporaryDirectory() as scratch:
        save_fitted(fitted, Path(scratch))
        system.create_dir(folder, recursive=True)
        local = pafs.LocalFileSystem()
        pafs.copy_files(scratch, folder, source_filesystem=local, destination_filesystem=system)


class _Files:
    """A Parquet file of a shard for each table, written block by block.

    Args:
        place: Folder of the tables, path or URI.
        part: Name of the shard's files.
    """

    def __init__(self, place: str, part: str) -> None:
        self._system, self._folder = filesystem(place)
        self._part = part
        self._open: dict[str, tuple[Any, pq.ParquetWriter]] = {}

    def __enter__(self) -> Self:
        return self

    def append(self, name: str, frame: pd.DataFrame) -> None:
        """Rows of a table."""
        table = pa.Table.from_pandas(frame, preserve_index=False)
        if name not in self._open:
            folder = f"{self._folder}/{name}.parquet"
            self._system.create_dir(folder, recursive=True)
            stream = self._system.open_output_stream(f"{folder}/{self._part}.parquet")
            self._open[name] = stream, pq.ParquetWriter(stream, table.schema)
        writer = self._open[name][1]
        writer.write_table(table.cast(writer.schema))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stream, writer in self._open.values():
            writer.close()
            stream.close()


def table_folders(place: str) -> Mapping[str, str]:
    """Folders of the tables that shards wrote, by name, within their filesystem."""
    system, folder = filesystem(f"{place}/{TABLES}")
    found = system.get_file_info(pafs.FileSelector(folder))
    return {info.base_name: info.path for info in found if info.type == pafs.FileType.Directory}
