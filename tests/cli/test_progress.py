"""Progress of a fit: lines where there is no terminal, and not too many."""

from __future__ import annotations

import pytest

from mmm.cli.progress import FitProgress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds as the progress sees them."""
    now = [100.0]
    monkeypatch.setattr("mmm.cli.progress.time.monotonic", lambda: now[0])
    return now


def test_a_line_every_ten_seconds(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    """Epochs come every four seconds; the first line falls due with the third of them."""
    with FitProgress() as progress:
        for epoch in range(1, 8):
            clock[0] += 4.0
            progress.update("train", epoch, 400, loss=1.0 / epoch)
    shown = capsys.readouterr()

    assert shown.out == "", "results go to standard output, progress does not"
    assert shown.err.splitlines() == [
        "train: epoch 3 of 400, loss 0.3333",
        "train: epoch 6 of 400, loss 0.1667",
    ]


def test_a_short_fit_is_quiet(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with FitProgress() as progress:
        clock[0] += 9.0
        progress.update("validate", 1, 2, loss=0.5)
        progress.update("train", 1, 2, loss=0.5)

    assert capsys.readouterr().err == ""


def test_stages_are_named(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with FitProgress() as progress:
        for stage in ("validate", "train"):
            clock[0] += 11.0
            progress.update(stage, 5, 10, loss=0.25)

    assert [line.split(":")[0] for line in capsys.readouterr().err.splitlines()] == ["validate", "train"]


def test_sampling_tells_chains_and_draws(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with FitProgress() as progress:
        clock[0] += 11.0
        progress.update("sample", 40, 300, chain=8, draw=1)

    assert capsys.readouterr().err.splitlines() == ["sample: round 40 of 300, 8 chains, 1 draw"]
