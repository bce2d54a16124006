"""``mmm design``: tests, the chosen one frozen, its result."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from mmm.cli import command as cli
from mmm.design.registration import read_registration
from mmm.fitted import save_fitted
from tests.design.readouts import readout
from tests.small import sketch, small_panel, without_value

REQUEST = """
budget: {budget: current, horizon: 13, default_bounds: {min_change: -0.5, max_change: 0.5}}
channels: [search]
weeks: [4]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("design")
    save_fitted(sketch(small_panel(regions=8, periods=104), members=20), folder / "model")
    (folder / "request.yaml").write_text(REQUEST, encoding="utf-8")
    return folder


def test_from_tests_to_an_entry(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    model, request = str(place / "model"), str(place / "request.yaml")
    table = tmp_path / "tests.parquet"
    assert cli.main(["design", model, request, "--out", str(table)]) == 0
    shown = capsys.readouterr().out
    tests = pd.read_parquet(table)
    assert len(tests) == 6
    assert tests["test"].iloc[0] in shown
    assert "net" in shown and "draws only" in shown
    assert ("No test is worth its cost" in shown) != bool(tests["recommended"].any())
    assert cli.main(["design", model, request, "--out", str(table)]) == 2
    assert "already exists" in capsys.readouterr().err

    frozen = tmp_path / "test.yaml"
    wanted = ["design", "freeze", model, request, "--out", str(frozen), "--test"]
    assert cli.main([*wanted, "search-go_dark-9w-50pc"]) == 2
    assert "is no test of this request" in capsys.readouterr().err
    assert cli.main([*wanted, "search-go_dark-4w-50pc"]) == 0
    registration = read_registration(str(frozen))
    assert registration.digest[:19] in capsys.readouterr().out

    readout(registration).to_csv(tmp_path / "readout.csv", index=False)
    entry = tmp_path / "entry.yaml"
    said = ["design", "result", str(frozen), str(tmp_path / "readout.csv")]
    assert cli.main(said) == 0
    assert "experiments:" in capsys.readouterr().out
    assert cli.main([*said, "--out", str(entry)]) == 0
    assert "lift" in capsys.readouterr().out
    assert yaml.safe_load(entry.read_text())["experiments"][0]["channel"] == "search"
    assert cli.main([*said, "--out", str(tmp_path / "entry.csv")]) == 0
    assert (tmp_path / "entry.csv").read_text().startswith("channel,regions")

    readout(registration).iloc[:-1].to_csv(tmp_path / "readout.csv", index=False)
    assert cli.main(said) == 2
    assert "departs from the registration" in capsys.readouterr().err


def test_without_a_value_it_says_so(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_fitted(without_value(sketch(small_panel(regions=8, periods=104), members=20)), tmp_path / "plain")
    assert cli.main(["design", str(tmp_path / "plain"), str(place / "request.yaml")]) == 0
    assert "nothing here is in money" in " ".join(capsys.readouterr().out.split())


def test_a_step_is_asked_for_by_name_or_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["design"]) == 0
    assert "freeze" in capsys.readouterr().out
    assert cli.main(["design", "absent", "request.yaml"]) == 2
    assert "request.yaml" in capsys.readouterr().err
