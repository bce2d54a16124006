"""Panels with organic media, mediators and treatments: how they are laid out, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmm.config import MarketSpec
from mmm.config.files import validate
from mmm.config.market import HolidaysSpec
from mmm.data.panel import Panel, Treatment, data_fingerprint, reference_values
from mmm.data.read import panel_from_frame
from mmm.errors import PanelError
from tests.data.panels import REGIONS, WEEKS, frame, spec


def table() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    cells = len(REGIONS) * WEEKS
    emails = rng.poisson(40, cells).astype(float)
    searches = rng.poisson(90, cells).astype(float)
    depth = np.where(rng.uniform(size=cells) < 0.2, 0.3, 0.0)
    return frame().assign(emails=emails, searches=searches, depth=depth)


def market(**columns: Any) -> MarketSpec:
    values = spec()
    values["columns"] |= {
        "controls": [],
        "organic": {"email": {"exposure": "emails"}},
        "mediators": {"brand": {"exposure": "searches"}},
        "treatments": {
            "price": {"reference": "max", "sign": "negative"},
            "promotion": {"column": "depth", "reference": 0.0, "carry_over": True},
        },
        **columns,
    }
    return validate(MarketSpec, values, "test")


@pytest.fixture(scope="module")
def panel() -> Panel:
    return panel_from_frame(table(), market()).panel


def test_organic_media_and_mediators_follow_the_channels(panel: Panel) -> None:
    assert panel.channels == ("tv", "search", "email", "brand")
    assert panel.kind_C == ("channel", "channel", "organic", "mediator")
    assert panel.bought_C.tolist() == [True, True, False, False]
    assert panel.has_spend_C.tolist() == [True, True, False, False]
    assert panel.media_GTC[0, :, 2].tolist() == table()["emails"][:WEEKS].tolist()


def test_organic_media_may_be_known_by_reach_and_frequency(panel: Panel) -> None:
    reached = table().assign(people=lambda rows: rows["emails"] / 2.0, each=2.0)
    spec = market(organic={"email": {"reach": "people", "frequency": "each"}})
    found = panel_from_frame(reached, spec).panel

    assert found.kind_C == panel.kind_C and found.contacts_GTC is not None
    assert found.media_GTC[..., 2].tolist() == (panel.media_GTC[..., 2] / 2.0).tolist()
    assert (found.contacts_GTC[..., 2] == 2.0).all() and np.isnan(found.contacts_GTC[..., 0]).all()
    with pytest.raises(PanelError, match="frequency of 'email' is below 1"):
        panel_from_frame(reached.assign(each=0.5), spec)
    with pytest.raises(PanelError, match="reach of 'email' is more than 5 times the population"):
        panel_from_frame(reached.assign(people=1e12), spec)


def test_treatments_are_the_last_controls(panel: Panel) -> None:
    with_holidays = market().model_copy(update={"holidays": HolidaysSpec(country="US")})
    both = panel_from_frame(table(), with_holidays).panel

    assert panel.controls == both.controls[-2:] == ("price", "promotion")
    assert both.controls[0].startswith("holiday: ")
    assert both.controls_GTK[..., -2:].tolist() == panel.controls_GTK.tolist()
    assert panel.treatments == (Treatment("price", "max"), Treatment("promotion", 0.0, carry_over=True))


def test_references_are_of_each_region(panel: Panel) -> None:
    highest = table().groupby("region")["price"].max()

    assert panel.reference_GR[:, 0].tolist() == highest.loc[list(panel.regions)].tolist()
    assert panel.reference_GR[:, 1].tolist() == [0.0, 0.0, 0.0]


def test_absent_cells_are_no_reference() -> None:
    values_GT = np.array([[3.0, 9.0, 4.0], [7.0, 7.0, 7.0]])
    present_GT = np.array([[True, False, True], [False, False, False]])

    for reference, first in (("min", 3.0), ("max", 4.0), ("median", 3.5), (8.0, 8.0)):
        expected = [first, 8.0 if reference == 8.0 else 0.0]
        assert reference_values(values_GT, present_GT, reference).tolist() == expected


def test_what_a_channel_is_and_what_a_treatment_is_measured_against_belong_to_the_data(panel: Panel) -> None:
    others = [
        replace(panel, organic=()),
        replace(panel, mediators=()),
        replace(panel, treatments=(Treatment("price", "min"), panel.treatments[1])),
    ]
    assert len({data_fingerprint(one) for one in (panel, *others)}) == 4


def test_a_panel_without_them_keeps_its_fingerprint() -> None:
    """That of the panel as it was before there were any."""
    found = panel_from_frame(frame(), validate(MarketSpec, spec(), "test")).panel

    assert data_fingerprint(found) == "905fed2947b24e62ae02e9fb78ada081a9f01faac2d181fc512ddec9ecccd362"


Spoil = Callable[[pd.DataFrame], pd.Series | float]
BAD: dict[str, tuple[str, Spoil, str, str]] = {
    "constant": ("price", lambda _: 9.5, "constant_treatment", "never changes within a region"),
    "constant in each region": (
        "price",
        lambda rows: rows["region"].map({"CA": 8.0, "NY": 9.0, "TX": 10.0}),
        "constant_treatment",
        "Check its column, or remove it",
    ),
    "the KPI": ("price", lambda rows: 0.001 * rows["kpi"] + 4.0, "treatment_is_kpi", "Name another column"),
    "far reference": (
        "depth",
        lambda rows: rows["depth"] + 0.1,
        "reference_out_of_range",
        "reference 0, but its values lie within 0.1 and 0.4",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_treatments_that_cannot_be_modelled_are_refused(what: str) -> None:
    column, spoil, code, says = BAD[what]
    rows = table()
    rows[column] = spoil(rows)
    with pytest.raises(PanelError) as caught:
        panel_from_frame(rows, market())

    (problem,) = caught.value.problems
    assert problem.code == code
    assert problem.where == f"treatment {'price' if column == 'price' else 'promotion'!r}"
    assert says in problem.message


def test_empty_cells_of_a_treatment_are_told_as_those_of_a_control() -> None:
    rows = table()
    rows.loc[3, "price"] = np.nan
    with pytest.raises(PanelError, match=r"treatment 'price' is empty in 1 row.*data\.fill\.controls"):
        panel_from_frame(rows, market())
