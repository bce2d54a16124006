"""What a refit came to, one record for each brand-market, as the portfolio's page reads it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmm.data.schema import VALUE_NOT_STATED
from mmm.report.moves import Between
from mmm.report.portfolio.outcome import ALL, Outcome

UNKNOWN = float("nan")


@dataclass(frozen=True)
class Remark:
    """A finding of a model, taken apart.

    Attributes:
        severity: ``info``, ``warning`` or ``error``.
        code: What kind it is.
        text: Where and what, for people.
    """

    severity: str
    code: str
    text: str

    @classmethod
    def parse(cls, line: str) -> Remark:
        """From ``severity code where: what``."""
        severity, _, rest = line.partition(" ")
        code, _, text = rest.partition(" ")
        return cls(severity, code, text)

    @property
    def grave(self) -> bool:
        """Something to act on."""
        return self.severity in ("warning", "error", "critical")


@dataclass(frozen=True)
class MarketRecord:
    """One brand-market.

    Attributes:
        brand: Brand.
        market: Market.
        status: ``done``, ``unchanged`` or ``failed``.
        reason: Why it failed, or why its new model waits.
        skill: Part of the best naive forecast's squared error that the model saves; NaN where unknown.
        wape: Mean error as a part of the KPI, of the same window.
        shares: Share of the KPI by channel.
        roi: Value of the direct effect per unit of currency by channel with spend; empty where it is not
            stated what a KPI unit is worth.
        remarks: Findings.
        share_shift: Part of media's effect that went to other channels since the last refit.
        skill_change: Change of the skill since then.
        change: What differs from the last refit.
        role: ``champion`` or ``challenger``.
        until: Last date of the data.
        link: Address of its report as seen from the page; empty if there is none.
        outcome: Money, intervals and the next move, where its model was read.
    """

    brand: str
    market: str
    status: str
    reason: str = ""
    skill: float = UNKNOWN
    wape: float = UNKNOWN
    shares: Mapping[str, float] = field(default_factory=dict)
    roi: Mapping[str, float] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()
    share_shift: float = UNKNOWN
    skill_change: float = UNKNOWN
    change: str = ""
    role: str = ""
    until: str = ""
    link: str = ""
    outcome: Outcome = Outcome()

    @property
    def key(self) -> tuple[str, str]:
        """Brand and market."""
        return self.brand, self.market

    @property
    def name(self) -> str:
        """Brand and market for people."""
        return f"{self.brand} / {self.market}"

    @property
    def failed(self) -> bool:
        """This refit has no model of it."""
        return self.status == "failed"

    @property
    def media_share(self) -> float:
        """Share of the KPI that all channels bring; NaN where unknown."""
        return float(sum(self.shares.values())) if self.shares else UNKNOWN

    @property
    def media_roi(self) -> float:
        """Return of all spend: the model's own, or ROI of the channels, weighted by what was spent on each.

        Spend in KPI units is share over ROI, so that no currency is needed; NaN without any spend.
        """
        if ALL in self.outcome.roi:
            return self.outcome.roi[ALL].mean
        paid = [name for name, roi in self.roi.items() if roi > 0 and name in self.shares]
        value = sum(self.shares[name] for name in paid)
        spend = sum(self.shares[name] / self.roi[name] for name in paid)
        return value / spend if spend > 0 else UNKNOWN

    def between(self, kind: str, channel: str = ALL) -> Between:
        """A channel's ``roi`` or ``shares`` with its interval; of all media without a channel.

        The interval of a share is that of the effect, in the units of the share.
        """
        if kind == "roi":
            mean = self.roi.get(channel, UNKNOWN) if channel else self.media_roi
            found = self.outcome.roi.get(channel, Between())
            return Between(mean, found.lower, found.upper)
        mean = self.shares.get(channel, UNKNOWN) if channel else self.media_share
        effect = self.outcome.effect.get(channel, Between())
        scale = mean / effect.mean if known(effect.mean) and effect.mean > 0 else UNKNOWN
        return Between(mean, effect.lower * scale, effect.upper * scale)

    @property
    def grave(self) -> int:
        """Findings to act on."""
        return sum(remark.grave for remark in self.remarks)


def market_records(
    rows: Iterable[Mapping[str, Any]],
    links: Mapping[tuple[str, str], str] | None = None,
    outcomes: Mapping[tuple[str, str], Outcome] | None = None,
) -> tuple[MarketRecord, ...]:
    """Records out of the rows of ``portfolio.parquet``.

    Args:
        rows: Its columns by name; scores may be missing or None. The test window counts where there is one,
            else the holdout.
        links: Address of the report by brand and market.
        outcomes: Money, intervals and moves by brand and market, from :func:`outcome_of`.
    """
    keyed = [((str(row["brand"]), str(row["market"])), row) for row in rows]
    told = outcomes or {}
    return tuple(_record(row, (links or {}).get(key, ""), told.get(key, Outcome())) for key, row in keyed)


def _record(row: Mapping[str, Any], link: str, outcome: Outcome) -> MarketRecord:
    window = "test" if known(_number(row.get("test_skill"))) else "holdout"
    remarks = tuple(Remark.parse(str(line)) for line in _sequence(row.get("findings")))
    valued = all(remark.code != VALUE_NOT_STATED for remark in remarks)
    return MarketRecord(
        brand=str(row["brand"]),
        market=str(row["market"]),
        status=str(row["status"]),
        reason=str(row.get("reason") or ""),
        skill=_number(row.get(f"{window}_skill")),
        wape=_number(row.get(f"{window}_wape")),
        shares=_numbers(row.get("shares")),
        roi=_numbers(row.get("roi")) if valued else {},
        remarks=remarks,
        share_shift=_number(row.get("share_shift")),
        skill_change=_number(row.get("skill_change")),
        change=str(row.get("change") or ""),
        role=str(row.get("role") or ""),
        until=str(row.get("until") or ""),
        link=link,
        outcome=outcome if valued else outcome.unpriced,
    )


def known(value: float) -> bool:
    """A finite number."""
    return math.isfinite(value)


def _number(value: Any) -> float:
    return UNKNOWN if value is None else float(value)


def _numbers(value: Any) -> dict[str, float]:
    """A mapping, or the pairs that Parquet makes of one, without what is unknown."""
    pairs = value.items() if isinstance(value, Mapping) else _sequence(value)
    return {str(name): float(number) for name, number in pairs if number is not None and known(float(number))}


def _sequence(value: Any) -> list[Any]:
    return [] if value is None else list(value)


def names_of(records: Iterable[MarketRecord], what: str) -> list[str]:
    """Brands or markets in the order of the portfolio."""
    return list(dict.fromkeys(str(getattr(record, what)) for record in records))


def median(values: Iterable[float]) -> float:
    """Of those that are known; NaN if none is."""
    found = [value for value in values if known(value)]
    return float(np.median(found)) if found else UNKNOWN
