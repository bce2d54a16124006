"""How far channels moved between two models: attribution, ROI, and those that came, went or were renamed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

SHARE_SHIFT = 0.25
"""Share of media's effect that may go elsewhere from one refit to the next."""
ROI_FACTOR = 2.0
"""Factor by which the ROI of a channel may change; a unit or a currency changes it by more."""
MATTERS = 0.05
"""Share of media's effect below which a channel's ROI is too uncertain to be compared."""


@dataclass(frozen=True)
class RoiChange:
    """A channel whose ROI jumped.

    Attributes:
        channel: Its name.
        old: ROI before.
        new: ROI now.
        valued: Whether it is known what a KPI unit is worth; else they are KPI units per unit of currency.
    """

    channel: str
    old: float
    new: float
    valued: bool = True

    @property
    def text(self) -> str:
        """The change in words."""
        what = "ROI of" if self.valued else "KPI per unit spent on"
        return f"{what} {self.channel} went from {self.old:.3g} to {self.new:.3g}"


def share_shift(new: Mapping[str, float], old: Mapping[str, float]) -> float:
    """How much attribution moved: absolute changes of shares, relative to what all media brought before.

    The measure of ``mmm compare``. What channels brought that went and what those bring that came count once,
    the larger of both: one may have taken the other's place.
    """
    common = old.keys() & new.keys()
    moved = sum(abs(new[name] - old[name]) for name in common)
    gone = sum(share for name, share in old.items() if name not in common)
    come = sum(share for name, share in new.items() if name not in common)
    moved, media = moved + max(gone, come), sum(old.values())
    return moved / media if media > 0 else float(moved > 0)


def roi_changes(
    new: Mapping[str, float],
    old: Mapping[str, float],
    new_shares: Mapping[str, float],
    old_shares: Mapping[str, float],
    *,
    valued: bool = True,
) -> list[RoiChange]:
    """Channels whose ROI changed by more than ``ROI_FACTOR``, among those that matter in either model.

    Args:
        new: ROI by channel.
        old: ROI before.
        new_shares: Share of the KPI by channel, of the same model as ``new``.
        old_shares: Share of the KPI before.
        valued: Whether it is known what a KPI unit is worth.
    """
    found = []
    for name, before in old.items():
        after = new.get(name)
        if after is None or not math.isfinite(after - before):
            continue
        if not (_matters(name, new_shares) or _matters(name, old_shares)):
            continue
        low, high = sorted((before, after))
        if high > ROI_FACTOR * low and high > 0:
            found.append(RoiChange(name, before, after, valued))
    return found


def _matters(name: str, shares: Mapping[str, float]) -> bool:
    return shares.get(name, 0.0) > MATTERS * sum(shares.values())


def present_names(
    old: Iterable[str], new: Iterable[str], renamed: Mapping[str, str] | None = None
) -> dict[str, str]:
    """What channels of an older model are called now, by their old names.

    Args:
        old: Channels of the older model.
        new: Channels of the newer one.
        renamed: New name to old name, as specs have it; of no effect where the old name is still in use.
    """
    now, known = {before: after for after, before in (renamed or {}).items()}, set(new)
    return {name: name if name in known else now.get(name, name) for name in old}


def came_and_went(old: Iterable[str], new: Iterable[str]) -> str:
    """Channels that only one of two models has, in words with the way out; empty if there are none."""
    before, after = list(old), list(new)
    gone = [name for name in before if name not in after]
    come = [name for name in after if name not in before]
    if not gone or not come:
        parts = [f"{', '.join(map(repr, gone))} went"] * bool(gone)
        return "; ".join(parts + [f"{', '.join(map(repr, come))} came"] * bool(come))
    listed, added = (", ".join(map(repr, names)) for names in (gone, come))
    example = f"renamed: {{{come[0]}: {gone[0]}}}"
    return f"{listed} went and {added} came; if they are the same, say so in the spec: `{example}`"
