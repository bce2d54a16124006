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


def test_a_finding_about_many_channels_counts_them() -> None:
    one = {"code": "not_converged", "where": "tv, search"}
    many = {"code": "not_converged", "where": ", ".join(f"channel {number}" for number in range(9))}

    assert places([one]) == "TV and search"
    assert plain([many]).startswith("What is said of 9 channels was not sampled long enough")
