"""What docs/serve.md shows runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from serve.app import Arguments, settings_of
from tests.serve.page.site import serving


def blocks(repository: Path, language: str) -> list[str]:
    text = (repository / "docs" / "serve.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def test_the_calls_run(repository: Path, models: Path) -> None:
    (code,) = blocks(repository, "python")
    found: dict[str, Any] = {}
    with serving(models) as url:
        exec(code.replace("http://127.0.0.1:8000/", url), found)

    assert found["plan"]["status"] == "optimal"
    assert found["what_if"]["plans"][0]["spend"] == pytest.approx(found["plan"]["spend"])
    assert len(found["curves"]["response"]) == 21


def test_the_tokens_are_taken_from_a_file(repository: Path, tmp_path: Path) -> None:
    (text,) = blocks(repository, "yaml")
    path = tmp_path / "tokens.yaml"
    path.write_text(text, encoding="utf-8")
    (token,) = settings_of(Arguments(models="m", tokens_file=str(path))).all_tokens

    assert token.brands == ("acme",)
    assert yaml.safe_load(text)["tokens"][0]["per_second"] == token.per_second
