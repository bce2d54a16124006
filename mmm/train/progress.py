"""How a fit tells that it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from mmm import words


class Progress(Protocol):
    """Whoever wants to know how training goes."""

    def update(self, stage: str, done: int, total: int, **figures: float) -> None:
        """After an epoch with its ``loss``, or a round of sampling with counts of ``chain`` and ``draw``."""
        ...


class Quiet:
    """Progress that nobody watches."""

    def update(self, stage: str, done: int, total: int, **figures: float) -> None:
        """Says nothing."""


def standing(stage: str, done: int, total: int, figures: Mapping[str, float]) -> str:
    """``train: epoch 30 of 400, loss 0.2500``; ``sample: round 40 of 300, 8 chains, 80 draws``."""
    what = "epoch" if "loss" in figures else "round"
    return ", ".join([f"{stage}: {what} {done} of {total}", *figure_words(figures)])


def figure_words(figures: Mapping[str, float]) -> list[str]:
    """Each figure in words: a loss with four decimals, a count with its noun where there are any yet."""
    return [
        f"loss {value:.4f}" if name == "loss" else words.count(int(value), name)
        for name, value in figures.items()
        if name == "loss" or value
    ]
