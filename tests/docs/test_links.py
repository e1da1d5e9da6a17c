"""Every link in a page or a notebook leads to something that is there; links to the web have the right form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs.markdown import ROOT, parse, paths, read

if TYPE_CHECKING:
    from pathlib import Path

_LOCAL = re.compile(r"(localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]|\.local)$")


def complaint(link: str, page: Path) -> str | None:
    """Return what is wrong with a link of a page, or None; nothing is asked of the web."""
    address = urlsplit(link)
    if address.scheme == "mailto":
        return None
    if address.scheme or address.netloc:
        sound = address.scheme == "https" and address.hostname and not _LOCAL.search(address.hostname)
        return None if sound else f"{link}: a link to the web is https, and to no host of the reader's own"
    target = page.parent / unquote(address.path) if address.path else page
    if not target.exists():
        return f"{link}: there is no such file"
    if not target.resolve().is_relative_to(ROOT):
        return f"{link}: leads out of the repository"
    if address.fragment and unquote(address.fragment) not in read(target).anchors:
        return f"{link}: there is no such place in {target.name}"
    return None


@pytest.mark.parametrize("page", [path.relative_to(ROOT).as_posix() for path in paths()])
def test_the_links_lead_somewhere(page: str) -> None:
    path = ROOT / page
    assert list(filter(None, (complaint(link, path) for link in read(path).links))) == []


def test_the_pages_and_the_notebooks_are_found() -> None:
    found = {path.relative_to(ROOT).as_posix() for path in paths()}
    assert {"README.md", "docs/api.md", "docs/howto/index.md", "notebooks/01_quickstart.ipynb"} <= found
    assert len(read(ROOT / "README.md").links) >= 30


@pytest.mark.parametrize(
    ("link", "wrong"),
    [
        ("docs/none.md", "there is no such file"),
        ("docs/queries.md#none", "there is no such place"),
        ("#none", "there is no such place"),
        ("../elsewhere", "there is no such file"),
        ("..", "leads out of the repository"),
        ("http://example.org", "is https"),
        ("https://localhost:8888/lab", "is https"),
        ("//example.org/x", "is https"),
        ("docs/queries.md", None),
        ("docs/queries.md#what-is-exact", None),
        ("docs/magics.md#rapyer_find", None),
        ("#to-read-on", None),
        ("https://redis.io", None),
        ("mailto:somebody@example.org", None),
    ],
)
def test_a_link_that_leads_nowhere_is_noticed(link: str, wrong: str | None) -> None:
    said = complaint(link, ROOT / "README.md")
    assert said is None if wrong is None else wrong in (said or "")


def test_links_and_anchors_are_found_as_github_does() -> None:
    page = parse(
        "# The `a.b` of [it](x.md), now\n\n## Twice\n\n## Twice\n\n### <a id='own'></a>%own\n\n"
        "![p](p.png) `[no](code.md)`\n\n```text\n[no](fence.md)\n```\n\n| a |\n| - |\n| [cell](c.md) |\n"
    )
    assert page.links == ["x.md", "p.png", "c.md"]
    assert page.anchors == {"the-ab-of-it-now", "twice", "twice-1", "own"}
