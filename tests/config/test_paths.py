from __future__ import annotations

from typing import Any

import pytest

from mmm.config import ChannelPriors, ModelSpec, SaturationSpec, TrainSpec
from mmm.config.paths import Difference, differences, field_name, flatten, get, owners, replaced


def test_settings_are_listed_by_path() -> None:
    values = {"a": {"b": 1, "c": {"d": [2, 3]}}, "e": {}, "f": None}

    assert flatten(values) == {"a.b": 1, "a.c.d": [2, 3], "e": {}, "f": None}


def test_a_spec_is_listed_as_plain_data() -> None:
    spec = ModelSpec.model_validate({"priors": {"channels": {"tv": {"share": {"mean": 0.1, "sd": 0.05}}}}})

    found = flatten(spec)

    assert found["saturation.slope_min"] == 2.0
    assert found["priors.channels.tv.share.mean"] == 0.1
    assert found["graph.required"] == []
    assert "saturation" not in found


def test_a_setting_is_read_by_its_path() -> None:
    spec = ModelSpec(saturation=SaturationSpec(slope_min=1.25))

    assert get(spec, "saturation.slope_min") == 1.25
    assert field_name("saturation.slope_min") == "slope_min"
    with pytest.raises(AttributeError, match="slope_mn"):
        get(spec, "saturation.slope_mn")


def test_every_setting_of_a_class_has_the_class_it_stands_in() -> None:
    found = owners(ModelSpec, "model.")

    assert found["model.saturation.slope_min"] is SaturationSpec
    assert "model.saturation" not in found
    assert set(owners(TrainSpec).values()) == {TrainSpec}
    assert owners(ChannelPriors)["share"] is ChannelPriors, "a section that may be None is a value"


def test_settings_are_replaced_and_the_rest_stays() -> None:
    values: dict[str, Any] = {"a": {"b": 1, "c": 2}, "d": None}

    found = replaced(values, {"a.b": 9, "d.e.f": [1], "g": True})

    assert found == {"a": {"b": 9, "c": 2}, "d": {"e": {"f": [1]}}, "g": True}
    assert values == {"a": {"b": 1, "c": 2}, "d": None}


def test_no_path_leads_through_a_value() -> None:
    with pytest.raises(TypeError, match=r"^a\.b is a value and has no keys below it$"):
        replaced({"a": {"b": 1}}, {"a.b.c": 2})


def test_differences_are_named_in_order() -> None:
    old = {"b": 1, "a": "x", "same": [1], "gone": 5}
    new = {"a": "y", "b": 2.5, "same": [1], "came": True}

    assert differences(old, new) == [
        Difference("b", "1", "2.5"),
        Difference("a", "x", "y"),
        Difference("gone", "5", "absent"),
        Difference("came", "absent", "True"),
    ]


def test_what_says_nothing_is_no_difference() -> None:
    assert differences({"a": None, "b": {}, "c": 0}, {"b": None, "d": {}, "c": 0}) == []
    assert differences({"channels": {}}, {"channels.tv": 1}) == [Difference("channels.tv", "absent", "1")]
