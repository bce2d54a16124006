"""What a sweep leaves in the end: the test window's scores, and the model fitted with the settings chosen.

Both train on everything before the test window, which is read here for the first time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import ray

from jobs.cluster import results
from jobs.record.identity import FitIdentity, find_fit, identify
from jobs.record.rows import Row
from jobs.record.store import result_place
from jobs.results import keep_fit
from jobs.tune.trial import known_by, with_settings
from mmm.config import MarketSpec
from mmm.config.digest import spec_digest
from mmm.data.panel import data_fingerprint
from mmm.data.read import PanelRead
from mmm.data.split import Split

Metrics = dict[str, Any]
"""Scores of a window with those of the naive predictors, as in ``metrics.json``."""


@dataclass(frozen=True)
class FinalFits:
    """What the last fits came to.

    Attributes:
        row: The delivered model.
        default: Test window's scores with the spec's own settings; empty without a test window.
        tuned: The same with the settings chosen.
    """

    row: Row
    default: Metrics
    tuned: Metrics

    @property
    def objection(self) -> str:
        """Why the model must not become champion: its settings lost the test window to the spec's own."""
        own, tuned = self.default.get("skill"), self.tuned.get("skill")
        if own is None or tuned is None or tuned >= own:
            return ""
        return f"its settings have skill {tuned:.3f} in the test window, the spec's own have {own:.3f}"


def before_test(split: Split) -> Split:
    """Everything before the test window trains."""
    return Split(split.n_train + split.n_holdout, 0, split.n_test)


def fit_and_score(
    spec: MarketSpec, chosen: MarketSpec, read: PanelRead, out: str, *, cpus: float = 1.0
) -> FinalFits:
    """Fit what is delivered and score the test window, side by side on the connected cluster.

    Args:
        spec: The market with its own settings.
        chosen: The market with the settings chosen.
        read: Its panel.
        out: The sweep's folder.
        cpus: CPUs of each fit.

    Raises:
        MMMError: A fit failed.
        ClusterError: Workers died.
    """
    panel = ray.put(read)
    scored = ray.remote(num_cpus=cpus)(test_scores)
    delivered = ray.remote(num_cpus=cpus)(deliver)
    tasks: list[ray.ObjectRef[Any]] = [delivered.remote(chosen, panel, out), scored.remote(spec, panel)]
    if spec_digest(chosen) != spec_digest(spec):
        tasks.append(scored.remote(chosen, panel))
    row, default, *tuned = results(tasks)
    return FinalFits(row, default, tuned[0] if tuned else default)


def test_scores(spec: MarketSpec, read: PanelRead) -> Metrics:
    """Scores of the test window for one member fitted on all periods before it; empty without a window."""
    if read.split.n_test == 0:
        return {}
    from mmm.analysis.score import score_splits
    from mmm.train.fit import fit

    split = before_test(read.split)
    lean = with_settings(spec, {"train.members": 1, "model.graph.mode": "none"})
    fitted = fit(known_by(lean, read.panel, split.n_train), read.panel, split)
    predicted_GT = fitted.predictor.parts.prediction_MGT.mean(0)
    return dict(score_splits(read.panel, split, predicted_GT)["test"])


def delivered_identity(spec: MarketSpec, data: str, split: Split) -> FitIdentity:
    """What identifies the model that a sweep delivers: the windows decide what it is trained on."""
    return identify(spec, data, note=f"\ntrained before the last {split.n_test} periods")


def deliver(spec: MarketSpec, read: PanelRead, out: str) -> Row:
    """Fit the model that the sweep delivers and write it below ``out``; one that is there is taken.

    Without a test window the model is scored on the holdout and then fitted on everything.
    """
    split = read.split
    identity = delivered_identity(spec, data_fingerprint(read.panel), split)
    if (known := find_fit(out, spec, identity)) is not None:
        return known
    place = result_place(out, spec.brand, spec.market, identity.key)

    from mmm.pipeline import fit_panel

    if split.n_test:
        read = replace(read, split=before_test(split))
        spec = with_settings(known_by(spec, read.panel, read.split.n_train), {"train.refit_on_all": False})
    else:
        spec = with_settings(spec, {"train.refit_on_all": True})
    return keep_fit(fit_panel(spec, read), spec, identity, place, report=True)
