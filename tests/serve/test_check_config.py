"""Configuration files: what Serve would take in silence is told."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from serve.check_config import main


def changed(repository: Path, folder: Path, old: str, new: str) -> str:
    text = (repository / "serve" / "config.yaml").read_text()
    assert old in text
    path = folder / "config.yaml"
    path.write_text(text.replace(old, new))
    return str(path)


def test_the_shipped_configuration_is_right(repository: Path) -> None:
    assert main([str(repository / "serve" / "config.yaml")]) == 0


def test_the_configuration_for_kubernetes_is_right(repository: Path, tmp_path: Path) -> None:
    manifest = yaml.safe_load((repository / "deploy" / "kuberay-serve.yaml").read_text(encoding="utf-8"))
    inner = tmp_path / "serve.yaml"
    inner.write_text(manifest["spec"]["serveConfigV2"], encoding="utf-8")

    assert main([str(inner)]) == 0


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("proxy_location", "proxy_locaton", "did you mean 'proxy_location'?"),
        ("request_timeout_s", "request_timeout", "http_options.request_timeout (line"),
        ("route_prefix", "routeprefix", "applications[0].routeprefix (line"),
        (" poll: 5", " pol: 5", "applications[0].args.pol (line"),
        ("planners: 1", "planners: none", "applications[0].args.planners (line"),
        ("queue: 64", "qeue: 64", "applications[0].args.limits.qeue (line"),
        ("port: 8000", "port: many", "http_options.port"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, told: str
) -> None:
    assert main([changed(repository, tmp_path, old, new)]) == 2
    assert told in capsys.readouterr().err
