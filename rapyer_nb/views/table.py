"""Rows of short texts under headings, as text and as HTML."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rapyer_nb.views.brief import ELLIPSIS, clipped, printable
from rapyer_nb.views.markup import Markup, element, joined
from rapyer_nb.views.view import View

if TYPE_CHECKING:
    from collections.abc import Sequence

_TEXT_CELL: Final = 48
_TEXT_WIDTH: Final = 120
_GAP: Final = "  "


@dataclass(frozen=True, repr=False)
class Table(View):
    """A table.

    Args:
        caption: What it shows.
        columns: The headings.
        rows: The cells of each row, as many as there are headings; already brief.
        footer: A line below it.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    footer: str = ""

    def text(self) -> str:
        """Return aligned columns; those that would make the lines too long are left out and counted."""
        lines: list[str] = []
        if self.rows:
            cells = [
                [clipped(printable(cell), _TEXT_CELL) for cell in row] for row in (self.columns, *self.rows)
            ]
            widths = [max(width_of(row[column]) for row in cells) for column in range(len(self.columns))]
            fitting = _fitting(widths)
            lines = [_line(row[:fitting], widths) for row in cells]
            if fitting < len(self.columns):
                lines[0] += f"{_GAP}{ELLIPSIS} +{len(self.columns) - fitting} columns"
        return "\n".join([*lines, printable(self.footer)] if self.footer else lines)

    def body(self) -> Markup:
        """Return a table with a caption and headings, and the footer as a paragraph."""
        footer = element("p", self.footer, class_="rapyer-faint") if self.footer else Markup()
        if not self.rows:
            return footer
        headings = [element("th", column, scope="col") for column in self.columns]
        rows = [element("tr", *(element("td", cell) for cell in row)) for row in self.rows]
        table = element(
            "table",
            element("caption", self.caption),
            element("thead", element("tr", *headings)),
            element("tbody", *rows),
        )
        return joined(table, footer)


def _fitting(widths: list[int]) -> int:
    total = 0
    for position, width in enumerate(widths):
        total += width + len(_GAP)
        if total > _TEXT_WIDTH and position:
            return position
    return len(widths)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(cell + " " * (widths[at] - width_of(cell)) for at, cell in enumerate(cells)).rstrip()


def width_of(text: str) -> int:
    """Return how many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
