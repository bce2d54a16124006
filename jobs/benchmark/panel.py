"""The public real panel: a spec given, the one beside this checkout, or the file its publisher ships.

It may not be copied into this repository, so the command fetches it from the package index.
"""

from __future__ import annotations

import re
import sys
import tarfile
from pathlib import Path

import pandas as pd
import yaml

from jobs.benchmark.errors import BenchmarkError, NotHereError
from jobs.benchmark.process import REPOSITORY, run_measured

BESIDE = REPOSITORY.parent / "shared" / "data" / "real_panel.yaml"
RELEASE = "deepcausalmmm==1.0.21"
MEMBER = "examples/data/MMM Data.csv"
FIRST_WEEK = "2023-01-02"
DOWNLOAD_LIMIT = 300.0


def real_spec(given: Path | None, cache: Path, *, download: bool = True) -> Path:
    """Spec of the public panel; fetched into ``cache`` if it lies nowhere else.

    Raises:
        NotHereError: It is not there and shall not be fetched.
        BenchmarkError: It cannot be fetched.
    """
    if given is not None:
        if not given.exists():
            raise BenchmarkError(f"no panel spec at {given}")
        return given
    if BESIDE.exists():
        return BESIDE
    home = cache / "real-panel"
    if (home / "real_panel.yaml").exists():
        return home / "real_panel.yaml"
    if not download:
        raise NotHereError("the public panel is not here; name its spec with --panel")
    return write_panel(_read_release(_download(home)), home)


def _download(home: Path) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--no-binary", "deepcausalmmm", "--dest", str(home), RELEASE]
    run_measured(command, home / "download.log", limit=DOWNLOAD_LIMIT)
    found = sorted(home.glob("deepcausalmmm-*.tar.gz"))
    if not found:
        raise BenchmarkError(f"the package index gave no source release of {RELEASE}")
    return found[0]


def _read_release(archive: Path) -> pd.DataFrame:
    with tarfile.open(archive) as release:
        member = next((m for m in release.getmembers() if m.name.endswith(MEMBER)), None)
        stream = release.extractfile(member) if member is not None else None
        if stream is None:
            raise BenchmarkError(f"{archive.name} holds no {MEMBER!r}; it ships another panel now")
        return pd.read_csv(stream)


def write_panel(published: pd.DataFrame, home: Path) -> Path:
    """The published table with plain names, weeks as Mondays, and its spec; values as they are."""
    channels: dict[str, str] = {}
    controls: list[str] = []
    names = {"dmacode": "region"}
    for column in published.columns:
        if match := re.match(r"impressions_Channel_(\d+)", column):
            names[column] = f"ch{match[1]}_impressions"
            channels[f"ch{match[1]}"] = names[column]
        elif column.startswith("control_"):
            controls.append(f"control_{len(controls) + 1:02d}")
            names[column] = controls[-1]
        elif "visits" in column:
            names[column] = "visits"
    if "weekid" not in published or "visits" not in names.values() or not channels:
        raise BenchmarkError("the published table has other columns than expected")
    frame = published.rename(columns=names)
    weeks = {week: place for place, week in enumerate(sorted(published["weekid"].unique()))}
    frame["date"] = pd.Timestamp(FIRST_WEEK) + pd.to_timedelta(
        7 * published["weekid"].map(weeks).to_numpy(), unit="D"
    )
    frame["region"] = frame["region"].astype(str)
    kept = ["region", "date", "visits", *channels.values(), *controls]
    home.mkdir(parents=True, exist_ok=True)
    frame[kept].to_parquet(home / "real_panel.parquet", index=False)
    columns = {
        "region": "region",
        "date": "date",
        "kpi": "visits",
        "channels": {name: {"exposure": column} for name, column in channels.items()},
        "controls": controls,
    }
    spec = {
        "brand": "public",
        "market": "us",
        "data": {"path": "real_panel.parquet"},
        "columns": columns,
        "splits": {"holdout": 13, "test": 0},
    }
    path = home / "real_panel.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    return path
