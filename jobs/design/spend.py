"""A yearly budget of tests, spent greedily: each step takes the test that gains most for what it costs.

What a test teaches sister markets is counted where the portfolio pools: by the random effects of
``mmm.analysis.pooling`` the precision that a test adds to its own market's estimate narrows what the class
lets every sister expect. News of a sister is worth what its own budget decision gains by it.

Shapes: N channels of a class, R tests, E errors of a reading.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from jobs.design.markets import ERRORS, Designed
from mmm.analysis.pool_table import KEY
from mmm.data.panel import Bools, Floats, Ints
from mmm.design.designer import LEAST_POWER

LEAST_COST = 1.0
"""Currency below which a test's cost counts as this much when gains are held against costs."""
ADDED = ("brand", "market", "exchange_rate", "order", "sister_value", "total_net")
"""Columns that join those of a market's tests."""

Channel = tuple[str, str, str]
"""Brand, market and channel."""


@dataclass(eq=False)
class Class:
    """Channels of one class, and what is known of each.

    Attributes:
        keys: Its channels, N.
        between: Spread of log returns between brands.
        error_N: Standard error of each one's log return.
        tested_N: The same after the tests that were taken.
        worth_NE: What a reading with each of ``ERRORS`` is worth to each one's market, in the budget's
            currency.
    """

    keys: tuple[Channel, ...]
    between: float
    error_N: Floats
    tested_N: Floats
    worth_NE: Floats

    def sister_values(self, place_R: Ints, after_R: Floats) -> Floats:
        """What tests of some of its channels are worth to the others' markets, beyond what is taken, shape R.

        Args:
            place_R: The tested channel, by its position.
            after_R: Standard error of its log return after the test.
        """
        tested_N = self._weight(self.tested_N)
        added_R = np.maximum(self._weight(after_R) - tested_N[place_R], 0.0)
        total = float(tested_N.sum())
        before_N = float(self._weight(self.error_N).sum()) - self._weight(self.error_N)
        worth_R = np.zeros(len(place_R))
        for n, key in enumerate(self.keys):
            if self.tested_N[n] < self.error_N[n] or before_N[n] <= 0:
                continue
            now = self._worth(n, before_N[n], np.array([total - tested_N[n]]))
            then_R = self._worth(n, before_N[n], total - tested_N[n] + added_R)
            others_R = np.array([self.keys[place][:2] != key[:2] for place in place_R])
            worth_R += np.where(others_R, then_R - now, 0.0)
        return worth_R

    def _weight(self, error: Floats) -> Floats:
        """What an estimate adds to the precision of the mean of the class."""
        weight: Floats = 1.0 / (self.between**2 + error**2)
        return weight

    def _worth(self, n: int, before: float, after_R: Floats) -> Floats:
        """What a sister gains where others' precision rises from ``before``; her own estimate is no part."""
        prior, posterior_R = self.between**2 + 1.0 / before, self.between**2 + 1.0 / after_R
        news_R = np.maximum(1.0 / posterior_R - 1.0 / prior, 0.0) * self.error_N[n] ** 2
        precision_E = np.array([0.0, *(error**-2 for error in reversed(ERRORS))])
        worth_E = np.maximum.accumulate([0.0, *self.worth_NE[n, ::-1]])
        return np.asarray(np.interp(news_R, precision_E, worth_E))


def classes_of(
    pool: pd.DataFrame | None, markets: Sequence[Designed], rate: Mapping[tuple[str, str], float]
) -> list[Class]:
    """The classes of a portfolio's channels; none where nothing is pooled.

    Args:
        pool: ``pool.parquet``.
        markets: What workers found.
        rate: Units of the budget's currency for one of each market's.
    """
    if pool is None or pool.empty:
        return []
    worth = {
        (market.model.brand, market.model.market, channel): values
        for market in markets
        for channel, values in (market.news or {}).items()
    }
    found = []
    for _, own in pool[pool["quantity"] == "roi"].groupby(["group", "class"], sort=True):
        keys = tuple(own[[*KEY, "channel"]].astype(str).itertuples(index=False, name=None))
        error_N = own["standard_error"].to_numpy(np.float64)
        worth_NE = np.array(
            [rate.get(key[:2], 0.0) * np.array(worth.get(key, [0.0] * len(ERRORS))) for key in keys]
        )
        found.append(Class(keys, float(own["between_sd"].iloc[0]), error_N, error_N.copy(), worth_NE))
    return found


def joined_tests(markets: Sequence[Designed], rates: Mapping[str, float]) -> pd.DataFrame:
    """Tests of all markets, each with its market and the rate of its currency."""
    parts = [
        market.tests.assign(brand=market.model.brand, market=market.model.market)
        for market in markets
        if market.tests is not None and len(market.tests)
    ]
    if not parts:
        return pd.DataFrame()
    table = pd.concat(parts, ignore_index=True)
    return table.assign(exchange_rate=table["currency"].map(rates).astype(np.float64))


def market_rates(table: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Rate of each market's currency, 0 where it has none."""
    rows = table.drop_duplicates(list(KEY)) if len(table) else table
    return {
        (str(row["brand"]), str(row["market"])): float(np.nan_to_num(row["exchange_rate"]))
        for row in rows.to_dict("records")
    }


def spend(table: pd.DataFrame, classes: Sequence[Class], budget: float | None = None) -> pd.DataFrame:
    """The tests in the order in which they are taken, and what sisters gain by each.

    A market has one test at most: what a second is worth depends on what the first finds. Tests that would
    hardly see what they look for are not taken.

    Args:
        table: From :func:`joined_tests`.
        classes: From :func:`classes_of`.
        budget: What tests may cost together; None for any amount.

    Returns:
        The table with ``ADDED``; ``order`` is 0 for tests that are not taken. Those taken come first.
    """
    if table.empty:
        return table.reindex(columns=[*table.columns, *ADDED])
    value_R, cost_R = (
        (table[name] * table["exchange_rate"]).to_numpy(np.float64) for name in ("value", "cost")
    )
    open_R: Bools = np.isfinite(value_R) & np.isfinite(cost_R) & (table["power"] >= LEAST_POWER).to_numpy()
    whose_R = np.unique(table["brand"] + "\t" + table["market"], return_inverse=True)[1]
    places = [_places(table, own) for own in classes]
    sister_R, order_R = np.zeros(len(table)), np.zeros(len(table), dtype=np.int64)
    for own, (row_R, place_R, after_R) in zip(classes, places, strict=True):
        sister_R[row_R] = own.sister_values(place_R, after_R)
    left = np.inf if budget is None else budget
    for step in range(1, len(np.unique(whose_R)) + 1):
        net_R = value_R + sister_R - cost_R
        able_R = open_R & (net_R > 0) & (cost_R <= left)
        if not able_R.any():
            break
        ratio_R = np.where(able_R, net_R / np.maximum(cost_R, LEAST_COST), -np.inf)
        best = int(np.lexsort((-net_R, -ratio_R))[0])
        order_R[best], left = step, left - cost_R[best]
        open_R &= whose_R != whose_R[best]
        for own, (row_R, place_R, after_R) in zip(classes, places, strict=True):
            hit = np.flatnonzero(row_R == best)
            if len(hit):
                own.tested_N[place_R[hit[0]]] = min(after_R[hit[0]], own.tested_N[place_R[hit[0]]])
                later = order_R[row_R] == 0
                sister_R[row_R[later]] = own.sister_values(place_R[later], after_R[later])
    found = table.assign(order=order_R, sister_value=sister_R, total_net=value_R + sister_R - cost_R)
    taken = found["order"].where(found["order"] > 0, np.iinfo(np.int64).max)
    by = found.assign(_taken=taken).sort_values(["_taken", "total_net"], ascending=[True, False])
    return by.drop(columns="_taken").reset_index(drop=True)


def _places(table: pd.DataFrame, own: Class) -> tuple[Ints, Ints, Floats]:
    """Rows of a class's tests, the tested channel's position, and its standard error after the test."""
    place = {key: n for n, key in enumerate(own.keys)}
    keys = list(table[[*KEY, "channel"]].astype(str).itertuples(index=False, name=None))
    row_R = np.array([r for r, key in enumerate(keys) if key in place], dtype=np.int64)
    place_R = np.array([place[keys[r]] for r in row_R], dtype=np.int64)
    kept_R = (table["effect_sd_after"] / table["effect_sd"]).to_numpy(np.float64)[row_R]
    after_R = own.error_N[place_R] * np.clip(np.nan_to_num(kept_R, nan=1.0), 0.0, 1.0)
    return row_R, place_R, after_R
