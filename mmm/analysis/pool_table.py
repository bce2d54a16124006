"""``pool.parquet``: classes of channels over brands, each brand against its class, and what goes back.

Lift tests weigh as what they are: they are data of a brand's own fit, whose standard error they make small,
and a channel that has one is never moved by its class further than its own error allows.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from mmm.analysis.estimates import QUANTITIES
from mmm.analysis.pooling import FEWEST, Pooled, belief, pool
from mmm.config import PoolSpec
from mmm.data.panel import Floats

Priors = dict[str, dict[str, dict[str, float]]]
"""Beliefs on returns by channel, as ``model.priors.channels`` of a spec has them."""
MOVES = 0.25
"""Standard errors by which a prior must move an estimate to be worth a fit."""
KEY = ["brand", "market"]
COLUMNS = (
    *("group", "class", "quantity", "mean", "mean_se", "between_sd", "slope", "n", "new_mean", "new_sd"),
    *("brand", "market", "channel", "tests", "value", "standard_error", "against"),
    *("prior", "prior_sd", "pooled", "shift", "returned"),
)
"""First what is said of the class, then of the brand. ``mean``, ``new_mean``, ``value``, ``prior`` and
``pooled`` are in the quantity's own units (a return, mean volumes, a share); all spreads are in logs (of
retention: in logits), ``against`` in spreads of the class, ``shift`` in the brand's own standard errors."""


def pool_table(estimates: pd.DataFrame, spec: PoolSpec) -> pd.DataFrame:
    """Pool the estimates of a portfolio.

    Args:
        estimates: Columns of :func:`mmm.analysis.estimates.channel_estimates` with brand, market, vertical.
        spec: Which channels and markets are alike.

    Returns:
        Columns of ``COLUMNS``, a row for each brand-market, channel and quantity of a class of at least
        three; ``returned`` says whose returns go back into its fit: all of a market of which one moves by
        more than ``MOVES``.
    """
    known = estimates[(estimates["standard_error"] > 0) & np.isfinite(estimates["value"].to_numpy(float))]
    known = known.assign(
        **{"class": known["channel"].map(spec.class_of), "group": _groups(known, spec)}
    ).dropna(subset=["group"])
    parts = [
        _rows(own, name)
        for name, own in known.groupby(["group", "class", "quantity"], sort=True)
        if own[KEY].drop_duplicates().shape[0] >= FEWEST
    ]
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    table = pd.concat(parts, ignore_index=True)
    order = {name: place for place, name in enumerate(QUANTITIES)}
    table = table.sort_values(
        ["group", "class", "quantity", *KEY],
        key=lambda column: column.map(order) if column.name == "quantity" else column,
        ignore_index=True,
    )
    moved = table[(table["quantity"] == "roi") & (table["shift"].abs() > MOVES)]
    markets = set(moved[KEY].itertuples(index=False, name=None))
    chosen = [key in markets for key in table[KEY].itertuples(index=False, name=None)]
    table["returned"] = np.array(chosen, dtype=bool) & (table["quantity"] == "roi")
    return table[list(COLUMNS)]


def _groups(estimates: pd.DataFrame, spec: PoolSpec) -> pd.Series:
    """The group of every row; none for a market without a vertical where that is what is grouped by."""
    if spec.group == "all":
        return pd.Series("all", index=estimates.index)
    return estimates[spec.group].replace("", None)


def _rows(own: pd.DataFrame, name: tuple[str, str, str]) -> pd.DataFrame:
    """Rows of one class."""
    group, class_, quantity = name
    pressure = own["pressure"].to_numpy(dtype=np.float64)
    centre = np.nanmedian(pressure) if quantity == "roi" else 0.0
    moderator = np.nan_to_num(pressure - centre) if quantity == "roi" else None
    value, error = own["value"].to_numpy(np.float64), own["standard_error"].to_numpy(np.float64)
    found = pool(value, error, moderator)
    return own[[*KEY, "channel", "tests"]].assign(
        **_of_class(found, quantity),
        **{"group": group, "class": class_, "quantity": quantity},
        value=natural(value, quantity),
        standard_error=error,
        against=(value - found.prior_N) / found.between_sd,
        prior=natural(found.prior_N, quantity),
        prior_sd=found.width_N,
        pooled=natural(found.posterior_N, quantity),
        shift=(found.posterior_N - value) / error,
    )


def _of_class(found: Pooled, quantity: str) -> dict[str, float | int]:
    mean, new_mean = natural(np.array([found.mean, found.new_mean]), quantity).tolist()
    return {
        "mean": mean,
        "mean_se": found.mean_se,
        "between_sd": found.between_sd,
        "slope": found.slope,
        "n": found.n,
        "new_mean": new_mean,
        "new_sd": found.new_sd,
    }


def natural(value: Floats, quantity: str) -> Floats:
    """Values of a quantity from the scale of its estimates in its own units."""
    own: Floats = 1.0 / (1.0 + np.exp(-value)) if quantity == "retention" else np.exp(value)
    return own


def returned_priors(table: pd.DataFrame) -> dict[tuple[str, str], Priors]:
    """Priors on returns that go back, by brand and market."""
    found: dict[tuple[str, str], Priors] = {}
    for row in table[table["returned"].astype(bool)].to_dict("records"):
        mean, sd = belief(np.log(row["prior"]), row["prior_sd"], np.log(row["value"]))
        own = found.setdefault((str(row["brand"]), str(row["market"])), {})
        own[str(row["channel"])] = _belief_on_roi(mean, sd)
    return found


def cold_start_priors(
    table: pd.DataFrame, channels: Mapping[str, str] | list[str], group: str = "all"
) -> Priors:
    """What a portfolio knows of the channels of a market that has no model: ``model.priors.channels``.

    Args:
        table: ``pool.parquet``.
        channels: Channels of the new market, or channel to class where they differ.
        group: Its group: a brand, a vertical or ``all``, as the portfolio pools.

    Returns:
        Beliefs on returns by channel, ready for a spec; channels without a class of the portfolio are absent.

    Raises:
        ValueError: The portfolio has no such group.
    """
    groups = sorted(set(table["group"]))
    if group not in groups:
        raise ValueError(f"pool.parquet has no group {group!r}; it has {', '.join(groups) or 'none'}.")
    classes = dict(channels) if isinstance(channels, Mapping) else {name: name for name in channels}
    own = table[(table["group"] == group) & (table["quantity"] == "roi")].drop_duplicates("class")
    known = {
        row["class"]: _belief_on_roi(row["new_mean"], row["new_mean"] * np.sinh(row["new_sd"]))
        for row in own.to_dict("records")
    }
    return {channel: known[name] for channel, name in classes.items() if name in known}


def _belief_on_roi(mean: float, sd: float) -> dict[str, dict[str, float]]:
    """A channel's part of the priors, of four digits: what differs by less is the same model."""
    return {"roi": {"mean": float(f"{mean:.4g}"), "sd": float(f"{sd:.4g}")}}
