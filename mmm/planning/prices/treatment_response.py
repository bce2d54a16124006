"""KPI by money for treatments, whose effect is a line and whose price may rise with what they bring.

Shapes: M members, R treatments, V their variables (treatments, or treatment x region with the treatment
outermost), G regions of one variable (all, or its own alone), H periods of the horizon, P grid points.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mmm.data.panel import Floats
from mmm.data.scale import CONTROL_LIMIT


@dataclass(frozen=True, eq=False)
class TreatmentResponse:
    """KPI that money for treatments brings, over the horizon and after it: a sum of one curve per variable.

    Attributes:
        names: R names.
        share_VGH: Part of a variable's depth (units above the reference, summed over cells) in each cell.
        reference_VG: Values at no money.
        mean_VG: Values around which the model counts.
        sd_V: The model's standard deviation.
        effect_MVG: KPI of one standard deviation.
        late_MVH: Part of the effect of a period that comes after the horizon.
        line_VGH: Money in each cell for one unit of depth, of KPI that comes anyway.
        square_VGH: Money in each cell for one squared unit of depth, of KPI that the treatment brings.
    """

    names: tuple[str, ...]
    share_VGH: Floats
    reference_VG: Floats
    mean_VG: Floats
    sd_V: Floats
    effect_MVG: Floats
    late_MVH: Floats
    line_VGH: Floats
    square_VGH: Floats

    @property
    def curves(self) -> TreatmentResponse:
        """See ``Response.curves``."""
        return self

    @cached_property
    def line_V(self) -> Floats:
        """``line_VGH`` over all cells."""
        return np.asarray(self.line_VGH.sum((1, 2)))

    @cached_property
    def square_V(self) -> Floats:
        """``square_VGH`` over all cells."""
        return np.asarray(self.square_VGH.sum((1, 2)))

    def depth(self, money_V: Floats) -> Floats:
        """Units above the reference, over all cells, that money pays; leading axes are kept."""
        root_V = np.sqrt(self.line_V**2 + 4.0 * self.square_V * money_V)
        depth_V: Floats = 2.0 * money_V / (self.line_V + root_V)
        return depth_V

    def money(self, depth_V: Floats) -> Floats:
        """The inverse of ``depth``."""
        money_V: Floats = depth_V * (self.line_V + self.square_V * depth_V)
        return money_V

    def by_period(self, money_V: Floats) -> Floats:
        """Money of each period, shape VH."""
        depth_V1 = self.depth(money_V)[:, None]
        spent_VH: Floats = depth_V1 * (self.line_VGH.sum(1) + self.square_VGH.sum(1) * depth_V1)
        return spent_VH

    def values(self, money_V: Floats) -> Floats:
        """Values of treatments in the cells of a plan, shape VGH; leading axes are kept."""
        above = self.depth(money_V)[..., None, None] * self.share_VGH
        values: Floats = self.reference_VG[..., None] + above
        return values

    def kpi_M(self, amount_X: Floats) -> Floats:
        """See ``Response.kpi_M``."""
        return np.asarray(self.values_MX(amount_X).sum(1))

    def values_MX(self, amount_X: Floats) -> Floats:
        """See ``SeparateCurves.values_MX``."""
        return np.asarray(np.einsum("mvg,vg->mv", self.effect_MVG, self._rise(amount_X).sum(-1)))

    def table_MPX(self, grid_PX: Floats) -> Floats:
        """See ``SeparateCurves.table_MPX``."""
        return np.asarray(np.einsum("mvg,pvg->mpv", self.effect_MVG, self._rise(grid_PX).sum(-1)))

    def gradient_MX(self, amount_X: Floats) -> Floats:
        """See ``Response.gradient_MX``."""
        scaled_VGH = (self.values(amount_X) - self.mean_VG[..., None]) / self.sd_V[:, None, None]
        each_VG = np.where(scaled_VGH < CONTROL_LIMIT, self.share_VGH, 0.0).sum(-1) / self.sd_V[:, None]
        dearer_V = self.line_V + 2.0 * self.square_V * self.depth(amount_X)
        return np.asarray(np.einsum("mvg,vg->mv", self.effect_MVG, each_VG / dearer_V[:, None]))

    def after_horizon(self, amount_X: Floats) -> Floats:
        """The part of ``kpi_M`` that comes after the horizon, shape M."""
        return np.asarray(np.einsum("mvg,vgh,mvh->m", self.effect_MVG, self._rise(amount_X), self.late_MVH))

    def _rise(self, money_V: Floats) -> Floats:
        """Standard deviations by which values exceed the reference, as far as the model believes them."""
        mean_VG1, sd_V11 = self.mean_VG[..., None], self.sd_V[:, None, None]
        then = np.clip((self.values(money_V) - mean_VG1) / sd_V11, -CONTROL_LIMIT, CONTROL_LIMIT)
        idle = np.clip((self.reference_VG[..., None] - mean_VG1) / sd_V11, -CONTROL_LIMIT, CONTROL_LIMIT)
        rise: Floats = then - idle
        return rise
