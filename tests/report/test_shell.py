"""What every page carries: the chart library, packed, of the version that draws the figures."""

from __future__ import annotations

import gzip
from importlib.resources import files

from plotly.offline import get_plotlyjs_version

from mmm.report import theme
from mmm.report.shell import LIBRARY


def test_the_library_is_of_the_version_that_plotly_writes_figures_for() -> None:
    packed = files("mmm.report").joinpath("assets").joinpath(LIBRARY).read_bytes()
    text = gzip.decompress(packed).decode("utf-8")

    assert f"v{get_plotlyjs_version()}" in text[:400], "take plotly.js-cartesian-dist-min of that version"
    assert len(packed) < 600_000


def test_every_colour_of_the_house_has_one_for_dark_pages() -> None:
    named = {theme.INK, theme.SOFT, theme.FAINT, theme.GRID, theme.ACCENT, theme.HIGHLIGHT, theme.BASELINE}

    assert named <= set(theme.DARK)
    assert all(light == light.lower() for light in theme.DARK), "the page looks them up in lower case"
