"""What a readout is worth before it is known: the gain of the decision that follows it.

Members of the model are what may be true. A readout says more of some than of others, by the same normal
likelihood that ``experiments:`` has in a fit; members are weighed by it, and the plan best by these weights
is chosen. All readouts are summed over a grid instead of being drawn, so that every test is judged on the
same members without noise of its own, and no test is worth more than knowing which member is true.

Shapes: M members, Z readouts on a grid, A plans.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.data.panel import Floats

STEP = 1.0 / 3.0
"""Distance of readouts on the grid, in standard errors."""
MOST_READOUTS = 400
REACH = 4.0
"""Standard errors beyond the outermost members up to which the grid reaches."""
SHUFFLES = 16
"""Orders of the members in which a readout that says nothing is tried."""
BOUND = 1.6449
"""Standard deviations from the middle of a normal to the ends of its 90 % interval."""


@dataclass(frozen=True, eq=False)
class Readout:
    """What may be read in a test.

    Attributes:
        joint_MZ: Chance of each member and readout together; adds up to 1, and to 1/M for each member.
    """

    joint_MZ: Floats

    def spread_left(self, of_M: Floats) -> float:
        """Standard deviation of a quantity after the readout, expected.

        Few members carry the weight of a readout; their variance is that of a sample of so many.
        """
        weight_Z = self.joint_MZ.sum(0)
        kept = weight_Z > 1e-12
        given_MZ = self.joint_MZ[:, kept] / weight_Z[kept]
        mean_Z = of_M @ given_MZ
        variance_Z = (of_M**2) @ given_MZ - mean_Z**2
        count_Z = 1.0 / (given_MZ**2).sum(0)
        own_Z = variance_Z * count_Z / np.maximum(count_Z - 1.0, 1e-9)
        known_Z = np.where(count_Z > 1.5, own_Z, 0.0)
        before = float(of_M.var(ddof=1)) if len(of_M) > 1 else 0.0
        after = float(weight_Z[kept] @ np.minimum(np.maximum(known_Z, 0.0), 4.0 * before))
        return float(np.sqrt(min(after, before)))


def readout(lift_M: Floats, error: float) -> Readout:
    """Readouts of a test with these lifts and this standard error."""
    low, high = float(lift_M.min()) - REACH * error, float(lift_M.max()) + REACH * error
    count = min(int(np.ceil((high - low) / (STEP * error))) + 1, MOST_READOUTS)
    read_Z = np.linspace(low, high, max(count, 3))
    likelihood_MZ = np.exp(-0.5 * ((read_Z - lift_M[:, None]) / error) ** 2)
    # A grid coarser than the error may miss a member altogether: it then reads the nearest point.
    nearest_M = np.abs(read_Z - lift_M[:, None]).argmin(1)
    likelihood_MZ[np.arange(len(lift_M)), nearest_M] += 1e-300
    likelihood_MZ /= likelihood_MZ.sum(1, keepdims=True)
    return Readout(likelihood_MZ / len(lift_M))


@dataclass(frozen=True, eq=False)
class Gain:
    """What a readout is worth to a decision, KPI units over the horizon of the budget.

    Attributes:
        value: Expected gain of deciding after it.
        perfect: Expected gain of knowing which member is true.
        gain_MZ: Gain in each member after each readout.
        joint_MZ: Their chances.
    """

    value: float
    perfect: float
    gain_MZ: Floats
    joint_MZ: Floats

    def chance_above(self, cost_M: Floats, times: float) -> float:
        """Chance that ``times`` the gain exceeds a cost in KPI units."""
        above_MZ = times * self.gain_MZ > cost_M[:, None]
        return float((above_MZ * self.joint_MZ).sum())


def gain(utility_AM: Floats, told: Readout, *, seed: int = 0) -> Gain:
    """Expected gain of a decision by a readout.

    What a plan is expected to bring after a readout is a mean over the few members that carry its weight, and
    so moves a little even with a readout that says nothing. How much it moves with the members in other
    orders is taken off its variance, plan by plan (the variance of the expected outcome is what a readout
    explains: Heath et al. 2018, moment matching).

    Args:
        utility_AM: What each plan brings in each member.
        told: The readout.
        seed: Of the orders.
    """
    now = int(utility_AM.mean(1).argmax())
    more_AM = utility_AM - utility_AM[now]
    weight_Z = told.joint_MZ.sum(0)
    kept_Z = weight_Z > 1e-14
    weight_Z, joint_MZ = weight_Z[kept_Z], told.joint_MZ[:, kept_Z]
    joint_MZ = joint_MZ / joint_MZ.sum(1, keepdims=True) / len(joint_MZ)
    given_MZ = joint_MZ / weight_Z
    mean_A1 = more_AM.mean(1, keepdims=True)
    away_AZ = more_AM @ given_MZ - mean_A1
    moved_A = (away_AZ**2) @ weight_Z
    rng = np.random.default_rng([seed, 19])
    by_chance_A = np.zeros(len(more_AM))
    for _ in range(SHUFFLES):
        shuffled_AM = more_AM[:, rng.permutation(more_AM.shape[1])]
        by_chance_A += ((shuffled_AM @ given_MZ - mean_A1) ** 2) @ weight_Z / SHUFFLES
    kept_A = np.divide(moved_A - by_chance_A, moved_A, out=np.zeros_like(moved_A), where=moved_A > 0)
    expected_AZ = mean_A1 + np.sqrt(np.clip(kept_A, 0.0, 1.0))[:, None] * away_AZ
    best_Z = expected_AZ.argmax(0)
    perfect = float(more_AM.max(0).mean())
    value = min(max(float(expected_AZ.max(0) @ weight_Z), 0.0), perfect)
    return Gain(value, perfect, more_AM[best_Z].T, joint_MZ)
