"""Tables, floors and the README's block from rows alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from jobs.benchmark.figures import BenchmarkError, Figure, FigureLog
from jobs.benchmark.run import publish
from jobs.benchmark.suites.speed import speed_summary
from jobs.benchmark.table import BEGIN, END, block, floors, main, rewrite
from jobs.benchmark.tables import legend, markdown, tables_of

OURS, PEER = "ray-mmm", "deepcausalmmm"


def rows_of(folder: Path, sizes: str = "default", attribution: float = 0.1) -> pd.DataFrame:
    log = FigureLog(folder, sizes)
    for case, own, other in (("world 1", attribution, 0.6), ("world 2", attribution, 0.8)):
        log.add([Figure(suite="truth", case=case, method=OURS, metric="attribution error", value=own)])
        log.add([Figure(suite="truth", case=case, method=PEER, metric="attribution error", value=other)])
    for method, value in ((OURS, 0.99), (PEER, 0.97), ("mean of 8 weeks", 0.994)):
        log.add([Figure(suite="real", case="last 13 weeks", method=method, metric="R²", value=value)])
    quoted = Figure(
        suite="real", case="last 13 weeks", method=f"{PEER}, published", metric="R²", value=0.843,
        status="quoted",
    )  # fmt: skip
    log.add([quoted, Figure(suite="truth", method="pymc-marketing", status="failed", note="no index | here")])
    for method, seconds in ((OURS, 60.0), ("ray-mmm, 1 member", 20.0)):
        log.add(
            [Figure(suite="speed", case="real panel", method=method, metric="seconds per fit", value=seconds)]
        )
    whole = Figure(
        suite="speed", case="real panel", method=PEER, metric="seconds per fit", value=1400.0,
        status="extrapolated",
    )  # fmt: skip
    grown = Figure(
        suite="speed", case="regions", method=OURS, metric="growth exponent", value=1.1, note="sizes"
    )
    log.add([whole, grown])
    log.add(speed_summary(log.frame()))
    return log.frame()


def test_floors_are_held_against_the_rows(tmp_path: Path) -> None:
    verdicts = {floor.name: (floor.found, floor.verdict) for floor in floors(rows_of(tmp_path))}
    assert [value for name, value in verdicts.items() if "like for like" in name] == [("70.0 times", "kept")]
    assert [value for name, value in verdicts.items() if "default members" in name] == [
        ("23.3 times", "kept")
    ]
    assert [value for name, value in verdicts.items() if "R²" in name] == [("0.9900 against 0.9700", "kept")]
    assert [value for name, value in verdicts.items() if "half" in name] == [("0.10 against 0.70", "kept")]
    assert verdicts["cost at most linear in regions"] == ("exponent 1.10", "MISSED")
    assert verdicts["cost at most linear in weeks"] == ("", "not measured")


def test_a_floor_that_is_missed_is_said_so(tmp_path: Path) -> None:
    verdicts = [floor.verdict for floor in floors(rows_of(tmp_path, attribution=0.4)) if "half" in floor.name]
    assert verdicts == ["MISSED"]


def test_tables_hold_medians_and_mark_what_was_not_measured(tmp_path: Path) -> None:
    tables = {table.title: table for table in tables_of(rows_of(tmp_path))}
    truth = dict(zip(tables["Against the truth"].header, tables["Against the truth"].rows[0], strict=True))
    assert truth[PEER] == "0.70"
    real = {row[0]: row[1] for row in tables["Real panel, last 13 weeks"].rows}
    assert list(real) == [OURS, PEER, "mean of 8 weeks", f"{PEER}, published"]
    assert real[f"{PEER}, published"] == "0.8430§"
    speed = {row[0]: row for row in tables["Speed"].rows}
    assert speed[PEER][1] == "1,400.0†"
    assert "† extrapolated" in legend(tables.values()) and "§ quoted" in legend(tables.values())
    assert tables["Not done"].rows[0][1:] == ("pymc-marketing", "", "failed", "no index | here")
    assert "no index \\| here" in markdown(tables["Not done"])


def test_everything_is_published(tmp_path: Path) -> None:
    said = tmp_path / "said.txt"
    with said.open("w") as stream:
        publish(rows_of(tmp_path), tmp_path, Console(file=stream, width=120))
    assert "Against the truth" in said.read_text()
    assert "## Floors" in (tmp_path / "benchmark.md").read_text()
    assert "Growth of cost" in (tmp_path / "benchmark.html").read_text()


def test_a_run_without_rows_is_published_too(tmp_path: Path) -> None:
    with (tmp_path / "said.txt").open("w") as stream:
        publish(FigureLog(tmp_path, "default").frame(), tmp_path, Console(file=stream))
    assert "not measured" in (tmp_path / "benchmark.md").read_text()


def test_the_readme_gets_the_figures_between_its_markers(tmp_path: Path) -> None:
    rows_of(tmp_path)
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")

    assert main([str(tmp_path), str(readme)]) == 0

    text = readme.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert "| attribution error, of all that media bring | 0.10 | 0.70 | - | - |" in text
    assert "| real panel, R² of the last 13 weeks | 0.9900 | 0.9700 | - | 0.9940 (mean of 8 weeks) |" in text
    assert "1,400.0†" in text and "regions 1.10" in text
    assert main([str(tmp_path), str(readme)]) == 0
    assert readme.read_text() == text


def test_quick_runs_and_files_without_markers_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("no markers\n")
    assert main([str(tmp_path), str(readme)]) == 2
    assert "holds no benchmark.parquet" in capsys.readouterr().err
    rows_of(tmp_path, "quick")
    assert main([str(tmp_path), str(readme)]) == 2
    assert "claim nothing" in capsys.readouterr().err
    rows_of(tmp_path)
    assert main([str(tmp_path), str(readme)]) == 2
    assert BEGIN in capsys.readouterr().err
    assert readme.read_text() == "no markers\n"
    with pytest.raises(BenchmarkError):
        rewrite(f"{END}{BEGIN}", "x")


def test_the_block_says_where_it_comes_from(tmp_path: Path) -> None:
    assert "cores" in block(rows_of(tmp_path)).splitlines()[-1]
