from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from jobs.record.rows import Row, read_table
from jobs.record.store import result_key, result_place
from jobs.refit.command import main
from jobs.refit.pool import pooled_works, sources, with_shift
from jobs.refit.priors import PRIORS, priors_digest, with_priors
from jobs.refit.task import Work
from mmm.config import PoolSpec
from mmm.config.files import validate
from mmm.fitted import load_fitted
from tests.jobs.portfolios import QUICK, panel_of, tiny_portfolio
from tests.jobs.rows import row
from tests.small import market, small_panel

ALL = validate(PoolSpec, {}, "test")
BRANDS = tuple(f"brand{b}" for b in range(6))
KEYS = [(brand, "us") for brand in BRANDS]
SPEC = market(small_panel())


def work(brand: str, **changes: Any) -> Work:
    """A market of a brand with channels tv, search and radio."""
    return Work(SPEC.model_copy(update={"brand": brand, **changes}), "/out", pools=True)


def estimates(first: float = 3.0) -> pd.DataFrame:
    """Returns of tv of six brands: the first knows little, the others agree on 2."""
    value = np.log([first, 1.9, 2.0, 2.1, 2.0, 1.9])
    error = np.array([0.8, 0.01, 0.01, 0.01, 0.01, 0.01])
    return pd.DataFrame(
        {
            "channel": "tv",
            "quantity": "roi",
            "value": value,
            "standard_error": error,
            "pressure": -3.0,
            "tests": 0,
            "brand": BRANDS,
            "market": "us",
            "vertical": "",
        }
    )


def alone(**changes: Any) -> dict[tuple[str, str], Row]:
    """Rows of models fitted alone."""
    return {key: row(brand=key[0], directory=f"/models/{key[0]}", **changes) for key in KEYS}


def test_only_who_would_move_is_fitted_once_more() -> None:
    table, again = pooled_works([work(b) for b in BRANDS], alone(), {}, estimates(), ALL)

    assert [item.spec.brand for item in again] == ["brand0"]
    assert again[0].alone == "/models/brand0"
    assert again[0].priors["tv"]["roi"]["mean"] == pytest.approx(2.0, rel=0.05)
    assert table["returned"].tolist() == [True] + [False] * 5


def test_news_of_others_that_move_little_are_no_reason_to_fit_again() -> None:
    kept = {"tv": {"roi": {"mean": 2.05, "sd": 0.15}}}
    before = alone(settings={PRIORS: kept})
    works = [work(b) for b in BRANDS]

    _, same = pooled_works(works, alone(), before, estimates(), ALL)
    _, other_data = pooled_works(works, alone(data_fingerprint="new"), before, estimates(), ALL)
    far = alone(settings={PRIORS: {"tv": {"roi": {"mean": 20.0, "sd": 0.15}}}})
    _, moved = pooled_works(works[:1], alone(), far, estimates(), ALL)

    assert same[0].priors == kept
    assert other_data[0].priors != kept
    assert moved[0].priors["tv"]["roi"]["mean"] == pytest.approx(2.0, rel=0.05)


def test_what_a_user_believes_stays() -> None:
    stated = with_priors(SPEC, {"tv": {"roi": {"mean": 1.0, "sd": 0.1}}})
    mine = Work(stated.model_copy(update={"brand": "brand0"}), "/out", pools=True)

    _, again = pooled_works([mine], alone(), {}, estimates(), ALL)

    assert again == []


def test_priors_join_what_the_spec_states_of_other_things() -> None:
    spec = with_priors(SPEC, {"tv": {"roi": {"mean": 2.0, "sd": 0.5}}})

    belief = spec.model.priors.channels["tv"]
    assert belief.roi is not None and belief.roi.mean == 2.0
    assert spec.model_copy(update={"model": SPEC.model}) == SPEC
    assert priors_digest({"a": 1, "b": 2}) == priors_digest({"b": 2, "a": 1}) != priors_digest({"a": 1})


def test_models_fitted_alone_are_what_is_pooled() -> None:
    pooled = row(brand="brand1", settings={PRIORS: {}}, directory="/models/pooled")
    rows = {("brand0", "us"): row(brand="brand0"), ("brand1", "us"): pooled}

    found = sources([*KEYS[:2], ("brand9", "us")], rows, {("brand0", "us"): "travel"}, "/out")

    key = result_key(pooled.data_fingerprint, pooled.spec_digest)
    assert [item.directory for item in found] == [
        row().directory,
        result_place("/out", "brand1", "us", key),
    ]
    assert [item.vertical for item in found] == ["travel", ""]


def test_how_far_pooling_moved_a_model_is_said() -> None:
    table, _ = pooled_works([work(b) for b in BRANDS], alone(), {}, estimates(), ALL)
    before = row(brand="brand0")
    after = replace(before, shares={"tv": 0.1, "search": 0.1}, roi={"tv": 0.75, "search": 3.0})

    told = with_shift(after, before, table)

    assert told.pool_shift == pytest.approx(0.1 / 0.3)
    assert told.findings[-1].startswith("info pooled returns: Other brands moved 33% of what media bring.")
    assert "tv 1.5 alone, 0.75 pooled; 5 others expect 1.97" in told.findings[-1]


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.usefixtures("own_ray")
def test_a_refit_that_pools_is_done_once(tmp_path: Path) -> None:
    spec = tiny_portfolio(tmp_path / "portfolio", brands=3, markets=1)
    content = yaml.safe_load(spec.read_text(encoding="utf-8"))
    spec.write_text(yaml.safe_dump({**content, "pool": {"group": "all"}}), encoding="utf-8")
    quick = [word for setting in ("train.members=4", *QUICK[1:]) for word in ("--set", setting)]
    out = tmp_path / "out"
    arguments = [str(spec), "--out", str(out), "--tracking", "none", *quick]

    assert main(arguments) == 0
    first, table = read_table(str(out)), pd.read_parquet(out / "pool.parquet")
    assert main(arguments) == 0
    second = read_table(str(out))

    assert set(table["class"]) == {"tv", "search", "social"}
    assert table.groupby(["class", "quantity"])["n"].first().eq(3).all()
    pooled = {key for key, own in first.items() if PRIORS in own.settings}
    assert pooled == set(table[table["returned"]][["brand", "market"]].itertuples(index=False, name=None))
    assert pooled
    assert {own.status for own in second.values()} == {"unchanged"}
    assert {key: own.key for key, own in second.items()} == {key: own.key for key, own in first.items()}
    brand, name = next(iter(pooled))
    told = load_fitted(first[brand, name].directory)
    assert told.spec.model.priors.channels["tv"].roi is not None
    assert "begun_at" in told.provenance
    assert panel_of(spec, brand, name).exists()
