"""What of a form only the page can do: see that the kernel is gone, count down, name what has no name."""

from __future__ import annotations

import asyncio
from contextvars import Context
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anywidget

from rapyer_nb.widgets.sight import Mark

if TYPE_CHECKING:
    from collections.abc import Callable

_BEAT: Final = "beat"
_HERE: Final = "here"
_LOOK: Final = "look"

# Seconds after which a page that does not answer is taken to be gone, counted in steps: what a busy loop did
# not hear is no silence.
PATIENCE: Final = 10.0
_STEPS: Final = 10


class Page(anywidget.AnyWidget):
    """The part of a form that runs in the page (`page.js`); one for each form, anywhere inside of it.

    It tells that the kernel is gone, busy or not connected, and switches the controls off when it is gone;
    counts down what has `data-rpy-left`; gives controls without an accessible name that of the label beside
    them; and lets Ctrl+Z press the form's Undo outside of texts. It answers when it shows what it was
    told. Where pages run no such code, the form does without.
    """

    _esm = Path(__file__).with_name("page.js").read_text(encoding="utf-8")

    def __init__(self, post: Callable[..., None]) -> None:
        """Answer the page's questions whether the form's event loop is free.

        Args:
            post: Runs a function on the form's loop: a kernel that is busy does not answer.
        """
        super().__init__()
        self._post = post
        self._answers = False
        self._asked: dict[int, Mark] = {}
        self._number = 0
        self._next: Mark | None = None
        self.on_msg(lambda _, content, buffers: post(self._heard, content))

    def _heard(self, content: Any) -> None:
        kind = content.get("kind") if isinstance(content, dict) else None
        if kind == _BEAT:
            self.send({"kind": _BEAT})
        elif kind == _HERE:
            self._answers = True
        elif kind == _LOOK:
            self._answers = True
            self._reached(content.get("number"))

    def mark(self) -> Mark:
        """Return what is reached when the page shows all that it is told in this step of the loop.

        What the user did there before that has arrived by then: the page keeps the order. Must be called on
        the form's loop. Without a page that answers it is reached at once.
        """
        if not self._answers:
            return Mark(seen=True)
        if self._next is None:
            self._next = Mark()
            self._post(self._ask)
        return self._next

    def _ask(self) -> None:
        mark, self._next = self._next, None
        if mark is None:
            return
        self._number += 1
        self._asked[self._number] = mark
        self.send({"kind": _LOOK, "number": self._number})
        self._wait(self._number, _STEPS)

    def _wait(self, number: int, steps: int) -> None:
        if number not in self._asked:
            return
        if not steps:
            self._answers = False
            self._reached(number)
            return
        loop = asyncio.get_running_loop()
        loop.call_later(PATIENCE / _STEPS, self._post, self._wait, number, steps - 1, context=Context())

    def _reached(self, number: Any) -> None:
        mark = self._asked.pop(number, None)
        if mark is not None:
            mark.reached()
