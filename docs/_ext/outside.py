"""Brings into the site what stands outside of `docs/`: the notebooks, and pages of the root.

The copies are made anew for each build, and git ignores them. Links to and from them are changed so that they
lead to where the copies are; in the repository they lead to the files themselves.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from links import moved

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
COURSE = "docs/tutorials"
PROJECT = "docs/project"
_ELSEWHERE = {"benchmarks/README.md": f"{PROJECT}/benchmarks.md"}
_PYTHON = re.compile(r"^```python\n(?=(?:(?!```).*\n)*?[%!])", re.MULTILINE)


def places() -> dict[str, str]:
    """Return where files of the repository are shown, if not where they stand."""
    notebooks = {f"notebooks/{path.name}": f"{COURSE}/{path.name}" for path in _notebooks()}
    pages = {path.name: f"{PROJECT}/{path.name}" for path in sorted(ROOT.glob("*.md"))}
    return {**notebooks, **pages, **_ELSEWHERE}


def bring() -> None:
    """Copy the notebooks and the pages of the root, with their links."""
    where = places()
    for folder in (COURSE, PROJECT):
        shutil.rmtree(ROOT / folder, ignore_errors=True)
        (ROOT / folder).mkdir()
    for path in _notebooks():
        notebook = json.loads(path.read_text(encoding="utf-8"))
        notebook.setdefault("metadata", {})["language_info"] = {
            "name": "python",
            "pygments_lexer": "ipython3",
        }
        for cell in notebook["cells"]:
            if cell["cell_type"] == "markdown":
                text = moved("".join(cell["source"]), f"notebooks/{path.name}", where)
                cell["source"] = _PYTHON.sub("```ipython3\n", text)  # what begins with % is no Python
        _write(where[f"notebooks/{path.name}"], json.dumps(notebook))
    for module in (ROOT / "notebooks").glob("*.py"):
        shutil.copy(module, ROOT / COURSE)  # what notebooks import
    for page, place in where.items():
        if page.endswith(".md"):
            _write(place, moved((ROOT / page).read_text(encoding="utf-8"), page, where))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    bring()
    app.connect("source-read", _relink)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _relink(app: Sphinx, name: str, source: list[str]) -> None:
    page = f"docs/{name}.md"
    if not page.startswith((f"{COURSE}/", f"{PROJECT}/")):
        source[0] = moved(source[0], page, places())


def _notebooks() -> list[Path]:
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def _write(place: str, text: str) -> None:
    (ROOT / place).write_text(text, encoding="utf-8")
