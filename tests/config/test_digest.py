"""Digests: what differs from the defaults counts, and nothing else does."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

import pytest
import yaml
from pydantic import Field

from mmm.config import PLACE_ONLY, MarketSpec, Spec
from mmm.config.digest import DEFAULTS_VERSION, spec_digest, stated
from mmm.config.files import dump_yaml, override, parse_yaml
from tests.data.panels import spec


class Part(Spec):
    """A section."""

    width: float = 1.0
    names: tuple[str, ...] = ("a",)


class Later(Part):
    """The same after a setting was added."""

    depth: int = 3
    inner: Part = Part()
    extra: Part | None = None


class Sword(Spec):
    """One of a union."""

    kind: Literal["sword"] = "sword"
    long: bool = True


class Shield(Spec):
    """The other."""

    kind: Literal["shield"] = "shield"
    long: bool = True


class Whole(Spec):
    """Something of every kind."""

    name: str
    part: Part = Part(width=2.0)
    optional: Part | None = None
    parts: tuple[Part, ...] = ()
    by_name: dict[str, Part] = Field(default={})
    either: float | bool | str | None = 1.0
    arm: Sword | Shield = Sword()
    since: date | None = None
    threads: Annotated[int, Field(json_schema_extra=PLACE_ONLY)] = 1


def digest(**values: Any) -> str:
    return spec_digest(Whole.model_validate({"name": "n", **values}))


def test_only_what_differs_is_in_it() -> None:
    whole = Whole(name="n", part=Part(width=2.0, names=("b",)), parts=(Part(), Part(width=0.5)))

    assert stated(whole) == {
        "name": "n",
        "part": {"width": 2, "names": ["b"]},
        "parts": [{}, {"width": 0.5}],
    }


def test_a_new_setting_leaves_the_digest_as_it_was() -> None:
    unlike: list[dict[str, Any]] = [{"depth": 4}, {"inner": {"width": 2}}, {"extra": {}}]
    alike: list[dict[str, Any]] = [{}, {"width": 3.0}, {"names": ("b", "c")}]

    for values in alike:
        assert spec_digest(Later.model_validate(values)) == spec_digest(Part.model_validate(values))
    for values in unlike:
        assert spec_digest(Later.model_validate(values)) != spec_digest(Part())


@pytest.mark.parametrize(
    "same",
    [
        {"part": {"width": 2}},
        {"part": {"names": ["a"], "width": 2.0}},
        {"optional": None},
        {"parts": []},
        {"by_name": {}},
        {"either": 1},
        {"arm": {"kind": "sword"}},
        {"threads": 8},
    ],
    ids=str,
)
def test_a_default_that_is_written_out_is_left_out(same: dict[str, Any]) -> None:
    assert digest(**same) == digest()


def test_everything_else_is_told_apart() -> None:
    others: list[dict[str, Any]] = [
        {},
        {"name": "m"},
        {"part": {}},
        {"part": {"width": 3}},
        {"part": {"width": 2, "names": []}},
        {"optional": {}},
        {"parts": [{}]},
        {"parts": [{}, {}]},
        {"by_name": {"a": {}, "b": {}}},
        {"by_name": {"b": {}, "a": {}}},
        {"either": True},
        {"either": "1"},
        {"either": "1.0"},
        {"either": None},
        {"either": 0},
        {"either": False},
        {"arm": {"kind": "shield"}},
        {"since": date(2024, 1, 1)},
    ]

    assert len({digest(**values) for values in others}) == len(others)


def test_the_order_of_fields_in_a_class_does_not_count() -> None:
    class Turned(Spec):
        names: tuple[str, ...] = ("a",)
        width: float = 1.0

    values = {"width": 3.0, "names": ("b",)}

    assert spec_digest(Turned.model_validate(values)) == spec_digest(Part.model_validate(values))


def test_another_set_of_defaults_is_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest()
    monkeypatch.setattr("mmm.config.digest.DEFAULTS_VERSION", DEFAULTS_VERSION + 1)

    assert digest() != before


def test_what_nobody_thought_of_is_refused() -> None:
    class Strange(Spec):
        values: frozenset[int] = frozenset()

    with pytest.raises(TypeError, match="has no digest"):
        spec_digest(Strange())


def test_dumps_with_and_without_defaults_have_one_digest() -> None:
    market = MarketSpec.model_validate(spec())
    texts = [dump_yaml(market, defaults=defaults) for defaults in (True, False)]

    found = {spec_digest(MarketSpec.model_validate(parse_yaml(text, "x").values)) for text in texts}

    assert found == {spec_digest(market)}


def test_digest_sees_what_affects_a_fit_and_nothing_else() -> None:
    base = MarketSpec.model_validate(spec())
    reference = spec_digest(base)
    for same in ({"brand": "other"}, {"market": "de"}, {"data": {"path": "elsewhere.parquet"}}):
        assert spec_digest(MarketSpec.model_validate({**spec(), **same})) == reference
    for setting in ("train.seed=1", "splits.holdout=9", "model.graph.mode=none", "kpi_value=2"):
        changed = MarketSpec.model_validate(override(spec(), [setting], "x"))
        assert spec_digest(changed) != reference
    values = spec()
    values["columns"]["channels"] = dict(reversed(values["columns"]["channels"].items()))
    assert spec_digest(MarketSpec.model_validate(values)) != reference


def test_digest_is_the_same_in_every_process() -> None:
    one = spec_digest(MarketSpec.model_validate(spec()))
    text = yaml.safe_dump(spec(), sort_keys=False)
    assert one == spec_digest(MarketSpec.model_validate(yaml.safe_load(text)))
    assert len(one) == 64
