"""The part of a table that is drawn by the page itself: rows and columns, its filter line, its pages.

The page only shows what it is told, and tells what the user does; everything is decided in the kernel.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anywidget
import traitlets

if TYPE_CHECKING:
    from collections.abc import Callable

_HERE: Final = Path(__file__).parent


class Grid(anywidget.AnyWidget):
    """A table in the page; `table.js` says how it looks and what it tells.

    Attributes:
        table: Its columns and rows, as JSON.
        edits: The cells that somebody edits.
        bar: What stands around the rows: the filter, the pages, what is selected, a question.
    """

    _esm = _HERE / "table.js"
    _css = _HERE / "table.css"
    table = traitlets.Dict({"columns": [], "rows": [], "label": ""}).tag(sync=True)
    edits: Any = traitlets.List().tag(sync=True)
    bar = traitlets.Dict().tag(sync=True)

    def hear(self, told: Callable[[dict[str, Any]], None]) -> None:
        """Call a function with whatever the page tells, in whatever thread its messages arrive."""
        self.on_msg(lambda _, content, __: told(content))

    def show(self, **parts: Any) -> None:
        """Show other parts, all in one message; those that are the same are not sent."""
        with self.hold_sync():
            for name, value in parts.items():
                if getattr(self, name) != value:
                    setattr(self, name, value)

    def refuse(self, key: str, column: str) -> None:
        """Tell the page that a cell cannot be edited, which it had begun to do."""
        self.send({"do": "refused", "key": key, "column": column})
