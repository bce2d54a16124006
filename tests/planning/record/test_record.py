"""Plans of record: frozen whole, refused once changed, and explained to the last unit."""

from __future__ import annotations

import datetime as dt
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmm.data.panel import Floats, Panel
from mmm.errors import RecordError
from mmm.planning.budget import plan_budget
from mmm.planning.plan import Plan
from mmm.planning.planner import Planner
from mmm.planning.record.commit import commit_plan, read_plan
from mmm.planning.record.kept import CONTENT, Record, read_record
from mmm.planning.record.planned import planned_periods
from mmm.planning.record.result import Variance
from mmm.planning.record.variance import Actuals, explain
from mmm.planning.scenario.evaluate import evaluate_scenario
from tests.small import sketch, small_panel, with_gaps

WHOLE = small_panel(regions=2, periods=60)
KNOWN = 52
MODEL = sketch(WHOLE.until(KNOWN), members=5)
HORIZON = 8
REQUEST: dict[str, Any] = {
    "budget": "current",
    "horizon": HORIZON,
    "default_bounds": {"min_change": -0.5, "max_change": 0.5},
}
TODAY = dt.date(2024, 1, 1)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_budget(MODEL, REQUEST)


@pytest.fixture(scope="module")
def record(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Record:
    path, digest = commit_plan(plan, MODEL, tmp_path_factory.mktemp("record") / "plan.record", day=TODAY)
    kept = read_record(path)
    assert kept.digest == digest
    return kept


def came(panel: Panel, **actuals: Any) -> Actuals:
    given: dict[str, Any] = {"brand": "acme", "market": "us", "panel": panel, "renamed": {}} | actuals
    return Actuals(**given)


def as_planned(record: Record) -> Panel:
    """Data in which exactly the plan ran, at its prices, with the controls that it assumed."""
    planned = planned_periods(Planner(record.fitted), record.promise.plan)
    return replace(
        WHOLE,
        media_GTC=np.concatenate([WHOLE.media_GTC[:, :KNOWN], planned.media_GPC], 1),
        spend_GTC=np.concatenate([WHOLE.spend_GTC[:, :KNOWN], planned.spend_GPC], 1),
        controls_GTK=np.concatenate(
            [WHOLE.controls_GTK[:, : KNOWN + planned.wait.periods], planned.controls_GHK], 1
        ),
    )


def total(found: Variance) -> float:
    parts = (found.planned_kpi, found.delivery, found.price, found.baseline, found.rest)
    return sum(part.mean for part in parts)


def scaled(panel: Panel, field: str, channel: int, factor: float) -> Panel:
    value_GTC: Floats = getattr(panel, field).copy()
    value_GTC[:, KNOWN:, channel] *= factor
    changed: dict[str, Any] = {field: value_GTC}
    return replace(panel, **changed)


def test_a_record_keeps_the_plan_its_promise_and_the_draws(record: Record, plan: Plan) -> None:
    promise = record.promise

    assert promise.plan == plan
    assert (promise.brand, promise.market, promise.committed) == ("acme", "us", "2024-01-01")
    assert [period.date for period in promise.periods] == [str(date) for date in WHOLE.dates[KNOWN:]]
    assert np.mean(promise.gain_draws) == pytest.approx(plan.gain.mean if plan.gain else np.nan, rel=1e-6)
    planned = {name: sum(one.spend[name] for one in promise.periods) for name in plan.spend}
    assert planned == pytest.approx(plan.spend)
    shown = evaluate_scenario(MODEL, {"horizon": HORIZON, "plans": {"it": {"spend": plan.spend}}}).plans[0]
    expected = [period.kpi.mean for period in shown.periods]
    assert [period.kpi.mean for period in promise.periods] == pytest.approx(expected)


def test_a_plan_that_ran_as_planned_leaves_only_the_rest(record: Record) -> None:
    panel = as_planned(record)
    found = explain(record, came(panel))

    assert found.actual_kpi == pytest.approx(WHOLE.kpi_GT[:, KNOWN:].sum())
    assert found.planned_kpi.mean == pytest.approx(sum(one.kpi.mean for one in record.promise.periods))
    for part in (found.delivery, found.price, found.baseline):
        assert part.mean == pytest.approx(0.0, abs=1e-6)
    assert found.rest.mean == pytest.approx(found.actual_kpi - found.planned_kpi.mean)
    assert (found.periods, found.horizon) == (HORIZON, HORIZON)


def test_the_parts_of_what_really_ran_add_up_exactly_with_intervals(record: Record) -> None:
    found = explain(record, came(WHOLE))

    assert total(found) == pytest.approx(found.actual_kpi, rel=1e-12)
    assert sum(row.delivery.mean for row in found.channels) == pytest.approx(found.delivery.mean)
    assert sum(row.price.mean for row in found.channels) == pytest.approx(found.price.mean)
    assert found.delivery.lower is not None and found.delivery.upper is not None
    assert found.delivery.lower < found.delivery.mean < found.delivery.upper
    assert found.rest_expected > 0
    spent_C = WHOLE.spend_GTC[:, KNOWN:].sum((0, 1))
    assert [row.actual_spend for row in found.channels] == pytest.approx(spent_C)


def test_half_the_exposure_for_the_same_money_is_price_of_that_channel_alone(record: Record) -> None:
    found = explain(record, came(scaled(as_planned(record), "media_GTC", 0, 0.5)))
    dear, *others = found.channels

    assert found.delivery.mean == pytest.approx(0.0, abs=1e-6)
    assert dear.price.mean < 0
    assert found.price.mean == pytest.approx(dear.price.mean)
    assert dear.actual_price == pytest.approx(2 * (dear.planned_price or np.nan))
    assert all(row.price.mean == 0 and row.planned_price is None for row in others)


def test_half_of_the_money_is_delivery_as_a_scenario_has_it(record: Record) -> None:
    panel = scaled(scaled(as_planned(record), "media_GTC", 1, 0.5), "spend_GTC", 1, 0.5)
    found = explain(record, came(panel))
    spend = record.promise.plan.spend
    name = WHOLE.channels[1]
    plans = {"whole": {"spend": spend}, "half": {"spend": {**spend, name: spend[name] / 2}}}
    whole, half = evaluate_scenario(MODEL, {"horizon": HORIZON, "plans": plans}).plans

    assert found.price.mean == pytest.approx(0.0, abs=1e-6)
    expected = half.horizon_kpi.mean - whole.horizon_kpi.mean
    assert found.delivery.mean == pytest.approx(expected, rel=1e-6)
    assert found.channels[1].delivery.mean == pytest.approx(expected, rel=1e-6)


def test_controls_that_came_otherwise_are_baseline(record: Record) -> None:
    panel = as_planned(record)
    controls_GTK = panel.controls_GTK.copy()
    controls_GTK[:, KNOWN:, 0] += 3.0
    found = explain(record, came(replace(panel, controls_GTK=controls_GTK)))
    predictor = Planner(record.fitted).predictor
    moved = [
        float(predictor.baseline_ahead(panel_GTK[:, KNOWN:]).mean(0).sum())
        for panel_GTK in (controls_GTK, panel.controls_GTK)
    ]

    assert found.baseline_from == "controls"
    assert found.baseline.mean == pytest.approx(moved[0] - moved[1])
    assert found.baseline.mean != pytest.approx(0.0)


def test_a_newer_model_tells_its_own_baseline(record: Record) -> None:
    newer = sketch(WHOLE, members=3, seed=1)
    found = explain(record, came(WHOLE, newer=newer))
    parts = newer.predictor.parts
    now_M = (parts.baseline_MGT + parts.season_MGT + parts.controls_MGTK.sum(-1))[..., KNOWN:].sum((1, 2))
    planned = planned_periods(Planner(record.fitted), record.promise.plan)
    then_M = Planner(record.fitted).predictor.baseline_ahead(planned.controls_GHK).sum((1, 2))

    assert found.baseline_from == "newer model"
    assert any("its baseline after that is a forecast" in remark for remark in found.remarks)
    assert found.baseline.mean == pytest.approx(now_M[[0, 1, 2, 0, 1]].mean() - then_M.mean())
    assert total(found) == pytest.approx(found.actual_kpi, rel=1e-12)


def test_weeks_that_did_not_come_yet_are_left_out_and_said(record: Record) -> None:
    found = explain(record, came(WHOLE.until(KNOWN + 3)))

    assert (found.periods, found.last_date) == (3, str(WHOLE.dates[KNOWN + 2]))
    assert found.planned_kpi.mean == pytest.approx(sum(one.kpi.mean for one in record.promise.periods[:3]))
    assert "3 of the 8 periods of the plan have come." in found.remarks


def test_cells_without_kpi_count_on_neither_side(record: Record) -> None:
    gaps = with_gaps(WHOLE)
    kpi_GT = WHOLE.kpi_GT.copy()
    kpi_GT[0, -1] = np.nan
    found = explain(record, came(replace(WHOLE, kpi_GT=kpi_GT)))

    assert np.isnan(gaps.kpi_GT[0, -1])
    assert found.actual_kpi == pytest.approx(np.nansum(kpi_GT[:, KNOWN:]))
    assert found.planned_kpi.mean < explain(record, came(WHOLE)).planned_kpi.mean
    assert any("1 of 16 cells have no KPI" in remark for remark in found.remarks)


def test_a_plan_by_region_that_begins_later_is_explained_as_well(tmp_path: Path) -> None:
    start = str(WHOLE.dates[KNOWN + 2])
    plan = plan_budget(MODEL, {**REQUEST, "horizon": 6, "by_region": True, "start": start})
    path, _ = commit_plan(plan, MODEL, tmp_path / "regional.record")
    kept = read_record(path)
    found = explain(kept, came(as_planned(kept)))

    assert (found.first_date, found.periods) == (start, 6)
    assert found.delivery.mean == pytest.approx(0.0, abs=1e-6)
    assert found.price.mean == pytest.approx(0.0, abs=1e-6)
    planned = {name: sum(one.spend[name] for one in kept.promise.periods) for name in plan.spend}
    assert planned == pytest.approx(plan.spend, rel=1e-6)


def euros(panel: Panel) -> Panel:
    return replace(panel, currency="EUR")


def recent(panel: Panel) -> Panel:
    """The panel without the first periods of the plan, and all before."""
    fields = ("present_GT", "kpi_GT", "media_GTC", "spend_GTC", "controls_GTK", "kpi_value_GT")
    late: dict[str, Any] = {name: getattr(panel, name)[:, KNOWN + 2 :] for name in fields}
    return replace(panel, dates=panel.dates[KNOWN + 2 :], **late)


def silent(panel: Panel) -> Panel:
    kpi_GT = panel.kpi_GT.copy()
    kpi_GT[:, KNOWN:] = np.nan
    return replace(panel, kpi_GT=kpi_GT)


@pytest.mark.parametrize(
    ("actuals", "said"),
    [
        (lambda: came(WHOLE, market="de"), "of acme / us, the data of acme / de"),
        (lambda: came(WHOLE.until(KNOWN)), "nothing of it has come yet"),
        (lambda: came(silent(WHOLE)), "not known yet"),
        (lambda: came(euros(WHOLE)), "in USD, the data are in EUR"),
        (lambda: came(replace(WHOLE, frequency="daily")), "weekly, the data are daily"),
        (lambda: came(replace(WHOLE, regions=("a", "b"))), "none of the regions"),
        (lambda: came(replace(WHOLE, has_exposure_C=~WHOLE.has_exposure_C)), "has exposure in the plan"),
        (lambda: came(recent(WHOLE)), "do not have every period"),
    ],
)
def test_data_that_do_not_fit_are_refused_in_words(
    record: Record, actuals: Callable[[], Actuals], said: str
) -> None:
    with pytest.raises(RecordError, match=said):
        explain(record, actuals())


def rewritten(path: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
    """The archive with one of its files changed."""
    with zipfile.ZipFile(path) as archive:
        files = {entry: archive.read(entry) for entry in archive.namelist()}
    files[name] = change(files[name])
    other = path.with_name("changed.record")
    with zipfile.ZipFile(other, "w") as archive:
        for entry, content in files.items():
            archive.writestr(entry, content)
    return other


def more_gain(content: bytes) -> bytes:
    said = json.loads(content)
    said["promise"]["plan"]["budget"] += 1.0
    return json.dumps(said).encode()


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        (CONTENT, more_gain, "record.json was changed since"),
        (
            "model/weights.npz",
            lambda content: content[:-7] + b"nothing",
            "model/weights.npz was changed since",
        ),
        (CONTENT, lambda _: b"{}", "is no plan of record, or damaged"),
        (CONTENT, lambda content: content.replace(b'"format": 1', b'"format": 9'), "has format 9"),
    ],
)
def test_a_changed_file_is_refused_and_named(
    plan: Plan, tmp_path: Path, name: str, change: Callable[[bytes], bytes], said: str
) -> None:
    path, _ = commit_plan(plan, MODEL, tmp_path / "plan.record")
    with pytest.raises(RecordError, match=said):
        read_record(rewritten(path, name, change))


def test_what_is_no_record_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "some.record"
    with pytest.raises(RecordError, match=r"is missing\. Write a plan of record with mmm commit"):
        read_record(path)
    path.write_text("{}")
    with pytest.raises(RecordError, match="is no plan of record, or damaged"):
        read_record(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.json", "{}")
    with pytest.raises(RecordError, match=r"holds no record\.json"):
        read_record(path)


def test_the_same_commit_is_the_same_file(plan: Plan, tmp_path: Path) -> None:
    one, other = (commit_plan(plan, MODEL, tmp_path / name, day=TODAY) for name in ("a.record", "b.record"))

    assert one[1] == other[1]


def test_a_plan_of_another_model_is_not_committed(plan: Plan, tmp_path: Path) -> None:
    other = replace(MODEL, provenance={**MODEL.provenance, "data_fingerprint": "else"})
    with pytest.raises(
        RecordError, match="made by another model: its data_fingerprint is d, the model's is else"
    ):
        commit_plan(plan, other, tmp_path / "plan.record")


PRICED: tuple[dict[str, Any], ...] = (
    {"prices": {"tv": {"elasticity": 0.3}}},
    {"prices": {"tv": {"elasticity": 0.3}}, "by_region": True},
    {"prices": {"tv": {"tiers": [{"up_to": 3000, "price": 0.08}, {"price": 0.12}]}}},
    {"prices": {"tv": {"elasticity": 0.2}}, "start": str(WHOLE.dates[KNOWN + 2]), "horizon": 6},
)


@pytest.mark.parametrize("fields", PRICED)
def test_a_plan_whose_prices_move_promises_what_it_said(fields: dict[str, Any], tmp_path: Path) -> None:
    """Elsewhere the gain is worked out from curves, here from media cell by cell."""
    plan = plan_budget(MODEL, {**REQUEST, **fields})
    path, _ = commit_plan(plan, MODEL, tmp_path / "plan.record", day=TODAY)
    record = read_record(path)

    assert plan.gain is not None
    assert np.mean(record.promise.gain_draws) == pytest.approx(plan.gain.mean, rel=1e-3, abs=1e-3)
    spent = {name: sum(one.spend[name] for one in record.promise.periods) for name in plan.spend}
    assert spent == pytest.approx(plan.spend, rel=1e-9)


@pytest.mark.parametrize("fields", PRICED)
def test_what_ran_as_planned_at_rising_prices_leaves_nothing_to_explain(
    fields: dict[str, Any], tmp_path: Path
) -> None:
    path, _ = commit_plan(
        plan_budget(MODEL, {**REQUEST, **fields}), MODEL, tmp_path / "plan.record", day=TODAY
    )
    record = read_record(path)
    ran = as_planned(record)
    found = explain(record, came(ran))
    assert found.delivery.mean == pytest.approx(0.0, abs=1e-6)
    assert found.price.mean == pytest.approx(0.0, abs=1e-6)

    dearer = explain(record, came(scaled(ran, "media_GTC", 0, 0.9)))
    assert dearer.delivery.mean == pytest.approx(0.0, abs=1e-6) and dearer.price.mean < 0
    assert total(dearer) == pytest.approx(dearer.actual_kpi)


def test_more_money_than_planned_buys_at_prices_that_rise(tmp_path: Path) -> None:
    """Twice the money for one channel buys less than twice as much: 2 ** 0.7 times, no news of prices."""
    plan = plan_budget(MODEL, {**REQUEST, **PRICED[0]})
    path, _ = commit_plan(plan, MODEL, tmp_path / "plan.record", day=TODAY)
    record = read_record(path)
    ran = scaled(scaled(as_planned(record), "spend_GTC", 0, 2.0), "media_GTC", 0, 2.0**0.7)
    found = explain(record, came(ran))

    assert found.delivery.mean > 0
    assert found.price.mean == pytest.approx(0.0, abs=1e-3 * found.delivery.mean)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda plan: plan | {"status": "infeasible", "message": "No."}, "is infeasible: No"),
        (lambda plan: plan | {"request": {}}, "does not say what was asked"),
        (lambda plan: {"plan": plan, "models": {}}, "over several models"),
        (lambda plan: plan | {"sped": 1}, "it is no plan"),
        (lambda _: [], "it is no plan"),
    ],
)
def test_only_a_plan_that_can_run_is_committed(
    plan: Plan, tmp_path: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(change(plan.model_dump(mode="json"))))
    with pytest.raises(RecordError, match=said):
        read_plan(path)
    with pytest.raises(RecordError, match="cannot be committed"):
        read_plan(tmp_path / "nowhere.json")
