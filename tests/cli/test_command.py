"""The console script: statuses, streams and what it does not load."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mmm.cli import command as cli
from mmm.errors import TrainingError
from tests.data.panels import frame, spec, write, write_spec


def test_help_is_light() -> None:
    code = (
        "import sys; from mmm.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {'torch', 'pandas', 'pyarrow', 'numpy', 'pydantic', 'plotly'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for command in ("simulate", "init", "validate"):
        assert command in done.stdout


@pytest.mark.parametrize("arguments", [["fitt"], ["validate"], ["validate", "x", "--nope"]])
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2


def test_alone_it_shows_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    for command in cli.COMMANDS:
        assert command in shown.out


def test_validate_describes_the_panel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["validate", str(write(tmp_path, frame())), "--set", "splits.test=2"]) == 0
    output = capsys.readouterr().out
    assert "acme / us: valid" in output
    assert "3 regions x 60 weekly periods, 2\u00a0Jan\u00a02023 to 19\u00a0Feb\u00a02024" in output
    assert "KPI known in 180 of 180 cells" in output
    assert "2 channels, 1 control; train 50, holdout 8, test 2 periods" in output


def test_validate_tells_drivers_by_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    size = ["--brands", "1", "--markets", "1", "--regions", "2", "--weeks", "60"]
    drivers = ["--reach", "1", "--drivers", "--organic-reach", "1"]
    assert cli.main(["simulate", "--out", str(tmp_path / "sim"), *size, *drivers]) == 0
    assert cli.main(["validate", str(tmp_path / "sim" / "specs" / "acme_us.yaml")]) == 0
    held = "2 organic channels (1 with reach), 1 mediator, 2 treatments"
    assert f"8 channels (1 with reach), {held}, 0 controls; train 47" in capsys.readouterr().out


def test_organic_media_with_reach_are_drawn_beside_other_drivers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["simulate", "--out", str(tmp_path / "sim"), "--organic-reach", "1"]) == 2
    assert "organic_reach: is 1, but without drivers" in capsys.readouterr().err
    assert not (tmp_path / "sim").exists()


def test_report_of_a_folder_without_a_model_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["report", str(tmp_path)]) == 2
    assert "holds no fitted model" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_validate_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = frame()
    path = write(tmp_path, table)
    assert cli.main(["validate", str(path), "--json"]) == 0
    good = json.loads(capsys.readouterr().out)
    assert good["valid"]
    assert set(good["markets"][0]["findings"][0]) == {
        "severity",
        "code",
        "where",
        "what",
        "why",
        "what_to_do",
    }
    table.loc[3, "tv"] = -1
    table.to_csv(tmp_path / "panel.csv", index=False)
    assert cli.main(["validate", str(path), "--json"]) == 2
    bad = json.loads(capsys.readouterr().out)
    assert not bad["valid"]
    assert [problem["code"] for problem in bad["markets"][0]["problems"]] == ["negative_value"]


def test_validate_checks_every_market_of_a_portfolio(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, frame())
    write_spec(tmp_path, {"markets": [spec(), {**spec("nope.csv"), "market": "de"}, {"brand": "acme"}]})
    assert cli.main(["validate", str(tmp_path / "spec.yaml")]) == 2
    output = capsys.readouterr()
    assert "acme / us: valid" in output.out
    assert "no such file" in output.err
    assert "markets[2].columns" in output.err


def test_spec_path_that_does_not_exist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["validate", str(tmp_path / "nope.yaml")]) == 2
    assert "no such file. Check the path" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "status"),
    [(KeyboardInterrupt(), 130), (TrainingError("the loss is NaN"), 1), (BrokenPipeError(), 0)],
)
def test_statuses(error: BaseException, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(options: object) -> int:
        raise error

    about, add_options, _ = cli.COMMANDS["simulate"]
    monkeypatch.setitem(cli.COMMANDS, "simulate", (about, add_options, fail))
    monkeypatch.setattr(cli, "_silence_stdout", lambda: None)
    assert cli.main(["simulate", "--out", "x"]) == status


def test_simulate_writes_a_portfolio_that_validates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sim"
    size = ["--brands", "1", "--markets", "2", "--regions", "2", "--weeks", "60"]
    assert cli.main(["simulate", "--out", str(out), *size]) == 0
    assert cli.main(["validate", str(out / "portfolio.yaml")]) == 0
    assert cli.main(["simulate", "--out", str(out), *size]) == 2
    assert "already holds something" in capsys.readouterr().err


def test_pipe_that_closes_early_is_no_error(tmp_path: Path) -> None:
    path = write(tmp_path, frame())
    command = f"{sys.executable} -m mmm.cli init {path.with_name('panel.csv')} | head -c 1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
