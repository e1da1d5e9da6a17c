"""Controls for text: one line or several, long ones folded, secrets, and values that are written as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import ipywidgets as W
from pydantic import SecretBytes, SecretStr, ValidationError

from rapyer_nb.widgets import style
from rapyer_nb.widgets.control import (
    CannotShow,
    Control,
    Request,
    button,
    classed,
    close_tree,
    described,
    label,
    line,
    main,
    show,
    toggle_class,
)
from rapyer_nb.widgets.phases import Unfit
from rapyer_nb.widgets.saying import explain, same, shortened
from rapyer_nb.widgets.simple import MOST_CHARACTERS, SimpleControl

if TYPE_CHECKING:
    from collections.abc import Callable

LONG_TEXT: Final = 200
"""Texts that may become longer than this are edited in several lines."""
FOLDED_TEXT: Final = 2_000
"""Of texts longer than this only the beginning is shown until the user asks for all."""
_BEGINNING: Final = 300
_MOST_ROWS: Final = 12


class TextControl(Control):
    """A field for text, of one line until there are several.

    A long text is folded: the page gets its beginning, and all of it when the user wants to see it.
    """

    def __init__(self, request: Request, *, tall: bool = False) -> None:
        self._request = request
        self._changed: Callable[[bool], None] = lambda _: None
        self._on = True
        self._opened = False
        self._folded: str | None = None
        self._line_end = "\n"
        self.input = self._make(W.Textarea if tall else W.Text)
        self.widget = line(self.input)

    def get(self) -> Any:
        """Return the text, with the line ends that it came with."""
        if self._folded is not None:
            return self._folded
        text: str = self.input.value
        return text if self._line_end == "\n" else text.replace("\n", self._line_end)

    def set(self, value: Any) -> None:
        """Show the text, or its beginning.

        Raises:
            CannotShow: It is too long for a page, or a page would change its line ends.
        """
        if self._folded is None and value == self.get():
            return
        if len(value) > MOST_CHARACTERS:
            self._fold(value, opens=False)
            raise CannotShow(f"{len(value):,} characters are too many for a form; change them in a cell")
        if "\r" in value.replace("\r\n", "") or ("\r\n" in value and "\n" in value.replace("\r\n", "")):
            self._fold(value, opens=False)
            raise CannotShow("a page would change the line ends of this text; change it in a cell")
        if len(value) > FOLDED_TEXT and not self._opened:
            self._fold(value, opens=True)
        else:
            self._unfold(value)

    def listen(self, changed: Callable[[bool], None]) -> None:
        """Observe the field, also the one that takes its place."""
        self._changed = changed

    def enable(self, on: bool) -> None:
        """Set the field's `disabled`."""
        self._on = on
        self.input.disabled = not on

    def _make(self, kind: type[W.Text]) -> Any:
        made = main(kind(placeholder=self._request.example, **described(self._request)), self._request)
        made.observe(lambda _: self._changed(False), "value")
        return made

    def _unfold(self, text: str) -> None:
        self._line_end = "\r\n" if "\r\n" in text else "\n"
        shown = text.replace("\r\n", "\n")
        if "\n" in shown or len(shown) > LONG_TEXT:
            self._grow(shown)
        self._folded = None
        self.input.value = shown
        self._arrange(self.input)

    def _grow(self, text: str) -> None:
        if not isinstance(self.input, W.Textarea):
            before, self.input = self.input, self._make(W.Textarea)
            self.input.disabled = not self._on
            self._arrange(self.input)
            close_tree(before)
        self.input.rows = min(max(2, text.count("\n") + 1, len(text) // 60), _MOST_ROWS)

    def _fold(self, text: str, *, opens: bool) -> None:
        self._folded = text
        beginning = W.HTML(style.beginning(text[:_BEGINNING], f"{len(text):,} characters"))
        parts: list[W.DOMWidget] = [beginning]
        if opens:
            opens_it = button("Show all", f"Show all of {self._request.text}")
            opens_it.on_click(lambda _: self._request.post(self._open))
            parts.append(opens_it)
        self._arrange(label(self._request), classed(W.VBox(parts), "rpy-folded"), self.input)

    def _arrange(self, *shown: W.DOMWidget) -> None:
        """Show these; the field stays where it is, seen or not, so that it ends with the form."""
        before = self.widget.children
        show(self.input, on=len(shown) == 1)
        toggle_class(self.widget, "rpy-tall", len(shown) > 1)
        self.widget.children = shown
        for widget in before:
            if widget not in shown and not isinstance(widget, W.Text):
                close_tree(widget)

    def _open(self) -> None:
        self._opened = True
        if self._folded is not None:
            self._unfold(self._folded)


class SecretControl(Control):
    """A field for a secret: it is written and never shown, and the page does not get it."""

    secret = True

    def __init__(self, request: Request) -> None:
        self._stored: Any = None
        self._like: Callable[[str], Any] = str
        if request.annotation is SecretStr:
            self._like = SecretStr
        elif request.annotation is SecretBytes:
            self._like = lambda text: SecretBytes(text.encode())
        self.input = main(W.Password(placeholder="not set", **described(request)), request)
        self.widget = self.input

    def get(self) -> Any:
        """Return what was typed, or what is stored where nothing was."""
        if self.input.value:
            return self._like(self.input.value)
        return Unfit("type the secret") if self._stored is None else self._stored

    def set(self, value: Any) -> None:
        """Take the stored secret, and forget what was typed."""
        self._stored = value
        self.input.placeholder = "•••••• (type to replace it)" if value else "empty"
        self.input.value = ""

    def listen(self, changed: Callable[[bool], None]) -> None:
        """Observe the field."""
        self.input.observe(lambda _: changed(False), "value")

    def enable(self, on: bool) -> None:
        """Set the field's `disabled`."""
        self.input.disabled = not on

    def settled(self) -> None:
        """Forget what was typed: Redis has it now, and the notebook's file shall not."""
        if self.input.value:
            self.set(self._like(self.input.value))


class ParsedControl(SimpleControl):
    """A value that is written as a line of text.

    Args:
        widget: The field.
        read: Makes a value of the text, or raises a ValueError.
        write: Makes the text of a value.
    """

    def __init__(self, widget: Any, read: Callable[[str], Any], write: Callable[[Any], str]) -> None:
        super().__init__(widget)
        self._read = read
        self._write = write
        self._shown: tuple[str, Any] | None = None

    def get(self) -> Any:
        """Return the value that the text means, or why it means none."""
        text = self.input.value
        if self._shown is not None and text == self._shown[0]:
            return self._shown[1]
        try:
            return self._read(text)
        except ValidationError as error:
            return Unfit(explain(error, ""))
        except ValueError as error:
            return Unfit(str(error))

    def set(self, value: Any) -> None:
        """Show the text of a value, if it means that value and no other."""
        text = self._write(value)
        if not self._means(text, value):
            raise CannotShow(f"{shortened(repr(value))} has no text that stands for it; change it in a cell")
        if self._shown is None or text != self.input.value:
            self.input.value = text
        self._shown = (text, value)

    def _means(self, text: str, value: Any) -> bool:
        try:
            return same(self._read(text), value)
        except ValueError:
            return False


def text(request: Request) -> Control:
    """Return a field for text, of several lines where the text may become long."""
    return TextControl(request, tall=(request.bounds.max_length or 0) > LONG_TEXT)


def tall_text(request: Request) -> Control:
    """Return a field for text of several lines."""
    return TextControl(request, tall=True)


def parsed(request: Request, read: Callable[[str], Any], write: Callable[[Any], str]) -> Control:
    """Return a field for values that are written as text."""
    field = W.Text(placeholder=request.example, **described(request))
    return ParsedControl(main(field, request), lambda typed: read(typed.strip()), write)
