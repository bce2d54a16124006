"""One measure, one baseline, one interval rule: everything that is told of one model agrees."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmm import words
from mmm.analysis.attribution import effects_table
from mmm.analysis.curves import response_curves
from mmm.analysis.intervals import Estimate, interval
from mmm.config.files import load_market
from mmm.fitted import Fitted, load_fitted
from mmm.pipeline import fit_market
from mmm.planning.budget import plan_budget
from mmm.planning.plan import ChannelPlan, Plan
from mmm.planning.scenario.evaluate import evaluate_scenario
from mmm.planning.scenario.result import ScenarioChannel, ScenarioPlan
from tests.data.panels import frame, spec, write
from tests.test_pipeline import QUICK

HORIZON = 8
REQUEST = {"budget": "current", "horizon": HORIZON, "default_bounds": {"min_change": -0.3, "max_change": 0.3}}
BOUNDS = ("mean", "lower", "upper")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small fit with everything that it leaves, its report too; three members, so that bounds are wide."""
    folder = tmp_path_factory.mktemp("agreement")
    path = write(folder, frame(weeks=60), spec() | {"kpi_value": 2.0, "currency": "USD"})
    fit_market(load_market(str(path), [*QUICK, "train.members=3"]), folder / "model")
    return folder / "model"


@pytest.fixture(scope="module")
def fitted(directory: Path) -> Fitted:
    return load_fitted(directory)


@pytest.fixture(scope="module")
def effects(directory: Path) -> pd.DataFrame:
    return pd.read_parquet(directory / "effects.parquet").set_index("channel")


@pytest.fixture(scope="module")
def plan(fitted: Fitted) -> Plan:
    return plan_budget(fitted, REQUEST)


@pytest.fixture(scope="module")
def shown(fitted: Fitted, plan: Plan) -> ScenarioPlan:
    """What the planner page asks about the plan that it has just been given."""
    return evaluate_scenario(fitted, {"horizon": HORIZON, "plans": {"plan": {"spend": plan.spend}}}).plans[0]


def same(one: Estimate | None, other: Estimate | None) -> None:
    assert one is not None and other is not None
    assert [getattr(one, name) for name in BOUNDS] == pytest.approx(
        [getattr(other, name) for name in BOUNDS], rel=1e-6, abs=1e-6
    )


def read(report: str) -> str:
    """The page's words, with plain spaces."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", report))).replace("\u00a0", " ")


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_curves_at_what_ran_are_the_effects_with_their_bounds(directory: Path, effects: pd.DataFrame) -> None:
    curves = pd.read_parquet(directory / "curves.parquet")
    at_one = curves[curves["multiplier"] == 1.0].set_index("channel").loc[effects.index]

    for curve, effect in (("response", "direct"), ("lower", "direct_lower"), ("upper", "direct_upper")):
        assert at_one[curve].tolist() == pytest.approx(effects[effect].tolist(), rel=1e-9)
    assert at_one["spend"].tolist() == pytest.approx(effects["spend"].tolist())


def test_effects_are_what_contributions_add_up_to(
    directory: Path, fitted: Fitted, effects: pd.DataFrame
) -> None:
    parts = pd.read_parquet(directory / "contributions.parquet")
    last = pd.Timestamp(fitted.panel.dates[fitted.split.n_train - 1])
    inside = parts[pd.to_datetime(parts["date"]) <= last]
    sums = inside.groupby("component", observed=True)["value"].sum()

    assert sums.loc[effects.index].tolist() == pytest.approx(effects["direct"].tolist(), rel=1e-9)
    assert effects["roi"].tolist() == pytest.approx((2.0 * effects["direct"] / effects["spend"]).tolist())


def test_the_first_page_of_the_report_tells_the_tables(directory: Path, effects: pd.DataFrame) -> None:
    text = read((directory / "report.html").read_text(encoding="utf-8"))
    returns = pd.read_parquet(directory / "returns.parquet")
    media = returns[(returns["window"] == "training") & (returns["channel"] == "")].iloc[0]

    assert media["effect"] == pytest.approx(effects["direct"].sum())
    for name in ("effect", "value", "roi"):
        assert plain(words.number(float(media[name]))) in text
        assert plain(words.span(float(media[f"{name}_lower"]), float(media[f"{name}_upper"]))) in text
    for _, row in effects.iterrows():
        for name in ("roi", "marginal_roi"):
            said = f"{words.number(row[name])} {words.span(row[f'{name}_lower'], row[f'{name}_upper'])}"
            assert plain(said) in text


def test_the_plan_of_the_report_is_the_planners(directory: Path, fitted: Fitted) -> None:
    kept = Plan.model_validate(json.loads((directory / "plan.json").read_text()))
    asked = plan_budget(fitted, kept.request)
    text = read((directory / "report.html").read_text(encoding="utf-8"))

    assert kept.spend == pytest.approx(asked.spend)
    same(kept.gain, asked.gain)
    assert kept.gain is not None and kept.gain.lower is not None and kept.gain.upper is not None
    assert plain(words.span(kept.gain.lower, kept.gain.upper)) in text


def test_a_scenario_says_of_a_plan_what_the_plan_says(plan: Plan, shown: ScenarioPlan) -> None:
    same(plan.kpi, shown.kpi)
    same(plan.gain, shown.gain)
    same(plan.profit_gain, shown.profit_gain)
    same(plan.total_roi, shown.total_roi)
    same(plan.effect_after_horizon, shown.effect_after_horizon)
    assert plan.chance_of_gain == pytest.approx(shown.chance_of_gain)
    for mine, theirs in zip(plan.channels, shown.channels, strict=True):
        assert (mine.channel, mine.unit) == (theirs.channel, theirs.unit)
        assert mine.current_spend == pytest.approx(theirs.current_spend)
        same(mine.kpi, theirs.kpi)
        same(mine.roi, theirs.roi)
        same(mine.marginal_roi, theirs.marginal_roi)


def test_now_is_one_thing(fitted: Fitted, plan: Plan) -> None:
    """The baseline of every gain: the last periods again, whose own gain is exactly 0."""
    asked = {"horizon": HORIZON, "plans": {"now": {"spend": {}, "others": "current"}}}
    scenario = evaluate_scenario(fitted, asked)

    same(plan.current_kpi, scenario.status_quo.kpi)
    assert plan.current_spend == pytest.approx(scenario.status_quo.spend)
    for gain in (scenario.status_quo.gain, scenario.plans[0].gain):
        assert (gain.mean, gain.lower, gain.upper) == (0.0, 0.0, 0.0)


def test_the_plans_point_lies_on_the_planners_curve(fitted: Fitted, plan: Plan, shown: ScenarioPlan) -> None:
    """The page draws a curve by scenarios that scale every channel: own effects do not mix."""
    plans = {f"p{i}": {"spend": {n: i / 4 * v for n, v in plan.spend.items()}} for i in range(9)}
    curve = evaluate_scenario(fitted, {"horizon": HORIZON, "plans": plans}).plans

    for c, row in enumerate(shown.channels):
        same(curve[4].channels[c].kpi, row.kpi)
        means = [point.channels[c].kpi.mean for point in curve]
        assert means == sorted(means) and means[0] == 0.0


def test_what_media_bring_is_nowhere_below_zero(fitted: Fitted) -> None:
    """Members that differ widely: where the plain rule goes below 0, no figure follows it."""
    share_MC = fitted.parameters["share"] + np.array([[-3.0], [0.0], [1.0]])
    wide = replace(fitted, parameters={**fitted.parameters, "share": share_MC})
    brought_MC = wide.predictor.parts.channels_MGTC[:, :, : wide.split.n_train].sum((1, 2))
    effects, curves = effects_table(wide), response_curves(wide)
    plan = plan_budget(wide, REQUEST)
    asked = {"horizon": HORIZON, "plans": {"plan": {"spend": plan.spend}}}
    shown = evaluate_scenario(wide, asked).plans[0]
    rows: list[ChannelPlan | ScenarioChannel] = [*plan.channels, *shown.channels]
    estimates = [one for row in rows for one in (row.kpi, row.roi, row.marginal_roi)]

    assert (interval(brought_MC).lower < 0).any(), "the rule would not be seen"
    assert (curves["lower"] >= 0).all() and (curves["response"] >= 0).all()
    assert (effects[["direct_lower", "roi_lower", "marginal_roi_lower"]] >= 0).all(axis=None)
    assert all(one.lower >= 0 for one in estimates if one is not None and one.lower is not None)
    assert shown.gain.lower is not None and plan.gain is not None
    same(plan.gain, shown.gain)
