"""Folders of small fitted models, and a client of the service over them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from mmm.fitted import Fitted, save_fitted
from serve.dev import app_of
from serve.settings import ServeSettings
from tests.small import sketch

HALF: dict[str, Any] = {"budget": "current", "default_bounds": {"min_change": -0.5, "max_change": 0.5}}
MORE_TV: dict[str, Any] = {"horizon": 4, "plans": {"more": {"spend": {"tv": 9000.0}, "others": "current"}}}


def named(fitted: Fitted, brand: str, market: str, *, currency: str = "USD") -> Fitted:
    """The same model under another name."""
    spec = fitted.spec.model_copy(update={"brand": brand, "market": market, "currency": currency})
    return dataclasses.replace(fitted, spec=spec, panel=dataclasses.replace(fitted.panel, currency=currency))


def place_model(folder: Path, brand: str, market: str, seed: int = 0, **change: Any) -> Fitted:
    """Write a model below a folder of models, replacing what is there."""
    fitted = named(sketch(seed=seed), brand, market, **change)
    save_fitted(fitted, folder / f"brand={brand}" / f"market={market}" / "fit")
    return fitted


def place_three(folder: Path) -> None:
    """Two markets of acme and one of bolt."""
    place_model(folder, "acme", "us")
    place_model(folder, "acme", "de", seed=1)
    place_model(folder, "bolt", "us", seed=2)


@contextmanager
def client_of(folder: Path, *, peer: str = "127.0.0.1", **settings: Any) -> Iterator[TestClient]:
    """A client on this machine of the service over a folder."""
    app = app_of(ServeSettings(models=str(folder), **settings))
    with TestClient(
        app, base_url="http://127.0.0.1", client=(peer, 5000), raise_server_exceptions=False
    ) as client:
        yield client
