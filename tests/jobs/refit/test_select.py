from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from jobs.refit.select import parse_only, select_markets
from mmm.errors import SpecError
from tests.jobs.portfolios import tiny_portfolio


@pytest.fixture(scope="module")
def portfolio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Brands acme and borealis in markets us and de."""
    return tiny_portfolio(tmp_path_factory.mktemp("portfolio") / "p")


def chosen(portfolio: Path, *words: str) -> list[str]:
    """Names of what a filter keeps."""
    return [work.name for work in select_markets(str(portfolio), "/out", only=parse_only(words)).work]


def test_everything_without_a_filter(portfolio: Path) -> None:
    assert chosen(portfolio) == ["acme / de", "acme / us", "borealis / de", "borealis / us"]


def test_filters_of_both_kinds_must_hold(portfolio: Path) -> None:
    assert chosen(portfolio, "brand=acme") == ["acme / de", "acme / us"]
    assert chosen(portfolio, "brand=acme", "market=us") == ["acme / us"]
    assert chosen(portfolio, "market=de,us", "brand=acme,borealis") == chosen(portfolio)


def test_unknown_names_are_refused_with_the_nearest(portfolio: Path) -> None:
    with pytest.raises(SpecError, match=r"'acm' is not in .* did you mean 'acme'") as caught:
        chosen(portfolio, "brand=acm", "market=xx")

    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("word", ["acme", "brands=acme", "brand=", "brand=,"])
def test_words_that_are_no_filter_are_refused(word: str) -> None:
    with pytest.raises(SpecError, match="brand=NAME"):
        parse_only([word])


def test_production_models_see_every_period_unless_told_otherwise(portfolio: Path) -> None:
    kept = select_markets(str(portfolio), "/out").work[0].spec
    told = select_markets(str(portfolio), "/out", overrides=["train.refit_on_all=false"]).work[0].spec

    assert kept.train.refit_on_all
    assert not told.train.refit_on_all


def test_one_broken_spec_fails_alone(tmp_path: Path, portfolio: Path) -> None:
    spec = portfolio.parent / "specs" / "acme_us.yaml"
    content = yaml.safe_load(spec.read_text(encoding="utf-8"))
    broken = {**content, "market": "de", "curency": "EUR", "splits": {"holdout": -1}}
    content["data"]["path"] = str((spec.parent / content["data"]["path"]).resolve())
    path = tmp_path / "portfolio.yaml"
    path.write_text(yaml.safe_dump({"markets": [content, broken]}), encoding="utf-8")

    found = select_markets(str(path), "/out")

    assert [work.name for work in found.work] == ["acme / us"]
    (row,) = found.broken
    assert (row.name, row.status) == ("acme / de", "failed")
    assert "curency" in row.reason and "holdout" in row.reason
