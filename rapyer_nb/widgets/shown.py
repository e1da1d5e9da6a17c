"""Controls that only show, of which a form can have one for every value there is; long ones are folded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import ipywidgets as W

from rapyer_nb.widgets import style
from rapyer_nb.widgets.control import Control, Request, classed, label, line
from rapyer_nb.widgets.saying import MAX_SHOWN, shortened
from rapyer_nb.widgets.simple import MOST_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Callable

MASK: Final = "••••••"
_FIRST_BYTES: Final = 24
_FEW_NUMBERS: Final = 8


class ReadOnlyControl(Control):
    """Shows what this form cannot edit.

    Args:
        request: What it is for.
        describe: Makes the HTML of a value.
    """

    def __init__(self, request: Request, describe: Callable[[Any], str]) -> None:
        self._value: Any = None
        self._describe = describe
        self._text = classed(W.HTML(), "rpy-main")
        self.widget = line(label(request), self._text)

    def get(self) -> Any:
        """Return the value that was set."""
        return self._value

    def set(self, value: Any) -> None:
        """Describe the value."""
        self._value = value
        self._text.value = self._describe(value)

    def listen(self, changed: Callable[[bool], None]) -> None:
        """Do nothing: the user can change nothing."""

    def enable(self, on: bool) -> None:
        """Do nothing: it is never enabled."""


def read_only(request: Request) -> Control:
    """Return a control that shows a value of any kind, and changes none."""
    if request.wish == "password":
        return ReadOnlyControl(request, lambda _: style.fixed(MASK))
    return ReadOnlyControl(request, described_value)


def described_value(value: Any) -> str:
    """Return a value as HTML: whole where it is short, else what it begins with, to be unfolded."""
    if isinstance(value, bytes | bytearray):
        return style.fixed(described_bytes(bytes(value)))
    if _is_vector(value):
        return style.folded(f"{len(value):,} numbers", ", ".join(map(repr, value[:MOST_CHARACTERS])))
    text = value if isinstance(value, str) else repr(value)
    if len(text) <= MAX_SHOWN and "\n" not in text:
        return style.fixed(text)
    more = f"\n… {len(text):,} characters in all" if len(text) > MOST_CHARACTERS else ""
    return style.folded(shortened(text.replace("\n", " ")), text[:MOST_CHARACTERS] + more)


def described_bytes(value: bytes) -> str:
    """Return in words how many bytes there are, and what they begin with."""
    first = value[:_FIRST_BYTES]
    text = first.decode("ascii", errors="replace")
    what = repr(text) if text.isprintable() and "\ufffd" not in text else first.hex(" ")
    size = f"{len(value):,} byte{'s' * (len(value) != 1)}"
    return f"{size}: {what}{'…' * (len(value) > len(first))}" if value else "empty"


def _is_vector(value: Any) -> bool:
    return isinstance(value, list) and len(value) > _FEW_NUMBERS and all(type(one) is float for one in value)
