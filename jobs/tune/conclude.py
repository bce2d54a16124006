"""The end of a sweep: the settings chosen, the last fits, and the files a person looks at."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from jobs.record.rows import Row
from jobs.tune.choice import Choice, choose
from jobs.tune.final_fit import FinalFits, fit_and_score
from jobs.tune.search import Search
from jobs.tune.store import Study
from jobs.tune.tables import sweep_tables, trials_table
from jobs.tune.trial import SweepData, with_settings
from mmm.config import MarketSpec
from mmm.config.files import dump_yaml
from mmm.data.read import PanelRead
from mmm.report.sweep.page import sweep_page
from mmm.storage import write_parquet, write_whole

BEST, TEST, REPORT, TRIALS = "best.yaml", "test.json", "sweep.html", "trials.parquet"


@dataclass(frozen=True)
class Conclusion:
    """What a sweep came to.

    Attributes:
        choice: The trial chosen and why.
        chosen: The market with its settings.
        final: The delivered model's row and the test window's scores.
        texts: Files that are kept in MLflow too, by name.
    """

    choice: Choice
    chosen: MarketSpec
    final: FinalFits
    texts: Mapping[str, str]

    @property
    def row(self) -> Row:
        """The delivered model."""
        return self.final.row

    @property
    def scores(self) -> dict[str, float]:
        """Scores of the sweep by name, those that exist."""
        found: dict[str, float | None] = {
            "best_score": self.choice.best.score,
            "chosen_score": self.choice.row.score,
            "gain": self.choice.gain,
        }
        for name, metrics in (("default", self.final.default), ("tuned", self.final.tuned)):
            found |= {f"test_{name}_{score}": metrics.get(score) for score in ("r2", "r2_within", "skill")}
        found |= {f"test_naive_{rule}_r2": value for rule, value in self.naive.items()}
        return {name: float(value) for name, value in found.items() if value is not None}

    @property
    def naive(self) -> dict[str, float]:
        """R² of the naive rules on the test window."""
        rules: Mapping[str, Any] = self.final.default.get("naive", {})
        return {rule: values["r2"] for rule, values in rules.items() if values["r2"] is not None}


def conclude(
    data: SweepData, read: PanelRead, search: Search, study: Study, *, cpus: float = 1.0
) -> Conclusion:
    """Choose, fit, score the test window, write everything; on the connected cluster.

    Args:
        data: From :func:`jobs.tune.trial.prepare_sweep`.
        read: The panel with its test window.
        search: The finished trials.
        study: Where to write.
        cpus: CPUs of each fit.

    Raises:
        MMMError: A last fit failed, or the folder cannot be written.
    """
    rows = [search.rows[number] for number in sorted(search.rows)]
    choice = choose(rows, data.spec.tune)
    chosen = with_settings(data.spec, choice.row.settings)
    final = fit_and_score(data.spec, chosen, read, study.out, cpus=cpus)
    sweep = sweep_tables(data, rows, choice, final)
    texts = {
        BEST: dump_yaml(chosen, defaults=False),
        TEST: json.dumps({"default": final.default, "tuned": final.tuned}, indent=2) + "\n",
        REPORT: sweep_page(sweep),
    }
    for name, text in texts.items():
        write_whole(f"{study.out}/{name}", text.encode())
    write_whole(f"{study.out}/optuna.log", _journal(search).encode())
    write_parquet(f"{study.out}/{TRIALS}", pa.Table.from_pandas(trials_table(sweep)))
    return Conclusion(choice, chosen, final, texts)


def _journal(search: Search) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sweep.log"
        search.export(path)
        return path.read_text(encoding="utf-8")
