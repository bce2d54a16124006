"""Which fitted models a folder holds: one, a portfolio's, or several beside each other."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mmm.errors import ModelFileError
from mmm.output import holds_model

PORTFOLIO = "portfolio.parquet"
"""What a refit of a portfolio leaves: a row for each brand-market, with the place of its model."""


def models_below(folder: Path) -> list[Path]:
    """Directories of fitted models: the folder itself, those of its ``portfolio.parquet``, or those in it.

    Raises:
        ModelFileError: There is none, or the portfolio's models lie elsewhere.
    """
    if holds_model(folder):
        return [folder]
    if (folder / PORTFOLIO).is_file():
        return _of_portfolio(folder)
    found = sorted(path for path in folder.glob("*") if holds_model(path)) if folder.is_dir() else []
    if not found:
        raise ModelFileError(
            f"{folder} holds no fitted model. Give the --out of mmm fit or of jobs.refit, or a folder of "
            "fitted models."
        )
    return found


def _of_portfolio(folder: Path) -> list[Path]:
    """The newest model of every brand-market that has one, also where the whole folder was moved."""
    try:
        rows = pq.read_table(folder / PORTFOLIO, columns=["brand", "market", "key", "directory"]).to_pylist()
    except (pa.ArrowInvalid, KeyError, OSError) as error:
        raise ModelFileError(
            f"{folder / PORTFOLIO} is no table of a refit ({error}). Run jobs.refit again."
        ) from error
    found, lost = [], []
    for row in rows:
        if not row["directory"]:
            continue  # It failed before it ever had a model.
        inside = folder / "models" / f"brand={row['brand']}" / f"market={row['market']}" / str(row["key"])
        places = [place for place in (inside, Path(row["directory"])) if holds_model(place)]
        found.extend(places[:1])
        lost.extend([] if places else [row["directory"]])
    if lost:
        raise ModelFileError(
            f"{len(lost)} of {len(rows)} models of {folder} do not lie on this machine: "
            f"{', '.join(lost[:3])}. Copy the whole folder of the refit here."
        )
    if not found:
        raise ModelFileError(f"No market of {folder} has a fitted model: see the reasons in {PORTFOLIO}.")
    return found
