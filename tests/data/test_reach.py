"""Reach and frequency: what is read, refused and remarked on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from mmm.config import MarketSpec
from mmm.config.digest import spec_digest
from mmm.config.files import validate
from mmm.data.panel import data_fingerprint
from mmm.data.read import PanelRead, panel_from_frame
from mmm.data.starter import draft_spec
from mmm.errors import PanelError, SpecError
from tests.data.panels import frame, spec


def reached(seed: int = 1) -> pd.DataFrame:
    """The clean panel with reach, frequency and impressions of a channel beside its spend."""
    table, rng = frame(), np.random.default_rng(seed)
    share = rng.uniform(0.05, 0.4, len(table))
    table["tv_reach"] = (share * table["population"]).round()
    table["tv_frequency"] = rng.uniform(1.2, 4.0, len(table)).round(3)
    table["tv_impressions"] = table["tv_reach"] * table["tv_frequency"]
    return table


def of(columns: dict[str, str], **tv: Any) -> MarketSpec:
    values = spec()
    values["columns"]["channels"]["tv"] = {"spend": "tv", **columns, **tv}
    return validate(MarketSpec, values, "test")


BOTH = {"reach": "tv_reach", "frequency": "tv_frequency"}
ALL = {"reach": "tv_reach", "impressions": "tv_impressions"}


def read(table: pd.DataFrame, columns: dict[str, str]) -> PanelRead:
    return panel_from_frame(table, of(columns))


def codes(table: pd.DataFrame, columns: dict[str, str] = BOTH) -> list[str]:
    with pytest.raises(PanelError) as refused:
        read(table, columns)
    return [problem.code for problem in refused.value.problems]


def test_frequency_is_given_or_follows_from_impressions() -> None:
    table = reached()
    given, derived = read(table, BOTH).panel, read(table, ALL).panel
    assert given.contacts_GTC is not None and derived.contacts_GTC is not None
    assert given.has_reach_C.tolist() == [True, False] and np.isnan(given.contacts_GTC[..., 1]).all()
    assert given.contacts_GTC[0, :3, 0].tolist() == table["tv_frequency"][:3].tolist()
    assert given.media_GTC[0, :3, 0].tolist() == table["tv_reach"][:3].tolist()
    assert np.allclose(given.contacts_GTC[..., 0], derived.contacts_GTC[..., 0], rtol=1e-12)
    shorter = given.until(10).contacts_GTC
    assert shorter is not None and shorter.shape[1] == 10


def test_where_nobody_is_reached_frequency_may_be_empty_or_0() -> None:
    table = reached()
    table.loc[[3, 4], "tv_reach"] = 0.0
    table.loc[3, "tv_frequency"], table.loc[4, "tv_frequency"] = np.nan, 0.0
    panel = read(table, BOTH).panel
    assert panel.contacts_GTC is not None
    assert (panel.contacts_GTC[0, 3:5, 0] > 1.0).all() and (panel.media_GTC[0, 3:5, 0] == 0.0).all()


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("tv_frequency", 0.7, "frequency_below_one"),
        ("tv_frequency", np.nan, "frequency_below_one"),
        ("tv_frequency", 250.0, "frequency_too_high"),
        ("tv_reach", 0.0, "frequency_without_reach"),
        ("tv_reach", 6e6, "reach_beyond_population"),
    ],
)
def test_cells_that_contradict_each_other_are_refused(column: str, value: float, code: str) -> None:
    table = reached()
    table.loc[7, column] = value
    assert codes(table) == [code]


def test_fewer_impressions_than_people_are_refused_with_region_and_date() -> None:
    table = reached()
    table.loc[7, "tv_impressions"] = 0.5 * float(table["tv_reach"].iloc[7])
    with pytest.raises(PanelError, match=r"region 'CA', 2023-02-20.*correct the cell"):
        read(table, ALL)


def test_reach_above_the_population_is_remarked_on() -> None:
    table = reached()
    table.loc[7, "tv_reach"] = 1.5e6
    found = {finding.code: finding for finding in read(table, BOTH).findings}
    assert "50\u00a0%" in found["reach_above_population"].what
    assert "reach_above_population" not in {finding.code for finding in read(reached(), BOTH).findings}


@pytest.mark.parametrize(("spread", "says"), [(0.0, "2.5 throughout"), (0.02, "hardly varies"), (0.2, None)])
def test_frequency_that_hardly_varies_is_remarked_on(spread: float, says: str | None) -> None:
    table = reached()
    table["tv_frequency"] = 2.5 * (1.0 + spread * np.where(np.arange(len(table)) % 2, 1.0, -1.0))
    found = [finding.what for finding in read(table, BOTH).findings if finding.code == "frequency_flat"]
    assert (says in found[0]) if says else not found


@pytest.mark.parametrize(
    ("columns", "rule"),
    [
        ({"frequency": "tv_frequency"}, "frequency without reach"),
        ({"reach": "tv_reach"}, "reach needs a column of `frequency` or of `impressions`"),
        ({**BOTH, "impressions": "tv_impressions"}, "one of them alone"),
        ({**BOTH, "exposure": "tv_impressions"}, "leave one of them out"),
        ({**BOTH, "group": "video"}, "Leave the group out"),
    ],
)
def test_columns_that_do_not_go_together_are_refused(columns: dict[str, str], rule: str) -> None:
    with pytest.raises(SpecError, match=rule):
        of(columns)


def test_panels_without_reach_keep_fingerprint_and_digest() -> None:
    table = reached()
    without = validate(MarketSpec, spec(), "test")
    assert data_fingerprint(panel_from_frame(table, without).panel) == data_fingerprint(
        panel_from_frame(frame(), without).panel
    )
    prints = {data_fingerprint(read(table, columns).panel) for columns in (BOTH, {"exposure": "tv_reach"})}
    assert len(prints) == 2 and spec_digest(of(BOTH)) != spec_digest(without)


def test_init_guesses_reach_and_frequency(tmp_path: Path) -> None:
    table = reached().rename(columns={"tv": "tv_spend"})
    found = {}
    for left_out in ("tv_impressions", "tv_frequency", "tv_reach"):
        table.drop(columns=left_out).to_csv(tmp_path / "panel.csv", index=False)
        text = draft_spec(str(tmp_path / "panel.csv")).text
        found[left_out] = yaml.safe_load(text)["columns"]["channels"]["tv"]
    assert found["tv_impressions"] == {"spend": "tv_spend", **BOTH}
    assert found["tv_frequency"] == {"spend": "tv_spend", **ALL}
    assert found["tv_reach"] == {"spend": "tv_spend", "exposure": "tv_impressions"}
