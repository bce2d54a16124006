"""From a fitted model's directory to its report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmm.output import write_text
from mmm.report import words
from mmm.report.model.page import page
from mmm.report.shell import Drawn, Tile, strip
from mmm.report.tables import MissingTableError, Tables, load_tables
from mmm.report.totals import shares, window_words
from mmm.report.views import SECTIONS


def build_report(directory: Path, out: Path | None = None) -> Path:
    """Write the report of a fitted model: one HTML file that needs nothing else.

    Args:
        directory: Output of ``mmm fit``. Views whose files are missing are left out with a note.
        out: Where to write; ``report.html`` in the directory by default.

    Returns:
        The file written.

    Raises:
        MissingTableError: The directory does not exist.
        OutputError: The file cannot be written.
    """
    directory = Path(directory)
    target = Path(out) if out is not None else directory / "report.html"
    text = render(load_tables(directory))
    return write_text(target, text, force=True)


def render(tables: Tables) -> str:
    """The report as HTML text."""
    sections: dict[str, list[Drawn]] = {}
    left_out: dict[str, str] = {}
    for heading, entries in SECTIONS.items():
        sections[heading] = []
        for entry in entries:
            try:
                figure, meta = strip(entry.draw(tables))
            except MissingTableError as missing:
                if not entry.optional:
                    left_out[entry.label] = missing.reason
                continue
            sections[heading].append(Drawn(entry.key, entry.label, figure, meta))
    return page(tables, sections, left_out, _tiles(tables))


def _tiles(tables: Tables) -> list[Tile]:
    """Headline figures of the cover; those whose files are missing are not there."""
    tiles = []
    metrics: Mapping[str, Any] = tables.metrics if isinstance(tables.metrics, Mapping) else {}
    window = next(
        (name for name in ("test", "holdout", "train") if (metrics.get(name) or {}).get("wape") is not None),
        "",
    )
    if window:
        score = metrics[window]
        tiles.append(Tile(words.percent(float(score["wape"])), f"mean error in {window_words(window)}"))
        if isinstance(score.get("skill"), (int, float)):
            skill = float(score["skill"])
            word = "less" if skill >= 0 else "more"
            tiles.append(
                Tile(
                    f"{words.percent(abs(skill))} {word}", "squared error than the best guess without a model"
                )
            )
    try:
        parts = shares(tables)
    except MissingTableError:
        return tiles
    tiles.append(
        Tile(words.percent(parts.media), f"of {tables.about.goal} brought by media, by the model's account")
    )
    return [*tiles, *_best(tables)]


def _best(tables: Tables) -> list[Tile]:
    """The channel whose next unit of money returns most."""
    if tables.effects is None:
        return []
    rows = tables.effects[tables.effects["marginal_roi"].notna()]
    if rows.empty:
        return []
    best = rows.iloc[int(np.argmax(rows["marginal_roi"].to_numpy(float)))]
    low, high = float(best.get("marginal_roi_lower", "nan")), float(best.get("marginal_roi_upper", "nan"))
    sure = words.span(low, high) if words.known(low, high) else "no interval"
    currency = tables.about.currency
    rivals = 0
    if "marginal_roi_upper" in rows and words.known(low):
        rivals = int((rows["marginal_roi_upper"].astype(float) > low).sum()) - 1
    rank = (
        f"the best guess; {words.count(rivals, 'channel')} may do as well" if rivals else "the best channel"
    )
    return [
        Tile(
            words.number(float(best["marginal_roi"])),
            f"{currency} from the next {currency} in {words.label(str(best['channel']))} ({sure}), {rank}",
        )
    ]
