"""``python -m jobs.documents.pictures``: the README's pictures, of the demo's own pages in headless Chromium.

With ``--planner http://127.0.0.1:8000`` also one of the planner page, after `make serve`, with a plan on it.
Needs playwright (of the ``dev`` extra) and a Chromium; ``bash .ci/chromium.sh`` as root installs one.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from jobs.refit.page import PAGE, REPORT
from mmm.errors import MMMError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDTH, HEIGHT = 1280, 900
SHARPNESS = 1.5
"""Pixels of the picture per pixel of the page."""
HEAVIEST = 300_000
"""Bytes of a picture at most."""
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


class PictureError(MMMError, RuntimeError):
    """A picture that could not be taken."""


@dataclass(frozen=True)
class Picture:
    """What is photographed.

    Attributes:
        name: File without its suffix.
        page: Page below the demo's folder.
        view: Anchor of the view.
        above: Also all that stands above it on the page.
        sharpness: Pixels of the picture per pixel of the page.
    """

    name: str
    page: str
    view: str
    above: bool = False
    sharpness: float = SHARPNESS


PICTURES = (
    Picture("report", f"fit/acme_us/{REPORT}", "curves"),
    Picture("portfolio", f"refit/{PAGE}", "skill", above=True, sharpness=1.25),
)


def take_pictures(
    demo: Path, out: Path, *, planner: str | None = None, chromium: str | None = None
) -> list[Path]:
    """Write a PNG of every picture.

    Args:
        demo: Folder of a finished demo.
        out: Folder of the pictures.
        planner: Address of a running planner page to photograph too.
        chromium: Program to drive; by default the one on the path.

    Raises:
        PictureError: A page of the demo is missing, there is no Chromium, or a picture is too heavy.
    """
    missing = sorted(
        {str(demo / picture.page) for picture in PICTURES if not (demo / picture.page).is_file()}
    )
    if missing:
        raise PictureError(f"{', '.join(missing)}: not there. Run `make demo` first, or give its folder.")
    program = chromium or chromium_on_path()
    from playwright.sync_api import sync_playwright

    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        taken = [_take(browser, picture, demo, out) for picture in PICTURES]
        if planner is not None:
            taken.append(_take_planner(browser, planner, out))
        browser.close()
    return taken


def chromium_on_path() -> str:
    """The Chromium of this machine.

    Raises:
        PictureError: It has none.
    """
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise PictureError("No Chromium on this machine: `bash .ci/chromium.sh` as root installs it.")
    return program


def _take(browser: Browser, picture: Picture, demo: Path, out: Path) -> Path:
    """One picture of one view, or of a page down to it."""
    target = out / f"{picture.name}.png"
    page = _page(browser, sharpness=picture.sharpness)
    page.goto((demo / picture.page).absolute().as_uri())
    page.evaluate("reportDrawAll()")
    view = page.locator(f"figure.view[id='{picture.view}']")
    if picture.above:
        end = view.evaluate("view => view.getBoundingClientRect().bottom + scrollY")
        page.screenshot(
            path=target, full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": end + 20}
        )
    else:
        view.screenshot(path=target)
    page.context.close()
    return _light(target)


def _take_planner(browser: Browser, address: str, out: Path) -> Path:
    """The planner with the answer to its first question.

    Raises:
        PictureError: It does not answer.
    """
    from playwright.sync_api import Error

    target = out / "planner.png"
    page = _page(browser, online=True, sharpness=1.2)
    try:
        page.goto(address)
        page.wait_for_selector("html[data-ready]")
        page.click("#optimize")
        page.wait_for_selector("#said .message")
        page.wait_for_timeout(600)  # it scrolls to its answer
        page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
    except Error as error:
        reason = error.message.splitlines()[0]
        raise PictureError(
            f"The planner at {address} does not answer ({reason}). Run `make serve`."
        ) from error
    page.screenshot(path=target)
    page.context.close()
    return _light(target)


def _page(browser: Browser, *, online: bool = False, sharpness: float = SHARPNESS) -> Page:
    """An empty page in a window of its own; pages of the demo need no network."""
    context = browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=sharpness, offline=not online
    )
    return context.new_page()


def _light(target: Path) -> Path:
    """The picture, if it is light enough for a repository."""
    size = target.stat().st_size
    if size > HEAVIEST:
        raise PictureError(f"{target} has {size} bytes, more than {HEAVIEST}. Show less or lower SHARPNESS.")
    return target


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m jobs.documents.pictures", description=__doc__)
    parser.add_argument("--demo", default="demo", help="folder of a finished demo (default demo)")
    parser.add_argument(
        "--out", default="docs/pictures", help="folder of the pictures (default docs/pictures)"
    )
    parser.add_argument("--planner", metavar="URL", help="running planner page to photograph too")
    options = parser.parse_args(arguments)
    console = Console(soft_wrap=True, highlight=False)
    try:
        taken = take_pictures(Path(options.demo), Path(options.out), planner=options.planner)
        for path in taken:
            console.print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
    except PictureError as error:
        Console(stderr=True).print(f"error: {error}", style="red", markup=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
