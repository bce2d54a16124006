"""The service with its page over small models, for a browser: real HTTP, one process, no Ray."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page

from mmm.data.panel import Treatment
from mmm.design.best import TESTS
from mmm.design.designer import COLUMNS
from mmm.fitted import Fitted, save_fitted
from serve.dev import app_of
from serve.settings import ServeSettings
from tests.small import chain_graph, reach_panel, sketch, small_panel, without_value

READY = "html[data-ready]"


def write_models(folder: Path, *models: Fitted) -> Path:
    """Fitted models below a folder, one for each brand and market."""
    for model in models:
        save_fitted(model, folder / model.spec.brand / model.spec.market)
    return folder


def model_of(brand: str, market: str, **more: Any) -> Fitted:
    """A small model with three channels."""
    return sketch(small_panel(seed=more.get("seed", 0)), brand=brand, market=market, **more)


LONG_NAMES = (
    "Paid Search - Non-Brand (Google & Bing)", "Paid Search - Brand (Google & Bing)",
    "Paid Social - Prospecting (Meta & TikTok)", "Paid Social - Retargeting (Meta)",
    "Linear Television - National Prime Time", "Linear Television - Regional Daytime",
    "Connected TV / Streaming (YouTube & Roku)", "Programmatic Display - Prospecting",
    "Programmatic Display - Retargeting", "Out of Home - Digital Billboards & Transit",
    "Radio - Drive Time & Sponsorships", "Affiliate Marketing & Coupon Partners",
    "Influencer Collaborations (Instagram)", "Print - Newspapers & Magazine Inserts",
    "Direct Mail - Catalogues & Postcards",
)  # fmt: skip


def long_named() -> Fitted:
    """Fifteen channels whose names are those of a media plan."""
    panel = replace(small_panel(channels=len(LONG_NAMES)), channels=LONG_NAMES)
    return sketch(panel, brand="Grand Continental Beverages", market="United Kingdom & Ireland")


def national() -> Fitted:
    """One region, and nobody said what a KPI unit is worth or what the currency is."""
    return without_value(sketch(small_panel(regions=1), brand="north", market="fr"))


def linked() -> Fitted:
    """A model in which TV moves search, so that total effects differ from direct ones."""
    return model_of("acme", "fr", graph=chain_graph(("tv", "search", "radio")))


def driven() -> Fitted:
    """TV by reach and frequency, search at a price that rises, organic email, price as a treatment."""
    panel = reach_panel(channels=4)
    media_GTC, spend_GTC = panel.media_GTC.copy(), panel.spend_GTC.copy()
    media_GTC[..., 0] *= 20.0
    media_GTC[..., 1] = 4.0 * spend_GTC[..., 1] ** 0.75
    spend_GTC[..., 3] = 0.0
    panel = replace(
        panel,
        channels=("tv", "search", "radio", "email"),
        media_GTC=media_GTC,
        spend_GTC=spend_GTC,
        has_spend_C=np.array([True, True, True, False]),
        has_exposure_C=np.array([True, True, False, True]),
        organic=("email",),
        treatments=(Treatment("price", "max"),),
    )
    return sketch(panel, brand="drift", market="es", model={"temporal": {"enabled": False}})


def promoted() -> Fitted:
    """Promotions as a treatment beside three channels."""
    panel = replace(small_panel(controls=2), treatments=(Treatment("promo", "min"),))
    return sketch(panel, brand="drift", market="pt")


def designed(folder: Path) -> None:
    """Write a table of tests beside a model: one for TV that pays, one for radio that does not."""
    row = dict.fromkeys(COLUMNS, np.nan) | {"national": False, "control": "r2", "weeks": 8, "currency": "USD"}
    tests = [
        row | {"test": "tv", "channel": "tv", "recommended": True, "kind": "go_dark", "treated": "r0; r1",
               "standard_error": 9.0, "power": 0.82, "width_now": 900.0, "width_after": 400.0,
               "value_kpi": 50.0, "value": 12_000.0, "cost": 3_000.0, "net": 9_000.0, "why_not": ""},
        row | {"test": "radio", "channel": "radio", "recommended": False, "kind": "heavy_up", "treated": "r0",
               "standard_error": 9.0, "power": 0.31, "width_now": 700.0, "width_after": 650.0,
               "value_kpi": 1.0, "value": 200.0, "cost": 900.0, "net": -700.0,
               "why_not": "costs more than it is worth"},
    ]  # fmt: skip
    pd.DataFrame(tests).to_parquet(folder / TESTS)


@contextmanager
def serving(folder: Path, **settings: Any) -> Iterator[str]:
    """Address of the service over the models of a folder."""
    app = app_of(ServeSettings(models=str(folder), **settings))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    patience = time.monotonic() + 60
    while not server.started:
        assert thread.is_alive() and time.monotonic() < patience, "the service did not start"
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join(20)


@dataclass
class Visit:
    """One page, with what its console said and what it asked of other machines."""

    page: Page
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)

    def text(self, selector: str) -> str:
        """Visible text, with plain spaces."""
        return self.page.locator(selector).inner_text().replace("\u00a0", " ")

    def amount(self, channel: str) -> float:
        """Planned amount of a channel, as its field shows it."""
        return float(self.page.get_by_label(f"{channel}, planned, USD").input_value().replace(",", ""))

    def type(self, label: str, text: str) -> None:
        """Type an amount into a field and confirm it."""
        box = self.page.get_by_label(label, exact=True)
        box.fill(text)
        box.press("Enter")

    def optimize(self) -> str:
        """Press the button and wait for what it says."""
        self.page.click("#optimize")
        self.page.wait_for_selector("#said .message")
        return self.text("#said")


@contextmanager
def visiting(
    browser: Browser,
    address: str,
    width: int = 1280,
    *,
    expected: tuple[str, ...] = (),
    scheme: Literal["light", "dark"] = "light",
) -> Iterator[Visit]:
    """A page that is open; requests to other machines and words on the console are complaints.

    Args:
        browser: Where it opens.
        address: Its address.
        width: Of the window in pixels.
        expected: Parts of console messages that are no complaints.
        scheme: Colours that the reader's machine asks for.
    """
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        permissions=["clipboard-read", "clipboard-write"],
    )
    visit = Visit(context.new_page(), context)
    own = "/".join(address.split("/")[:3])

    def complain(text: str) -> None:
        if not any(part in text for part in expected):
            visit.complaints.append(text)

    visit.page.on("console", lambda message: complain(f"{message.type}: {message.text}"))
    visit.page.on("pageerror", lambda error: complain(str(error)))
    visit.page.on(
        "request",
        lambda request: None if request.url.startswith((own, "data:", "blob:")) else complain(request.url),
    )
    visit.page.goto(address)
    yield visit
    context.close()
