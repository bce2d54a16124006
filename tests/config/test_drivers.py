"""Drivers that are no paid media: how they are written, and what is refused of them."""

from __future__ import annotations

from typing import Any

import pytest

from mmm.config import ColumnsSpec
from mmm.config.digest import spec_digest, stated
from mmm.errors import SpecError
from tests.config.test_market import market

EMAIL = {"organic": {"email": {"exposure": "emails", "unit": "emails"}}}
SEARCHES = {"mediators": {"brand": {"exposure": "brand_searches"}}}
PROMOTION = {"treatments": {"promotion": {"column": "depth", "reference": "min", "sign": "positive"}}}


def treated(**fields: Any) -> dict[str, Any]:
    return {"treatments": {"discount": {"reference": "max", **fields}}}


def test_every_kind_has_its_columns() -> None:
    columns = market(columns={**EMAIL, **SEARCHES, **PROMOTION}).columns

    assert list(columns.media) == ["tv", "email", "brand"]
    assert columns.treatment_columns() == {"promotion": "depth"}
    assert ("organic.email.exposure", "emails") in columns.roles()
    assert ("mediators.brand.exposure", "brand_searches") in columns.roles()
    assert ("treatments.promotion.column", "depth") in columns.roles()


def test_organic_media_may_be_known_by_reach() -> None:
    columns = market(columns={"organic": {"email": {"reach": "people", "frequency": "each"}}}).columns

    assert columns.media["email"].drives == "people"
    assert ("organic.email.frequency", "each") in columns.roles()


def test_a_treatment_is_its_own_column_unless_it_names_one() -> None:
    assert market(columns=treated()).columns.treatment_columns() == {"discount": "discount"}


def test_a_number_is_a_reference() -> None:
    assert market(columns=treated(reference=9.5)).columns.treatments["discount"].reference == 9.5


def test_specs_without_such_drivers_keep_their_digest() -> None:
    """Theirs holds nothing of them; others have one of their own."""
    assert not {"organic", "mediators", "treatments"} & set(stated(market())["columns"])
    assert len({spec_digest(market(columns=kind)) for kind in ({}, EMAIL, SEARCHES, PROMOTION)}) == 4
    assert spec_digest(market(columns=treated())) != spec_digest(market(columns=treated(reference="min")))


@pytest.mark.parametrize(
    ("columns", "where", "says"),
    [
        (
            {"organic": {"email": {"exposure": "e", "spend": "cost"}}},
            "organic.email",
            "move it to columns.channels",
        ),
        ({"organic": {"email": {}}}, "organic.email", "`exposure`, or of `reach` and `frequency`; name one"),
        ({"organic": {"email": {"frequency": "f"}}}, "organic.email", "frequency without reach"),
        ({"organic": {"email": {"reach": "r"}}}, "organic.email", "needs a column of `frequency` or of"),
        (
            {"organic": {"email": {"exposure": "e", "reach": "r", "frequency": "f"}}},
            "organic.email",
            "reach and exposure both drive the response",
        ),
        (treated(reference="maximum"), "treatments.discount.reference", "did you mean 'max'?"),
        (treated(reference=True), "treatments.discount.reference", "True is no reference"),
        (treated(sign="down"), "treatments.discount.sign", "'negative' or 'any'"),
        ({"treatments": {"promotion": {"column": "depth"}}}, "treatments.promotion.reference", "required"),
        (treated(column="price"), "", "'price' is treatments.discount.column and controls"),
        (
            {"organic": {"email": {"exposure": "tv"}}},
            "",
            "'tv' is channels.tv.spend and organic.email.exposure",
        ),
        ({"organic": {"tv": {"exposure": "posts"}}}, "", "'tv' is a channel and organic"),
        ({"treatments": {"rival": {"column": "depth", "reference": 0}}}, "", "a treatment and a control"),
        ({"organic": {"email": {"exposure": "e", "label": "tv"}}}, "", "two channels are called 'tv'"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_place_rule_and_way_out(
    columns: dict[str, Any], where: str, says: str
) -> None:
    with pytest.raises(SpecError) as caught:
        market(columns=columns)

    (problem,) = caught.value.problems
    assert problem.where == f"columns.{where}".rstrip(".")
    assert says in problem.message


def test_mediators_need_the_graph() -> None:
    with pytest.raises(SpecError, match=r"make them columns\.organic"):
        market(columns=SEARCHES, model={"graph": {"mode": "none"}})


def test_the_order_of_a_triangular_graph_lists_organic_media_too() -> None:
    graph = {"mode": "triangular", "order": ["tv"]}
    with pytest.raises(SpecError, match="the channels are tv, email"):
        market(columns=EMAIL, model={"graph": graph})


def test_any_sign_of_a_control_states_none() -> None:
    columns = market(columns={"controls": [{"column": "price", "sign": "any"}, "rival"]}).columns

    assert columns.controls == ("price", "rival")
    assert columns.signs == {}
    assert isinstance(columns, ColumnsSpec)
