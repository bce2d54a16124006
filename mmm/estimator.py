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

import numpy.typing as npt
import pandas as pd

from mmm.config import MarketSpec
from mmm.config.files import validate
from mmm.data.arrays import DATES, KPI, REGIONS, SOURCE, LongFrame, Table, long_frame
from mmm.data.read import PanelRead, panel_from_frame
from mmm.errors import PanelError, Problem, RequestError
from mmm.pipeline import Result, fit_panel, write_result
from mmm.report import Figure, Tables, plot_contributions, plot_dag
from mmm.report.about import About

LOSS_FIELDS = {"l1": "l1", "l2": "l2"}
"""Names within ``regularization`` of the paper's configuration and the fields they set."""
ADVICE = {
    "data.date_format": 'config_overrides["data"]["date_format"]',
    "data.fill": 'config_overrides["data"]["fill"]',
    "data.decimal": 'config_overrides["data"]["decimal"]',
    "data.closed": 'config_overrides["data"]["closed"]',
    "name the region column in columns.region": "pass regions=",
}
"""How the advice of files is followed in Python."""


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
            X: Media of every channel (spend, or any volume), N x C; column names are channel names. Dates or
                regions in its index, or in that of ``y``, count as ``dates`` and ``regions``.
            y: KPI, N numbers; NaN where unknown. Paired with X by index where both have one.
            regions: Region of each row; None for a national model.
            dates: First day of each row's period, by the rules of a panel: dates, or ISO text, or text of
                ``data.date_format``. Without any the rows of a region are consecutive weeks.
            controls: What else moves the KPI, N x K.
            config_overrides: ``loss`` ("huber" or "mse"), ``regularization`` ({"l1": …, "l2": …}), and any
                field of a market's spec by its name, e.g. ``{"train": {"members": 4}, "data":
                {"date_format": "%d/%m/%Y"}, "model": {"saturation": {"slope_min": 1.0}}}``.

        Returns:
            The estimator itself.

        Raises:
            PanelError: The data have problems, all of them.
            SpecError: A setting is unknown or out of its range.
        """
        given = long_frame(X, y, regions, dates, controls)
        settings = _settings({**self._overrides, **(config_overrides or {})})
        values = {
            "brand": "brand",
            "market": "market",
            "columns": _columns(given),
            **settings,
            "data": {"path": SOURCE, **dict(settings.get("data", {}))},
        }
        spec = validate(MarketSpec, values, "config_overrides")
        self._result = fit_panel(spec, _read(given, spec))
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


def _columns(given: LongFrame) -> dict[str, Any]:
    """Roles of the long table's columns."""
    columns: dict[str, Any] = {
        "date": DATES,
        "kpi": KPI,
        "channels": {name: {"spend": column} for name, column in given.channels.items()},
        "controls": given.controls,
    }
    return columns | ({"region": REGIONS} if given.regional else {})


def _read(given: LongFrame, spec: MarketSpec) -> PanelRead:
    """The panel of a long table; advice on files is given as it is followed in Python."""
    try:
        return panel_from_frame(given.frame, spec)
    except PanelError as error:
        problems = []
        for problem in error.problems:
            message = problem.message
            for file_way, python_way in ADVICE.items():
                message = message.replace(file_way, python_way)
            problems.append(Problem(problem.code, problem.where, message))
        raise PanelError(SOURCE, problems) from error


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
