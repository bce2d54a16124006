"""Drivers, beliefs and prices that cannot be meant: one message each, with place, rule and way out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from mmm.cli import command as cli
from mmm.fitted import save_fitted
from tests.data.panels import frame, spec, write
from tests.small import sketch

SEARCH = {"spend": "search_spend", "exposure": "search_impressions"}
REACHED = {"tv": {"spend": "tv", "reach": "people", "frequency": "each"}, "search": SEARCH}
"""TV by people reached, 2 contacts each."""


class Bad(NamedTuple):
    """What is wrong, and what is to be said of it.

    Attributes:
        place: Where it is, as the message names it.
        rule: What it breaks.
        way_out: What to do.
        columns: Changes to the spec's columns.
        belief: Prior of a channel, by its name.
        spoil: Columns of the panel that change.
    """

    place: str
    rule: str
    way_out: str
    columns: Mapping[str, Any] = {}
    belief: Mapping[str, Any] = {}
    spoil: Callable[[pd.DataFrame], Mapping[str, Any]] = lambda _: {}


BAD = {
    "organic channel with spend": Bad(
        "columns.organic.email (line ",
        "what stands here is not bought",
        "Remove `spend`, or move it to columns.channels",
        columns={"organic": {"email": {"exposure": "emails", "spend": "email_spend"}}},
    ),
    "treatment that is constant": Bad(
        "treatment 'price': ",
        "its effect cannot be told from the level",
        "Check its column, or remove it",
        spoil=lambda _: {"price": 9.5},
    ),
    "treatment that moves as the KPI": Bad(
        "treatment 'price': ",
        "it is the KPI, or computed from it",
        "Name another column, or remove it",
        spoil=lambda rows: {"price": 3.0 * rows["kpi"] + 7.0},
    ),
    "treatment that is the column of the KPI": Bad(
        "columns (line ",
        "'kpi' is kpi and treatments.price.column",
        "Remove all but one",
        columns={"treatments": {"price": {"column": "kpi", "reference": "max"}}},
    ),
    "reach far above population": Bad(
        "reach of 'tv' is more than 5 times the population in 1 of 180 rows: region 'CA', 2023-01-02",
        "Nobody is reached for the first time twice",
        "give both in persons, or impressions as `exposure`",
        columns={"channels": REACHED},
        spoil=lambda rows: {"people": np.where(rows.index == 0, 6e6, rows["people"])},
    ),
    "frequency below 1 where reach is above 0": Bad(
        "frequency of 'tv' is below 1, or empty, where somebody is reached in 1 row: region 'CA', 2023-01-16",
        "Whoever is reached has a contact",
        "correct the cell, or give both of the same people",
        columns={"channels": REACHED},
        spoil=lambda rows: {"each": np.where(rows.index == 2, 0.5, 2.0)},
    ),
    "frequency without reach in a row": Bad(
        "frequency of 'tv' is above 0 where nobody is reached in 1 row: region 'CA', 2023-01-09",
        "Contacts are contacts of somebody",
        "fill in the reach, or write 0",
        columns={"channels": REACHED},
        spoil=lambda rows: {"people": np.where(rows.index == 1, 0.0, rows["people"])},
    ),
    "frequency without a column of reach": Bad(
        "columns.channels.tv (line ",
        "how often says nothing without how many",
        "Name the column of reach, or give impressions as `exposure`",
        columns={"channels": {"tv": {"spend": "tv", "frequency": "each"}, "search": SEARCH}},
    ),
    "belief with low above high": Bad(
        "model.priors.channels.tv.roi (line ",
        "range is [3, 1], but it must rise",
        "Swap them, or widen it",
        belief={"tv": {"roi": {"range": [3.0, 1.0]}}},
    ),
    "belief with low as high": Bad(
        "model.priors.channels.tv.share (line ",
        "range is [0.2, 0.2], but it must rise",
        "Swap them, or widen it",
        belief={"tv": {"share": {"range": [0.2, 0.2]}}},
    ),
    "belief held for certain": Bad(
        "model.priors.channels.tv.roi.sd (line ",
        "is 0, but a standard deviation is above 0",
        "write `range: [low, high]`",
        belief={"tv": {"roi": {"mean": 3.0, "sd": 0}}},
    ),
    "belief with a negative width": Bad(
        "model.priors.channels.tv.roi.sd (line ",
        "is -0.5, but a standard deviation is above 0",
        "Say how far off the mean may be",
        belief={"tv": {"roi": {"family": "lognormal", "mean": 3.0, "sd": -0.5}}},
    ),
    "belief of the return of what costs nothing that is known": Bad(
        "model.priors.channels.search.roi",
        "is a return on spend, but 'search' has no column of spend",
        "Name one, or state the channel's `share`",
        columns={"channels": {"tv": {"spend": "tv"}, "search": {"exposure": "search_impressions"}}},
        belief={"search": {"roi": {"mean": 3.0, "sd": 1.0}}},
    ),
    "belief of the return of an organic channel": Bad(
        "model.priors.channels.email.roi",
        "is a return on spend, but 'email' has no column of spend",
        "Name one, or state the channel's `share`",
        belief={"email": {"roi": {"mean": 3.0, "sd": 1.0}}},
    ),
}


def market(folder: Path, bad: Bad) -> Path:
    """A spec with organic media, a treatment and what is bad."""
    rows = frame()
    rows = rows.assign(emails=rows["search_spend"] * 3.0, people=rows["tv"] * 40.0, each=2.0)
    values = spec()
    values["columns"] |= {
        "controls": [],
        "organic": {"email": {"exposure": "emails"}},
        "treatments": {"price": {"reference": "max"}},
        **bad.columns,
    }
    if bad.belief:
        values["model"] = {"priors": {"channels": dict(bad.belief)}}
    return write(folder, rows.assign(**bad.spoil(rows)), values)


@pytest.mark.parametrize("command", ["validate", "fit"])
@pytest.mark.parametrize("bad", BAD.values(), ids=list(BAD))
def test_a_bad_driver_is_refused_once(
    bad: Bad, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "model"
    arguments = [command, str(market(tmp_path, bad)), *(["--out", str(out)] if command == "fit" else [])]

    assert cli.main(arguments) == 2
    told = capsys.readouterr().err
    assert "has 1 problem:" in told and told.count("\n  - ") == 1
    place, rule, way_out = (told.find(part) for part in (bad.place, bad.rule, bad.way_out))
    assert -1 < place < way_out and rule > -1, told
    assert not out.exists()


def test_reach_a_little_above_the_population_is_remarked_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    above = Bad(
        "", "", "", {"channels": REACHED}, spoil=lambda r: {"people": np.where(r.index, r["people"], 2e6)}
    )

    assert cli.main(["validate", str(market(tmp_path, above))]) == 0
    told = capsys.readouterr().out
    assert "reach is above the population in 1 cell," in told and "region 'CA', 2023-01-02" in told
    assert "Give reach in persons of the same area" in told


FALLING = [{"up_to": 1000, "price": 0.2}, {"price": 0.1}]
PRICES: dict[str, tuple[dict[str, Any], str, str]] = {
    "elasticity below 0": ({"elasticity": -0.1}, "elasticity is -0.1; it must be within 0", "as tiers"),
    "elasticity above 0.6": ({"elasticity": 0.7}, "elasticity is 0.7; it must be within 0", "as tiers"),
    "tiers that fall": ({"tiers": FALLING}, "tiers fall from 0.2 to 0.1 per unit", "the mean price"),
}


@pytest.mark.parametrize("command", ["optimize", "scenario"])
@pytest.mark.parametrize(("price", "rule", "way_out"), PRICES.values(), ids=list(PRICES))
def test_a_bad_price_is_refused_once(
    price: dict[str, Any],
    rule: str,
    way_out: str,
    command: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    save_fitted(sketch(), tmp_path / "model")
    asked = {"budget": "current"} if command == "optimize" else {"plans": {"now": {"spend": {"tv": 9.0}}}}
    request = tmp_path / "request.yaml"
    request.write_text(json.dumps({"horizon": 8, "prices": {"tv": price}, **asked}))

    assert cli.main([command, str(tmp_path / "model"), str(request)]) == 2
    told = capsys.readouterr().err
    assert "has 1 problem:" in told and told.count("\n  - ") == 1
    assert -1 < told.find("prices.tv") < told.find(rule) < told.find(way_out), told
