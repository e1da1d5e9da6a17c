"""The badges of the notebooks and the README's table of them are what `python binder/badges.py` writes."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

ROOT = Path(__file__).parents[2]


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("badges", ROOT / "binder" / "badges.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["badges"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


badges = _load()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with two notebooks of a course, one without a badge, and a README."""
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    _notebook(tmp_path, "02_more.ipynb", "# 02 · More | less\n\nText.")
    line = "[![Binder](https://mybinder.org/badge_logo.svg)](BINDER/01_first.ipynb)"
    _notebook(tmp_path, "01_first.ipynb", f"# 01 · First\n\n{line}\n\n**Goal**: é.")
    (tmp_path / "notebooks" / "course.py").touch()
    (tmp_path / "notebooks" / "Untitled.ipynb").write_text("{}")
    return tmp_path


def _notebook(root: Path, name: str, text: str) -> None:
    folder = root / "notebooks"
    folder.mkdir(exist_ok=True)
    cells = [{"cell_type": "markdown", "id": "a", "metadata": {}, "source": text.splitlines(keepends=True)}]
    document = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / name).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _first_cell(text: str) -> list[str]:
    return json.loads(text)["cells"][0]["source"]  # type: ignore[no-any-return]


def test_all_badges_and_the_table_are_in_step() -> None:
    outdated = [
        path.name for path, text in badges.written().items() if path.read_text(encoding="utf-8") != text
    ]
    assert outdated == [], "run python binder/badges.py"


def test_each_notebook_of_the_course_is_in_the_table() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    names = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert names
    assert [name for name in names if f"](notebooks/{name}) | {_badge(name)} |" not in readme] == []


def _badge(name: str) -> str:
    found: str = badges.badge(name, badges.repository())
    return found


def test_a_badge_opens_its_notebook_in_the_repository_of_the_project() -> None:
    target = _badge("01_quickstart.ipynb").rpartition("](")[2].rstrip(")")
    address = urlsplit(target)
    assert address.netloc == "mybinder.org"
    assert address.path == "/v2/gh/rapyer-nb/rapyer-nb/HEAD"
    assert parse_qs(address.query) == {"labpath": ["notebooks/01_quickstart.ipynb"]}


def test_badges_are_put_in_and_nothing_else_changes(tree: Path) -> None:
    written = badges.written(tree)
    assert [path.name for path in written] == ["01_first.ipynb", "02_more.ipynb", "README.md"]
    first, more, readme = written.values()
    assert _first_cell(first) == [
        "# 01 · First\n",
        "\n",
        f"{_badge('01_first.ipynb')}\n",
        "\n",
        "**Goal**: é.",
    ]
    assert _first_cell(more) == ["# 02 · More | less\n", "\n", f"{_badge('02_more.ipynb')}\n", "\n", "Text."]
    assert "| 01 | [First](notebooks/01_first.ipynb) | [![Binder]" in readme
    assert r"| 02 | [More \| less](notebooks/02_more.ipynb) | [![Binder]" in readme
    before, after = (ROOT / "README.md").read_text(encoding="utf-8"), readme
    assert before.partition(badges.BEGIN)[0] == after.partition(badges.BEGIN)[0]
    assert before.partition(badges.END)[2] == after.partition(badges.END)[2]


def test_writing_again_changes_nothing(tree: Path) -> None:
    for path, text in badges.written(tree).items():
        path.write_text(text, encoding="utf-8")
    assert all(path.read_text(encoding="utf-8") == text for path, text in badges.written(tree).items())


def test_a_fork_names_itself_in_one_place(tree: Path) -> None:
    page = tree / "pyproject.toml"
    ours = 'Repository = "https://github.com/rapyer-nb/rapyer-nb"'
    text = page.read_text(encoding="utf-8")
    assert text.count(ours) == 1
    page.write_text(
        text.replace(ours, 'Repository = "https://github.com/some-one/a.fork.git"'), encoding="utf-8"
    )
    assert all("/v2/gh/some-one/a.fork/HEAD" in text for text in badges.written(tree).values())
    assert not any("gh/rapyer-nb" in text for text in badges.written(tree).values())


def test_what_cannot_be_written_says_why(tree: Path) -> None:
    (tree / "README.md").write_text("# Nothing\n")
    with pytest.raises(ValueError, match="the README has no place for the table"):
        badges.written(tree)
    _notebook(tree, "03_none.ipynb", "No heading.")
    with pytest.raises(ValueError, match=r"03_none\.ipynb does not begin with a heading"):
        badges.written(tree)
    (tree / "pyproject.toml").write_text('[project.urls]\nRepository = "https://example.org/x"\n')
    with pytest.raises(ValueError, match="the badges need an address of GitHub"):
        badges.written(tree)
