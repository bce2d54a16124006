"""Routes of the planner page: its own files, and the bundle of plotly.js that the reports pack.

Nothing comes from another machine, so the page works offline; its policy lets it load nothing else.
"""

# No `from __future__ import annotations`: FastAPI reads the annotations of routes at run time.

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

STATIC = Path(__file__).resolve().parent / "static"
START = "planner.html"
PLOTLY = "plotly-cartesian.min.js"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
WORTH_PACKING = 1_000
"""Bytes from which a file is also kept compressed."""

DIRECTIVES = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",  # plotly.js writes style attributes
    "img-src 'self' data: blob:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
)
HEADERS = {
    "Content-Security-Policy": "; ".join(DIRECTIVES),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding",
}


@dataclass(frozen=True)
class Asset:
    """A file as it is handed out.

    Attributes:
        body: Its bytes.
        kind: Media type.
    """

    body: bytes
    kind: str

    @cached_property
    def packed(self) -> bytes | None:
        """The bytes compressed, or None if they are too few to be worth it."""
        return gzip.compress(self.body, 9, mtime=0) if len(self.body) >= WORTH_PACKING else None

    @cached_property
    def tag(self) -> str:
        """An ETag that changes with the bytes."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:20]}"'

    def answer(self, request: Request) -> Response:
        """The file, compressed if the caller takes that, or 304 if the caller has it already."""
        headers = {**HEADERS, "ETag": self.tag}
        known = request.headers.get("if-none-match", "")
        if self.tag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
            return Response(status_code=304, headers=headers)
        body = self.body
        if self.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"], body = "gzip", self.packed
        return Response(body, media_type=self.kind, headers=headers)


def plotly_script() -> Asset:
    """Plotly's bundle of flat charts, packed: a third of the whole library; nothing is imported."""
    packed = files("mmm").joinpath("report", "assets", f"{PLOTLY}.gz").read_bytes()
    return Asset(gzip.decompress(packed), KINDS[".js"])


@cache
def page_assets() -> dict[str, Asset]:
    """Every file of the page by its path in ``static``, read and compressed once in a process."""
    paths = {
        str(path.relative_to(STATIC)): path for path in sorted(STATIC.rglob("*")) if path.suffix in KINDS
    }
    assets = {name: Asset(path.read_bytes(), KINDS[path.suffix]) for name, path in paths.items()}
    assets[PLOTLY] = plotly_script()
    for asset in assets.values():
        _ = asset.packed, asset.tag  # now, so that the first visitor does not wait for it
    return assets


def planner_page(request: Request) -> Response:
    """The page itself."""
    return page_assets()[START].answer(request)


def page_file(name: str, request: Request) -> Response:
    """A file of the page; names are looked up among those known, never on the disk."""
    assets = page_assets()
    if name not in assets or name == START:
        raise HTTPException(404, "The planner page has no such file.")
    return assets[name].answer(request)


def page_router() -> APIRouter:
    """``GET /`` and the files it needs. They hold no data of any model, so they ask for no token."""
    router = APIRouter(include_in_schema=False)
    router.add_api_route("/", planner_page, methods=["GET", "HEAD"])
    router.add_api_route("/page/{name:path}", page_file, methods=["GET", "HEAD"])
    return router
