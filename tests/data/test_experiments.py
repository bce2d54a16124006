"""Lift tests on a panel: cells, the media of both arms, and what the data refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mmm.cli import main
from mmm.config import MarketSpec
from mmm.config.files import validate
from mmm.data.experiments import LiftTest, locate_experiments
from mmm.data.panel import Floats, Panel
from tests.data.cases import case
from tests.small import market, small_panel, some_regions, with_gaps

PANEL = small_panel(regions=4, periods=48)
FIRST, LAST = "2023-03-06", "2023-04-03"
PERIODS = slice(9, 14)


def spec_with(panel: Panel, **test: Any) -> MarketSpec:
    values = {"channel": "search", "start": FIRST, "end": LAST, "lift": 10.0, "standard_error": 1.0} | test
    return validate(MarketSpec, market(panel).model_dump(mode="json") | {"experiments": [values]}, "test")


def located(panel: Panel = PANEL, **test: Any) -> LiftTest:
    (found,), problems = locate_experiments(spec_with(panel, **test), panel)
    assert not problems
    return found


def recorded(channel: int = 1, panel: Panel = PANEL, rows: Any = slice(None)) -> Floats:
    return panel.spend_GTC[rows, PERIODS, channel]


def test_more_spend_is_in_the_panel() -> None:
    spend = recorded(rows=[1, 2])
    test = located(regions=["r1", "r2"], spend_change=0.25 * spend.sum())

    assert test.in_panel
    assert test.periods == PERIODS
    assert test.region_R.tolist() == [1, 2]
    np.testing.assert_allclose(test.treated_RP, spend)
    np.testing.assert_allclose(test.untreated_RP, 0.75 * spend)


def test_media_in_exposure_move_in_proportion_to_spend() -> None:
    spend = recorded(channel=0, rows=[1])
    test = located(channel="tv", region="r1", spend_change=spend.sum())

    np.testing.assert_allclose(test.treated_RP, 12.0 * spend)
    np.testing.assert_allclose(test.untreated_RP, 0.0)


def test_a_cut_that_the_panel_shows_is_filled_up() -> None:
    panel = small_panel(regions=4, periods=48)
    panel.spend_GTC[2, PERIODS] = panel.media_GTC[2, PERIODS] = 0.0
    test = located(panel, region="r2", lift=-10.0, spend_change=-500.0)

    assert test.in_panel
    np.testing.assert_allclose(test.treated_RP, 0.0)
    np.testing.assert_allclose(test.untreated_RP, 100.0)


def test_a_cut_that_the_panel_does_not_show_is_taken_off() -> None:
    spend = recorded(rows=[2])
    test = located(region="r2", lift=-10.0, spend_change=-0.5 * spend.sum())

    assert not test.in_panel
    np.testing.assert_allclose(test.untreated_RP, spend)
    np.testing.assert_allclose(test.treated_RP, 0.5 * spend)
    told = located(region="r2", lift=-10.0, spend_change=-0.5 * spend.sum(), in_panel=True)
    np.testing.assert_allclose(told.treated_RP, spend)
    assert (told.untreated_RP.sum() - spend.sum()) == pytest.approx(0.5 * spend.sum(), rel=1e-9)


def test_only_cells_with_a_row_count() -> None:
    panel = with_gaps(PANEL)
    test = located(panel, start="2023-01-30", end="2023-02-13", spend_change=1.0)

    assert test.present_RP.tolist() == [[True, False, True], *[[True] * 3] * 3]


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"start": "2023-01-31", "end": "2023-02-03"}, "experiment_outside_data", "no period begins within"),
        ({"region": "R-0"}, "unknown_region", "no region 'R-0' in the panel; did you mean 'r0'?"),
        ({"spend_change": 1e9}, "experiment_beyond_spend", "has only"),
    ],
)
def test_what_the_data_refuse_is_named(change: dict[str, Any], code: str, said: str) -> None:
    found, problems = locate_experiments(spec_with(PANEL, **({"spend_change": 5.0} | change)), PANEL)

    assert not found
    assert [problem.code for problem in problems] == [code]
    assert problems[0].where.startswith("experiments[0]")
    assert said in problems[0].message


def test_shards_see_the_same_test() -> None:
    """Each shard's arms are the rows of the whole's, although the rest of the panel is not there."""
    cut = [-700.0, 40.0]
    for change in cut:
        spec = spec_with(PANEL, regions=["r0", "r3"], spend_change=change, lift=np.sign(change) * 10.0)
        (whole,), _ = locate_experiments(spec, PANEL)
        rows = (np.array([0, 1]), np.array([2, 3]))
        heard: list[Floats] = []

        def listen(values: Floats, heard: list[Floats] = heard) -> Floats:
            heard.append(values)
            return values

        for row in rows:
            locate_experiments(spec, some_regions(PANEL, row), regions=PANEL.regions, total=listen)
        together = heard[0] + heard[1]

        def tell(_: Floats, together: Floats = together) -> Floats:
            return together

        parts = [
            locate_experiments(spec, some_regions(PANEL, row), regions=PANEL.regions, total=tell)
            for row in rows
        ]
        assert [len(found) for found, _ in parts] == [1, 1]
        treated = np.concatenate([found[0].treated_RP for found, _ in parts])
        untreated = np.concatenate([found[0].untreated_RP for found, _ in parts])
        np.testing.assert_allclose(treated, whole.treated_RP, rtol=1e-12)
        np.testing.assert_allclose(untreated, whole.untreated_RP, rtol=1e-12)


def test_case_region_codes(capsys: pytest.CaptureFixture[str]) -> None:
    folder = case("region_codes_experiment")

    assert main(["validate", str(folder / "spec.yaml")]) == 0
    assert main(["validate", str(folder / "spec_010.yaml")]) == 2
    assert "no region '010' in the panel" in capsys.readouterr().err


def test_case_experiments_semicolon(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(case("experiments_semicolon") / "spec.yaml")

    assert main(["validate", path]) == 2
    assert "1 problem" in (told := capsys.readouterr().err)
    assert "data.date_format: '%d.%m.%Y'" in told
    assert main(["validate", path, "--set", "data.date_format='%d.%m.%Y'"]) == 0
