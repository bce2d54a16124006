"""What other brands let expect of a market's channels, put into its spec."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from mmm.config import MarketSpec
from mmm.config.files import validate

PRIORS = "model.priors.channels"
"""Setting of a row that holds what other brands let expect."""


def priors_digest(priors: Mapping[str, Any]) -> str:
    """Eight digits that tell priors of channels from others."""
    return hashlib.sha256(json.dumps(priors, sort_keys=True).encode()).hexdigest()[:8]


def with_priors(spec: MarketSpec, priors: Mapping[str, Any]) -> MarketSpec:
    """The spec with beliefs on returns beside what it states of channels.

    Args:
        spec: The market.
        priors: Beliefs by channel, as ``model.priors.channels`` has them.
    """
    values = spec.model_dump(mode="json")
    channels = values["model"]["priors"]["channels"]
    for name, belief in priors.items():
        channels[name] = channels.get(name, {}) | dict(belief)
    return validate(MarketSpec, values, f"{spec.brand} / {spec.market}, pooled")
