"""What stands at a field whose stored value cannot be read: its text, and a button that gives it up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as W

from rapyer_nb.widgets import style
from rapyer_nb.widgets.control import button, classed, close_tree

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST: int = 20_000


class Unreadable:
    """The folded stored text, and *Overwrite*, which lets the user edit the field.

    Args:
        name: The field's name.
        post: Runs a function on the form's loop.
        overwrite: Is called when the user wants to replace what is stored.
    """

    def __init__(
        self, name: str, post: Callable[[Callable[[], None]], None], overwrite: Callable[[], None]
    ) -> None:
        self._text = W.HTML()
        self._button = button("Overwrite", f"Edit {name}, and replace what is stored")
        self._button.on_click(lambda _: post(overwrite))
        self.widget = classed(W.VBox([self._text, self._button]), "rpy-note-line", "rpy-folded")

    def show(self, stored: bytes, *, secret: bool) -> None:
        """Show the stored text.

        Args:
            stored: The text.
            secret: Whether it must not be shown.
        """
        whole = "not shown: it may hold a secret" if secret else stored[:_MOST].decode(errors="replace")
        more = f"\n… {len(stored):,} bytes in all" if len(stored) > _MOST and not secret else ""
        self._text.value = style.folded(f"what is stored ({len(stored):,} bytes)", whole + more)

    def enable(self, on: bool) -> None:
        """Let the user decide, or not."""
        self._button.disabled = not on

    def close(self) -> None:
        """Close the widgets."""
        close_tree(self.widget)
