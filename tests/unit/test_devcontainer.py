"""The development container: that its file is sound, and does what the README, Binder and the checks do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rapyer_nb.cli import main

ROOT = Path(__file__).parents[2]
KNOWN = {
    "name",
    "image",
    "runArgs",
    "onCreateCommand",
    "postCreateCommand",
    "postAttachCommand",
    "forwardPorts",
    "portsAttributes",
    "customizations",
}


@pytest.fixture(scope="module")
def container() -> dict[str, Any]:
    """The file, as JSON without comments, which every reader of it takes."""
    found: dict[str, Any] = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    return found


def test_it_says_nothing_that_its_format_does_not_have(container: dict[str, Any]) -> None:
    assert set(container) == KNOWN


def test_it_has_the_python_of_binder(container: dict[str, Any]) -> None:
    version = (ROOT / "binder" / "runtime.txt").read_text().strip().removeprefix("python-")
    assert re.fullmatch(rf"mcr\.microsoft\.com/devcontainers/python:{version}(-\w+)?", container["image"])
    # The wheels of the embedded server exist for this one.
    assert container["runArgs"] == ["--platform=linux/amd64"]


def test_it_installs_what_the_readme_installs(container: dict[str, Any]) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"\n{container['postCreateCommand']} && .venv/bin/pytest" in readme


def test_it_has_the_browser_of_the_checks(container: dict[str, Any]) -> None:
    named = re.search(r"apt-get install (?:-\S+ )*(.+)", container["onCreateCommand"])
    checks = re.search(r"apt-get install (?:-\S+ )*(.+)", (ROOT / ".ci" / "run").read_text())
    assert named is not None
    assert checks is not None
    assert named[1] == checks[1]


def test_it_opens_the_notebooks_at_the_port_that_it_forwards(
    container: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    words = container["postAttachCommand"]["lab"].split()
    assert words[0] == ".venv/bin/rapyer-nb"
    started: list[list[str]] = []

    def start(file: str, command: list[str], environment: dict[str, str]) -> None:
        started.append(command)
        raise KeyboardInterrupt

    monkeypatch.setattr("rapyer_nb.cli.os.execve", start)
    (tmp_path / "notebooks").mkdir()
    assert main([*words[1:], "--redis", "redis://localhost:1/0", str(tmp_path)]) == 130
    (command,) = started
    assert "--LabApp.default_url=/lab/tree/notebooks" in command
    assert "--no-browser" in command
    assert container["forwardPorts"] == [8888]
    assert "--ServerApp.port=8888" in command
    assert list(container["portsAttributes"]) == ["8888"]
    for name in container["customizations"]["codespaces"]["openFiles"]:
        assert (ROOT / name).exists()
