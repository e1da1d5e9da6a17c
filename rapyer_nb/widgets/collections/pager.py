"""Which part of a collection is shown, and the buttons that turn to another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as W

from rapyer_nb.widgets import style
from rapyer_nb.widgets.collections.page import SHOWN, Begin
from rapyer_nb.widgets.control import classed, icon

if TYPE_CHECKING:
    from collections.abc import Callable

    from rapyer_nb.widgets.collections.page import Page


class Pager:
    """The range of the entries that are shown, with buttons for the pages before and after.

    Args:
        name: The name of the collection, for accessible names.
        turn: Is told where the page begins that the user wants.
        numbered: Whether a page can begin at any number; else only the one after another is known.
    """

    def __init__(self, name: str, turn: Callable[[Begin], None], *, numbered: bool) -> None:
        self._turn = turn
        self._numbered = numbered
        self._page: Page | None = None
        self._before: list[Begin] = []
        self.text = classed(W.HTML(), "rpy-range")
        self.first = icon("angle-double-left", f"First page of {name}")
        self.previous = icon("angle-left", f"Previous page of {name}")
        self.next = icon("angle-right", f"Next page of {name}")
        self.last = icon("angle-double-right", f"Last page of {name}")
        buttons = [self.first, self.previous, self.next, *([self.last] if numbered else [])]
        self._buttons = classed(W.HBox(buttons), "rpy-icons")
        self.widget = classed(W.HBox([self.text]), "rpy-pager")

    def show(self, page: Page) -> None:
        """Show where a page is."""
        self._page = page
        if page.begin == Begin():
            self._before.clear()
        self.text.value = style.note(_range(page))
        many = page.begin.start > 0 or page.following is not None
        self.widget.children = [self.text, self._buttons] if many else [self.text]
        self.first.disabled = self.previous.disabled = page.begin.start == 0
        self.next.disabled = self.last.disabled = page.following is None

    def to_first(self) -> None:
        """Turn to the first page."""
        self._turn(Begin())

    def to_previous(self) -> None:
        """Turn back."""
        if self._page is not None and self._numbered:
            self._turn(Begin(max(0, self._page.begin.start - SHOWN)))
        elif self._page is not None:
            self._turn(self._before.pop() if self._before else Begin())

    def to_next(self) -> None:
        """Turn on."""
        if self._page is not None and self._page.following is not None:
            self._before.append(self._page.begin)
            self._turn(self._page.following)

    def to_last(self) -> None:
        """Turn to the last page."""
        if self._page is not None:
            self._turn(Begin(last_start(self._page.total)))


def last_start(total: int) -> int:
    """Return where the last page begins."""
    return max(0, (total - 1) // SHOWN * SHOWN)


def _range(page: Page) -> str:
    words = {"null": "null", "missing": "not stored yet", "odd": "what is stored does not fit this field"}
    if page.state != "there":
        return words[page.state]
    if not page.total:
        return "empty"
    if not page.entries:
        return f"none of {page.total:,}"
    start = page.begin.start
    end = start + len(page.entries)
    shown = f"{start + 1:,}" if end == start + 1 else f"{start + 1:,}–{end:,}"
    return f"{shown} of {max(page.total, end):,}"
