from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mmm.analysis.estimates import channel_estimates
from mmm.analysis.pool_table import COLUMNS, cold_start_priors, natural, pool_table, returned_priors
from mmm.config import PoolSpec
from mmm.config.files import validate
from tests.small import sketch, small_panel

ALL = validate(PoolSpec, {"class": {"brand_search": "search"}}, "test")


def estimates(brands: int = 8, seed: int = 0) -> pd.DataFrame:
    """Returns of tv and search, retention of tv, of brands in two verticals; the first knows little."""
    rng = np.random.default_rng(seed)
    rows = []
    for b in range(brands):
        error = 1.0 if b == 0 else 0.1
        search = "brand_search" if b % 2 else "search"
        for channel, quantity, centre in (
            ("tv", "roi", 0.5),
            (search, "roi", 1.0),
            ("tv", "retention", 0.0),
        ):
            rows.append(
                {
                    "channel": channel,
                    "quantity": quantity,
                    "value": centre + 0.2 * rng.standard_normal() + (1.5 if b == 0 else 0.0),
                    "standard_error": error,
                    "pressure": -3.0,
                    "tests": 0,
                    "brand": f"brand{b}",
                    "market": "us",
                    "vertical": "travel" if b < 5 else "retail",
                }
            )
    return pd.DataFrame(rows)


def test_every_brand_stands_against_its_class() -> None:
    table = pool_table(estimates(), ALL)

    assert tuple(table.columns) == COLUMNS
    assert set(table["class"]) == {"tv", "search"}
    assert table.groupby(["class", "quantity"])["n"].first().tolist() == [8, 8, 8]
    tv = table[(table["class"] == "tv") & (table["quantity"] == "roi")]
    assert tv["mean"].iloc[0] == pytest.approx(np.exp(0.5), rel=0.2)
    weak = tv[tv["brand"] == "brand0"].iloc[0]
    assert weak["pooled"] < 0.5 * weak["value"]
    assert weak["against"] > 3
    retention = table[table["quantity"] == "retention"]
    assert retention["value"].between(0, 1).all()


def test_only_markets_that_move_by_a_quarter_get_priors_on_returns() -> None:
    table = pool_table(estimates(), ALL)
    priors = returned_priors(table)

    assert ("brand0", "us") in priors
    assert set(priors["brand0", "us"]) == {"tv", "search"}
    still = table[(table["quantity"] == "roi") & (table["shift"].abs() <= 0.25)]
    moving = {key[0] for key in priors}
    assert all(still.groupby("brand")["shift"].count()[b] < 2 for b in moving & set(still["brand"]))
    belief = priors["brand0", "us"]["tv"]["roi"]
    assert belief["mean"] == pytest.approx(np.exp(0.5), rel=0.25)
    assert table.loc[table["quantity"] != "roi", "returned"].sum() == 0


def test_groups_learn_apart_and_small_ones_not_at_all() -> None:
    by_vertical = pool_table(estimates(), validate(PoolSpec, {"group": "vertical"}, "test"))
    by_brand = pool_table(estimates(), validate(PoolSpec, {"group": "brand"}, "test"))
    unstated = estimates().assign(vertical="")

    assert set(by_vertical["group"]) == {"travel", "retail"}
    assert by_vertical[by_vertical["group"] == "retail"]["n"].unique().tolist() == [3]
    assert len(by_brand) == 0
    assert tuple(by_brand.columns) == COLUMNS
    assert len(pool_table(unstated, validate(PoolSpec, {"group": "vertical"}, "test"))) == 0


def test_a_new_market_starts_from_what_the_portfolio_knows() -> None:
    table = pool_table(estimates(), ALL)

    priors = cold_start_priors(table, {"tv": "tv", "paid search": "search", "podcast": "podcast"})

    assert set(priors) == {"tv", "paid search"}
    belief = priors["tv"]["roi"]
    assert belief["mean"] == pytest.approx(np.exp(0.5), rel=0.25)
    assert 0 < belief["sd"] < belief["mean"]
    with pytest.raises(ValueError, match=r"no group 'travel'; it has all\."):
        cold_start_priors(table, ["tv"], "travel")


def test_estimates_are_those_of_the_model() -> None:
    fitted = sketch(small_panel(regions=1), members=6)
    table = channel_estimates(fitted).set_index(["channel", "quantity"])
    cells_GT = fitted.panel.present_GT & fitted.split.mask("train")
    value_MC = np.einsum("mgtc,gt->mc", fitted.predictor.parts.channels_MGTC, cells_GT * 2.0)
    roi_M = value_MC[:, 1] / fitted.panel.spend_GTC[cells_GT].sum(0)[1]

    assert table.loc[("search", "roi"), "value"] == pytest.approx(np.log(roi_M).mean())
    assert table.loc[("search", "roi"), "standard_error"] == pytest.approx(np.log(roi_M).std(ddof=1))
    shapes = fitted.predictor.channel_shapes()
    told = natural(np.array([table.loc[("tv", "retention"), "value"]]), "retention")[0]
    assert shapes["retention"][:, 0].min() < told < shapes["retention"][:, 0].max()


def test_one_draw_or_no_value_of_the_kpi_says_less() -> None:
    panel = small_panel(regions=1)
    unvalued = sketch(panel, members=4, kpi_value=None)

    assert len(channel_estimates(sketch(panel, members=1))) == 0
    assert set(channel_estimates(unvalued)["quantity"]) == {"half_saturation", "retention"}
