"""A line of information under a result."""

from __future__ import annotations

from dataclasses import dataclass

from rapyer_nb.views.brief import printable
from rapyer_nb.views.markup import Markup, element
from rapyer_nb.views.view import View


@dataclass(frozen=True, repr=False)
class Note(View):
    """One line of text.

    Args:
        message: The line.
    """

    message: str

    def text(self) -> str:
        """Return the line."""
        return printable(self.message)

    def body(self) -> Markup:
        """Return the line as a paragraph."""
        return element("p", self.message, class_="rapyer-faint")


def counted(number: int, noun: str) -> str:
    """Return `1 command`, `2 commands`, `1,234 commands`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def lasted(seconds: float) -> str:
    """Return a duration such as `0.9 ms`, `12 ms` or `1.3 s`."""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    milliseconds = seconds * 1000
    return f"{milliseconds:.1f} ms" if milliseconds < 10 else f"{milliseconds:.0f} ms"
