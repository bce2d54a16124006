"""The files of a fitted model's directory, as frames: all that a view may draw from.

A file that is absent or unreadable leaves its frame at None and its reason in ``absent``; views that need
it raise :class:`MissingTableError`, which the report turns into a note.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mmm.errors import MMMError
from mmm.report.about import About, read_about
from mmm.report.labels import MEDIA_KINDS, labelled_frame, labelled_record

COLUMNS: dict[str, tuple[str, ...]] = {
    "predictions": ("region", "date", "split", "actual", "predicted", "lower", "upper"),
    "scored_predictions": ("region", "date", "split", "actual", "predicted", "lower", "upper"),
    "contributions": ("region", "date", "component", "kind", "value", "lower", "upper"),
    "effects": ("channel", "spend", "direct", "indirect", "total", "roi", "marginal_roi"),
    "curves": ("channel", "multiplier", "spend", "response", "lower", "upper", "marginal", "supported"),
    "hill": ("channel", "top", "half_saturation", "slope", "r2", "saturation_point"),
    "graph": ("cause", "effect", "weight", "probability"),
    "adstock": ("channel", "lag", "weight", "lower", "upper"),
    "effectiveness": ("date", "channel", "value", "lower", "upper"),
    "training": ("stage", "epoch", "loss", "validation"),
    "regions": ("region", "channel", "effect", "lower", "upper", "scale", "kpi"),
    "correlations": ("a", "b", "value"),
    "experiments": (
        *("channel", "regions", "start", "end", "spend_change"),
        *("lift", "standard_error", "modelled", "lower", "upper", "tension"),
    ),
    "returns": ("window", "channel", "spend", "start", "effect", "value", "roi"),
    "windows": ("first", "last", "channel", "spend", "roi", "roi_lower", "roi_upper"),
    "realised": ("channel", "ran", "realised", "effect", "lower", "upper"),
    "priors": ("channel", "prior", "posterior"),
    "tests": (
        *("recommended", "channel", "kind", "national", "treated", "weeks", "blocks", "standard_error"),
        *("power", "width_now", "width_after", "value_kpi", "value", "cost", "net", "currency", "why_not"),
    ),
    "frequency": ("channel", "curve", "frequency", "response", "lower", "upper", "supported"),
    "best_frequency": (
        *("channel", "today", "best", "best_lower", "best_upper", "chance_higher"),
        *("gain", "gain_lower", "gain_upper", "band_lower", "band_upper", "advice"),
    ),
}
"""Columns that views need of each Parquet file; others are read along where they exist."""

RECORDS = ("metrics", "diagnostics", "data_quality", "plan")
"""The JSON files."""

NATIONAL = "national"
"""Folder of what tables in parts come to, over all regions."""
BY_REGION = ("predictions", "scored_predictions", "contributions", "regions")
"""Tables that a report of some regions is drawn from; all others are of all regions."""
ELSEWHERE = "it is of all regions: the report without --regions has it"

OPTIONAL = {
    "scored_predictions": "the model was not fitted once more on every period",
    "experiments": "no experiment is named in the spec",
    "returns": "this model was fitted before returns by quarter were kept: fit it again",
    "windows": "this model was fitted before returns of any window were kept: fit it again",
    "realised": "this model was fitted before effects were kept by quarter of the spend: fit it again",
    "priors": "this model was fitted before priors were kept beside what was learned: fit it again",
    "tests": "no tests were designed: `mmm design DIR REQUEST --out DIR/tests.parquet` does",
    "frequency": "no channel of the model has reach and frequency",
    "best_frequency": "no channel of the model has reach and frequency",
}
"""Files that not every model has, and why."""

_KEYS = ("region", "split", "component", "kind", "channel", "cause", "effect", "stage", "a", "b", "curve")
_DATES = ("date", "start", "end", "first", "last", "ran", "realised")


class MissingTableError(MMMError, LookupError):
    """A view's file is not there, cannot be read, or holds nothing to draw.

    Args:
        reason: Why, as a sentence a reader of the report understands.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, eq=False)
class Tables:
    """One fitted model as frames; every one may be None. Columns as in :data:`COLUMNS`.

    Attributes:
        about: Names and units.
        absent: Why each missing file is missing.
        asked: Regions that the tables are of; empty for all.
    """

    about: About = field(default_factory=About)
    predictions: pd.DataFrame | None = None
    scored_predictions: pd.DataFrame | None = None
    contributions: pd.DataFrame | None = None
    effects: pd.DataFrame | None = None
    curves: pd.DataFrame | None = None
    hill: pd.DataFrame | None = None
    graph: pd.DataFrame | None = None
    adstock: pd.DataFrame | None = None
    effectiveness: pd.DataFrame | None = None
    training: pd.DataFrame | None = None
    regions: pd.DataFrame | None = None
    correlations: pd.DataFrame | None = None
    experiments: pd.DataFrame | None = None
    returns: pd.DataFrame | None = None
    windows: pd.DataFrame | None = None
    realised: pd.DataFrame | None = None
    priors: pd.DataFrame | None = None
    tests: pd.DataFrame | None = None
    frequency: pd.DataFrame | None = None
    best_frequency: pd.DataFrame | None = None
    metrics: Any = None
    diagnostics: Any = None
    data_quality: Any = None
    plan: Any = None
    absent: Mapping[str, str] = field(default_factory=dict)
    asked: tuple[str, ...] = ()

    def frame(self, name: str) -> pd.DataFrame:
        """The frame of that name.

        Raises:
            MissingTableError: It is absent or empty.
        """
        frame: pd.DataFrame | None = getattr(self, name)
        if frame is None:
            raise MissingTableError(self.absent.get(name, f"{name}.parquet is not in this directory"))
        if frame.empty:
            raise MissingTableError(f"{name}.parquet has no rows")
        return frame

    def record(self, name: str) -> Any:
        """The JSON value of that name.

        Raises:
            MissingTableError: It is absent or empty.
        """
        value = getattr(self, name)
        if not value:
            raise MissingTableError(self.absent.get(name, f"{name}.json is not in this directory"))
        return value

    @cached_property
    def channels(self) -> tuple[str, ...]:
        """Every channel any file names, sorted: the order that colours follow."""
        found: set[str] = set()
        for name in ("effects", "curves", "hill", "adstock", "effectiveness", "regions"):
            frame: pd.DataFrame | None = getattr(self, name)
            if frame is not None:
                found |= {str(value) for value in frame["channel"].dropna().unique()}
        if self.contributions is not None:
            rows = self.contributions[self.contributions["kind"].isin(MEDIA_KINDS)]
            found |= {str(value) for value in rows["component"].unique()}
        if self.graph is not None:
            found |= {str(value) for name in ("cause", "effect") for value in self.graph[name].unique()}
        return tuple(sorted(found))

    @cached_property
    def names(self) -> frozenset[str]:
        """What findings may name: channels, treatments, controls and regions."""
        rows = self.contributions
        own = () if rows is None else (*rows["component"].unique(), *rows["region"].unique())
        return frozenset((*self.channels, *(str(name) for name in own)))

    @cached_property
    def is_national(self) -> bool:
        """There is one region only."""
        for frame in (self.predictions, self.contributions):
            if frame is not None:
                return bool(frame["region"].nunique() < 2)
        return False

    @property
    def judged_cells(self) -> pd.DataFrame:
        """Predictions of the fit that was scored: of a model refitted on all periods, those before it was.

        Raises:
            MissingTableError: There are no predictions.
        """
        if self.scored_predictions is not None and len(self.scored_predictions):
            return self.scored_predictions
        return self.frame("predictions")

    @property
    def refitted(self) -> str:
        """The caveat of a model that was fitted once more on all periods; empty for others."""
        if self.scored_predictions is None or self.scored_predictions.empty:
            return ""
        return "Of the fit that was scored; the model in use was then fitted once more, on every period."

    @cached_property
    def training_dates(self) -> pd.DatetimeIndex:
        """Dates of the training window; every date of the contributions where no splits are known."""
        cells = self.predictions if self.scored_predictions is None else self.scored_predictions
        if cells is not None and (cells["split"] == "train").any():
            rows = cells[cells["split"] == "train"]
            return pd.DatetimeIndex(np.sort(rows["date"].unique()))
        return pd.DatetimeIndex(np.sort(self.frame("contributions")["date"].unique()))


def load_tables(directory: Path, regions: Sequence[str] = ()) -> Tables:
    """Read what there is of a fitted model's directory.

    Args:
        directory: Output of ``mmm fit``.
        regions: Of these alone what is told by region; by default everything, of a model in parts the nation.

    Raises:
        MissingTableError: The directory does not exist, or a region is none of the model's.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise MissingTableError(f"{directory} is not a directory: give the --out of mmm fit")
    values: dict[str, Any] = {}
    absent: dict[str, str] = {}
    for name in COLUMNS:
        if regions and name not in BY_REGION:
            values[name], absent[name] = None, ELSEWHERE
            continue
        values[name] = _read_frame(directory / f"{name}.parquet", name, absent, regions)
    absent |= {n: why for n, why in OPTIONAL.items() if not (directory / f"{n}.parquet").exists()}
    for name in RECORDS:
        values[name] = _read_record(directory / f"{name}.json", name, absent)
    about = read_about(directory / "model", values["data_quality"])
    if about.labels:
        frames = {name: values[name] for name in COLUMNS if values[name] is not None}
        values |= {name: labelled_frame(name, frame, about.labels) for name, frame in frames.items()}
        values |= {name: labelled_record(values[name], about.labels) for name in ("plan", "diagnostics")}
    if regions:
        about = replace(about, some=True)
        _check_asked(regions, values["predictions"], directory)
        values |= dict.fromkeys(RECORDS, None)
        absent |= dict.fromkeys(RECORDS, ELSEWHERE)
    return Tables(about=about, absent=absent, asked=tuple(regions), **values)


def _check_asked(regions: Sequence[str], predictions: pd.DataFrame | None, directory: Path) -> None:
    """Whether the model has the regions asked for."""
    found = set() if predictions is None else {str(name) for name in predictions["region"].unique()}
    if unknown := [repr(name) for name in regions if name not in found]:
        raise MissingTableError(
            f"{directory} has no region {', '.join(unknown)}. Name regions as predictions.parquet has them"
        )


def _read_frame(
    path: Path, name: str, absent: dict[str, str], regions: Sequence[str] = ()
) -> pd.DataFrame | None:
    """One Parquet file with dates as dates and names as strings, or None with a reason.

    Of a table in parts, which is a folder, what all regions come to, or the rows of some regions.
    """
    if path.is_dir() and not regions:
        path = path.parent / NATIONAL / path.name
    if not path.exists():
        absent[name] = f"{path.name} is not in this directory"
        return None
    wanted = [("region", "in", list(regions))] if regions else None
    try:
        first = next(iter(sorted(path.glob("*.parquet")))) if path.is_dir() else path
        schema = pq.read_schema(first)
        keys = [key for key in _KEYS if key in schema.names and _is_text(schema.field(key).type)]
        table = pq.read_table(path, read_dictionary=keys, filters=wanted)
    except (pa.ArrowException, OSError) as error:
        absent[name] = f"{path.name} cannot be read ({type(error).__name__})"
        return None
    lacking = [column for column in COLUMNS[name] if column not in table.column_names]
    if lacking:
        absent[name] = f"{path.name} lacks {', '.join(lacking)}"
        return None
    frame: pd.DataFrame = table.to_pandas()
    for column in _DATES:
        if column in frame:
            frame[column] = pd.to_datetime(frame[column]).astype("datetime64[s]")
    return frame


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _read_record(path: Path, name: str, absent: dict[str, str]) -> Any:
    """One JSON file, or None with a reason."""
    if not path.is_file():
        absent[name] = f"{path.name} is not in this directory"
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        absent[name] = f"{path.name} cannot be read ({type(error).__name__})"
        return None
