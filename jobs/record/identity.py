"""What identifies a fit: the digest of its data and that of its settings, and the key made of both.

Fits recorded before decision 0011 have the legacy digest of the same settings. They are found by it once and
recorded anew; after that nothing asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from jobs.record.rows import Row
from jobs.record.store import read_row, result_key, result_place, rewrite_row
from mmm.config import MarketSpec
from mmm.config.digest import spec_digest
from mmm.config.legacy_digest import legacy_digest


@dataclass(frozen=True)
class FitIdentity:
    """What identifies a fit.

    Attributes:
        data: Fingerprint of the panel.
        digest: Digest of the settings.
        legacy: What the digest was before decision 0011; None if those settings did not exist then.
        note: How else the fit differs from one by the settings alone; part of the key only.
    """

    data: str
    digest: str
    legacy: str | None
    note: str = ""

    @property
    def key(self) -> str:
        """Name of the fit."""
        return result_key(self.data, self.digest + self.note)

    @property
    def legacy_key(self) -> str | None:
        """Its name before decision 0011."""
        return None if self.legacy is None else result_key(self.data, self.legacy + self.note)

    @property
    def keys(self) -> tuple[str, ...]:
        """Every name it may be recorded under, its own first."""
        return (self.key,) if self.legacy_key is None else (self.key, self.legacy_key)

    @property
    def fields(self) -> dict[str, Any]:
        """What a row says of it."""
        return {"key": self.key, "data_fingerprint": self.data, "spec_digest": self.digest}


def identify(spec: MarketSpec, data: str, *, trials: int = 0, note: str = "") -> FitIdentity:
    """The identity of a fit.

    Args:
        spec: The market.
        data: Fingerprint of its panel.
        trials: Trials of a search before the fit; with any, how it searches counts too.
        note: See :class:`FitIdentity`.
    """
    digest, legacy = spec_digest(spec), legacy_digest(spec)
    if trials:
        tune = legacy_digest(spec.tune)
        digest = f"{digest}-tune{trials}-{spec_digest(spec.tune)[:8]}"
        legacy = None if legacy is None or tune is None else f"{legacy}-tune{trials}-{tune[:8]}"
    return FitIdentity(data, digest, legacy, note)


def upgraded(row: Row, spec: MarketSpec, *, trials: int = 0) -> Row:
    """A row of an earlier refit as it would be written today, if these are the settings of its fit."""
    identity = identify(spec, row.data_fingerprint, trials=trials)
    return replace(row, **identity.fields) if identity.legacy_key == row.key else row


def read_fit(place: str, identity: FitIdentity) -> Row | None:
    """The row of a fit in a folder, None if there is none; a legacy one is recorded anew.

    Raises:
        OSError: The folder cannot be written.
    """
    row = read_row(place)
    if row is None or row.key not in identity.keys:
        return None
    row = replace(row, directory=place, status="unchanged", tries=1)
    if row.key != identity.key:
        row = replace(row, **identity.fields)
        rewrite_row(place, replace(row, status="done"))
    return row


def find_fit(out: str, spec: MarketSpec, identity: FitIdentity, previous: str = "") -> Row | None:
    """The row of a fit below an output place, wherever it lies; None if there is none.

    Args:
        out: Where results lie.
        spec: The market.
        identity: The fit.
        previous: Folder in which the last refit had the market's model, if known: models that were fitted
            before decision 0011 keep their folder, which has their legacy key for a name.

    Raises:
        OSError: A folder cannot be written.
    """
    own, *legacy = (result_place(out, spec.brand, spec.market, key) for key in identity.keys)
    for place in dict.fromkeys([own, *([previous] if previous else []), *legacy]):
        if (row := read_fit(place, identity)) is not None:
            return row
    return None
