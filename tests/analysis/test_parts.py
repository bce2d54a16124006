"""A model in parts says what it says in one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mmm.analysis.attribution import contributions_table, predictions_table
from mmm.analysis.parts import (
    EVERYWHERE,
    PartSums,
    national_contributions,
    national_predictions,
    national_tables,
    part_of,
    part_sums,
)
from mmm.analysis.quality import data_quality
from mmm.analysis.score import score_splits, scores_of
from mmm.analysis.tables import regions_table
from mmm.data.read import PanelRead
from mmm.fitted import Fitted
from mmm.pipeline import analysed
from tests.small import chain_graph, sketch, small_panel, with_gaps

REGIONS = 4


@pytest.fixture(scope="module", params=["graph", "one member"])
def fitted(request: pytest.FixtureRequest) -> Fitted:
    panel = with_gaps(small_panel(regions=REGIONS))
    if request.param == "graph":
        return sketch(panel, members=3, graph=chain_graph(panel.channels))
    return sketch(panel, members=1)


@pytest.fixture(scope="module")
def parts(fitted: Fitted) -> list[Fitted]:
    """The model cut unevenly: one region, then the others."""
    return [part_of(fitted, slice(0, 1)), part_of(fitted, slice(1, REGIONS))]


@pytest.fixture(scope="module")
def sums(parts: list[Fitted]) -> PartSums:
    first, second = (part_sums(part, part) for part in parts)
    return first + second


def same(found: pd.DataFrame, expected: pd.DataFrame, tolerance: float = 1e-9) -> None:
    pd.testing.assert_frame_equal(found, expected, rtol=tolerance, atol=tolerance, check_dtype=False)


def test_national_tables_are_those_of_one_part(fitted: Fitted, parts: list[Fitted], sums: PartSums) -> None:
    expected = analysed(fitted.spec, PanelRead(fitted.panel, fitted.split, ()), fitted, fitted, 0.0).tables
    found = national_tables(parts[1], sums)

    assert {"effects", "curves", "returns", "windows", "correlations"} <= set(found)
    assert set(expected) - set(found) == {"predictions", "contributions", "regions"}
    for name, table in found.items():
        # A Hill equation is searched, up to the tolerance of the search.
        same(table, expected[name], 1e-4 if name == "hill" else 1e-9)


def test_scores_and_counts_are_those_of_one_part(fitted: Fitted, sums: PartSums) -> None:
    prediction_GT = fitted.predictor.parts.prediction_MGT.mean(0)
    expected = score_splits(fitted.panel, fitted.split, prediction_GT)
    found = {name: scores_of(window) for name, window in sums.scores.windows.items()}

    for window, scores in expected.items():
        for name, value in scores.items():
            if name != "naive":
                assert found[window][name] == pytest.approx(value, rel=1e-9), name
    quality, whole = data_quality(fitted, sums.quality), data_quality(fitted)
    # Sums of parts are those of the whole to rounding, which some processors do otherwise.
    same(pd.DataFrame(quality.pop("outliers")), pd.DataFrame(whole.pop("outliers")), 1e-9)
    assert quality == whole


def test_tables_by_region_are_those_of_one_part(fitted: Fitted, parts: list[Fitted], sums: PartSums) -> None:
    weight_C = sums.media.weight_C / sums.media.regions
    found = pd.concat([regions_table(part, weight_C) for part in parts], ignore_index=True)
    same(found, regions_table(fitted))
    same(pd.concat(map(predictions_table, parts), ignore_index=True), predictions_table(fitted))
    keys = ["component", "region", "date"]
    cells = pd.concat(map(contributions_table, parts), ignore_index=True)
    expected = contributions_table(fitted).sort_values(keys, ignore_index=True)
    same(cells.sort_values(keys, ignore_index=True), expected)


def test_the_nation_is_the_sum_of_its_regions_and_surer_than_they_are(
    fitted: Fitted, parts: list[Fitted], sums: PartSums
) -> None:
    table = predictions_table(fitted)
    cells = table[table["actual"].notna()].groupby("date")
    nation = national_predictions(parts[0], sums.forecast).set_index("date")

    assert (nation["region"] == EVERYWHERE).all()
    np.testing.assert_allclose(nation["predicted"], cells["predicted"].sum(), rtol=1e-9)
    np.testing.assert_allclose(nation["actual"], cells["actual"].sum(), rtol=1e-9)
    wide = cells["upper"].sum() - cells["lower"].sum()
    assert (nation["upper"] - nation["lower"] < wide).all()
    values = contributions_table(fitted).groupby(["component", "date"])["value"].sum()
    own = national_contributions(parts[0], sums).set_index(["component", "date"])["value"]
    np.testing.assert_allclose(own.sort_index(), values.sort_index(), rtol=1e-9, atol=1e-9)
