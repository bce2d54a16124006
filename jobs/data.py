"""Fits inside Ray Data: one group of a dataset is one market.

``ds.groupby(["brand", "market"]).map_groups(fit_panel(spec), batch_format="pandas")`` fits every
market where its rows lie and gives a row for each of its channels.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from mmm.config import MarketSpec
from mmm.errors import MMMError

EFFECTS = (
    *("spend", "direct", "direct_lower", "direct_upper", "total", "total_lower", "total_upper"),
    *("roi", "roi_lower", "roi_upper"),
)
"""Columns of ``effects.parquet`` that are handed on."""


def fit_panel(
    spec: MarketSpec, brand: str = "brand", market: str = "market"
) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """A function that fits the market of one group.

    Args:
        spec: Columns and settings that all markets share; its brand, market and data are not looked at.
        brand: Column that names the brand.
        market: Column that names the market.

    Returns:
        Of a frame with the rows of one market: brand, market, channel, ``EFFECTS``, and ``problem``, empty
        where the fit succeeded. A market that cannot be fitted has one row, with the problem and nothing
        else, so that it stops no other.
    """

    def fit(rows: pd.DataFrame) -> pd.DataFrame:
        from mmm.data.read import panel_from_frame
        from mmm.pipeline import fit_panel as fitted_panel

        names = {"brand": str(rows[brand].iloc[0]), "market": str(rows[market].iloc[0])}
        try:
            # Blocks of Ray Data are Arrow's; the readers take numbers and text of pandas' own.
            plain = pd.DataFrame({column: rows[column].to_numpy() for column in rows})
            read = panel_from_frame(plain, spec)
            effects = fitted_panel(spec.model_copy(update=names), read).tables["effects"]
            table = effects.reindex(columns=["channel", *EFFECTS]).assign(problem="")
        except MMMError as error:
            table = pd.DataFrame([{"channel": "", "problem": str(error)}])
            table = table.reindex(columns=["channel", *EFFECTS, "problem"])
        table = table.astype({"channel": "str", "problem": "str"} | dict.fromkeys(EFFECTS, "float64"))
        return table.assign(**names)[["brand", "market", *table.columns]]

    return fit
