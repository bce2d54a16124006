"""Specs from YAML and overrides: every problem with its path and line; dumps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mmm.config import MarketSpec
from mmm.config.files import dump_yaml, load_market, override, parse_yaml
from mmm.errors import SpecError
from tests.data.panels import spec, write_spec


def load(
    folder: Path, change: str | None = None, value: Any = None, overrides: tuple[str, ...] = ()
) -> MarketSpec:
    values = spec()
    if change is not None:
        *parents, last = change.split(".")
        node = values
        for key in parents:
            node = node.setdefault(key, {})
        node[last] = value
    return load_market(str(write_spec(folder, values)), overrides)


def test_data_path_is_seen_from_the_spec(tmp_path: Path) -> None:
    assert load(tmp_path).data.path == str(tmp_path / "panel.csv")
    assert load(tmp_path, "data.path", "/abs/panel.csv").data.path == "/abs/panel.csv"
    assert load(tmp_path, "data.path", "s3://bucket/panel").data.path == "s3://bucket/panel"


def test_spec_may_lie_behind_a_uri(tmp_path: Path) -> None:
    path = write_spec(tmp_path, spec("../data/panel.csv"))
    assert load_market(f"file://{path}").data.path == f"file://{tmp_path.parent}/data/panel.csv"


WRONG: dict[str, tuple[str, Any, list[str]]] = {
    "unknown key at the top": ("colums", {}, ["colums (line ", "unknown key 'colums'", "'columns'"]),
    "unknown key inside": ("model.saturation.slop_min", 1, ["model.saturation.slop_min", "'slope_min'"]),
    "unknown key of a channel": ("columns.channels.tv.spned", "x", ["columns.channels.tv.spned", "'spend'"]),
    "unknown key like none": ("splits.zzz", 1, ["splits.zzz", "known here: holdout, test"]),
    "no holdout": (
        "splits.holdout",
        0,
        ["splits.holdout", "0 is not allowed", "equal to 1", "Omit it for the default, 13"],
    ),
    "negative holdout": ("splits.holdout", -2, ["splits.holdout", "-2 is not allowed"]),
    "word for a number": ("train.seed", "x", ["train.seed", "'x' is not allowed", "integer"]),
    "fraction for a count": ("train.members", 2.5, ["train.members", "2.5 is not allowed"]),
    "out of range": ("model.adstock.max_lag", 999, ["model.adstock.max_lag", "less than or equal to 104"]),
    "no such mode": (
        "model.graph.mode",
        "dag",
        ["model.graph.mode", "'dag'", "'triangular', 'notears' or 'none'"],
    ),
    "number for a name": ("brand", 7, ["brand", "7 is not allowed", "quotes"]),
    "slash in a name": ("market", "us/west", ["market", "'us/west' is not allowed"]),
    "KPI value below 0": ("kpi_value", -1, ["kpi_value", "greater than 0"]),
    "KPI value of a wrong type": ("kpi_value", [1], ["kpi_value", "is not allowed"]),
    "list for a mapping": ("splits", [13], ["splits", "is not allowed"]),
    "no channels": ("columns.channels", {}, ["columns.channels", "at least 1"]),
    "channel without a column": (
        "columns.channels.tv",
        {},
        ["columns.channels.tv", "`spend` or of `exposure`"],
    ),
    "column with two roles": ("columns.controls", ["tv"], ["'tv' is channels.tv.spend and controls"]),
    "column of two channels": (
        "columns.channels.tv2",
        {"spend": "tv"},
        ["'tv' is channels.tv.spend and channels.tv2.spend", "Remove all but one"],
    ),
    "edge of no channel": (
        "model.graph.required",
        [["tv", "serch"]],
        ["model.graph.required names 'serch'", "did you mean 'search'"],
    ),
    "prior of no channel": (
        "model.priors.channels",
        {"serch": {"share": {"mean": 0.1, "sd": 0.05}}},
        ["model.priors.channels names 'serch'", "did you mean 'search'"],
    ),
    "name of channel and control": ("columns.controls", ["search"], ["search names both", "Rename"]),
    "KPI value is the KPI": ("kpi_value", "kpi", ["kpi_value names column 'kpi'"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_spec_is_refused_with_its_path(case: str, tmp_path: Path) -> None:
    change, value, expected = WRONG[case]
    with pytest.raises(SpecError) as caught:
        load(tmp_path, change, value)
    assert len(caught.value.problems) == 1
    for text in expected:
        assert text in str(caught.value)


def test_a_return_is_believed_only_of_what_is_paid_for(tmp_path: Path) -> None:
    belief = ("model.priors.channels.tv.roi={mean: 1.0, sd: 0.5}",)
    assert load(tmp_path, overrides=belief).model.priors.channels["tv"].roi is not None
    with pytest.raises(SpecError, match=r"tv\.roi is a return on spend, but 'tv' has no column of spend"):
        load(tmp_path, "columns.channels.tv", {"exposure": "tv"}, overrides=belief)


def test_order_of_a_triangular_graph_must_list_the_channels(tmp_path: Path) -> None:
    graph = ("model.graph.mode=triangular", "model.graph.order=[tv, serch]")
    with pytest.raises(SpecError, match="lists tv, serch, but the channels are tv, search"):
        load(tmp_path, overrides=graph)
    fixed = load(tmp_path, overrides=("model.graph.mode=triangular", "model.graph.order=[search, tv]"))
    assert fixed.model.graph.order == ("search", "tv")


def test_every_problem_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("brand: a\ncolumns:\n  dat: d\n  channels: {tv: {spend: tv}}\nsplits:\n  holdout: 0\n")
    with pytest.raises(SpecError) as caught:
        load_market(str(path))
    wheres = [problem.where for problem in caught.value.problems]
    assert wheres == [
        "market",
        "data",
        "columns.date (line 2)",
        "columns.kpi (line 2)",
        "columns.dat (line 3)",
        "splits.holdout (line 6)",
    ]


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("a: [1\n", "line 2, column 1", "not valid YAML"),
        ("a: 1\nb: {a: 2\nc: }3\n", "line 3", "not valid YAML"),
        ("a:\n\tb: 1\n", "line 2, column 1", "not valid YAML"),
        ("a: 1\nb: {c: 1, c: 2}\n", "b.c (line 2)", "given twice, first on line 2"),
        ("", "", "is empty"),
        ("- 1\n", "", "list at its top"),
        ("a: &x [*x]\n", "a[0]", "has no end"),
        ("a: !!python/object:os.system 1\n", "line 1", "not valid YAML"),
    ],
)
def test_what_is_no_yaml_mapping(text: str, where: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_yaml(text, "spec.yaml")
    assert caught.value.problems[0].where.startswith(where)
    assert message in caught.value.problems[0].message


def test_merge_keys_and_numbers_as_keys_are_plain_yaml() -> None:
    assert parse_yaml("x: &x {a: 1}\ny:\n  <<: *x\n  b: 2\n1: 3\n", "x").values == {
        "x": {"a": 1},
        "y": {"a": 1, "b": 2},
        1: 3,
    }


def test_norway_is_a_market() -> None:
    assert parse_yaml("market: no\nx: on\ny: true\n", "x").values == {"market": "no", "x": "on", "y": True}


def test_missing_and_binary_files_are_said(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no such file"):
        load_market(str(tmp_path / "nope.yaml"))
    (tmp_path / "spec.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match="not UTF-8"):
        load_market(str(tmp_path / "spec.yaml"))
    with pytest.raises(SpecError):
        load_market(str(tmp_path))
    (tmp_path / "portfolio.yaml").write_text("markets: [a.yaml]\n")
    with pytest.raises(SpecError, match="this is a portfolio"):
        load_market(str(tmp_path / "portfolio.yaml"))


def test_overrides_have_the_types_of_yaml(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        overrides=("train.seed=7", "model.graph.mode=none", "kpi_value=1e-3", "columns.controls=[price]"),
    )
    assert (found.train.seed, found.model.graph.mode, found.kpi_value) == (7, "none", 0.001)
    assert override({"a": {"b": 1}}, ["a.b=null", "a.c=[tv, 2]", "d=no"], "x") == {
        "a": {"b": None, "c": ["tv", 2]},
        "d": "no",
    }


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("train.membrs=3", "did you mean 'members'"),
        ("train.members=x", "'x' is not allowed"),
        ("train.members", "path=value"),
        ("train..seed=3", "path=value"),
        ("brand.x=3", "brand is a value"),
        ("train.seed=[", "cannot be applied"),
    ],
)
def test_wrong_overrides_are_refused(setting: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        load(tmp_path, overrides=(setting,))
    assert message in str(caught.value)


@pytest.mark.parametrize("defaults", [True, False])
def test_dump_loads_to_an_equal_spec(defaults: bool) -> None:
    found = MarketSpec.model_validate({**spec(), "holidays": {"country": "US"}})
    text = dump_yaml(found, defaults=defaults)
    assert MarketSpec.model_validate(parse_yaml(text, "dump").values) == found
    assert ("seed" in text) is defaults


def test_schema_describes_every_field() -> None:
    schema = MarketSpec.model_json_schema()
    for definition in [schema, *schema["$defs"].values()]:
        for name, field in definition["properties"].items():
            assert "description" in field or "$ref" in field, name
