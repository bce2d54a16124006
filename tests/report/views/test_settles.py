"""What would settle it: the best test of each channel."""

from __future__ import annotations

from dataclasses import replace

from mmm.design.best import best_tests, said
from mmm.report.tables import Tables
from mmm.report.views.experiments import experiments, settles


def test_the_best_test_of_each_channel_is_shown(tables: Tables) -> None:
    tests = tables.frame("tests")
    best = best_tests(tests)
    (chosen,) = best[best["recommended"]]["channel"]

    assert sorted(best["channel"]) == sorted(tests["channel"].unique())
    assert best.set_index("channel").loc[chosen, "net"] == tests["net"].max()
    title = str(settles(tables).layout.title.text)
    assert "net of its cost" in title and "USD" in title


def test_where_nothing_pays_it_says_so(tables: Tables) -> None:
    none = tables.frame("tests").assign(recommended=False)
    assert "No test is worth its cost" in str(settles(replace(tables, tests=none)).layout.title.text)
    plain = none.assign(net=float("nan"), value=float("nan"), cost=float("nan"))
    assert "What a test" in str(settles(replace(tables, tests=plain)).layout.title.text)


def test_a_test_in_words() -> None:
    row = {"kind": "go_dark", "weeks": 8, "national": False, "treated": "CA; NY", "blocks": 1}
    assert said(row) == "go dark for 8 weeks in 2 regions"
    assert (
        said({**row, "kind": "heavy_up", "national": True, "blocks": 2}) == "heavy up in 2 blocks of 8 weeks"
    )


def test_a_region_with_a_comma_in_its_name_is_one_region(tables: Tables) -> None:
    washington = "Washington, DC (Hagerstown, MD)"
    first = tables.frame("contributions")["region"].astype(str).iloc[0]
    told = tables.frame("contributions").assign(
        region=lambda frame: frame["region"].astype(str).replace(first, washington)
    )
    one = tables.frame("experiments").assign(regions=washington)
    both = one.assign(regions=f"{washington}, {told['region'].iloc[-1]}")
    said = [
        str(experiments(replace(tables, contributions=told, experiments=rows)).layout.yaxis.ticktext)
        for rows in (one, both)
    ]

    assert "Washington" in said[0] and "region" not in said[0]
    assert "2 regions" in said[1]
