"""A test as it is frozen before it runs: who, when, how it is read, and a digest of all of it.

Shapes: G registered regions, K covariates, L lags.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import yaml
from pydantic import Field

from mmm.config import Spec
from mmm.config.digest import as_text
from mmm.config.files import read_yaml, validate
from mmm.config.yaml_bounds import parse_value
from mmm.data.calendar import Calendar
from mmm.data.panel import NATIONAL, Dates, Frequency
from mmm.design.candidates import Candidate
from mmm.design.designer import Designer, Proposal
from mmm.design.estimator import Adjustment, Windows
from mmm.design.request import Kind
from mmm.errors import Problem, RequestError

Estimator = Literal["ratio_difference_in_differences", "blocks_against_before_and_after"]
SHORT = 19
"""Signs of a digest that are shown, and kept of that of a single field."""
PRICED = 6
"""Significant digits of registered numbers."""


class Covariate(Spec):
    """Something recorded that moves the KPI and is taken out of it."""

    name: str
    """Control or channel."""
    column: str
    """Its column in the readout."""
    media: bool
    """A channel's media, which count by the root of what is carried over; else a control, as it is."""
    coefficient: float
    """Relative change of the KPI per unit."""
    kernel: tuple[float, ...]
    """Carry-over of media by lag."""
    means: dict[str, float]
    """Its mean by region: media are counted in it, controls from it."""


class Registration(Spec):
    """A frozen test: what `mmm design result` holds a readout to."""

    version: Literal[1] = 1
    """Version of this form."""
    test: str
    """Name of the test in the table it was chosen from."""
    brand: str
    """Brand."""
    market: str
    """Market."""
    channel: str
    """The channel whose spend is changed."""
    kind: Kind
    """What is done to it."""
    change: Annotated[float, Field(ge=-1, le=5)]
    """Relative change of its spend in the treated regions; -1 takes all of it away."""
    treated: tuple[str, ...]
    """Treated regions."""
    control: tuple[str, ...]
    """Control regions; none of a national test."""
    start: dt.date
    """First day of the first changed period."""
    end: dt.date
    """Last day of the last changed period."""
    readout_from: dt.date
    """First day of the first period that a readout must have: media carry over from there."""
    frequency: Frequency
    """Length of a period."""
    before: Annotated[int, Field(ge=1)]
    """Periods before that the test is compared with; of a national test also after each block."""
    periods: Annotated[int, Field(ge=1)]
    """Periods of the test, or of each block."""
    cooldown: Annotated[int, Field(ge=0)]
    """Periods after it in which the channel is as usual and no other test of it begins."""
    blocks: Annotated[int, Field(ge=1)]
    """Blocks of a national test, ``cooldown + before`` periods apart."""
    estimator: Estimator
    """How the effect is computed; see docs/experiments.md."""
    level: float
    """Chance of calling an effect where there is none."""
    relative_error: float
    """Standard error over the KPI that is expected without the change, from placebo windows."""
    relative_critical: float
    """Relative effect beyond which an effect is called one."""
    relative_detectable: float
    """Relative effect that is called one with the chance asked for."""
    expected_lift: float
    """Lift that the model expected, KPI units; for the record."""
    effect: Literal["total", "direct"] = "total"
    """What is measured: channels that the tested one moves are left to move."""
    band: float
    """Relative distance from its neighbours at which a cell is held."""
    lags: Annotated[int, Field(ge=1)]
    """Periods of media that the adjustment looks at, the period itself included."""
    levels: dict[str, float]
    """Mean KPI of each region at the time of registration."""
    covariates: tuple[Covariate, ...]
    """What is taken out of the KPI."""
    columns: dict[str, str]
    """Columns of the readout: ``region``, ``date``, ``kpi`` and ``amount`` (the channel's spend, or its
    exposure)."""
    seed: int
    """Seed of the assignment."""
    model: dict[str, str]
    """Digests of the data and the settings of the model it was designed with."""
    digests: dict[str, str] = Field(default={})
    """Digest of every field above, to name which one was changed afterwards."""
    digest: str = ""
    """Digest of everything: the pre-registration."""

    @property
    def national(self) -> bool:
        """The whole market is switched on and off."""
        return self.estimator == "blocks_against_before_and_after"

    @property
    def windows(self) -> Windows:
        """Lengths."""
        return Windows(self.before, self.periods, self.cooldown, self.blocks, self.national)

    @property
    def regions(self) -> tuple[str, ...]:
        """Every region that takes part, in the order of ``levels``."""
        return tuple(self.levels)

    def dates(self) -> Dates:
        """Starts of every period of the readout: lags of media, periods before, the test and what follows."""
        first = np.array([np.datetime64(self.readout_from, "D")])
        rest = self.lags - 1 + self.windows.needed - 1
        return np.concatenate([first, Calendar(first, self.frequency).after(rest)])

    def adjustment(self) -> Adjustment:
        """What is taken out of the KPI, for the registered regions."""
        count = len(self.covariates)
        mean_GK = np.array([[own.means[name] for own in self.covariates] for name in self.regions])
        kernel_KL = np.zeros((count, self.lags))
        for k, own in enumerate(self.covariates):
            kernel_KL[k, : len(own.kernel)] = own.kernel
        return Adjustment(
            level_G=np.array(list(self.levels.values())),
            mean_GK=mean_GK.reshape(len(self.regions), count),
            media_K=np.array([own.media for own in self.covariates], dtype=np.bool_),
            kernel_KL=kernel_KL,
            coefficient_K=np.array([own.coefficient for own in self.covariates]),
            band=self.band,
        )


def freeze(designer: Designer, proposal: Proposal) -> Registration:
    """A proposal as a registration.

    Raises:
        RequestError: The test cannot be made, with the reasons.
    """
    expected, precision = proposal.expected, proposal.precision
    if expected is None or precision is None:
        why = str(designer.row(proposal)["why_not"])
        raise RequestError("the design", [Problem("not_possible", proposal.name, f"cannot be made: {why}.")])
    candidate, panel, spec = proposal.candidate, designer.panel, designer.planner.fitted.spec
    most = float(np.abs(expected.lift_M).max()) / expected.level
    adjustment = designer.market.adjustment(candidate.channel, most)
    chosen = np.flatnonzero(proposal.treated_G | proposal.control_G)
    names = designer.market.adjusting(candidate.channel)
    start, end, first = _days(designer, candidate, adjustment.kernel_KL.shape[1])
    windows, own = candidate.windows, panel.channels[candidate.channel]
    return sealed(
        Registration(
            test=proposal.name,
            brand=spec.brand,
            market=spec.market,
            channel=own,
            kind=candidate.kind,
            change=candidate.change,
            treated=tuple(panel.regions[g] for g in np.flatnonzero(proposal.treated_G)),
            control=()
            if windows.national
            else tuple(panel.regions[g] for g in np.flatnonzero(proposal.control_G)),
            start=start,
            end=end,
            readout_from=first,
            frequency=panel.frequency,
            before=windows.before,
            periods=windows.test,
            cooldown=windows.cooldown,
            blocks=windows.blocks,
            estimator="blocks_against_before_and_after"
            if windows.national
            else "ratio_difference_in_differences",
            level=precision.level,
            relative_error=_short(precision.standard_error),
            relative_critical=_short(precision.critical),
            relative_detectable=_short(precision.detectable(designer.request.power)),
            expected_lift=_short(float(expected.lift_M.mean())),
            band=_short(adjustment.band),
            lags=adjustment.kernel_KL.shape[1],
            levels={panel.regions[g]: _short(adjustment.level_G[g]) for g in chosen},
            covariates=tuple(
                _covariate(designer, adjustment, chosen, k, name) for k, name in enumerate(names)
            ),
            columns=_columns(designer, own),
            seed=designer.request.seed,
            model={
                name: str(designer.planner.fitted.provenance.get(name, ""))
                for name in ("data_fingerprint", "spec_digest")
            },
        )
    )


def _days(designer: Designer, candidate: Candidate, lags: int) -> tuple[dt.date, dt.date, dt.date]:
    """First and last day of the test, and the first that a readout must have."""
    start, end = designer.dates(candidate)
    known = designer.panel.dates
    ahead = np.concatenate([known, Calendar(known, designer.panel.frequency).after(len(known))])
    first = max(int(np.searchsorted(ahead, start)) - candidate.windows.before - lags + 1, 0)
    days: list[dt.date] = [day.astype(object) for day in (start, end, ahead[first])]
    return days[0], days[1], days[2]


def _covariate(
    designer: Designer, adjustment: Adjustment, chosen: np.ndarray, k: int, name: str
) -> Covariate:
    panel = designer.panel
    media = bool(adjustment.media_K[k])
    return Covariate(
        name=name,
        column=_media_column(designer, name) if media else name,
        media=media,
        coefficient=_short(adjustment.coefficient_K[k]),
        kernel=tuple(_short(weight) for weight in adjustment.kernel_KL[k]) if media else (1.0,),
        means={panel.regions[g]: _short(adjustment.mean_GK[g, k]) for g in chosen},
    )


def _columns(designer: Designer, channel: str) -> dict[str, str]:
    stated = designer.planner.fitted.spec.columns
    place = designer.panel.channels.index(channel)
    has_spend = designer.panel.has_spend_C[place]
    amount = stated.channels[channel].spend if has_spend else None
    columns = {
        "region": None if designer.panel.regions == (NATIONAL,) else stated.region,
        "date": stated.date,
        "kpi": stated.kpi,
        "amount": amount or _media_column(designer, channel),
    }
    return {role: column for role, column in columns.items() if column is not None}


def _media_column(designer: Designer, channel: str) -> str:
    """The column of what acts on the KPI."""
    stated = designer.planner.fitted.spec.columns.channels[channel]
    return stated.exposure or stated.spend or channel


def _short(value: float) -> float:
    return float(f"{value:.{PRICED}g}")


# --- seal ------------------------------------------------------------------------------------------


def sealed(registration: Registration) -> Registration:
    """The registration with its digests."""
    digests = _digests(registration)
    return registration.model_copy(update={"digests": digests, "digest": _digest(digests)})


def _digests(registration: Registration) -> dict[str, str]:
    values = registration.model_dump(mode="json", exclude={"digests", "digest"})
    return {name: _digest(value)[:SHORT] for name, value in values.items()}


def _digest(value: object) -> str:
    return f"sha256:{hashlib.sha256(as_text(value).encode()).hexdigest()}"


def read_registration(path: str) -> Registration:
    """Read a frozen test.

    Raises:
        SpecError: The file is no registration.
        RequestError: It was changed after it was frozen, with the fields that differ.
    """
    document = read_yaml(path)
    registration: Registration = validate(Registration, document.values, path, document.lines)
    problems = list(_changed(registration, document.values))
    if problems:
        raise RequestError(path, problems)
    return registration


def _changed(registration: Registration, values: Mapping[str, Any]) -> list[Problem]:
    found = _digests(registration)
    changed = [name for name, digest in found.items() if registration.digests.get(name) != digest]
    problems = [
        Problem(
            "registration_changed",
            name,
            f"is {_shown(values.get(name))}, which is not what was frozen. Take the file as it was frozen; a "
            "test with another plan is another test.",
        )
        for name in changed
    ]
    if not problems and _digest(registration.digests) != registration.digest:
        text = "does not belong to this file: it was changed after it was frozen. Take the file as it was."
        problems.append(Problem("registration_changed", "digest", text))
    return problems


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def registration_text(registration: Registration) -> str:
    """The registration as YAML, with a line on what it is."""
    head = (
        "# A test frozen before it runs. `mmm design result` computes its effect from a readout by\n"
        "# exactly this plan, and refuses one that departs from it. The digest at the end seals every line.\n"
    )
    values = registration.model_dump(mode="json")
    return head + yaml.dump(
        values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110
    )


class _Dumper(yaml.SafeDumper):
    """Text that our own reader would take for a number stands in quotes, such as the region 1e5."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    try:
        plain = isinstance(parse_value(value), str)
    except (yaml.YAMLError, TypeError, ValueError):
        plain = False
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else "'")


_Dumper.add_representer(str, _text)
