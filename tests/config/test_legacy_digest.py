"""The digest of before is still known, literally, for as long as records have it."""

from __future__ import annotations

from typing import Any

import pytest

from mmm.config import MarketSpec, TrainSpec
from mmm.config.legacy_digest import legacy_digest
from tests.golden.digest_literals import SPECS

# Written by the function that was replaced; nothing may ever change them.
MARKETS = {
    "minimal": "79066791ea247aee566ef8638f3faece3eeea5e886601b184168b2af468c1926",
    "many settings": "84cde460fc12440cd0a61f15b1c81f8f889c6fc9e1a762f978c41dd59ae6a72b",
    "experiment and sweep": "9ffe94b45198021ae12d642ec839bdfb7ac66712bdca59675e18cc8e980dee0b",
}
SWEEPS = {
    "minimal": "b4f374fde0c3454aaf89f26ea2d150af7006ad41e4754e9f415d83ee680a2907",
    "many settings": "b4f374fde0c3454aaf89f26ea2d150af7006ad41e4754e9f415d83ee680a2907",
    "experiment and sweep": "261107860f92d2329635acdfd4fb47cd6bc58741a09a3d6157af30bb20a8a2a6",
}


def ensemble(content: dict[str, Any]) -> MarketSpec:
    """A spec that asks for the inference that there was then."""
    return MarketSpec.model_validate(
        content | {"train": {**content.get("train", {}), "inference": "ensemble"}}
    )


@pytest.mark.parametrize("name", SPECS)
def test_the_legacy_digest_is_the_one_that_was_recorded(name: str) -> None:
    spec = ensemble(SPECS[name])

    assert legacy_digest(spec) == MARKETS[name]
    assert legacy_digest(spec.tune) == SWEEPS[name]


class LaterTrain(TrainSpec):
    """Training with a setting that came later."""

    warmup: int = 0


class LaterMarket(MarketSpec):
    """A market with it."""

    train: TrainSpec = LaterTrain()


@pytest.mark.parametrize(("warmup", "known"), [(0, True), (5, False)])
def test_a_later_setting_must_be_at_its_default(warmup: int, known: bool) -> None:
    train = LaterTrain(warmup=warmup, inference="ensemble")
    spec = LaterMarket.model_validate({**SPECS["minimal"], "train": train})

    assert legacy_digest(spec) == (MARKETS["minimal"] if known else None)


def test_another_inference_is_another_model() -> None:
    """What a spec means that states none has changed since: models of then are not what it asks for."""
    assert legacy_digest(MarketSpec.model_validate(SPECS["minimal"])) is None
