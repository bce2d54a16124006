"""Findings in plain words: every check of a model has some, and long lists are counted."""

from __future__ import annotations

import re
from pathlib import Path

from mmm.report.remarks import PLAIN, places, plain


def test_every_check_of_a_model_has_plain_words(repository: Path) -> None:
    """Codes are written where the checks are; words for people are kept apart from them."""
    sources = [path.read_text(encoding="utf-8") for path in (repository / "mmm" / "checks").glob("*.py")]
    codes = {code for source in sources for code in re.findall(r'code="(\w+)"', source)}

    assert len(codes) > 15
    assert codes <= set(PLAIN)


def test_plain_words_hold_no_jargon() -> None:
    said = " ".join(PLAIN.values()).lower()

    assert not re.search(r"r-hat|posterior|prior\b|chains?\b|draws?\b|skill|epoch|holdout|collinear", said)


def test_plain_words_are_right_of_one_channel_and_of_several() -> None:
    """A verb that follows the names would have to change with their number."""
    followed = [
        said for said in PLAIN.values() if re.match(r"\{of\} |Whether \{of\} |How well \{of\} ", said)
    ]

    assert [said for said in followed if "always move together" not in said] == []


def test_a_name_with_a_comma_is_one_name() -> None:
    names = ("tv", "Radio, drive time", "Radio", "drive time")
    pair = {"code": "collinear_channels", "where": "tv, Radio, drive time"}
    test = {
        "code": "experiment_conflict",
        "where": "experiment 1, Radio, drive time, 2024-01-01 to 2024-02-01",
    }

    assert places([pair], names) == "TV and Radio, drive time"
    assert plain([test], names) == "A test of Radio, drive time and the data disagree."
    assert places([{"where": "kpi_value, currency"}], names) == "kpi value and currency"


def test_a_finding_about_many_channels_counts_them() -> None:
    one = {"code": "not_converged", "where": "tv, search"}
    many = {"code": "not_converged", "where": ", ".join(f"channel {number}" for number in range(9))}

    assert places([one], ("tv", "search")) == "TV and search"
    assert plain([many], ()).startswith("What is said of 9 channels was not sampled long enough")
