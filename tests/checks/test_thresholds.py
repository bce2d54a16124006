"""Every finding on both sides of its threshold: just over it is said, just under it is not.

Models are sketches whose parts are put in by hand, so that each number can be checked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from mmm.checks import graph, placebo
from mmm.checks.channels import channel_findings
from mmm.checks.graph import GraphSwap, graph_findings
from mmm.checks.model import model_findings
from mmm.checks.placebo import placebo_findings
from mmm.data.panel import Floats
from mmm.fitted import Fitted
from mmm.model.predictor import Parts
from tests.small import CHANNELS, chain_graph, sketch, small_panel, without_value

NAMES = CHANNELS[:3]
SERIES = (*NAMES, "price")
QUIET: dict[str, Any] = {"temporal": {"enabled": False}, "adstock": {"max_lag": 4}}


def steady(periods: int = 64, **settings: Any) -> Fitted:
    """A model of three regions and three channels, without effects that vary in time."""
    return sketch(small_panel(periods=periods), **{"model": QUIET, **settings})


def bringing(fitted: Fitted, baseline_GT: Floats, channels_C: tuple[float, float, float]) -> Fitted:
    """The model with a baseline and with constant effects of its channels in every cell; no season."""
    members, (regions, periods) = fitted.members, baseline_GT.shape
    nothing_MGT = np.zeros((members, regions, periods))
    fitted.predictor.__dict__["parts"] = Parts(
        baseline_MGT=nothing_MGT + baseline_GT,
        season_MGT=nothing_MGT,
        controls_MGTK=nothing_MGT[..., None],
        channels_MGTC=nothing_MGT[..., None] + np.array(channels_C),
    )
    return fitted


def effects(**columns: Any) -> pd.DataFrame:
    """Effects of three channels of which nothing is remarkable, but for the columns given."""
    plain = {"roi": 1.0, "roi_lower": 0.5, "roi_upper": 2.0, "spend": 100.0, "direct": 1.0}
    return pd.DataFrame({"channel": NAMES, **(plain | columns)})


def correlations(**pairs: float) -> pd.DataFrame:
    """The table of correlations; ``tv_search=0.9`` names a pair, others are 0."""
    values = {frozenset(pair.split("_")): value for pair, value in pairs.items()}
    rows = [(a, b, 1.0 if a == b else values.get(frozenset((a, b)), 0.0)) for a in SERIES for b in SERIES]
    return pd.DataFrame(rows, columns=["a", "b", "value"])


def of_channels(fitted: Fitted, code: str, table: pd.DataFrame | None = None, **pairs: float) -> list[str]:
    """Where a finding about channels is made."""
    found = channel_findings(fitted, effects() if table is None else table, correlations(**pairs))
    return [finding.where for finding in found if finding.code == code]


def of_model(fitted: Fitted, **metrics: Any) -> dict[str, str]:
    """What is said of a model as a whole, by code."""
    return {finding.code: finding.what for finding in model_findings(fitted, metrics)}


# --- channels ------------------------------------------------------------------------------------


def test_returns_above_fifty_or_below_nothing() -> None:
    table = effects(roi=[50.0, 50.1, -0.1])

    assert of_channels(steady(), "implausible_roi", table) == ["search"]
    assert of_channels(steady(), "negative_roi", table) == ["radio"]


def test_intervals_of_a_return_wider_than_ten_to_one() -> None:
    """From 0.2 up to 2.0 is ten to one; below nothing counts as from 0."""
    table = effects(roi_lower=[0.2, 0.2, -1.0], roi_upper=[2.0, 2.1, 0.1])

    assert of_channels(steady(), "uncertain_roi", table) == ["search", "radio"]


@pytest.mark.parametrize(("swing", "said"), [(0.049, ["search"]), (0.051, [])])
def test_media_that_vary_by_less_than_a_twentieth(swing: float, said: list[str]) -> None:
    """Up and down by a share of the mean is a standard deviation of that share."""
    fitted = steady()
    media_GTC = fitted.panel.media_GTC.copy()
    media_GTC[..., 1] = 200.0 * (1 + swing * np.where(np.arange(64) % 2, 1.0, -1.0))
    fitted = replace(fitted, panel=replace(fitted.panel, media_GTC=media_GTC))

    assert of_channels(fitted, "unidentified_channel") == said


def test_channels_that_move_together_beyond_nine_tenths() -> None:
    assert of_channels(steady(), "collinear_channels", tv_search=0.90, tv_radio=0.1) == []
    assert of_channels(steady(), "collinear_channels", tv_search=0.91) == ["tv, search"]


@pytest.mark.parametrize(("inflation", "said"), [(9.9, []), (10.1, ["radio"])])
def test_a_variance_inflation_above_ten(inflation: float, said: list[str]) -> None:
    """Radio alike to two channels that do not know each other: 1 / (1 - 2 r²)."""
    alike = float(np.sqrt((1 - 1 / inflation) / 2))

    assert of_channels(steady(), "collinear_group", radio_tv=alike, radio_search=alike) == said
    assert of_channels(steady(), "collinear_channels", radio_tv=alike, radio_search=alike) == []


@pytest.mark.parametrize(("level", "said"), [(1.24, []), (1.26, ["tv"])])
def test_levels_a_quarter_above_the_highest_of_training(level: float, said: list[str]) -> None:
    fitted = steady()
    media_GTC = np.full_like(fitted.panel.media_GTC, 100.0)
    media_GTC[:, fitted.trained_until + 2, 0] = 100.0 * level
    fitted = replace(fitted, panel=replace(fitted.panel, media_GTC=media_GTC))

    assert of_channels(fitted, "extrapolation") == said


def test_beliefs_more_than_two_deviations_away() -> None:
    """A return of 3 is 2 above a belief of 1: more than twice 0.9, less than twice 1.1."""
    beliefs = {"tv": {"roi": {"mean": 1.0, "sd": 0.9}}, "search": {"roi": {"mean": 1.0, "sd": 1.1}}}
    fitted = steady(model={**QUIET, "priors": {"channels": beliefs}})

    assert of_channels(fitted, "prior_conflict", effects(roi=[3.0, 3.0, 3.0])) == ["tv"]


@pytest.mark.parametrize(
    ("deviation", "share", "said"), [(0.96, 0.11, ["search"]), (0.96, 0.09, []), (0.94, 1.0, [])]
)
def test_effectiveness_within_a_twentieth_of_its_bound_in_a_tenth_of_the_cells(
    deviation: float, share: float, said: list[str]
) -> None:
    fitted = sketch(small_panel(periods=100), model={"temporal": {"hidden": 3, "bound": 0.5}})
    values = torch.ones(3, 3, 3, 100, dtype=torch.float64)
    values[:, 1, :, : round(100 * share)] -= 0.5 * deviation
    fitted.predictor.__dict__["_effectiveness"] = values

    assert of_channels(fitted, "effectiveness_at_bound") == said


# --- the model -----------------------------------------------------------------------------------

RULES = {"region_mean": {"r2": 0.2}, "last_value": {"r2": 0.6}, "seasonal": {"r2": None}}


@pytest.mark.parametrize(("skill", "said"), [(-1.0, False), (-1.01, True)])
def test_a_fit_of_twice_the_error_of_a_rule_of_thumb(skill: float, said: bool) -> None:
    found = of_model(steady(), train={"skill": skill, "naive": RULES})

    assert ("training_below_naive" in found) is said
    assert "the rule last_value" in found.get("training_below_naive", "the rule last_value")


@pytest.mark.parametrize(("skill", "said"), [(0.0, False), (-0.01, True), (None, False)])
def test_a_forecast_worse_than_the_best_rule(skill: float | None, said: bool) -> None:
    found = of_model(steady(), holdout={"skill": skill, "naive": RULES})

    assert ("holdout_below_naive" in found) is said
    assert "the rule last_value" in found.get("holdout_below_naive", "the rule last_value")


@pytest.mark.parametrize(
    ("bias", "words"), [(49.0, None), (51.0, "5.1\u00a0% too high"), (-51.0, "5.1\u00a0% too low")]
)
def test_a_forecast_that_is_a_twentieth_off(bias: float, words: str | None) -> None:
    fitted = steady()
    fitted = replace(fitted, panel=replace(fitted.panel, kpi_GT=np.full((3, 64), 1000.0)))
    found = of_model(fitted, holdout={"skill": 0.5, "bias": bias, "n": 24})

    assert ("holdout_bias" in found) is (words is not None)
    assert words is None or words in found["holdout_bias"]


@pytest.mark.parametrize(
    ("swing", "drift", "said"),
    [(0.01, 0.019, False), (0.01, 0.021, True), (0.05, 0.040, False), (0.05, 0.044, True)],
)
def test_residuals_that_drift_by_a_fiftieth_and_three_standard_errors(
    swing: float, drift: float, said: bool
) -> None:
    """Residuals swing up and down; of thirteen a mean errs by swing / √13, three times that is 0.0416."""
    fitted = bringing(steady(), np.full((3, 64), 900.0), (50.0, 30.0, 20.0))
    relative_T = swing * np.where(np.arange(64) % 2, 1.0, -1.0)
    relative_T[56 - 13 : 56] = drift
    kpi_GT = 1000.0 + fitted.scaling.kpi_G[:, None] * relative_T
    told = replace(fitted, panel=replace(fitted.panel, kpi_GT=kpi_GT))
    told.__dict__["predictor"] = fitted.predictor

    assert ("residual_drift" in of_model(told)) is said


@pytest.mark.parametrize(("baseline", "said"), [(190.0, True), (210.0, False)])
def test_a_fifth_of_the_kpi_without_media(baseline: float, said: bool) -> None:
    fitted = bringing(steady(), np.full((3, 64), baseline), (1000.0 - baseline, 0.0, 0.0))

    assert ("baseline_near_zero" in of_model(fitted)) is said


@pytest.mark.parametrize(("media", "said"), [(9.0, True), (11.0, False)])
def test_a_hundredth_of_the_kpi_through_media(media: float, said: bool) -> None:
    fitted = bringing(steady(), np.full((3, 64), 1000.0 - media), (media, 0.0, 0.0))

    assert ("media_explain_nothing" in of_model(fitted)) is said


@pytest.mark.parametrize(("high", "said"), [(299.0, False), (301.0, True)])
def test_a_baseline_that_triples_within_training(high: float, said: bool) -> None:
    baseline_GT = np.full((3, 64), 100.0)
    baseline_GT[:, 30] = high
    baseline_GT[:, 60] = 900.0
    fitted = bringing(steady(), baseline_GT, (50.0, 0.0, 0.0))

    assert ("baseline_moves_wildly" in of_model(fitted)) is said


# --- placebo and graph ---------------------------------------------------------------------------


@pytest.mark.parametrize(("real", "code"), [(0.49, "placebo_as_strong"), (0.51, "placebo_passed")])
def test_media_that_explain_no_more_than_two_spreads_above_a_placebo(
    monkeypatch: pytest.MonkeyPatch, real: float, code: str
) -> None:
    """Placebos at -0.1, 0.1 and 0.3: mean 0.1, spread 0.2. Radio brings too little to be judged."""
    slopes = np.array([real, 9.0, -9.0]), np.array([[-0.1] * 3, [0.1] * 3, [0.3] * 3])
    monkeypatch.setattr(placebo, "placebo_slopes", lambda _: slopes)
    fitted = bringing(steady(), np.full((3, 64), 800.0), (141.0, 50.0, 9.0))
    where = {finding.code: finding.where for finding in placebo_findings(fitted)}

    assert "tv" in where[code]
    assert "radio" not in " ".join(where.values())


def swapped(indirect: float, *, changed: float = 0.0, alike: float = 0.0) -> GraphSwap:
    """What a graph's swap shows where the channels bring 100 directly: TV 60, search 39, radio 1."""
    alike_CC = np.zeros((3, 3))
    alike_CC[0, 1] = alike_CC[0, 2] = alike
    nothing_C = np.zeros(3)
    direct_C = np.array([60.0, 39.1, 0.9])
    return GraphSwap(direct_C, np.array([indirect, 0.0, 0.0]), nothing_C, nothing_C, changed, alike_CC)


@pytest.mark.parametrize(
    ("swap", "codes"),
    [
        (swapped(0.9), ["graph_bypassed"]),
        (swapped(1.1), ["graph_swap"]),
        (swapped(1.1, changed=1e-5), ["graph_inconsistent"]),
        (swapped(1.1, alike=0.94), ["graph_swap"]),
        (swapped(1.1, alike=0.96), ["graph_swap", "direct_or_mediated"]),
    ],
    ids=["nothing indirect", "something indirect", "direct effects changed", "told apart", "not told apart"],
)
def test_what_hangs_on_the_graph(monkeypatch: pytest.MonkeyPatch, swap: GraphSwap, codes: list[str]) -> None:
    """Radio brings less than a hundredth: nobody asks by which road."""
    monkeypatch.setattr(graph, "swap_graph", lambda _: swap)
    found = list(graph_findings(steady(graph=chain_graph(NAMES))))

    assert [finding.code for finding in found] == codes
    assert not [finding for finding in found if "radio" in finding.where]


def test_without_a_value_of_the_kpi_no_return_is_too_large_and_none_pays() -> None:
    """A unit of currency may well bring 60 visits."""
    table = effects(roi=[60.0, 1.0, -0.1], roi_lower=[0.2, 0.5, 0.5], roi_upper=[2.1, 2.0, 2.0])
    plain = without_value(steady())

    assert of_channels(plain, "implausible_roi", table) == of_channels(plain, "uncertain_roi", table) == []
    assert of_channels(plain, "negative_roi", table) == ["radio"]
    (finding,) = [
        one for one in channel_findings(plain, table, correlations()) if one.code == "uncertain_effect"
    ]
    assert finding.where == "tv"
    assert "ROI" not in str(finding) and "pays" not in str(finding)
