"""What a form has to say above its fields, and what the user can do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ipywidgets as W

from rapyer_nb.widgets import style
from rapyer_nb.widgets.control import button, classed, close_tree

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Choice:
    """One thing that the user can do.

    Attributes:
        text: What stands on the button.
        tooltip: What explains it.
        act: Does it, on the form's loop.
    """

    text: str
    tooltip: str
    act: Callable[[], None]


class Notice:
    """A line with a message and buttons, which is there only while there is something to say."""

    def __init__(self, post: Callable[..., None]) -> None:
        """Say nothing yet.

        Args:
            post: Runs a function on the form's loop.
        """
        self._post = post
        self._shown: tuple[str, str, tuple[str, ...]] = ("muted", "", ())
        self._text = W.HTML(style.message("muted", ""))
        self._buttons = classed(W.HBox([]), "rpy-choice")
        self.widget = classed(W.VBox([self._text, self._buttons]), "rpy-notice")
        self.widget.layout.display = "none"

    @property
    def text(self) -> str:
        """What it says."""
        return self._shown[1]

    def say(self, kind: str, text: str, *choices: Choice) -> None:
        """Say something, and offer what to do; an empty text takes both away.

        Args:
            kind: One of ok, muted, warn, error, lock.
            text: Plain text.
            choices: What can be done about it.
        """
        shown = (kind, text, tuple(choice.text for choice in choices))
        if shown == self._shown:
            return
        if shown[2] != self._shown[2]:
            old = self._buttons.children
            self._buttons.children = tuple(self._button(choice) for choice in choices)
            for one in old:
                close_tree(one)
        self._shown = shown
        self._text.value = style.message(kind, text)
        self.widget.layout.display = None if text else "none"

    def _button(self, choice: Choice) -> W.Button:
        made = button(choice.text, choice.tooltip)
        made.on_click(lambda _: self._post(choice.act))
        return made
