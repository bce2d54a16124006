"""The estimator of the paper as its published example uses it: a thin door to the same fit.

    model = DeepCausalMMM()
    model.fit(X=X, y=y, regions=regions, config_overrides={"loss": "huber"})
    model.get_channel_contributions()

Shapes: N rows (one per region and period), C channels, K controls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmm.config import MarketSpec
from mmm.config.files import validate
from mmm.data.read import panel_from_frame
from mmm.errors import PanelError, Problem, RequestError
from mmm.pipeline import Result, fit_panel, write_result
from mmm.report import Figure, Tables, plot_contributions, plot_dag
from mmm.report.tables import About

Table = pd.DataFrame | npt.NDArray[Any]

LOSS_FIELDS = {"l1": "l1", "l2": "l2"}
"""Names within ``regularization`` of the paper's configuration and the fields they set."""
FIRST_DATE = "2000-01-03"
"""Where the calendar starts if no dates are given; only distances count."""


class DeepCausalMMM:
    """Marketing mix model of one brand in one market.

    Args:
        config_overrides: Settings as in ``fit``; those given there win.
    """

    def __init__(self, config_overrides: Mapping[str, Any] | None = None) -> None:
        self._overrides = dict(config_overrides or {})
        self._result: Result | None = None

    def fit(
        self,
        X: Table,
        y: npt.ArrayLike,
        *,
        regions: Sequence[Any] | None = None,
        dates: Sequence[Any] | None = None,
        controls: Table | None = None,
        config_overrides: Mapping[str, Any] | None = None,
    ) -> DeepCausalMMM:
        """Fit the model.

        Args:
            X: Media of every channel (spend, or any volume), N x C; column names are channel names.
            y: KPI, N numbers; NaN where unknown.
            regions: Region of each row; None for a national model.
            dates: First day of each row's period; None takes the rows of a region as consecutive weeks.
            controls: What else moves the KPI, N x K.
            config_overrides: ``loss`` ("huber" or "mse"), ``regularization`` ({"l1": …, "l2": …}), and any
                field of ``splits``, ``model`` and ``train`` by its name, e.g.
                ``{"train": {"members": 4}, "model": {"saturation": {"slope_min": 1.0}}}``.

        Returns:
            The estimator itself.

        Raises:
            PanelError: The data have problems, all of them.
            SpecError: A setting is unknown or out of its range.
        """
        frame, columns = _long_table(X, y, regions, dates, controls)
        values = {
            "brand": "brand",
            "market": "market",
            "data": {"path": "memory"},
            "columns": columns,
            **_settings({**self._overrides, **(config_overrides or {})}),
        }
        spec = validate(MarketSpec, values, "config_overrides")
        self._result = fit_panel(spec, panel_from_frame(frame, spec))
        return self

    @property
    def result(self) -> Result:
        """Everything the fit gave: the model, scores, findings and tables.

        Raises:
            RequestError: The model has not been fitted.
        """
        if self._result is None:
            raise RequestError(
                "DeepCausalMMM",
                [Problem("not_fitted", "", "The model has no data yet. Call fit(X, y) first.")],
            )
        return self._result

    def predict(self) -> pd.DataFrame:
        """Actual and expected KPI of every row, with intervals: ``predictions.parquet``."""
        return self.result.tables["predictions"]

    def get_channel_contributions(self) -> pd.DataFrame:
        """KPI that each channel brought in each region and period, with intervals; KPI units."""
        table = self.result.tables["contributions"]
        return table[table["kind"] == "channel"].rename(columns={"component": "channel"}).drop(columns="kind")

    def get_effects(self) -> pd.DataFrame:
        """Effects and ROI over the training window: ``effects.parquet``."""
        return self.result.tables["effects"]

    def get_response_curves(self) -> pd.DataFrame:
        """Response of every channel to more or less of it: ``curves.parquet``."""
        return self.result.tables["curves"]

    def plot_contributions(self) -> Figure:
        """Contributions over time as an interactive figure."""
        return plot_contributions(self._tables())

    def plot_dag(self) -> Figure:
        """The channel graph as an interactive figure."""
        return plot_dag(self._tables())

    def save(self, directory: str | Path) -> Path:
        """Write a fitted model's directory, as ``mmm fit`` does; refuses one that is there.

        Raises:
            OutputError: The place cannot be written or holds something.
        """
        from mmm.output import prepare_output

        with prepare_output(directory) as scratch:
            write_result(self.result, scratch)
        return Path(directory)

    def _tables(self) -> Tables:
        tables = self.result.tables
        return Tables(
            about=About(),
            contributions=tables["contributions"],
            predictions=tables["predictions"],
            effects=tables["effects"],
            graph=tables["graph"],
        )


def _settings(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Overrides as fields of a market spec; unknown ones are refused by its schema."""
    settings = dict(overrides)
    loss: dict[str, Any] = {}
    if "loss" in settings:
        loss["kind"] = settings.pop("loss")
    regularization = settings.pop("regularization", {})
    loss |= {LOSS_FIELDS.get(name, name): value for name, value in regularization.items()}
    if loss:
        model = dict(settings.get("model", {}))
        settings["model"] = {**model, "loss": {**model.get("loss", {}), **loss}}
    return settings


def _long_table(
    media: Table,
    kpi: npt.ArrayLike,
    regions: Sequence[Any] | None,
    dates: Sequence[Any] | None,
    controls: Table | None,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """One frame with generated column names, and the roles of its columns."""
    media_frame = _named(media, "channel")
    control_frame = (
        _named(controls, "control") if controls is not None else pd.DataFrame(index=media_frame.index)
    )
    given = {"y": np.asarray(kpi, dtype=np.float64).ravel(), "regions": regions, "dates": dates}
    lengths = {name: len(value) for name, value in given.items() if value is not None}
    lengths["controls"] = len(control_frame)
    problems = [
        Problem("length", name, f"has {length} rows, X has {len(media_frame)}; give one value per row of X.")
        for name, length in lengths.items()
        if length != len(media_frame)
    ]
    if problems:
        raise PanelError("the data given to fit", problems)
    frame = pd.DataFrame({f"media:{name}": media_frame[name].to_numpy() for name in media_frame})
    frame["kpi"] = given["y"]
    columns: dict[str, Any] = {
        "date": "date",
        "kpi": "kpi",
        "channels": {str(name): {"spend": f"media:{name}"} for name in media_frame},
    }
    if regions is not None:
        frame["region"] = pd.Series(list(regions)).astype(str).to_numpy()
        columns["region"] = "region"
    for name in control_frame:
        frame[str(name)] = control_frame[name].to_numpy()
    columns["controls"] = [str(name) for name in control_frame]
    if dates is None:
        week = frame.groupby("region").cumcount() if regions is not None else pd.Series(np.arange(len(frame)))
        frame["date"] = pd.Timestamp(FIRST_DATE) + pd.to_timedelta(week.to_numpy() * 7, unit="D")
    else:
        frame["date"] = pd.to_datetime(pd.Series(list(dates))).to_numpy()
    return frame, columns


def _named(values: Table, kind: str) -> pd.DataFrame:
    """A frame whose columns have names as text."""
    if isinstance(values, pd.DataFrame):
        return values.reset_index(drop=True).rename(columns=str)
    array = np.asarray(values, dtype=np.float64)
    array = array[:, None] if array.ndim == 1 else array
    return pd.DataFrame(array, columns=[f"{kind}_{index + 1}" for index in range(array.shape[1])])
