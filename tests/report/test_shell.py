"""What every page carries: the chart library, packed, of the version that draws the figures."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from importlib.resources import files
from itertools import combinations

import numpy as np
from plotly.offline import get_plotlyjs_version

from mmm.data.panel import Floats
from mmm.report import theme
from mmm.report.shell import LIBRARY


def test_the_library_is_of_the_version_that_plotly_writes_figures_for() -> None:
    packed = files("mmm.report").joinpath("assets").joinpath(LIBRARY).read_bytes()
    text = gzip.decompress(packed).decode("utf-8")

    assert f"v{get_plotlyjs_version()}" in text[:400], "take plotly.js-cartesian-dist-min of that version"
    assert len(packed) < 600_000


def test_channels_are_as_far_apart_in_the_dark_as_in_the_light() -> None:
    """Colours of the dark were chosen one by one, and two were those of other channels."""
    light = [colour.lower() for colour in theme.PALETTE]
    dark = [theme.DARK.get(colour, colour) for colour in light]

    assert nearest(dark) >= nearest(light) > 10


def nearest(colours: Sequence[str]) -> float:
    """Least distance of two colours in CIELAB, where about 2 can just be told."""
    return min(float(np.linalg.norm(lab(one) - lab(other))) for one, other in combinations(colours, 2))


def lab(colour: str) -> Floats:
    """CIELAB of an sRGB colour."""
    coded = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    part = to_xyz @ linear / (0.9505, 1.0, 1.089)
    x, y, z = np.where(part > 0.008856, np.cbrt(part), 7.787 * part + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_every_colour_of_the_house_has_one_for_dark_pages() -> None:
    named = {theme.INK, theme.SOFT, theme.FAINT, theme.GRID, theme.ACCENT, theme.HIGHLIGHT, theme.BASELINE}

    assert named <= set(theme.DARK)
    assert all(light == light.lower() for light in theme.DARK), "the page looks them up in lower case"
