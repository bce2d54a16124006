"""What a figure says."""

from __future__ import annotations

import plotly.graph_objects as go


def statement(figure: go.Figure) -> str:
    """The title in plain spaces."""
    return str(figure.layout.meta["title"]).replace("\u00a0", " ")
