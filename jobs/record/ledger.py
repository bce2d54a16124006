"""The ledger: what every version promised, and what came. Beside it which version stood for a market when.

``ledger.parquet`` has a row for each version and period that it was judged in, ``versions.parquet`` a row for
each version of a refit. Both lie beside ``portfolio.parquet`` and only ever grow. The ledger is a folder to
which each refit adds one file, so that a long record is not written anew every week.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from jobs.record.ledger_files import VERSIONS, add_part, parts_of, rows_of, table_of
from mmm.storage import write_parquet

HORIZONS = (1, 4, 8, 13)
"""Periods ahead at which versions are judged."""
RECORD = 13
"""Newest periods that a record is made of."""
FEWEST = 4
"""Periods below which a record says nothing."""
WORSE = 1.05
"""Mean error over the champion's from which a record is worse."""
CHANCE = 0.01
"""Probability below which coverage or skill is not chance any more."""
LEVEL = 0.9
"""Coverage that intervals promise."""
TICK = timedelta(microseconds=1)
"""What times of a table tell apart."""


@dataclass(frozen=True)
class Standing:
    """A version of a market's model, and in which role it stood.

    Attributes:
        brand: Brand.
        market: Market.
        version: Number in the registry; None without one.
        key: Key of the fit.
        role: ``champion`` or ``challenger``; empty if a person took it back.
        directory: The fitted model.
        spec_digest: Digest of the settings.
        until: Last date of its data.
        made_at: When its refit recorded it.
    """

    brand: str
    market: str
    version: int | None
    key: str
    role: str
    directory: str
    spec_digest: str
    until: date
    made_at: datetime


@dataclass(frozen=True)
class Entry:
    """A forecast of a version, given the media that then ran, and what came.

    Attributes:
        brand: Brand.
        market: Market.
        version: Number in the registry; None without one.
        made_at: When the version was recorded.
        period: First day of the period.
        horizon: Periods since the last of the version's data.
        expected: Expected KPI of all regions, KPI units.
        lower: Lower bound of the 90 % interval.
        upper: Upper bound of it.
        actual: KPI.
        error: ``actual`` less ``expected``.
        covered: Whether the KPI lies within the interval.
        naive: Forecast without a model: mean of the last 8 periods before.
        role: ``champion`` or ``challenger``, as the version stood then.
        key: Key of the fit.
    """

    brand: str
    market: str
    version: int | None
    made_at: datetime
    period: date
    horizon: int
    expected: float
    lower: float
    upper: float
    actual: float
    error: float
    covered: bool
    naive: float
    role: str
    key: str


_NAMES = [("brand", pa.string()), ("market", pa.string()), ("version", pa.int64())]
_TIME = pa.timestamp("us", tz="UTC")
_FIGURES = ("expected", "lower", "upper", "actual", "error")
LEDGER_SCHEMA = pa.schema(
    [
        *_NAMES,
        ("made_at", _TIME),
        ("period", pa.date32()),
        ("horizon", pa.int64()),
        *((name, pa.float64()) for name in _FIGURES),
        ("covered", pa.bool_()),
        ("naive", pa.float64()),
        ("role", pa.string()),
        ("key", pa.string()),
    ]
)
VERSIONS_SCHEMA = pa.schema(
    [
        *_NAMES,
        *((name, pa.string()) for name in ("key", "role", "directory", "spec_digest")),
        ("until", pa.date32()),
        ("made_at", _TIME),
    ]
)


class Ledger:
    """Both tables of a place of results, in memory while a refit is under way.

    Args:
        out: Absolute place of the results.

    Raises:
        OutputError: What lies there is no such table.
    """

    def __init__(self, out: str) -> None:
        self._out = out.rstrip("/")
        self._entries: dict[tuple[str, str], dict[tuple[str, date], Entry]] = {}
        self._new: list[Entry] = []
        self._standings: dict[tuple[str, str], dict[str, Standing]] = {}
        parts = parts_of(self._out)
        for place in parts:
            self.add(Entry(**row) for row in rows_of(place, LEDGER_SCHEMA))
        self._written, self._new = len(parts), []
        for row in rows_of(f"{self._out}/{VERSIONS}", VERSIONS_SCHEMA):
            known = Standing(**row)
            self._standings.setdefault((known.brand, known.market), {})[known.key] = known

    def add(self, entries: Iterable[Entry]) -> None:
        """Enter what was judged; what stands there already stays as it is."""
        for entry in entries:
            own = self._entries.setdefault((entry.brand, entry.market), {})
            if (entry.key, entry.period) not in own:
                own[entry.key, entry.period] = entry
                self._new.append(entry)

    def stand(self, standing: Standing) -> None:
        """Enter a version, or the role that it has now.

        A version that is new comes after those before it, also where a clock was set back between.
        """
        own = self._standings.setdefault((standing.brand, standing.market), {})
        old = own.get(standing.key)
        before = max((item.made_at for item in own.values()), default=standing.made_at - TICK)
        made_at = max(standing.made_at, before + TICK) if old is None else old.made_at
        own[standing.key] = replace(standing, made_at=made_at)

    def in_use(self, brand: str, market: str, version: int) -> None:
        """A person may have promoted a version, or gone back to one: newer champions stand no more."""
        for item in self._standings.get((brand, market), {}).values():
            demoted = item.role == "champion" and item.version is not None and item.version > version
            if demoted or (item.version == version and item.role != "champion"):
                self.stand(replace(item, role="" if demoted else "champion"))

    def standings(self, brand: str, market: str) -> tuple[Standing, ...]:
        """Newest versions of a market, oldest first: all that may have to be judged."""
        own = self._standings.get((brand, market), {}).values()
        return tuple(sorted(own, key=lambda item: (item.until, item.made_at))[-2 * max(HORIZONS) :])

    def entries(self, brand: str, market: str) -> tuple[Entry, ...]:
        """What a market's versions were judged."""
        return tuple(self._entries.get((brand, market), {}).values())

    def judged(self, brand: str, market: str) -> frozenset[tuple[str, date]]:
        """Key and period of everything that was judged of the versions in :meth:`standings`."""
        keys = {item.key for item in self.standings(brand, market)}
        return frozenset((e.key, e.period) for e in self.entries(brand, market) if e.key in keys)

    def objection(self, brand: str, market: str, spec_digest: str) -> str:
        """Why a new version should wait, going by those of its settings that waited before; else empty.

        They forecast worse than the champion in the periods in which both were judged.
        """
        standings = self.standings(brand, market)
        champion = next((item for item in reversed(standings) if item.role == "champion"), None)
        if champion is None:
            return ""
        waited = {
            item.key
            for item in standings
            if item.role == "challenger"
            and item.made_at >= champion.made_at
            and item.spec_digest == spec_digest
        }
        theirs = _newest([e for e in self.entries(brand, market) if e.key in waited])
        mine = _newest([e for e in self.entries(brand, market) if e.key == champion.key])
        common = sorted(theirs.keys() & mine.keys())[-RECORD:]
        if len(common) < FEWEST:
            return ""
        new, old = (float(np.mean([abs(side[p].error) for p in common])) for side in (theirs, mine))
        if new <= WORSE * old:
            return ""
        return (
            f"versions of these settings that waited were off by {new:.4g} on average in {len(common)} "
            f"periods, the champion by {old:.4g}"
        )

    def remark(self, brand: str, market: str) -> str:
        """What left its band in the champions' record: coverage of intervals or skill; else empty."""
        own = [entry for entry in self.entries(brand, market) if entry.role == "champion"]
        newest = _newest(own)
        entries = [newest[period] for period in sorted(newest)[-RECORD:]]
        return "; ".join(filter(None, (_coverage(entries), _skill(entries))))

    def frame(self) -> pd.DataFrame:
        """``ledger.parquet`` as a data frame."""
        entries = [entry for own in self._entries.values() for entry in own.values()]
        frame: pd.DataFrame = table_of(entries, LEDGER_SCHEMA).to_pandas()
        return frame

    def write(self) -> None:
        """Add a file of what was entered to the ledger; write the table of versions, whole or not at all.

        Raises:
            OSError: The place cannot be written, or is full.
        """
        if self._new or not self._written:
            entries = sorted(self._new, key=lambda entry: (entry.brand, entry.market))
            add_part(self._out, self._written, table_of(entries, LEDGER_SCHEMA))
            self._written, self._new = self._written + 1, []
        standings = [standing for own in self._standings.values() for standing in own.values()]
        write_parquet(f"{self._out}/{VERSIONS}", table_of(standings, VERSIONS_SCHEMA))


def _newest(entries: Iterable[Entry]) -> Mapping[date, Entry]:
    """The entry of the shortest horizon of each period."""
    found: dict[date, Entry] = {}
    for entry in entries:
        if entry.period not in found or entry.horizon < found[entry.period].horizon:
            found[entry.period] = entry
    return found


def _coverage(entries: Sequence[Entry]) -> str:
    if len(entries) < FEWEST:
        return ""
    from scipy import stats

    inside = sum(entry.covered for entry in entries)
    if stats.binomtest(inside, len(entries), LEVEL).pvalue >= CHANCE:
        return ""
    return (
        f"{inside} of the last {len(entries)} periods lay within the {LEVEL:.0%} intervals promised for them"
    )


def _skill(entries: Sequence[Entry]) -> str:
    """Whether the mean of the last periods would have been the better forecast, beyond chance."""
    if len(entries) < 2 * FEWEST:
        return ""
    from scipy import stats

    lost = np.array([abs(entry.error) - abs(entry.actual - entry.naive) for entry in entries])
    if not lost.std() > 0 or stats.ttest_1samp(lost, 0.0, alternative="greater").pvalue >= CHANCE:
        return ""
    mine = np.mean([abs(entry.error) for entry in entries])
    naive = np.mean([abs(entry.actual - entry.naive) for entry in entries])
    return (
        f"forecasts were off by {mine:.4g} on average in the last {len(entries)} periods, the mean of the "
        f"last periods before would have been by {naive:.4g}"
    )
