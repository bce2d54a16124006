"""Arguments of the service: where tokens come from, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from mmm.errors import SpecError
from serve.app import TOKENS_VARIABLE, Arguments, settings_of

ENTRY = '{"name": "a", "sha256": "' + "0" * 64 + '", "scopes": ["read"]}'


def test_text_of_a_command_line_is_read() -> None:
    settings = settings_of(Arguments.model_validate({"models": "demo", "poll": "2.5", "keep": "7"}))

    assert (settings.poll, settings.keep) == (2.5, 7)
    assert Path(settings.models).is_absolute()
    assert settings_of(Arguments(models="http://mlflow:5000")).models == "http://mlflow:5000"


@pytest.mark.parametrize("wrong", [{"modelz": "x"}, {"models": ""}, {"models": "x", "poll": "often"}])
def test_what_is_unknown_or_wrong_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Arguments.model_validate(wrong)


def test_tokens_of_the_environment_join_those_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tokens.yaml"
    path.write_text(f"tokens: [{ENTRY}]\n", encoding="utf-8")
    monkeypatch.setenv(TOKENS_VARIABLE, f"[{ENTRY}]")

    assert len(settings_of(Arguments(models="m", tokens_file=str(path))).all_tokens) == 2


@pytest.mark.parametrize("text", ["nonsense", '{"name": "a"}', '[{"name": "a"}]'])
def test_tokens_that_are_none_are_told(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKENS_VARIABLE, text)

    with pytest.raises(SpecError):
        settings_of(Arguments(models="m"))
