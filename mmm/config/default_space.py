"""The settings that a sweep searches where a spec names none."""

from __future__ import annotations

from mmm.config.sweep import Parameter, Value

_KNOTS: dict[str, tuple[int, int]] = {
    "daily": (7, 56),
    "weekly": (2, 13),
    "monthly": (1, 6),
    "quarterly": (1, 4),
}
_LAGS: dict[str, tuple[int, int]] = {"daily": (7, 28), "weekly": (4, 13), "monthly": (1, 3)}


def default_space(frequency: str, *, attribution_priors: bool = False) -> dict[str, Parameter]:
    """The settings searched where a spec names none.

    Args:
        frequency: Length of a period; knots and carry-over are counted in periods.
        attribution_priors: The spec states attribution priors, whose strength then is searched too.

    Returns:
        Parameters by path: carry-over family and length, saturation, baseline, shrinkage and prior widths,
        GRU, Huber scale, L1 and L2, learning rate.
    """
    low, high = _KNOTS[frequency]
    on: dict[str, tuple[Value, ...]] = {"model.temporal.enabled": (True,)}
    space = {
        "model.adstock.family": Parameter(values=("geometric", "weibull")),
        "model.saturation.slope_min": Parameter(low=1.0, high=2.0),
        "model.saturation.half_sd": Parameter(low=0.2, high=1.0, log=True),
        "model.baseline.national_knots": Parameter(low=low, high=high, log=True),
        "model.baseline.regional_knots": Parameter(low=low, high=high, log=True),
        "model.baseline.flexibility": Parameter(low=0.5, high=4.0, log=True),
        "model.priors.share_sd": Parameter(low=0.02, high=0.3, log=True),
        "model.regions.scale_sd": Parameter(low=0.05, high=0.8, log=True),
        "model.temporal.enabled": Parameter(values=(True, False)),
        "model.temporal.hidden": Parameter(low=2, high=16, log=True, when=on),
        "model.temporal.shrinkage": Parameter(low=0.01, high=0.3, log=True, when=on),
        "model.loss.huber_delta": Parameter(low=0.7, high=4.0, log=True),
        "model.loss.l1": Parameter(low=1e-6, high=1e-2, log=True),
        "model.loss.l2": Parameter(low=1e-5, high=1e-1, log=True),
        "train.learning_rate": Parameter(low=0.02, high=0.1, log=True),
    }
    if frequency in _LAGS:
        first, last = _LAGS[frequency]
        space["model.adstock.max_lag"] = Parameter(low=first, high=last)
    if attribution_priors:
        space["model.priors.strength"] = Parameter(low=0.1, high=10.0, log=True)
    return space
