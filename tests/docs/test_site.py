"""How the site shows what stands elsewhere: links that lead to the copies, and code that is left alone."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.docs.markdown import ROOT, parse

if TYPE_CHECKING:
    from pathlib import Path

EXTENSIONS = ROOT / "docs" / "_ext"
PLACES = {"notebooks/01_a.ipynb": "docs/tutorials/01_a.ipynb", "README.md": "docs/project/README.md"}


@pytest.fixture
def extensions(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The modules of docs/_ext, importable as they are in a build."""
    monkeypatch.syspath_prepend(str(EXTENSIONS))
    import links
    import outside

    yield links, outside
    for module in (links, outside):
        del sys.modules[module.__name__]


@pytest.mark.parametrize(
    ("page", "text", "shown"),
    [
        ("docs/a.md", "[x](b.md#c)", "[x](b.md#c)"),
        ("docs/a.md", "[x](../notebooks/01_a.ipynb)", "[x](tutorials/01_a.ipynb)"),
        ("docs/howto/a.md", "[x](../../README.md#c)", "[x](../project/README.md#c)"),
        ("notebooks/01_a.ipynb", "[`x`](../docs/sets.md#c)", "[`x`](../sets.md#c)"),
        ("notebooks/01_a.ipynb", "[x](01_a.ipynb)", "[x](01_a.ipynb)"),
        ("README.md", "![p](docs/images/p.png)", "![p](../images/p.png)"),
        ("README.md", "[x](https://redis.io/a) [y](#z)", "[x](https://redis.io/a) [y](#z)"),
        ("README.md", "`[x](docs/a.md)`", "`[x](docs/a.md)`"),
        (
            "README.md",
            "```md\n[x](docs/a.md)\n```\n[y](docs/a.md)",
            "```md\n[x](docs/a.md)\n```\n[y](../a.md)",
        ),
    ],
)
def test_links_lead_to_where_pages_are_shown(extensions: Any, page: str, text: str, shown: str) -> None:
    links, _ = extensions
    assert links.moved(text, page, PLACES) == shown


def test_notebooks_and_pages_are_brought(
    extensions: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, outside = extensions
    for name in ("notebooks", "docs", "benchmarks"):
        (tmp_path / name).mkdir()
    source = ["[sets](../docs/sets.md)\n", "\n", "```python\n", "%rapyer_find User\n", "```\n"]
    cells = [
        {"cell_type": "markdown", "source": source},
        {"cell_type": "code", "source": ["[x](../docs/a.md)"]},
    ]
    (tmp_path / "notebooks" / "01_a.ipynb").write_text(json.dumps({"cells": cells}))
    (tmp_path / "notebooks" / "course.py").write_text("")
    (tmp_path / "README.md").write_text("[first](notebooks/01_a.ipynb)")
    (tmp_path / "benchmarks" / "README.md").write_text("[top](../README.md)")
    monkeypatch.setattr(outside, "ROOT", tmp_path)
    outside.bring()
    outside.bring()  # over what an earlier build has left
    prose, code = json.loads((tmp_path / "docs/tutorials/01_a.ipynb").read_text())["cells"]
    assert prose["source"] == "[sets](../sets.md)\n\n```ipython3\n%rapyer_find User\n```\n"
    assert code == cells[1]
    assert (tmp_path / "docs/tutorials/course.py").exists()
    assert (tmp_path / "docs/project/README.md").read_text() == "[first](../tutorials/01_a.ipynb)"
    assert (tmp_path / "docs/project/benchmarks.md").read_text() == "[top](README.md)"


def test_every_page_stands_in_the_navigation() -> None:
    written = {path.stem for path in (ROOT / "docs").glob("*.md")}
    shown = " ".join((ROOT / "docs" / page).read_text(encoding="utf-8") for page in ("index.md", "topics.md"))
    shown += (ROOT / "docs" / "explanation" / "index.md").read_text(encoding="utf-8")
    assert written - {"index"} <= set(shown.replace("../", "").split())


def test_the_gallery_shows_every_screenshot() -> None:
    shown = set(parse((ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")).links)
    assert {f"images/{path.name}" for path in (ROOT / "docs" / "images").glob("*.png")} <= shown
