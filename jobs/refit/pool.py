"""The second half of a refit that pools: markets whose brands taught them something are fitted once more.

Models that were fitted alone stay beside and are what is pooled, so that nothing a brand learned from others
comes back to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import ray

from jobs.record.ledger_files import foreign_table
from jobs.record.rows import Row
from jobs.record.store import local_copy, read_row, result_key, result_place
from jobs.refit.priors import PRIORS
from jobs.refit.task import ESTIMATES, Work
from jobs.results import summary
from mmm.analysis.change import share_shift
from mmm.analysis.pool_table import MOVES, Priors, pool_table, returned_priors
from mmm.config import PoolSpec
from mmm.data.schema import Finding
from mmm.errors import ModelFileError
from mmm.storage import read_parquet, write_parquet

POOL = "pool.parquet"
KEYS = ("brand", "market", "channel")
BATCH = 64
"""Models whose estimates one task reads."""
NOTHING = pd.DataFrame(
    columns=[
        *("channel", "quantity", "value", "standard_error", "pressure", "tests"),
        *("brand", "market", "vertical"),
    ]
)
"""Estimates of no model."""
Key = tuple[str, str]


@dataclass(frozen=True)
class Source:
    """A model to be pooled.

    Attributes:
        brand: Brand.
        market: Market.
        vertical: What the brand is in; empty where it is not stated.
        directory: The fitted model, fitted alone.
    """

    brand: str
    market: str
    vertical: str
    directory: str


def sources(
    names: Iterable[Key], rows: Mapping[Key, Row], verticals: Mapping[Key, str], out: str
) -> list[Source]:
    """Models fitted alone of the markets that have one.

    Args:
        names: Every market of the portfolio.
        rows: The newest row of each, of this refit or an earlier one.
        verticals: What each is in.
        out: Absolute place of the results.
    """
    found = []
    for key in names:
        row = rows.get(key)
        if row is None or not row.directory:
            continue
        alone = row.directory
        if PRIORS in row.settings:
            alone = result_place(out, *key, result_key(row.data_fingerprint, row.spec_digest))
        found.append(Source(*key, verticals.get(key, ""), alone))
    return found


def gather(models: Sequence[Source]) -> pd.DataFrame:
    """Estimates of models, read by the cluster."""
    remote = ray.remote(estimates_of)
    parts = [models[first : first + BATCH] for first in range(0, len(models), BATCH)]
    tables: list[pd.DataFrame] = ray.get([remote.remote(part) for part in parts])
    return pd.concat([table for table in tables if len(table)] or [NOTHING], ignore_index=True)


def estimates_of(models: Sequence[Source]) -> pd.DataFrame:
    """Estimates of models with brand, market and vertical; of those that an older program left, made now.

    What was removed or is of an older format is left out.
    """
    tables = []
    for model in models:
        if read_row(model.directory) is None:
            continue
        with local_copy(model.directory) as folder:
            path = folder / f"{ESTIMATES}.parquet"
            if path.exists():
                table = pd.read_parquet(path)
            else:
                from mmm.analysis.estimates import channel_estimates
                from mmm.fitted import load_fitted

                try:
                    table = channel_estimates(load_fitted(folder))
                except ModelFileError:
                    continue
        tables.append(table.assign(brand=model.brand, market=model.market, vertical=model.vertical))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def pooled_works(
    works: Sequence[Work],
    rows: Mapping[Key, Row],
    before: Mapping[Key, Row],
    estimates: pd.DataFrame,
    spec: PoolSpec,
) -> tuple[pd.DataFrame, list[Work]]:
    """The table of the pool, and markets to be fitted with what others let expect.

    A market keeps the priors of its last refit where its data and settings are the same and the new ones
    would not move it by more than ``MOVES``: others' news of a week are no reason to fit it again.

    Args:
        works: Markets asked for.
        rows: What fitting them alone came to.
        before: Rows of the last refit.
        estimates: From :func:`gather`.
        spec: Which channels and markets are alike.
    """
    table = pool_table(estimates, spec)
    found = returned_priors(table)
    again = []
    for work in works:
        key = (work.spec.brand, work.spec.market)
        row, last = rows.get(key), before.get(key)
        if row is None or row.status == "failed":
            continue
        priors = found.get(key, {})
        if last is not None and _same_fit(row, last):
            own = table[(table["brand"] == key[0]) & (table["market"] == key[1])]
            kept = last.settings.get(PRIORS, {})
            if _moves(own, kept, priors) <= MOVES:
                priors = kept
        stated = work.spec.model.priors.channels
        priors = {
            name: belief for name, belief in priors.items() if name not in stated or stated[name].roi is None
        }
        if priors:
            again.append(replace(work, priors=priors, alone=row.directory))
    return table, again


def _same_fit(row: Row, last: Row) -> bool:
    return (row.data_fingerprint, row.spec_digest) == (last.data_fingerprint, last.spec_digest)


def _moves(own: pd.DataFrame, old: Priors, new: Priors) -> float:
    """Standard errors by which new priors in place of old ones move the most-moved channel."""
    returns = own[own["quantity"] == "roi"]
    moved = [
        abs(_posterior(row, new) - _posterior(row, old)) / row["standard_error"]
        for row in returns.to_dict("records")
    ]
    return max(moved, default=0.0)


def _posterior(row: Mapping[Any, Any], priors: Priors) -> float:
    """Log return of a channel with a prior, in the normal approximation; without one its own estimate."""
    value = float(np.log(row["value"]))
    belief = priors.get(str(row["channel"]), {}).get("roi")
    if belief is None:
        return value
    width = belief["sd"] / belief["mean"]
    weight = float(width**2 / (width**2 + row["standard_error"] ** 2))
    return weight * value + (1 - weight) * float(np.log(belief["mean"]))


def write_pool(table: pd.DataFrame, out: str) -> str:
    """Write ``pool.parquet`` below ``out``, whole or not at all; returns its place."""
    place = f"{out.rstrip('/')}/{POOL}"
    write_parquet(place, pa.Table.from_pandas(table, preserve_index=False))
    return place


def read_pool(out: str) -> pd.DataFrame | None:
    """``pool.parquet`` below ``out``; None if there is none.

    Raises:
        OutputError: What lies there is no such table.
    """
    place = f"{out.rstrip('/')}/{POOL}"
    try:
        table: pd.DataFrame = read_parquet(place).to_pandas()
        table[list(KEYS)]
    except FileNotFoundError:
        return None
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise foreign_table(place, error) from error
    return table


def with_shift(row: Row, alone: Row, table: pd.DataFrame) -> Row:
    """The row of a pooled model with how far pooling moved it, also in words."""
    own = table[(table["brand"] == row.brand) & (table["market"] == row.market) & table["returned"]]
    shift = share_shift(row.shares, alone.shares)
    told = "; ".join(
        f"{name} {alone.roi[name]:.3g} alone, {row.roi[name]:.3g} pooled; {n - 1} others expect {prior:.3g}"
        for name, prior, n in own.sort_values("shift", key=abs, ascending=False)[
            ["channel", "prior", "n"]
        ].itertuples(index=False)
        if name in alone.roi and name in row.roi
    )
    finding = Finding(
        severity="info",
        code="pooled",
        where="returns",
        what=f"Other brands moved {shift:.0%} of what media bring. Return of {told}.",
        why="What is alike between brands tells most where a market's own data tell little.",
        what_to_do="See pool.parquet; `pool: off` fits every market alone.",
    )
    return replace(row, pool_shift=shift, findings=(*row.findings, summary(finding)))
