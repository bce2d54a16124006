"""Whether a new model may replace the one in production: gates a person would apply, as pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.record.rows import Row
from mmm.analysis.compare import SHARE_SHIFT, share_shift


@dataclass(frozen=True)
class Gates:
    """What a challenger must keep to.

    Attributes:
        skill_drop: Most that the skill may fall below the champion's; windows move by a few weeks between
            refits, so scores differ a little by chance.
        share_shift: Share of media's effect that may go elsewhere, the measure of ``mmm compare``.
    """

    skill_drop: float = 0.05
    share_shift: float = SHARE_SHIFT


def objections(challenger: Row, champion: Row | None, gates: Gates | None = None) -> list[str]:
    """Why a model should not replace the champion unless a person says so; empty if it may.

    Args:
        challenger: The new model.
        champion: The model in production; None if there is none yet, then only the diagnostics count.
        gates: Limits.
    """
    gates = gates or Gates()
    reasons = [f"diagnostics: {text}" for text in challenger.findings if text.startswith("error ")]
    if champion is None:
        return reasons
    window, drop = _skill_drop(challenger, champion)
    if drop is not None and drop > gates.skill_drop:
        new, old = challenger.scores[f"{window}_skill"], champion.scores[f"{window}_skill"]
        reasons.append(f"{window} skill fell from {old:.3f} to {new:.3f}, by more than {gates.skill_drop:g}")
    shift = share_shift(challenger.shares, champion.shares)
    if shift > gates.share_shift:
        reasons.append(f"{shift:.0%} of what media bring went elsewhere, more than {gates.share_shift:.0%}")
    return reasons


def _skill_drop(challenger: Row, champion: Row) -> tuple[str, float | None]:
    """Fall of the skill on the test window if both have one, else on the holdout."""
    for window in ("test", "holdout"):
        new, old = (row.scores.get(f"{window}_skill") for row in (challenger, champion))
        if new is not None and old is not None:
            return window, old - new
    return "holdout", None
