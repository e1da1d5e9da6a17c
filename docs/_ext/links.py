"""Links in Markdown: where they stand in a text, and what they become where a page is shown elsewhere."""

from __future__ import annotations

import os
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_FENCE = re.compile(r"^ *(`{3,}|~{3,}).*?^ *\1 *$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<=\]\()(?P<path>[^)\s#:]+)(?P<rest>(?:#[^)\s]*)?)(?=\))")


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """Return a text of Markdown with its prose changed, and its code as it was."""
    parts, at = [], 0
    for code in _FENCE.finditer(text):
        parts += [change(text[at : code.start()]), code[0]]
        at = code.end()
    return "".join([*parts, change(text[at:])])


def moved(text: str, page: str, places: Mapping[str, str]) -> str:
    """Return a page's text with its relative links as they must be where the page is shown.

    Args:
        text: Its Markdown.
        page: Its path in the repository.
        places: Where files of the repository are shown, from its root, if not where they stand.
    """
    here = PurePosixPath(page).parent
    there = PurePosixPath(places.get(page, page)).parent

    def follow(link: re.Match[str]) -> str:
        target = os.path.normpath(here / link["path"])
        return os.path.relpath(places.get(target, target), there) + link["rest"]

    return outside_code(text, lambda prose: _LINK.sub(follow, prose))
