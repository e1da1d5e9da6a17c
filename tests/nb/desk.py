"""A form on a desk: a stored model, its form, and what a person or somebody else does to it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from rapyer_nb.widgets import edit
from rapyer_nb.widgets.collections.row import CollectionRow

if TYPE_CHECKING:
    from collections.abc import Callable

    from rapyer_nb.widgets import ModelEditor
    from rapyer_nb.widgets.field import FieldRow


async def until(look: Callable[[], Any], what: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end, what
        await asyncio.sleep(0.002)


class Desk:
    """A stored model and its form."""

    def __init__(self, model: Any, **how: Any) -> None:
        self.model = model
        self.form: ModelEditor = edit(model, **how)

    async def until_live(self) -> None:
        await until(lambda: self.form._state == "live" and self.form._rows[0]._on, "the form is live")

    def row(self, name: str) -> FieldRow:
        """Return the row of a field; of a collection that of the field that edits it while it is short."""
        row = self.collection(name)
        short = getattr(row, "short", None)
        return short if short is not None and row.widget.children == (short.widget,) else row

    def collection(self, name: str) -> Any:
        """Return the row of a collection, or of any field."""
        return next(row for row in self.form._rows if row.plan.name == name)

    def shown(self, name: str) -> Any:
        """Return what a control shows; of a collection in rows the entries of the page."""
        row: Any = self.row(name)
        if not isinstance(row, CollectionRow):
            return row._control.get()
        entries = [entry.entry for entry in row.entries if entry.entry is not None]
        values = [row.plan.items.load(entry.text or b"null") for entry in entries]
        if row.plan.items.keys is not None:
            return dict(zip((entry.name for entry in entries), values, strict=True))
        if any(entry.score is not None for entry in entries):
            return [(value, entry.score) for value, entry in zip(values, entries, strict=True)]
        return values

    def input(self, name: str) -> Any:
        """Return the widget that the front end would change."""
        control: Any = self.row(name)._control
        return getattr(control, "input", control)

    def note(self, name: str) -> str:
        note = self.row(name).binding.note
        return note.text if note else ""
