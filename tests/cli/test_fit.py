"""``mmm fit`` and ``mmm report``: what they leave, what they say, what they refuse."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

import pytest
import yaml

from mmm import load_fitted
from mmm.cli import command as cli
from tests.data.panels import frame, write

QUICK = (
    "--set",
    "train.epochs=20",
    "--set",
    "model.temporal.enabled=false",
    "--set",
    "model.graph.mode=none",
)


def fit(spec: Path, out: Path, *more: str) -> int:
    """Status of a quick fit; the environment is left as it was."""
    with mock.patch.dict(os.environ):
        return cli.main(["fit", str(spec), "--out", str(out), "--no-report", *QUICK, *more])


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("market"), frame())


@pytest.fixture(scope="module")
def model(spec: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "first"
    assert fit(spec, out, "--members", "2") == 0
    return out


def test_a_fit_leaves_a_model_with_the_settings_asked_for(model: Path) -> None:
    settings = yaml.safe_load((model / "model" / "spec.yaml").read_text(encoding="utf-8"))

    assert settings["train"]["members"] == 2
    assert settings["train"]["epochs"] == 20
    assert settings["model"]["graph"]["mode"] == "none"
    assert load_fitted(model).members == 200  # draws from the posterior; members are those of an ensemble
    assert not (model / "report.html").exists()


def test_a_fit_says_what_it_found_and_where_it_lies(
    spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    assert fit(spec, tmp_path / "model", "--members", "1", "--set", "kpi_value=2") == 0
    shown = capsys.readouterr().out

    assert shown.startswith("acme / us: 60 weeks of 3 regions to ")
    for word in ("holdout", "within regions", "of the KPI", "search", "ROI", "Next: mmm report"):
        assert word in shown
    assert "no interval" in shown, "one member knows no interval"


def test_without_a_value_of_the_kpi_nothing_is_called_a_return_on_investment(
    spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert fit(spec, tmp_path / "model", "--members", "1") == 0
    shown = capsys.readouterr().out

    assert "returns in KPI units per" in shown
    assert "ROI" not in shown


def test_a_model_that_is_there_is_kept_unless_told_otherwise(
    spec: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (model / "model" / "spec.yaml").stat().st_mtime_ns
    assert fit(spec, model) == 2
    assert "already" in capsys.readouterr().err
    assert (model / "model" / "spec.yaml").stat().st_mtime_ns == before


def test_force_replaces_it_whole(spec: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    assert fit(spec, out, "--members", "2") == 0
    (out / "of_an_older_program.txt").write_text("x", encoding="utf-8")
    assert fit(spec, out, "--members", "1", "--force") == 0

    assert load_fitted(out).members == 1
    assert not (out / "of_an_older_program.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["model"], "neither scratch nor checkpoint is left"


def test_a_fit_from_an_older_model_keeps_its_units(spec: Path, model: Path, tmp_path: Path) -> None:
    assert fit(spec, tmp_path / "next", "--members", "1", "--from", str(model)) == 0
    older, newer = load_fitted(model), load_fitted(tmp_path / "next")

    assert newer.scaling.media_C.tolist() == older.scaling.media_C.tolist()
    assert newer.log_half_C.tolist() == older.log_half_C.tolist()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--set", "train.epoch=3"), "did you mean 'epochs'"),
        (("--members", "0"), "greater than or equal to 1"),
        (("--from", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], words: str
) -> None:
    assert fit(spec, tmp_path / "model", *more) == 2
    assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_report_is_drawn_where_asked(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    assert cli.main(["report", str(model), "--out", str(page)]) == 0

    assert capsys.readouterr().out.strip() == str(page)
    assert "acme" in page.read_text(encoding="utf-8")


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["--version"])

    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("ray-mmm ")
