"""The one panel type: a brand in a market as dense arrays with a mask.

Shapes: G regions, T periods, C channels, K controls.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, fields, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Dates = npt.NDArray[np.datetime64]
Frequency = Literal["daily", "weekly", "monthly", "quarterly"]

UNSTATED = "currency units"
"""What the currency is called where nobody has stated it."""
FORMERLY = "USD"
"""What an unstated currency was taken for, and is recorded as in fingerprints still."""
NATIONAL = "national"
"""Name of the only region of a panel without a region column."""

PERIODS_PER_YEAR: dict[Frequency, float] = {
    "daily": 365.25,
    "weekly": 365.25 / 7.0,
    "monthly": 12.0,
    "quarterly": 4.0,
}


DEFAULT_MAX_LAG: dict[Frequency, int] = {"daily": 28, "weekly": 13, "monthly": 3, "quarterly": 1}
"""Periods of carry-over where the spec leaves them open: a month for daily data, else a quarter."""


@dataclass(frozen=True)
class Treatment:
    """A control that is a lever: its effect is counted against a reference.

    Attributes:
        name: Its name among the controls.
        reference: ``min``, ``max`` or ``median`` of each region's own values, or a number.
        carry_over: Whether its effect may last beyond the period.
    """

    name: str
    reference: str | float
    carry_over: bool = False


Kind = Literal["channel", "organic", "mediator"]
"""What a channel is: bought, not bought, or moved by channels and never bought."""


@dataclass(frozen=True, eq=False)
class Panel:
    """One brand in one market over regions and periods.

    A region-period without a row is absent: ``present_GT`` is false, its KPI is NaN, its media and
    spend are 0 (nothing is known to have run) and it never enters a loss, a score or a total.

    Attributes:
        regions: G region names, sorted; ``("national",)`` for a national panel.
        dates: T period starts, ``datetime64[D]``, ascending, without gaps.
        frequency: Length of a period.
        channels: C channel names in the order of the spec, then organic media, then mediators.
        controls: K names: controls and events in the order of the spec, then ``holiday: …``, then treatments.
        present_GT: A row exists.
        kpi_GT: KPI, NaN where absent or missing.
        media_GTC: What acts on the KPI: exposure where given, else spend. Never NaN, never negative.
        spend_GTC: Spend in currency; 0 throughout for a channel without spend.
        has_spend_C: The channel has a spend column.
        has_exposure_C: ``media_GTC`` of the channel is exposure rather than spend.
        controls_GTK: Controls and event columns, then holidays; never NaN. Where absent, the region's
            mean over its present periods: a neutral filler that must enter nothing.
        population_G: Region sizes, or None.
        kpi_value_GT: Currency per KPI unit, 1 where none is stated; where absent, that of the region's
            nearest period before.
        currency: ISO code or any label.
        contacts_GTC: Contacts per person reached, of channels whose media are reach; NaN for the others.
            None where there is no such channel.
        organic: Channels that nobody buys.
        mediators: Channels that others move and that nobody buys.
        treatments: The last controls, those whose effect is counted against a reference.
    """

    regions: tuple[str, ...]
    dates: Dates
    frequency: Frequency
    channels: tuple[str, ...]
    controls: tuple[str, ...]
    present_GT: Bools
    kpi_GT: Floats
    media_GTC: Floats
    spend_GTC: Floats
    has_spend_C: Bools
    has_exposure_C: Bools
    controls_GTK: Floats
    population_G: Floats | None
    kpi_value_GT: Floats
    currency: str
    contacts_GTC: Floats | None = None
    organic: tuple[str, ...] = ()
    mediators: tuple[str, ...] = ()
    treatments: tuple[Treatment, ...] = ()

    @property
    def kind_C(self) -> tuple[Kind, ...]:
        """What each channel is."""
        kinds: dict[str, Kind] = dict.fromkeys(self.organic, "organic")
        kinds |= dict.fromkeys(self.mediators, "mediator")
        return tuple(kinds.get(name, "channel") for name in self.channels)

    @property
    def bought_C(self) -> Bools:
        """Channels that plans may buy: neither organic nor mediators."""
        return np.array([kind == "channel" for kind in self.kind_C], dtype=np.bool_)

    @property
    def reference_GR(self) -> Floats:
        """Value of each treatment against which its effect is counted, in each region."""
        first = len(self.controls) - len(self.treatments)
        references = [
            reference_values(self.controls_GTK[..., first + r], self.present_GT, treatment.reference)
            for r, treatment in enumerate(self.treatments)
        ]
        return np.stack(references, 1) if references else np.zeros((len(self.regions), 0))

    @property
    def observed_GT(self) -> Bools:
        """Cells whose KPI is known: only these enter losses and scores."""
        return np.isfinite(self.kpi_GT)

    def until(self, periods: int) -> Panel:
        """The same over its first periods."""
        names = ("present_GT", "kpi_GT", "media_GTC", "spend_GTC", "controls_GTK", "kpi_value_GT")
        parts = {name: getattr(self, name)[:, :periods] for name in names}
        if self.contacts_GTC is not None:
            parts["contacts_GTC"] = self.contacts_GTC[:, :periods]
        return replace(self, dates=self.dates[:periods], **parts)

    @property
    def has_reach_C(self) -> Bools:
        """``media_GTC`` of the channel is reach, and ``contacts_GTC`` says how often people were reached."""
        if self.contacts_GTC is None:
            return np.zeros(len(self.channels), dtype=np.bool_)
        return np.asarray(np.isfinite(self.contacts_GTC).all((0, 1)), dtype=np.bool_)

    @property
    def periods_per_year(self) -> float:
        """Periods of this frequency in a year."""
        return PERIODS_PER_YEAR[self.frequency]


def reference_values(values_GT: Floats, present_GT: Bools, reference: str | float) -> Floats:
    """A reference as a number for each region; 0 where a region has no values of its own, shape G."""
    if not isinstance(reference, str):
        return np.full(len(values_GT), float(reference))
    known_GT = np.where(present_GT, values_GT, np.nan)
    quantile = {"min": 0.0, "max": 1.0, "median": 0.5}[reference]
    rows = [np.nanquantile(row, quantile) if np.isfinite(row).any() else 0.0 for row in known_GT]
    return np.array(rows, dtype=np.float64)


def data_fingerprint(panel: Panel) -> str:
    """SHA-256 over everything a fit sees of the data, in hexadecimal.

    Neither the order of rows nor the file format changes it; the order of channels does. What younger
    programs know of a panel counts where it is there.
    """
    digest = hashlib.sha256()
    for item in fields(panel):
        value = getattr(panel, item.name)
        if item.default is not MISSING and not isinstance(value, np.ndarray) and value == item.default:
            continue
        digest.update(item.name.encode())
        if isinstance(value, np.ndarray):
            digest.update(_plain_bytes(value))
        else:
            digest.update(repr(FORMERLY if value == UNSTATED else value).encode())
    return digest.hexdigest()


BY_REGION = (
    "present_GT",
    "kpi_GT",
    "media_GTC",
    "spend_GTC",
    "controls_GTK",
    "population_G",
    "kpi_value_GT",
    "contacts_GTC",
)
"""Fields of a panel with a region axis, the first."""


def region_digests(panel: Panel) -> tuple[bytes, ...]:
    """SHA-256 of the name and the data of each region."""
    found = []
    for g, name in enumerate(panel.regions):
        digest = hashlib.sha256(name.encode())
        for field in BY_REGION:
            values = getattr(panel, field)
            if values is not None:
                digest.update(field.encode() + _plain_bytes(np.asarray(values[g])))
        found.append(digest.digest())
    return tuple(found)


def parts_fingerprint(panel: Panel, digests: Iterable[bytes]) -> str:
    """SHA-256 over everything a fit sees of data that no process holds, in hexadecimal.

    Another one than :func:`data_fingerprint` of the same data, and the same however it is cut into parts.

    Args:
        panel: Any regions of it.
        digests: :func:`region_digests` of all regions, in their order.
    """
    digest = hashlib.sha256(b"in parts")
    for item in fields(panel):
        if item.name == "regions" or item.name in BY_REGION:
            continue
        value = getattr(panel, item.name)
        digest.update(item.name.encode())
        own = _plain_bytes(value) if isinstance(value, np.ndarray) else repr(value).encode()
        digest.update(own)
    for one in digests:
        digest.update(one)
    return digest.hexdigest()


def _plain_bytes(value: np.ndarray) -> bytes:
    """An array's extent and content, minus zero and every NaN in one form."""
    if value.dtype.kind in "Mb":
        plain = value.astype("<i8")
    else:
        plain = np.where(np.isnan(value), np.nan, value + 0.0)
    return repr(value.shape).encode() + np.ascontiguousarray(plain).tobytes()
