"""Beliefs as they are written: families, ranges, places, and what makes no sense."""

from __future__ import annotations

import math
from typing import Any

import pytest
from scipy import stats

from mmm.config import Belief, ChannelBelief, ChannelPriors
from mmm.config.digest import plain
from mmm.config.files import validate
from mmm.errors import SpecError


def test_a_log_normal_has_the_mean_and_the_deviation_that_are_stated() -> None:
    """Mean 3 and standard deviation 1 of the quantity itself, not of its logarithm."""
    centre, width = ChannelBelief(family="lognormal", mean=3.0, sd=1.0).normal
    drawn = stats.lognorm(width, scale=math.exp(centre))

    assert (drawn.mean(), drawn.std()) == pytest.approx((3.0, 1.0))


@pytest.mark.parametrize(
    ("low", "high", "family", "lognormal"),
    [(1.0, 4.0, None, True), (0.0, 4.0, None, False), (1.0, 4.0, "normal", False)],
)
def test_a_range_holds_nine_cases_of_ten(low: float, high: float, family: Any, lognormal: bool) -> None:
    belief = ChannelBelief(range=(low, high), family=family)
    centre, width = belief.normal
    ends = stats.norm(centre, width).ppf([0.05, 0.95])

    assert belief.is_lognormal is lognormal
    assert ([math.exp(end) for end in ends] if lognormal else list(ends)) == pytest.approx([low, high])
    assert belief.away(high) == pytest.approx(1.6449, abs=1e-4)


def test_mean_and_sd_alone_are_normal_as_they_always_were() -> None:
    belief = ChannelBelief(mean=2.0, sd=0.5)

    assert belief.normal == (2.0, 0.5)
    assert not ChannelPriors(roi=belief).replaces
    assert plain(belief) == {"mean": 2, "sd": 0.5}, "the digest of older specs stays as it was"
    assert ChannelPriors.model_validate({"roi": Belief(mean=2.0, sd=0.5)}).roi == belief


def test_a_belief_has_its_own_place_or_that_of_its_channel() -> None:
    priors = ChannelPriors.model_validate(
        {
            "roi": {"range": [1, 3]},
            "share": {"mean": 0.1, "sd": 0.05, "regions": ["CA"]},
            "window": ["2024-01-01", "2024-03-31"],
            "regions": ["NY"],
        }
    )
    share, roi = priors.stated()

    assert (share.quantity, share.regions, roi.regions) == ("share", ("CA",), ("NY",))
    assert share.window is not None and str(share.window.end) == "2024-03-31" == str(
        roi.window and roi.window.end
    )


@pytest.mark.parametrize(
    ("belief", "said"),
    [
        ({"range": [3, 1]}, r"range is \[3, 1\], but it must rise"),
        ({"range": [2, 2]}, "Swap them, or widen it"),
        ({"mean": 2, "sd": 0}, "sd: .*0"),
        ({"mean": 2, "sd": -1}, "sd: .*0"),
        ({"mean": 2}, "needs `mean` and `sd`, or a `range"),
        ({"mean": 2, "sd": 1, "range": [1, 2]}, "either `mean` and `sd` or a `range`"),
        ({"range": [0, 2], "family": "lognormal"}, "write `family: normal`"),
        ({"range": [1, 2], "window": ["2024-02-01", "2024-01-01"]}, "swap them"),
    ],
)
def test_one_message_says_what_is_wrong_and_the_way_out(belief: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=said) as error:
        validate(ChannelPriors, {"roi": belief}, "spec")
    assert len(error.value.problems) == 1
    assert error.value.problems[0].where.startswith("roi")
