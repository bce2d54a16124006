"""Settings of a market: names, regions, renamed channels, words and signs of columns, date formats."""

from __future__ import annotations

from typing import Any

import pytest

from mmm.config import MarketSpec
from mmm.config.digest import spec_digest
from mmm.config.files import validate
from mmm.errors import SpecError


def market(**changes: Any) -> MarketSpec:
    values: dict[str, Any] = {
        "brand": "acme",
        "market": "us",
        "data": {"path": "panel.csv"},
        "columns": {
            "region": "region",
            "date": "date",
            "kpi": "kpi",
            "channels": {"tv": {"spend": "tv"}},
            "controls": ["price", "rival"],
        },
    }
    columns = {**values["columns"], **changes.pop("columns", {})}
    return validate(MarketSpec, {**values, "columns": columns, **changes}, "test")


@pytest.mark.parametrize("name", ["a\0b", "a\u202eb", "..", ".", "us/west", "a\u2028b"])
def test_names_that_cannot_be_keys_are_refused_in_words(name: str) -> None:
    with pytest.raises(SpecError, match="a name is a key in paths") as caught:
        market(brand=name)
    assert "pattern" not in str(caught.value)


@pytest.mark.parametrize("name", ["Café & Söhne", "a.b", "東京", "acme-us_1"])
def test_names_of_any_script_are_kept(name: str) -> None:
    assert market(brand=name).brand == name


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ("%q", "does not exist"),
        ("%", "does not exist"),
        ("%Y-W%W", "%G-W%V"),
        ("%Y-W%V", "ISO week"),
        ("%G", "ISO week"),
        ("%d.%m", "no year"),
        ("%Y", "no month"),
        ("%d/%d/%Y", "twice"),
        ("mixed", "no year"),
        ("ISO8601", "no year"),
    ],
)
def test_date_formats_that_tell_no_day_are_problems_of_the_spec(form: str, says: str) -> None:
    with pytest.raises(SpecError, match="date format") as caught:
        market(data={"path": "panel.csv", "date_format": form})
    assert caught.value.problems[0].where == "data.date_format"
    assert says in str(caught.value)


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%Y-%m", "%G-W%V", "%G%V", "%d %b %y", "%Y%j", "%G-W%V-%u"])
def test_date_formats_that_tell_days_are_accepted(form: str) -> None:
    assert market(data={"path": "panel.csv", "date_format": form}).data.date_format == form


def test_regions_are_left_out_by_either_key() -> None:
    direct = market(regions={"exclude": ["west"]})
    below_data = market(data={"path": "panel.csv", "regions": {"exclude": ["west"]}})

    assert direct.regions.exclude == below_data.regions.exclude == ("west",)


def test_regions_of_a_national_model_are_refused() -> None:
    with pytest.raises(SpecError, match="the model is national"):
        market(columns={"region": None}, regions={"exclude": ["west"]})


@pytest.mark.parametrize(
    ("renamed", "says"),
    [({"radio": "tv"}, "no channel"), ({"tv": "tv"}, "is a channel still")],
)
def test_renamed_channels_are_checked(renamed: dict[str, str], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        market(renamed=renamed)


def test_an_older_name_changes_no_fit() -> None:
    assert spec_digest(market(renamed={"tv": "television"})) == spec_digest(market())


def test_words_of_the_kpi_and_signs_of_controls_stand_beside_them() -> None:
    columns = market(
        columns={
            "kpi": {"column": "kpi", "label": "Orders", "unit": "orders"},
            "controls": ["price", {"column": "rival", "sign": "negative"}],
        }
    ).columns

    assert (columns.kpi, columns.kpi_label, columns.kpi_unit) == ("kpi", "Orders", "orders")
    assert columns.controls == ("price", "rival")
    assert columns.signs == {"rival": "negative"}


def test_a_sign_without_a_control_is_refused() -> None:
    with pytest.raises(SpecError, match="no control"):
        market(columns={"signs": {"rain": "negative"}})


def test_words_change_no_digest_and_signs_do() -> None:
    worded = market(columns={"channels": {"tv": {"spend": "tv", "label": "Television", "unit": "GRP"}}})

    assert spec_digest(worded) == spec_digest(market())
    assert spec_digest(market(columns={"signs": {"rival": "negative"}})) != spec_digest(market())
