"""What a benchmark run is asked to do: sizes of the suites, full and quick."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mmm.simulate.portfolio import Design

SUITES = ("truth", "real", "graph", "speed", "portfolio", "serve", "train")
PEERS = ("deepcausalmmm", "deepcausalmmm-full", "pymc-marketing", "ridge", "last-touch", "spend-share")
DEFAULT_PEERS = ("deepcausalmmm", "ridge", "last-touch", "spend-share")
QUICK_PEERS = ("ridge", "last-touch", "spend-share")


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How large the suites are.

    Attributes:
        design: Simulated worlds of the truth and graph suites.
        worlds: Worlds of the truth suite.
        stable_worlds: Of these, how many are fitted again (13 weeks more, another seed).
        settings: Overrides of every fit of ours.
        trials: Trials of a search for settings, for the tuned fits; 0 for none.
        point: Overrides of a fit without intervals.
        origins: Rolling origins on the real panel.
        graphs: Graphs of each linear family, and lagged worlds.
        growth: Sizes tried along each axis, the base first.
        growth_epochs: Epochs of fits whose growth is measured.
        peer_epochs: Epochs of a slow peer that are run before extrapolating.
    """

    design: Design = Design()
    worlds: int = 3
    stable_worlds: int = 2
    settings: tuple[str, ...] = ()
    trials: int = 6
    point: tuple[str, ...] = ("train.members=1",)
    origins: int = 6
    graphs: int = 10
    growth: tuple[tuple[str, tuple[int, ...]], ...] = (
        ("regions", (24, 48, 96, 192)),
        ("weeks", (104, 208, 416)),
        ("channels", (4, 8, 16)),
        ("members", (2, 4, 8, 16)),
    )
    growth_epochs: int = 600
    peer_epochs: int = 20


QUICK = Sizes(
    design=Design(regions=4, weeks=104, channels=4),
    worlds=1,
    stable_worlds=0,
    settings=("train.members=2", "train.epochs=80"),
    trials=0,
    point=("train.members=1", "train.epochs=80"),
    origins=1,
    graphs=2,
    growth=(("regions", (4, 8)), ("members", (2, 4))),
    growth_epochs=20,
    peer_epochs=3,
)


@dataclass(frozen=True, kw_only=True)
class Order:
    """A run as asked for.

    Attributes:
        suites: Which suites, in order.
        peers: Which peers.
        out: Folder of the results.
        work: Folder of panels and fits; removed at the end unless kept.
        cache: Folder of peers' environments, downloads and long fits.
        seed: First seed; world i has seed + i.
        cores: Tasks at the same time.
        panel: Spec of the real panel; None looks for it, then downloads it.
        quick: Small sizes.
        sizes: The sizes.
    """

    suites: tuple[str, ...]
    peers: tuple[str, ...]
    out: Path
    work: Path
    cache: Path
    seed: int
    cores: int
    panel: Path | None
    quick: bool
    sizes: Sizes
