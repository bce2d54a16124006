"""Whether a new model may replace the one in production: gates a person would apply, as pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from jobs.record.rows import Row
from mmm.analysis.change import SHARE_SHIFT, came_and_went, present_names, roi_changes, share_shift

RESTATED = "history_restated"
"""Code of the finding that a refit's data tell the past otherwise than those of the model before."""
IMPLAUSIBLE = "implausible_roi"


@dataclass(frozen=True)
class Gates:
    """What a challenger must keep to.

    Attributes:
        skill_drop: Most that the skill may fall below the champion's; windows move by a few weeks between
            refits, so scores differ a little by chance.
        share_shift: Share of media's effect that may go elsewhere, the measure of ``mmm compare``.
        least_skill: Skill that the first model of a market must have. The best rule of thumb has 0 and is
            hard to beat where a KPI hardly moves; at -3 the squared error is four times that of the rule.
        most_media: Share of the KPI that media may bring in the first model of a market.
    """

    skill_drop: float = 0.05
    share_shift: float = SHARE_SHIFT
    least_skill: float = -3.0
    most_media: float = 0.8


def objections(
    challenger: Row,
    champion: Row | None,
    gates: Gates | None = None,
    renamed: Mapping[str, str] | None = None,
) -> list[str]:
    """Why a model should not go to production unless a person says so; empty if it may.

    Args:
        challenger: The new model.
        champion: The model in production; None if there is none yet.
        gates: Limits.
        renamed: Channels that had another name before: new name to old name.
    """
    gates = gates or Gates()
    reasons = [f"diagnostics: {text}" for text in challenger.findings if text.startswith("error ")]
    if champion is None:
        return [*reasons, *_against_floors(challenger, gates)]
    return [*reasons, *_against(challenger, with_present_names(champion, challenger, renamed), gates)]


def with_present_names(old: Row, new: Row, renamed: Mapping[str, str] | None) -> Row:
    """An older row with the names that its channels have now."""
    names = present_names({**old.shares, **old.roi}, {**new.shares, **new.roi}, renamed)
    shares, roi = ({names[key]: v for key, v in values.items()} for values in (old.shares, old.roi))
    return replace(old, shares=shares, roi=roi)


def _against_floors(first: Row, gates: Gates) -> Iterator[str]:
    """What a model must not be though nothing is known to be better."""
    window, skill = _skill(first)
    if skill is not None and skill < gates.least_skill:
        yield f"{window} skill is {skill:.3g}, below {gates.least_skill:g}: a rule of thumb is far better"
    media = sum(first.shares.values())
    if media > gates.most_media:
        yield f"media bring {media:.0%} of the KPI, more than {gates.most_media:.0%}"
    yield from (text for text in first.findings if text.split(" ")[1:2] == [IMPLAUSIBLE])


def _against(challenger: Row, champion: Row, gates: Gates) -> Iterator[str]:
    """What moved that a few weeks more do not move."""
    window, drop = _skill_drop(challenger, champion)
    if drop is not None and drop > gates.skill_drop:
        new, old = challenger.scores[f"{window}_skill"], champion.scores[f"{window}_skill"]
        yield f"{window} skill fell from {old:.3f} to {new:.3f}, by more than {gates.skill_drop:g}"
    shift = share_shift(challenger.shares, champion.shares)
    if shift > gates.share_shift:
        others = came_and_went(champion.shares, challenger.shares)
        yield (
            f"{shift:.0%} of what media bring went elsewhere, more than {gates.share_shift:.0%}"
            + (f" ({others})" if others else "")
            + _by_pooling(challenger)
        )
    changes = roi_changes(
        challenger.roi, champion.roi, challenger.shares, champion.shares, valued=challenger.valued
    )
    yield from (change.text for change in changes)
    yield from (text for text in challenger.findings if text.split(" ")[1:2] == [RESTATED])


def _by_pooling(row: Row) -> str:
    """How much of a shift is that of pooling, in words."""
    return "" if row.pool_shift is None else f"; pooling with other brands moved {row.pool_shift:.0%}"


def _skill(row: Row) -> tuple[str, float | None]:
    """Skill on the test window if it has one, else on the holdout."""
    for window in ("test", "holdout"):
        if (skill := row.scores.get(f"{window}_skill")) is not None:
            return window, skill
    return "holdout", None


def _skill_drop(challenger: Row, champion: Row) -> tuple[str, float | None]:
    """Fall of the skill on the test window if both have one, else on the holdout."""
    for window in ("test", "holdout"):
        new, old = (row.scores.get(f"{window}_skill") for row in (challenger, champion))
        if new is not None and old is not None:
            return window, old - new
    return "holdout", None
