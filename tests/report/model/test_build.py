"""The page: complete, self-contained, safe, small and quick."""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
import time
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from mmm.errors import OutputError
from mmm.report import SECTIONS, build_report
from tests.report.world import World, write_model

KEYS = [entry.key for entries in SECTIONS.values() for entry in entries]


class Outline(HTMLParser):
    """Elements and the addresses they load from."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.labels: list[str] = []
        self.anchors: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if found.get("role") == "group":
            self.labels.append(str(found.get("aria-label")))
        self.loads += [str(found[name]) for name in ("src", "srcset") if found.get(name)]
        if tag == "link":
            self.loads.append(str(found["href"]))
        if tag == "a":
            self.anchors.append(str(found["href"]))


def outline(path: Path) -> Outline:
    parser = Outline()
    parser.feed(path.read_text(encoding="utf-8"))
    return parser


def test_every_view_is_on_the_page_with_its_alt_text(small: Path, tmp_path: Path) -> None:
    target = build_report(small, tmp_path / "deep" / "report.html")
    found = outline(target)

    assert [name for name in found.ids if name in KEYS] == KEYS
    assert len(found.labels) == len(KEYS)
    assert all(len(label) > 40 for label in found.labels)
    assert {anchor[1:] for anchor in found.anchors} <= set(found.ids)


def test_the_page_loads_nothing(small: Path, tmp_path: Path) -> None:
    target = build_report(small, tmp_path / "report.html")

    assert outline(target).loads == ["data:,"]
    assert "default-src 'none'" in target.read_text(encoding="utf-8")


def test_it_lies_in_the_models_directory_by_default(small: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(small, model)

    assert build_report(model) == model / "report.html"
    assert (model / "report.html").stat().st_size < 3.5e6


def test_missing_files_leave_a_note(small: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(small, model)
    (model / "curves.parquet").unlink()
    (model / "plan.json").unlink()
    text = build_report(model).read_text(encoding="utf-8")

    assert "4 views left out" in text
    assert "<b>Response curves</b>: curves.parquet is not in this directory." in text
    assert "id='curves'" not in text
    assert "id='saturation'" in text


def test_a_model_without_experiments_does_not_excuse_itself(small: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(small, model)
    (model / "experiments.parquet").unlink(missing_ok=True)
    text = build_report(model).read_text(encoding="utf-8")

    assert "id='experiments'" not in text
    assert "id='left-out'" not in text


def test_a_directory_without_any_file_is_still_a_page(tmp_path: Path) -> None:
    found = outline(build_report(tmp_path, tmp_path / "report.html"))

    assert "left-out" in found.ids
    assert not set(found.ids) & set(KEYS)


def test_hostile_names_cannot_leave_their_place(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", World(regions=3, weeks=60, channels=3))
    evil = "</script><img src=x onerror=alert(1)>"
    for name in ("predictions", "contributions", "regions"):
        frame = pd.read_parquet(model / f"{name}.parquet")
        frame["region"] = frame["region"].replace("Chicago", evil)
        frame.to_parquet(model / f"{name}.parquet")
    target = build_report(model)
    found = outline(target)

    assert found.loads == ["data:,"]
    assert evil not in target.read_text(encoding="utf-8")


def test_figures_are_json_that_any_parser_reads(small: Path, tmp_path: Path) -> None:
    text = build_report(small, tmp_path / "report.html").read_text(encoding="utf-8")
    sources = re.findall(r"<script type='application/json'[^>]*>(.*?)</script>", text, re.DOTALL)
    packed = re.findall(r"<script type='text/plain' class='packed'>(.*?)</script></figure>", text)
    sources = [*(gzip.decompress(base64.b64decode(source)).decode() for source in packed), *sources]
    figures = [json.loads(source, parse_constant=pytest.fail) for source in sources]

    assert len(figures) == len(KEYS) + 2, "the views, the house style and its colours in the dark"
    assert all("title" not in figure.get("layout", {}) for figure in figures[:-2])


def test_a_target_that_cannot_be_written(small: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(OutputError, match="cannot be written"):
        build_report(small, tmp_path / "file" / "report.html")


def test_findings_stand_on_the_cover_gravest_first(small: Path, tmp_path: Path) -> None:
    text = build_report(small, tmp_path / "report.html").read_text(encoding="utf-8")

    assert "2 findings, 1 to act on" in text
    assert text.index("Radio ran at one level only.") < text.index("One region has six weeks without a KPI.")


def test_a_panel_of_the_public_size_is_quick_and_light(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", World(regions=190, weeks=109, channels=13, test=0))
    before = time.process_time()
    page = build_report(model, tmp_path / "report.html")

    assert time.process_time() - before <= 5
    assert page.stat().st_size <= 3.5e6
    assert not (model / "report.html").exists()


def test_findings_that_say_the_same_are_one(small: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(small, model)
    alike = [
        {"severity": "info", "code": "uncertain_roi", "where": channel, "what": f"ROI is {at}.",
         "why": "It may pay or not.", "what_to_do": "Test it."}
        for at, channel in enumerate(("tv", "search", "direct_mail"))
    ]  # fmt: skip
    (model / "diagnostics.json").write_text(json.dumps(alike), encoding="utf-8")
    text = build_report(model).read_text(encoding="utf-8")

    assert "3 findings, none urgent" in text
    assert text.count("It may pay or not.") == 1
    assert "info, TV, search and direct mail" in text
    assert "<li>Direct mail: ROI is 2.</li>" in text
