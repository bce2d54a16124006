"""Files of the planner page: what is handed out, how, and that nothing is missing."""

from __future__ import annotations

import gzip
import posixpath
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from mmm.report import theme
from serve.page.assets import DIRECTIVES, PLOTLY, STATIC, page_assets, page_router

SCRIPTS = sorted(str(path.relative_to(STATIC)) for path in STATIC.rglob("*.js"))


def beside(name: str, path: str) -> str:
    """A path as a module writes it, from the folder of all."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), path))


@pytest.fixture(scope="module")
def client() -> TestClient:
    app = FastAPI()
    app.include_router(page_router())
    return TestClient(app)


def test_the_page_and_every_file_it_names_are_handed_out(client: TestClient) -> None:
    page = client.get("/")
    names = re.findall(r'(?:src|href)="page/([^"]+)"', page.text)

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert {"main.js", "styles/planner.css"} <= set(names)
    assert PLOTLY not in names  # numbers come first
    assert [name for name in names if client.get(f"/page/{name}").status_code != 200] == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_module_imports_files_that_exist_and_the_page_loads_them_ahead(name: str) -> None:
    imported = re.findall(r'from "(\.[^"]+)"', (STATIC / name).read_text())
    ahead = (STATIC / "planner.html").read_text()

    assert {beside(name, path) for path in imported} <= set(SCRIPTS)
    assert name == "main.js" or f'rel="modulepreload" href="page/{name}"' in ahead


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_a_module_imports_is_exported_and_used(name: str) -> None:
    text = (STATIC / name).read_text()
    for line, names, source in re.findall(r'(import \{([^}]*)\} from "(\.[^"]+)";)', text):
        exported = (STATIC / beside(name, source)).read_text()
        for one in (part.strip() for part in names.split(",")):
            assert re.search(rf"export (async )?(function|const|class) {one}\b", exported), f"{source}: {one}"
            assert re.search(rf"\b{one}\b", text.replace(line, "")), f"{name} does not use {one}"


def test_no_script_runs_but_the_pages_own(client: TestClient) -> None:
    policy = client.get("/").headers["content-security-policy"]

    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=", client.get("/").text)
    assert len(DIRECTIVES) == len(set(DIRECTIVES))


@pytest.mark.parametrize("path", [
    "/page/../assets.py", "/page/%2e%2e/assets.py", "/page/..%2fassets.py", "/page/planner.html",
    "/page/", "/page/assets.py", "/page/%00", "/page//etc/passwd",
])  # fmt: skip
def test_no_other_file_is_handed_out(path: str, client: TestClient) -> None:
    assert client.get(path).status_code == 404


def test_the_chart_library_is_the_reports_and_is_sent_packed(client: TestClient) -> None:
    answer = client.get(f"/page/{PLOTLY}", headers={"accept-encoding": "gzip"})
    asset = page_assets()[PLOTLY]

    assert answer.headers["content-encoding"] == "gzip"
    assert "plotly.js (cartesian" in answer.text[:200]
    assert asset.packed is not None
    assert gzip.decompress(asset.packed) == asset.body
    assert len(asset.packed) < 550_000


def test_a_file_that_the_browser_has_is_not_sent_again(client: TestClient) -> None:
    first = client.get("/page/main.js")
    second = client.get("/page/main.js", headers={"if-none-match": f'"other", W/{first.headers["etag"]}'})

    assert second.status_code == 304
    assert second.content == b""
    assert client.get("/page/main.js", headers={"if-none-match": '"other"'}).status_code == 200


def test_the_service_does_not_import_plotly_for_its_file(repository: Path) -> None:
    code = (
        "import sys; from serve.page.assets import page_assets; page_assets(); print('plotly' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=repository
    )

    assert done.stdout.strip() == "False"


def test_channels_have_the_colours_of_the_report_light_and_dark() -> None:
    text = (STATIC / "base/colours.js").read_text()
    palette = text.split("PALETTE = [")[1].split("]")[0]
    dark = dict(re.findall(r'"(#[0-9a-f]{6})": "(#[0-9a-f]{6})"', text.split("DARK = {")[1].split("};")[0]))

    assert tuple(re.findall(r"#[0-9A-F]{6}", palette)) == theme.PALETTE
    assert f'INK = "{theme.INK}"' in text
    assert {colour.lower() for colour in theme.PALETTE} & set(theme.DARK) <= set(dark)
    assert dark == {light: theme.DARK[light] for light in dark}
