"""The control for bytes: how many there are, what they begin with, and a file to take their place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets as W

from rapyer_nb.widgets import style
from rapyer_nb.widgets.control import Control, Request, classed, label, line
from rapyer_nb.widgets.phases import Unfit
from rapyer_nb.widgets.shown import described_bytes

if TYPE_CHECKING:
    from collections.abc import Callable


class BytesControl(Control):
    """Bytes, which a file can replace."""

    immediate = True

    def __init__(self, request: Request) -> None:
        self._request = request
        self._value: bytes | None = None
        self._changed: Callable[[bool], None] = lambda _: None
        self._text = classed(W.HTML(style.fixed("none")), "rpy-main")
        self.input = W.FileUpload(description=f"Replace {request.text}", tooltip=request.help)
        classed(self.input, "rpy-button", "rpy-named")
        self.input.observe(self._arrived, "value")
        self.widget = line(label(request), self._text, self.input)

    def get(self) -> Any:
        """Return the bytes."""
        return Unfit("choose a file") if self._value is None else self._value

    def set(self, value: Any) -> None:
        """Show how many bytes there are, and the first ones."""
        self._value = bytes(value)
        self._text.value = style.fixed(described_bytes(self._value))

    def listen(self, changed: Callable[[bool], None]) -> None:
        """Call it when a file has arrived."""
        self._changed = changed

    def enable(self, on: bool) -> None:
        """Set the button's `disabled`."""
        self.input.disabled = not on

    def _arrived(self, change: Any) -> None:
        files = change["new"]
        if files:
            content = bytes(files[0]["content"])
            self._request.post(lambda: self._take(content))

    def _take(self, content: bytes) -> None:
        self.set(content)
        self.input.value = ()  # the same file may come again, and the page need not keep its bytes
        self._changed(True)
