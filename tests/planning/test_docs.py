"""The page on plans says what the program reads."""

from __future__ import annotations

import re
from pathlib import Path

from mmm.config.files import parse_yaml
from mmm.planning.request import parse_request
from mmm.planning.scenario.request import parse_scenario


def test_the_examples_of_the_page_are_read(repository: Path) -> None:
    page = (repository / "docs" / "plans.md").read_text(encoding="utf-8")
    # The block between them shows the forms of `prices` one below the other.
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    request, plans = (parse_yaml(block, "docs").values for block in (blocks[0], blocks[-1]))

    assert parse_request(request).groups[0].channels == ("tv", "video")
    assert list(parse_scenario(plans).plans) == ["more_tv", "from_rows"]
