"""Hostile YAML: a problem with its place at once, whatever it would have grown to."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from mmm.config.files import load_market, override, parse_yaml, read_yaml
from mmm.config.yaml_bounds import DEEPEST, MOST_BYTES
from mmm.errors import SpecError

HOSTILE = Path(__file__).resolve().parents[3] / "shared" / "cases" / "hostile"


def aliases(levels: int, width: int) -> str:
    """A document whose last value stands for ``width ** levels`` values."""
    rows = ["a0: &a0 x"]
    rows += [
        f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * width)}]" for level in range(1, levels + 1)
    ]
    return "\n".join(rows)


WRONG = {
    "aliases of aliases": (aliases(9, 9), "aliases written out"),
    "merges of merges": (
        "a0: &a0 {k: 1}\n"
        + "\n".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 9)),
        "aliases written out",
    ),
    "brackets": (f"brand: {'[' * 20_000}", "nested deeper than 50"),
    "braces": (f"brand: {'{a: ' * 20_000}", "nested deeper than 50"),
    "blocks": ("\n".join(f"{' ' * n}- " for n in range(200)), "nested deeper than 50"),
    "decimal": (f"seed: {'9' * 5_000}", "a number of 5000 characters"),
    "hexadecimal": (f"seed: 0x{'f' * 5_000}", "a number of 5002 characters"),
    "sexagesimal": (f"seed: 1{':1' * 3_000}", "a number of 6001 characters"),
    "fraction": (f"seed: 1{':1' * 3_000}.5", "characters"),
    "no such date": ("first: 2024-13-45", "cannot be read"),
    "no integer": ("seed: !!int ''", "cannot be read"),
    "no truth": ("report: !!bool perhaps", "cannot be read"),
    "no time": ("first: !!timestamp soon", "cannot be read"),
    "code": ("a: !!python/object/apply:os.system ['true']", "could not determine a constructor"),
}


@pytest.mark.parametrize("name", WRONG)
def test_hostile_documents_are_problems_at_once(name: str) -> None:
    text, reason = WRONG[name]
    began = time.perf_counter()
    with pytest.raises(SpecError, match=reason) as caught:
        parse_yaml(text, "spec.yaml")

    assert "line " in caught.value.problems[0].where
    assert time.perf_counter() - began < 5.0


def test_what_people_write_is_within_the_bounds() -> None:
    deep = "".join(f"{' ' * level}k:\n" for level in range(DEEPEST - 3)) + f"{' ' * DEEPEST}1"
    assert parse_yaml(deep, "s").values
    text = "base: &b {holdout: 4}\nmarkets:\n" + "\n".join(
        f"  - {{market: m{n}, splits: *b}}" for n in range(500)
    )
    assert len(parse_yaml(text, "s").values["markets"]) == 500
    assert parse_yaml("market: no\nrate: 1e-3\nyes: 12", "s").values == {
        "market": "no",
        "rate": 1e-3,
        "yes": 12,
    }


def test_settings_of_the_command_line_have_the_same_bounds() -> None:
    for text in (f"train.seed={'[' * 20_000}", f"train.seed={'9' * 5_000}", "train.seed=2024-13-45"):
        with pytest.raises(SpecError, match="cannot be applied"):
            override({}, [text], "--set")


def test_no_more_is_read_than_a_specification_holds(tmp_path: Path) -> None:
    path = tmp_path / "long.yaml"
    path.write_text("# a comment\n" * (MOST_BYTES // 12 + 1))
    with pytest.raises(SpecError, match="larger than 2000000 bytes"):
        read_yaml(str(path))


def test_a_hundred_thousand_mistakes_are_told_in_part(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("\n".join(f"key{n}: 1" for n in range(20_000)))
    with pytest.raises(SpecError) as caught:
        load_market(str(path))

    assert caught.value.problems[-1].message.startswith("and ")
    assert len(caught.value.problems) == 201


@pytest.mark.parametrize("kind", ["named pipe", "folder", "device"])
def test_what_is_no_file_is_refused_without_opening_it(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "spec.yaml"
    if kind == "named pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path = Path("/dev/zero")
    for place in (str(path), f"file://{path}"):
        with pytest.raises(SpecError, match=f"it is a {kind}, not a file"):
            read_yaml(place)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_another_encoding_is_told_as_such(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes("brand: Müller\nmarket: de\n".encode(encoding))
    with pytest.raises(SpecError, match=r"its encoding is .*Save it as UTF-8"):
        read_yaml(str(path))


@pytest.mark.skipif(not HOSTILE.is_dir(), reason="hostile examples are not here")
@pytest.mark.parametrize("name", ["yamlbomb.yaml", "hugeint.yaml", "deep.yaml", "nul_brand.yaml"])
def test_hostile_examples(name: str) -> None:
    began = time.perf_counter()
    with pytest.raises(SpecError):
        load_market(str(HOSTILE / name))
    assert time.perf_counter() - began < 5.0
