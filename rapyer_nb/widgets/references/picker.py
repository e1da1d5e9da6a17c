"""The part of a reference's control that is drawn by the page itself: a text, and a list to choose from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anywidget
import traitlets

if TYPE_CHECKING:
    from collections.abc import Callable

_HERE: Final = Path(__file__).parent


class Picker(anywidget.AnyWidget):
    """A combobox in the page; `picker.js` says how it works.

    Attributes:
        value: The key that was taken.
        query: What is typed and not taken; None while nothing is.
        options: What is offered, each with its `key` and a `summary`.
        status: What is to be said of the list.
        label: The accessible name.
        placeholder: What stands in the text while it is empty.
        disabled: Whether the user cannot change it.
    """

    _esm = _HERE / "picker.js"
    _css = _HERE / "picker.css"
    value = traitlets.Unicode("").tag(sync=True)
    query = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    options: Any = traitlets.List().tag(sync=True)
    status = traitlets.Unicode("").tag(sync=True)
    label = traitlets.Unicode("").tag(sync=True)
    placeholder = traitlets.Unicode("").tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)

    @property
    def is_searching(self) -> bool:
        """Whether something is typed that is not taken."""
        return self.query is not None and self.query.strip() != self.value

    def hear(self, event: str, told: Callable[[], None]) -> None:
        """Call a function at an event, in whatever thread it arrives.

        Args:
            event: "look" to be shown candidates, "left" without having taken what was typed, "submit" by
                Enter where there was nothing to take.
            told: The function.
        """
        self.on_msg(lambda _, content, __: told() if _event(content) == event else None)

    def take(self, value: str) -> None:
        """Show a key, in place of what was typed."""
        with self.hold_sync():
            self.value, self.query = value, None

    def offer(self, options: list[dict[str, str]], status: str) -> None:
        """Show other candidates, and what is to be said of them, in one message."""
        with self.hold_sync():
            self.options, self.status = options, status


def _event(content: Any) -> Any:
    return content.get("event") if isinstance(content, dict) else None
