"""A fitted model as other programs load it: the KPI of a spend plan, as an MLflow ``python_function``.

:func:`write_plan_model` puts an ``MLmodel`` beside the files of a fitted directory, so that
``mlflow.pyfunc.load_model`` on it, or on a registered version of it, gives a :class:`PlanModel`. Nothing here
needs MLflow.
"""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from mmm.errors import Problem, RequestError
from mmm.fitted import Fitted, load_fitted
from mmm.planning.amounts import amounts_of
from mmm.planning.scenario.evaluate import evaluate_scenario

EXAMPLE = 4
"""Periods of the input example: the last of the data."""
FORMAT = "3.0.0"
"""Version of MLflow whose form of ``MLmodel`` is written."""
OUTPUTS = ("kpi", "kpi_lower", "kpi_upper", "observed_lower", "observed_upper")


class PlanModel:
    """The KPI of spend plans.

    Args:
        fitted: The model.
    """

    def __init__(self, fitted: Fitted) -> None:
        self._fitted = fitted

    def predict(self, model_input: pd.DataFrame) -> pd.DataFrame:
        """The KPI of the periods after the data under a plan.

        Args:
            model_input: A row for each period, in order, and a column of amounts for each channel: spend, or
                exposure of a channel without spend.

        Returns:
            A row for each period: date, expected KPI of all regions with its interval, and the interval in
            which the KPI itself will lie; bounds are NaN where one draw leaves them unknown.

        Raises:
            RequestError: A channel is missing or unknown, or an amount cannot be.
        """
        channels = self._fitted.panel.channels
        if missing := [name for name in channels if name not in model_input]:
            message = f"has no column {missing[0]!r}; a plan has one for each of {', '.join(channels)}."
            raise RequestError("plan", [Problem("missing_channel", missing[0], message)])
        spend = {name: [float(amount) for amount in model_input[name]] for name in channels}
        (plan,) = evaluate_scenario(self._fitted, {"spend": spend}).plans
        rows = [
            (period.date, kpi.mean, kpi.lower, kpi.upper, kpi.observed_lower, kpi.observed_upper)
            for period in plan.periods
            for kpi in (period.kpi,)
        ]
        return pd.DataFrame(rows, columns=["date", *OUTPUTS]).astype(dict.fromkeys(OUTPUTS, "float64"))


def _load_pyfunc(path: str) -> PlanModel:
    """What ``mlflow.pyfunc`` calls with the folder of the model."""
    return PlanModel(load_fitted(path))


def write_plan_model(fitted: Fitted, folder: Path) -> None:
    """Write ``MLmodel``, ``input_example.json`` and ``requirements.txt`` into a fitted directory."""
    channels = fitted.panel.channels
    example = _last_amounts(fitted)
    now = datetime.now(UTC)
    content = {
        "flavors": {
            "python_function": {
                "loader_module": __name__,
                "python_version": platform.python_version(),
                "env": {"virtualenv": "requirements.txt"},
            }
        },
        "mlflow_version": FORMAT,
        "metadata": {"brand": fitted.spec.brand, "market": fitted.spec.market},
        "saved_input_example_info": {
            "artifact_path": "input_example.json",
            "pandas_orient": "split",
            "type": "dataframe",
        },
        "signature": {
            "inputs": json.dumps([_column("double", name) for name in channels]),
            "outputs": json.dumps(
                [_column("string", "date"), *(_column("double", name) for name in OUTPUTS)]
            ),
            "params": None,
        },
        "utc_time_created": now.strftime("%Y-%m-%d %H:%M:%S.%f"),
    }
    (folder / "MLmodel").write_text(
        yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8"
    )
    (folder / "input_example.json").write_text(example.to_json(orient="split", index=False), encoding="utf-8")
    packages = ("ray-mmm", "torch", "numpy", "pandas")
    lines = [f"{name}=={metadata.version(name)}\n" for name in packages]
    (folder / "requirements.txt").write_text("".join(lines), encoding="utf-8")


def _column(kind: str, name: str) -> dict[str, Any]:
    return {"type": kind, "name": name, "required": True}


def _last_amounts(fitted: Fitted) -> pd.DataFrame:
    """Amounts of the last periods of the data, all regions."""
    amount_GTC = amounts_of(fitted).amount_GTC[:, -EXAMPLE:]
    return pd.DataFrame(amount_GTC.sum(0), columns=list(fitted.panel.channels))
