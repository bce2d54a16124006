"""Portfolios: defaults, lists, files and partitions; a broken market fails alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mmm.errors import SpecError
from mmm.portfolio import Portfolio, is_portfolio, load_portfolio
from tests.data.panels import frame, spec, write_spec


def load(folder: Path, values: dict[str, Any], overrides: tuple[str, ...] = ()) -> Portfolio:
    path = folder / "portfolio.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    return load_portfolio(str(path), overrides)


def defaults() -> dict[str, Any]:
    return {key: value for key, value in spec().items() if key not in ("brand", "market", "data")}


def test_defaults_join_each_market_and_its_own_fields_win(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        {
            "defaults": {**defaults(), "train": {"seed": 3, "members": 2}},
            "markets": [
                {"brand": "acme", "market": "us", "data": {"path": "us.csv"}},
                {
                    "brand": "acme",
                    "market": "de",
                    "data": {"path": "de.csv"},
                    "train": {"seed": 9},
                    "columns": {"population": None, "channels": {"tv": None}},
                },
            ],
        },
        ("train.members=5",),
    )
    us, de = found.specs()
    assert us.data.path == str(tmp_path / "us.csv")
    assert (us.train.seed, us.train.members) == (3, 5)
    assert (de.train.seed, de.train.members) == (9, 5)
    assert us.columns.population == "population"
    assert de.columns.population is None
    assert list(de.columns.channels) == ["search"]


def test_markets_may_be_files(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    write_spec(tmp_path / "specs", {**spec("../us.csv"), "train": {"seed": 4}})
    found = load(tmp_path, {"markets": ["specs/spec.yaml", "specs/nope.yaml"]})
    assert found.entries[0].spec is not None
    assert found.entries[0].spec.data.path == str(tmp_path / "specs" / ".." / "us.csv")
    assert found.entries[1].error is not None
    assert "no such file" in str(found.entries[1].error)


def test_partitions_are_expanded(tmp_path: Path) -> None:
    for market in ("us", "de"):
        place = tmp_path / "panel" / "brand=acme" / f"market={market}"
        place.mkdir(parents=True)
        frame().to_parquet(place / "part-0.parquet")
    found = load(tmp_path, {"defaults": defaults(), "markets": "panel"})
    assert [(entry.brand, entry.market) for entry in found.entries] == [("acme", "de"), ("acme", "us")]
    assert {one.data.path for one in found.specs()} == {str(tmp_path / "panel")}


def test_a_broken_market_fails_alone(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        {
            "defaults": defaults(),
            "markets": [
                {"brand": "acme", "market": "us", "data": {"path": "us.csv"}},
                {
                    "brand": "acme",
                    "market": "de",
                    "data": {"path": "de.csv"},
                    "splits": {"holdout": 0},
                    "x": 1,
                },
            ],
        },
    )
    good, bad = found.entries
    assert good.spec is not None
    assert bad.spec is None
    assert bad.error is not None
    assert (bad.brand, bad.market) == ("acme", "de")
    wheres = [problem.where.split(" (")[0] for problem in bad.error.problems]
    assert wheres == ["markets[1].splits.holdout", "markets[1].x"]
    with pytest.raises(SpecError, match="has 2 problems"):
        found.specs()


def test_a_brand_market_may_stand_once(tmp_path: Path) -> None:
    market = {"brand": "acme", "market": "us", "data": {"path": "us.csv"}}
    with pytest.raises(SpecError, match=r"'acme' in market 'us' is already markets\[0\]"):
        load(tmp_path, {"defaults": defaults(), "markets": [market, market]})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"markets": []}, "lists no market"),
        ({"markets": "nowhere"}, "cannot be listed"),
        ({"markets": "."}, "has no files below brand="),
        ({"markets": [1]}, "is not allowed"),
        ({"default": {}, "markets": ["a.yaml"]}, "did you mean 'defaults'"),
        ({"defaults": {}}, "markets: is required"),
    ],
)
def test_wrong_portfolios_are_refused(values: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        load(tmp_path, values)
    assert message in str(caught.value)


def test_wrong_overrides_are_told_once(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="path=value"):
        load(tmp_path, {"markets": ["a.yaml", "b.yaml"]}, ("train.seed",))


def test_portfolios_are_told_from_markets(tmp_path: Path) -> None:
    assert not is_portfolio(str(write_spec(tmp_path, spec())))
    assert is_portfolio(str(write_spec(tmp_path, {"markets": "x"})))


@pytest.mark.parametrize(
    ("written", "group"),
    [("", "off"), ("pool: off", "off"), ("pool: {}", "all"), ("pool: {group: off}", "off")],
)
def test_nothing_is_pooled_unless_a_portfolio_says_so(written: str, group: str, tmp_path: Path) -> None:
    path = tmp_path / "portfolio.yaml"
    market = "{brand: a, market: b, data: {path: p}, columns: {date: d, kpi: k, channels: {tv: {spend: s}}}}"
    path.write_text(f"markets:\n  - {market}\n{written}\n", encoding="utf-8")

    assert load_portfolio(str(path)).pool.group == group
