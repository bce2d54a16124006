"""What a model would have forecast, had it known the media that then ran: its promise, held against the KPI.

Shapes: M members, G regions, H periods after the model's data, C channels, K controls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from mmm.analysis.change import present_names
from mmm.analysis.intervals import LEVEL
from mmm.analysis.score import RECENT
from mmm.data.panel import Dates, Floats, Ints, Panel
from mmm.fitted import Fitted
from mmm.planning.forecast import controls_ahead, open_covariance


@dataclass(frozen=True, eq=False)
class Hindsight:
    """KPI of all regions that the model knows, in the periods that came after its data.

    Attributes:
        dates: H period starts.
        expected_H: Expected KPI given the media and controls of these periods.
        lower_H: Lower bound of a new observation, 90 %.
        upper_H: Upper bound of it.
        actual_H: KPI; NaN where it is not known of any region.
        naive_H: Mean of the last ``RECENT`` periods of the model's data: the forecast without a model.
    """

    dates: Dates
    expected_H: Floats
    lower_H: Floats
    upper_H: Floats
    actual_H: Floats
    naive_H: Floats


class Cells:
    """Newer data in the regions and channels of an older model, from some periods on.

    What the model does not know is left out; what it knows and the data no longer have stays as it is given.

    Args:
        old: Data of the model.
        new: Newer data of the same market.
        places_H: Periods of the newer data.
        renamed: Channels that had another name: new name to old name.

    Attributes:
        regions: Regions of both.
        own_G: Their places in the model.
        shape: Regions of the model, periods, channels of the model.
        channels: What the model's channels are called now.
    """

    def __init__(
        self, old: Panel, new: Panel, places_H: Ints, renamed: Mapping[str, str] | None = None
    ) -> None:
        self._old, self.new = old, new
        self.regions = [name for name in old.regions if name in new.regions]
        self.own_G: Ints = np.array([old.regions.index(name) for name in self.regions], dtype=np.int64)
        place_G = np.array([new.regions.index(name) for name in self.regions], dtype=np.int64)
        self._cells = np.ix_(place_G, places_H)
        self.shape = (len(old.regions), len(places_H), len(old.channels))
        names = present_names(old.channels, new.channels, renamed)
        self.channels = tuple(names[name] for name in old.channels)

    def of(self, value_GT: Floats) -> Floats:
        """Values of the newer data in these cells; further axes are kept."""
        return np.asarray(value_GT[self._cells])

    def tell(
        self, known_GHN: Floats, names: Sequence[str], told_GTN: Floats, told_names: Sequence[str]
    ) -> Floats:
        """What is known of columns in the model's regions, replaced by what the data tell of them."""
        found_GHN, told_GHN = known_GHN.copy(), self.of(told_GTN)
        for n, name in enumerate(names):
            if name in told_names:
                found_GHN[self.own_G, :, n] = told_GHN[..., told_names.index(name)]
        return found_GHN

    def ran(self, told_GTC: Floats) -> Floats:
        """What ran in the model's channels, shape GHC; nothing where it is not known."""
        return self.tell(np.zeros(self.shape), self.channels, told_GTC, self.new.channels)

    def controls(self, known_GHK: Floats) -> Floats:
        """Controls, as they came where the data have them."""
        return self.tell(known_GHK, self._old.controls, self.new.controls_GTK, self.new.controls)

    def contacts(self, usual_C: Floats | None) -> Floats | None:
        """Contacts of the people reached, shape GHC, usual ones where not known; None where none are."""
        if usual_C is None or self.new.contacts_GTC is None:
            return None
        told_GHC = self.tell(
            np.full(self.shape, np.nan), self.channels, self.new.contacts_GTC, self.new.channels
        )
        return np.where(np.isfinite(told_GHC), told_GHC, usual_C)


def hindsight(
    fitted: Fitted, panel: Panel, renamed: Mapping[str, str] | None = None, *, level: float = LEVEL
) -> Hindsight | None:
    """What a model says of the periods after its data, told what ran in them.

    Only cells whose KPI is known are added up. A channel or region that the model does not know is left
    out, as it was when the model spoke; what it knows and the data no longer have ran nothing.

    Args:
        fitted: The model.
        panel: Newer data of the same market.
        renamed: Channels that had another name: new name to old name.
        level: Coverage of the interval.

    Returns:
        None if nothing came after, no region is known, or media are counted in another unit now.
    """
    old = fitted.panel
    after_H = np.flatnonzero(panel.dates > old.dates[-1])
    cells = Cells(old, panel, after_H, renamed)
    if not len(after_H) or not cells.regions or panel.frequency != old.frequency or _mixed(old, cells):
        return None
    dates = panel.dates[after_H]
    expected_MGH = fitted.predictor.kpi_ahead(
        cells.ran(panel.media_GTC),
        cells.controls(controls_ahead(fitted, dates)),
        cells.contacts(fitted.scaling.contacts_C),
    )[:, cells.own_G]
    kpi_GH = cells.of(panel.kpi_GT)
    seen_GH = np.isfinite(kpi_GH)
    expected_MH = (expected_MGH * seen_GH).sum(1)
    members = len(expected_MH)
    between_H = expected_MH.var(0, ddof=1) if members > 1 else np.zeros(len(dates))
    half_H = special.ndtri(0.5 + level / 2) * np.sqrt(
        between_H + np.diag(open_covariance(fitted, len(dates)))
    )
    expected_H = expected_MH.mean(0)
    recent_G1 = _recent(old)[cells.own_G, None]
    return Hindsight(
        dates=dates,
        expected_H=expected_H,
        lower_H=expected_H - half_H,
        upper_H=expected_H + half_H,
        actual_H=np.where(seen_GH.any(0), np.nansum(kpi_GH, 0), np.nan),
        naive_H=(recent_G1 * seen_GH).sum(0),
    )


def _mixed(old: Panel, cells: Cells) -> bool:
    """Whether media of some channel are counted in another unit now."""
    new = cells.new
    return any(
        old.has_exposure_C[c] != new.has_exposure_C[now] or old.has_reach_C[c] != new.has_reach_C[now]
        for c, name in enumerate(cells.channels)
        if name in new.channels
        for now in [new.channels.index(name)]
    )


def _recent(panel: Panel) -> Floats:
    """Mean KPI of the last periods of each region, shape G; of all its periods where these are unknown."""
    kpi_GT = panel.kpi_GT
    seen_GT = np.isfinite(kpi_GT)
    recent_G, all_G = (
        np.nansum(kpi_GT[:, part], 1) / np.maximum(seen_GT[:, part].sum(1), 1)
        for part in (slice(-RECENT, None), slice(None))
    )
    mean_G: Floats = np.where(seen_GT[:, -RECENT:].any(1), recent_G, all_G)
    return mean_G
