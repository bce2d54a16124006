"""Before and after the training over shards: look at the whole panel once, and write what was found.

Both run in one process that reads the whole panel; neither holds anything of the training's size.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jobs.record.identity import FitIdentity, identify
from jobs.record.rows import Row
from jobs.results import keep_fit
from jobs.train.worker import FITTED, TrainPlan
from mmm.config import MarketSpec
from mmm.data.calendar import Calendar
from mmm.data.experiments import locate_experiments
from mmm.data.panel import data_fingerprint
from mmm.data.read import PanelRead
from mmm.data.schema import Finding
from mmm.data.split import Split
from mmm.errors import CheckpointError
from mmm.fitted import Fitted
from mmm.train.shards import Survey


@dataclass(frozen=True, eq=False)
class PanelFacts:
    """A panel that passed every check, without its values.

    Attributes:
        survey: What training needs to know of the whole.
        split: Its windows.
        regions: Names, sorted.
        observed_G: Cells of each whose KPI is known.
        periods: Number of periods.
        channels: Number of channels.
        until: Last date.
        findings: What the user should know of the data.
        calendar: Its periods, where it was read in parts.
    """

    survey: Survey
    split: Split
    regions: tuple[str, ...]
    observed_G: npt.NDArray[np.int64]
    periods: int
    channels: int
    until: str
    findings: tuple[Finding, ...] = ()
    calendar: Calendar | None = None

    def identity(self, spec: MarketSpec) -> FitIdentity:
        """What identifies the training of a spec on this panel."""
        return identify(spec, self.survey.fingerprint)


def inspect_panel(spec: MarketSpec) -> PanelFacts:
    """Every check on the whole panel.

    Raises:
        SpecError: TrainOptions that contradict one another.
        PanelError: Everything that is wrong with the data, at once.
    """
    from mmm.market import read_market

    read = read_market(spec)
    panel = read.panel
    return PanelFacts(
        survey=Survey(data_fingerprint(panel), tuple(locate_experiments(spec, panel)[0]), panel.regions),
        split=read.split,
        regions=panel.regions,
        observed_G=panel.observed_GT.sum(1).astype(np.int64),
        periods=len(panel.dates),
        channels=len(panel.channels),
        until=str(panel.dates[-1]),
        findings=read.findings,
    )


def assemble(plan: TrainPlan, out: str, *, report: bool, seconds: float) -> Row:
    """Put the shards' parts together, analyse the model and write its directory.

    Args:
        plan: A training whose fits are done.
        out: Place of the fitted model.
        report: Also write ``report.html``.
        seconds: What the training took.

    Returns:
        The row of the fit, which lies beside it.

    Raises:
        CheckpointError: A fit is not there.
    """
    from mmm.market import read_market
    from mmm.pipeline import analysed

    started = time.perf_counter() - seconds
    read = read_market(plan.spec)
    fits = [_fitted(plan, name, read) for name in plan.fits]
    result = analysed(plan.spec, read, fits[0], fits[-1], started)
    identity = identify(plan.spec, plan.survey.fingerprint)
    taken = round(time.perf_counter() - started, 3)
    return keep_fit(result, plan.spec, identity, out, report=report, seconds=taken)


def _fitted(plan: TrainPlan, name: str, read: PanelRead) -> Fitted:
    from mmm.train.sharded_state import fitted_of
    from mmm.train.shards import Alone

    regions = len(plan.regions)
    state = plan.checkpoint(name, Alone(regions), regions).load(FITTED)
    if state is None:
        raise CheckpointError(f"{plan.place}/{name} holds no finished fit. Run the same command again.")
    return fitted_of(state, plan.spec, read.panel, read.split)
