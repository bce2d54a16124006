"""National sums: they add up, and say so when they cannot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmm.report import MissingTableError, Tables
from mmm.report.totals import national_components, national_fit, shares


def test_shares_add_up_to_one(tables: Tables) -> None:
    parts = shares(tables)

    assert parts.frame["share"].sum() == pytest.approx(1, abs=1e-12)
    assert parts.frame["value"].sum() == pytest.approx(parts.total, rel=1e-12)
    assert parts.channels["value"].is_monotonic_decreasing


def test_shares_are_of_the_training_window_and_agree_with_the_effects(tables: Tables) -> None:
    assert tables.effects is not None
    direct = tables.effects.set_index("channel")["direct"]
    found = shares(tables).channels.set_index("component")["value"]

    np.testing.assert_allclose(found.loc[direct.index], direct, rtol=1e-9)


def test_intervals_of_shares_are_those_of_the_effects(tables: Tables) -> None:
    assert tables.effects is not None
    parts = shares(tables)
    found = parts.channels.set_index("component")["share_upper"] * parts.total
    wanted = tables.effects.set_index("channel")["direct_upper"]

    np.testing.assert_allclose(found.loc[wanted.index], wanted, rtol=1e-9)


def test_components_add_up_to_the_national_prediction(tables: Tables) -> None:
    assert tables.predictions is not None
    components = national_components(tables).groupby("date")["value"].sum()
    predicted = tables.predictions.groupby("date")["predicted"].sum()

    np.testing.assert_allclose(components.loc[predicted.index], predicted, rtol=1e-9)


def test_national_lines_are_of_the_same_cells(tables: Tables) -> None:
    """A region without a KPI leaves both lines, or the model would seem to overshoot."""
    assert tables.predictions is not None
    cells = tables.predictions.dropna(subset="actual")
    frame = national_fit(tables).set_index("date")

    np.testing.assert_allclose(frame["predicted"], cells.groupby("date")["predicted"].sum(), rtol=1e-12)


def test_contributions_that_are_all_zero_have_no_shares(tables: Tables) -> None:
    assert tables.contributions is not None
    nothing = replace(tables, contributions=tables.contributions.assign(value=0.0))

    with pytest.raises(MissingTableError, match="add up to nothing"):
        shares(nothing)
