"""Where a weekly fit begins: at the champion, if its settings are the same and its data a little older."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from jobs.record.ledger import Standing
from jobs.record.store import local_copy, read_row
from mmm.data.panel import Panel
from mmm.errors import ModelFileError

if TYPE_CHECKING:
    from mmm.fitted import Fitted

EPOCHS_KEPT = 13
"""Periods for which the number of epochs that a whole fit chose is taken over; then it is chosen again."""


def begin_at(panel: Panel, standings: Sequence[Standing], spec_digest: str) -> Fitted | None:
    """The champion, if a fit of these data and settings may begin there.

    Args:
        panel: The data now.
        standings: Versions of the market, oldest first.
        spec_digest: Digest of the settings now.

    Returns:
        None without a champion of the same settings, channels and regions, or if it is gone, of an older
        program, or took its number of epochs over for a quarter already.
    """
    from mmm.fitted import load_fitted

    champion = next((item for item in reversed(standings) if item.role == "champion"), None)
    if champion is None or champion.spec_digest != spec_digest or read_row(champion.directory) is None:
        return None
    try:
        with local_copy(champion.directory, ("model",)) as folder:
            fitted = load_fitted(folder)
    except (ModelFileError, FileNotFoundError):
        return None
    old = fitted.panel
    alike = all(getattr(old, name) == getattr(panel, name) for name in ("channels", "regions", "frequency"))
    chosen_at = np.datetime64(epochs_of(fitted), "D")
    age = int((panel.dates > chosen_at).sum())
    return fitted if alike and age <= EPOCHS_KEPT and chosen_at in panel.dates else None


def epochs_of(fitted: Fitted) -> str:
    """Last date of the data that the number of epochs was chosen on."""
    return str(fitted.provenance.get("epochs_of") or fitted.panel.dates[-1])
