"""The result of a training in parts: files that shards wrote put in place, national tables, report, row."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import pandas as pd
from pyarrow import fs as pafs

from jobs.record.rows import Row
from jobs.record.store import put
from jobs.results import result_row
from jobs.train.analyse import MODELS, ShardAnalysis, fitted_part, part_name, table_folders
from jobs.train.assemble import PanelFacts
from jobs.train.worker import TrainPlan, read_shard
from mmm.analysis.parts import PartSums, national_contributions, national_predictions, national_tables
from mmm.analysis.quality import data_quality
from mmm.analysis.score import scores_of
from mmm.checks.parts import part_findings
from mmm.fitted import Fitted, save_outline
from mmm.pipeline import Result
from mmm.report import build_report
from mmm.report.tables import NATIONAL
from mmm.storage import filesystem, is_uri


def conclude(
    plan: TrainPlan,
    facts: PanelFacts,
    shards: list[ShardAnalysis],
    out: str,
    *,
    report: bool,
    seconds: float,
) -> Row:
    """Write the directory of a model in parts.

    Args:
        plan: A training whose shards are analysed.
        facts: What was found out about the panel.
        shards: What each of them told, in order.
        out: Place of the fitted model.
        report: Also write ``report.html``.
        seconds: What the work took until now.

    Returns:
        The row of the fit, which lies beside it.
    """
    started = time.perf_counter()
    sums = reduce(add, (one.sums for one in shards))
    own = slice(0, min(2, len(plan.regions)))
    names = list(plan.fits)
    panel = read_shard(plan.spec, plan.regions[own], plan.calendar).panel
    fitted = fitted_part(plan, names[-1], own, panel)
    scored = fitted if len(names) == 1 else fitted_part(plan, names[0], own, panel)
    result = _result(fitted, scored, sums, facts)
    result.tables["regions"] = _regions(shards, sums)
    row = replace(
        result_row(plan.spec, result),
        **facts.identity(plan.spec).fields,
        directory=out,
        seconds=round(seconds + time.perf_counter() - started, 3),
    )
    _place_remote(plan, len(shards), out)

    def fill(folder: Path) -> None:
        _write(result, sums, len(shards), folder)
        if not is_uri(out):
            _place_local(plan, len(shards), folder)
        if report:
            build_report(folder)

    put(out, row, fill)
    return row


def _result(fitted: Fitted, scored: Fitted, sums: PartSums, facts: PanelFacts) -> Result:
    """What is told of the model; predictions and contributions are national."""
    metrics: dict[str, Any] = {name: scores_of(own) for name, own in sums.scores.windows.items()}
    tables = national_tables(fitted, sums)
    tables["predictions"] = national_predictions(fitted, sums.forecast)
    tables["contributions"] = national_contributions(fitted, sums)
    if scored is not fitted:
        tables["scored_predictions"] = national_predictions(scored, sums.scored)
    findings = (*facts.findings, *part_findings(fitted, metrics, tables, sums))
    return Result(fitted, metrics, findings, tables, 0.0)


def _regions(shards: list[ShardAnalysis], sums: PartSums) -> pd.DataFrame:
    """``regions.parquet`` of all shards, its ``scale`` relative to the average region."""
    table = pd.concat([one.regions for one in shards], ignore_index=True)
    weight_C = sums.media.weight_C / sums.media.regions
    channels = len(weight_C)
    usual = [max(float(weight), 1e-300) for weight in weight_C] * (len(table) // channels)
    return table.assign(scale=table["scale"] / usual)


def _write(result: Result, sums: PartSums, parts: int, folder: Path) -> None:
    save_outline(result.fitted, folder, parts)
    (folder / NATIONAL).mkdir()
    for name, table in result.tables.items():
        home = folder / NATIONAL if name in ("predictions", "contributions", "scored_predictions") else folder
        table.to_parquet(home / f"{name}.parquet", index=False)
    contents = {
        "metrics": result.metrics,
        "diagnostics": [finding.as_row() for finding in result.findings],
        "data_quality": data_quality(result.fitted, sums.quality),
    }
    for name, content in contents.items():
        text = json.dumps(content, indent=2, allow_nan=False, default=float)
        (folder / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


def _place_local(plan: TrainPlan, parts: int, folder: Path) -> None:
    """Files of shards beside the national ones; those of an earlier number of shards stay away."""
    for name, source in table_folders(plan.place).items():
        (folder / name).mkdir()
        for index in range(parts):
            file = f"{part_name(index)}.parquet"
            shutil.copyfile(Path(source) / file, folder / name / file)
    for index in range(parts):
        shutil.copytree(Path(plan.place) / MODELS / part_name(index), folder / MODELS / part_name(index))


def _place_remote(plan: TrainPlan, parts: int, out: str) -> None:
    """The same for a place that is no local path: from where shards wrote to where the result is."""
    if not is_uri(out):
        return
    system, target = filesystem(out)
    for name, source in table_folders(plan.place).items():
        system.create_dir(f"{target}/{name}", recursive=True)
        for index in range(parts):
            system.copy_file(
                f"{source}/{part_name(index)}.parquet", f"{target}/{name}/{part_name(index)}.parquet"
            )
    _, models = filesystem(f"{plan.place}/{MODELS}")
    for index in range(parts):
        pafs.copy_files(
            f"{models}/{part_name(index)}",
            f"{target}/{MODELS}/{part_name(index)}",
            source_filesystem=system,
            destination_filesystem=system,
        )
