"""Shares are of the window to which the effects refer, also after a refit on all periods."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mmm.analysis.shares import result_shares, saved_shares

DATES = pd.date_range("2025-01-06", periods=4, freq="7D")


def tables(*, refitted: bool) -> dict[str, pd.DataFrame]:
    """TV brings 20 of 100 in each of four weeks, of which the last was held out."""
    split = ["train", "train", "train", "holdout"]
    predictions = pd.DataFrame({"date": DATES, "split": split})
    found = {
        "effects": pd.DataFrame(
            {
                "channel": ["tv"],
                "direct": [60.0],
                "direct_lower": [30.0],
                "direct_upper": [90.0],
                "roi": [2.0],
            }
        ),
        "contributions": pd.DataFrame({"date": DATES.repeat(2), "value": [80.0, 20.0] * 4}),
        "predictions": predictions.assign(split="train") if refitted else predictions,
    }
    return found | ({"scored_predictions": predictions} if refitted else {})


@pytest.mark.parametrize("refitted", [False, True])
def test_a_share_is_that_of_the_training_window(tmp_path: Path, *, refitted: bool) -> None:
    found = tables(refitted=refitted)
    for name, table in found.items():
        table.to_parquet(tmp_path / f"{name}.parquet")

    for shares in (result_shares(found), saved_shares(tmp_path)):
        assert shares["share"].tolist() == [0.2]
        assert shares["share_lower"].tolist() == [0.1]
        assert shares["share_upper"].tolist() == [0.3]
