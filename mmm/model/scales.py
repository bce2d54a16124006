"""Prior scales of what is learned: plain numbers, so that a fitted model is read without torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Scales:
    """Standard deviations, in units of the mean KPI, of what is learned. Found from the data beforehand.

    Attributes:
        noise: Of a cell's residual.
        national_level: Of the national level's change from one period to the next.
        regional_level: Of a region's own level's change from one period to the next.
        season: Of the shared season's slowest term.
        region_season: Of a region's own season's slowest term.
        control: Of the effect of one standard deviation of a control.
    """

    noise: float = 0.05
    national_level: float = 0.01
    regional_level: float = 0.01
    season: float = 0.05
    region_season: float = 0.02
    control: float = 0.05

    def as_dict(self) -> dict[str, float]:
        """Plain data, for JSON."""
        return asdict(self)
