"""``python -m jobs.documents.notebooks [NAME ...]``: runs notebooks and stores what they show.

Figures are stored as pictures, which every viewer of a notebook shows. Needs the ``dev`` extra and a
Chromium; ``bash .ci/chromium.sh`` as root installs one.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mmm.report
from jobs.documents.pictures import FLAGS, chromium_on_path

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER = Path("notebooks")
FIGURE = "application/vnd.plotly.v1+json"
WIDTH, HEIGHT = 900, 700
"""Pixels of the window that figures are drawn in."""
LIBRARY = Path(mmm.report.__file__).parent / "assets" / "plotly-cartesian.min.js.gz"


def main(names: Sequence[str] | None = None) -> int:
    """Run each notebook of the folder, or those named, and write it anew."""
    from playwright.sync_api import sync_playwright

    names = sys.argv[1:] if names is None else names
    paths = [FOLDER / f"{name}.ipynb" for name in names] or sorted(FOLDER.glob("*.ipynb"))
    program = chromium_on_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_content("<body style='margin:0'><div id='plot'></div></body>")
        page.add_script_tag(content=gzip.decompress(LIBRARY.read_bytes()).decode())
        for path in paths:
            store_outputs(path, page)
            print(path)
        browser.close()
    return 0


def store_outputs(path: Path, page: Page) -> None:
    """Run a notebook and write it with its outputs, but for times and what it says on standard error."""
    import nbformat
    from nbclient import NotebookClient

    book = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)  # type: ignore[no-untyped-call]
    os.environ |= {"PLOTLY_RENDERER": "plotly_mimetype", "COLUMNS": "100"}
    NotebookClient(book, timeout=1200, resources={"metadata": {"path": str(path.parent)}}).execute()
    for cell in book.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            kept = [output for output in cell.outputs if output.get("name") != "stderr"]
            cell.outputs = [_with_picture(output, page) for output in kept]
    text = nbformat.writes(book)  # type: ignore[no-untyped-call]
    path.write_text(f"{text}\n", encoding="utf-8")


def _with_picture(output: Any, page: Page) -> Any:
    """An output whose figure is a picture."""
    if FIGURE in output.get("data", {}):
        figure = json.dumps(output["data"][FIGURE])
        page.evaluate("figure => Plotly.newPlot('plot', figure.data, figure.layout)", json.loads(figure))
        shot = page.locator("#plot .svg-container").screenshot()
        output["data"] = {"image/png": base64.b64encode(shot).decode(), "text/plain": "Figure"}
    return output


if __name__ == "__main__":
    sys.exit(main())
