"""What Markdown pages say: their links, and the anchors that links can lead to."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
BUILT = {"_build", "project", "tutorials"}
_HIDDEN = {".venv", ".git", "node_modules"}
_ID = re.compile(r"""<\w+[^>]*\s(?:id|name)=["']([^"']+)["']""")
_PARSER = MarkdownIt("commonmark").enable("table")


@dataclass
class Page:
    """A page, or the Markdown cells of a notebook, one below the other.

    Attributes:
        links: What its links and pictures lead to.
        anchors: What links to parts of it may name.
    """

    links: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)


def paths() -> list[Path]:
    """Return all pages of the repository, and the notebooks."""
    pages = [*ROOT.glob("*.md"), *(ROOT / ".github").rglob("*.md"), *(ROOT / "docs").rglob("*.md")]
    pages += [*(ROOT / "benchmarks").rglob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")]
    return sorted(path for path in pages if not BUILT & set(path.relative_to(ROOT).parts))


@cache
def read(path: Path) -> Page:
    """Return what a page, or a notebook, says."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return parse(text)


def parse(text: str) -> Page:
    """Return the links and anchors of a text of Markdown; headings have the anchors that GitHub makes."""
    page, slugs = Page(), Counter[str]()
    tokens = _PARSER.parse(text)
    for position, token in enumerate(tokens):
        if token.type == "html_block":
            page.anchors |= set(_ID.findall(token.content))
        for child in token.children or []:
            if child.type == "html_inline":
                page.anchors |= set(_ID.findall(child.content))
            page.links += [str(child.attrs[name]) for name in ("href", "src") if name in child.attrs]
        if token.type == "heading_open":
            slug = _slug(tokens[position + 1])
            page.anchors.add(f"{slug}-{slugs[slug]}" if slugs[slug] else slug)
            slugs[slug] += 1
    return page


def _slug(heading: Token) -> str:
    return re.sub(r"[^\w\- ]", "", "".join(_texts(heading)).strip().lower()).replace(" ", "-")


def _texts(heading: Token) -> Iterator[str]:
    return (child.content for child in heading.children or [] if child.type in {"text", "code_inline"})
