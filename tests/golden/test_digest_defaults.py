"""Defaults change on purpose only: what a digest leaves out must go on to mean the same."""

from __future__ import annotations

import json

from tests.golden.digest_defaults import PATH, changed, defaults


def test_no_default_changed_without_a_new_version_of_them() -> None:
    """It did? Raise ``DEFAULTS_VERSION`` and say in decision 0011 why every market is refitted."""
    assert not changed(json.loads(PATH.read_text(encoding="utf-8")), defaults())


def test_every_default_is_watched() -> None:
    """A setting was added? ``python -m tests.golden.digest_defaults`` takes it up."""
    assert json.loads(PATH.read_text(encoding="utf-8")) == defaults()


def test_a_changed_default_is_seen() -> None:
    one = {"version": 1, "defaults": {"a": 1, "b": True}}

    assert changed(one, {"version": 1, "defaults": {"a": 2, "b": 1, "c": 0}}) == [
        "a was 1 and is 2",
        "b was True and is 1",
    ]
    assert changed(one, {"version": 1, "defaults": {"a": 1}}) == ["b was True and is no such setting"]
    assert changed(one, {"version": 2, "defaults": {"a": 2}}) == []
