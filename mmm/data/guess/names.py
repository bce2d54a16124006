"""Names of columns taken apart: words, endings, and what they say."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mmm.data.guess.words import EXPOSURE, IGNORED, SPEND


def plain(name: str) -> str:
    """A name in lower case, its words set off by underscores: ``OpenTV`` is ``open_tv``."""
    spaced = re.sub(r"(?<=[a-zäöüß0-9])(?=[A-ZÄÖÜ])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.strip())
    return re.sub(r"[^\w]+", "_", spaced).strip("_").casefold()


def is_ignored(name: str) -> bool:
    """Whether a column is an index or names the market."""
    folded = name.strip().casefold()
    return folded in IGNORED or folded == "" or folded.startswith("unnamed")


def named_like(names: Sequence[str], words: Sequence[str]) -> str | None:
    """The name that is one of the words, else the first that has one as a part; earlier words win."""
    folded = {name: plain(name) for name in names}
    for word in words:
        for name, text in folded.items():
            if text == word:
                return name
    for word in (word for word in words if len(word) > 2):
        for name, text in folded.items():
            if word in text.split("_"):
                return name
    return None


def suffix(name: str, words: str) -> tuple[str, str] | None:
    """A name as (stem, ending) if it ends, or starts, with one of the words set off by _ , space or dot."""
    name = re.sub(r"\s*[(\[][^)\]]*[)\]]$", "", name.strip())
    if found := re.fullmatch(rf"(.+?)[_ .-]({words})(?:[_ .-](?:s|i|p))?", name.strip(), re.IGNORECASE):
        return found[1], found[2]
    found = re.fullmatch(rf"(.*[a-z])((?i:{words}))", name)
    if found and found[2][:1].isupper() and len(found[2]) > 1:
        return found[1], found[2]
    if found := re.fullmatch(rf"((?:{words}))[_ .-](.+)", name.strip(), re.IGNORECASE):
        return (found[2], found[1]) if len(found[1]) > 1 else None
    return None


def sounds_like(name: str) -> str | None:
    """``spend`` or ``exposure`` if the name of a column says so in a whole word, else None."""
    for kind, words in (("spend", SPEND), ("exposure", EXPOSURE)):
        if (match := suffix(name, words)) and len(match[1]) > 1:
            return kind
    return None


def stem(text: str) -> str:
    """The channel's name; ``search_clicks`` of ``search_clicks_P`` belongs to ``search``."""
    if found := re.fullmatch(rf"(.+?)[_ .-]({EXPOSURE})", text.strip(), re.IGNORECASE):
        return found[1] if len(found[2]) > 1 else text.strip()
    return text.strip()
