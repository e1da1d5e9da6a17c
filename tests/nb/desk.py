"""A form on a desk: a stored model, its form, and what a person or somebody else does to it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from rapyer_nb.widgets import edit

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

    def __init__(self, model: Any) -> None:
        self.model = model
        self.form: ModelEditor = edit(model)

    async def until_live(self) -> None:
        await until(lambda: self.form._state == "live" and self.form._rows[0]._on, "the form is live")

    def row(self, name: str) -> FieldRow:
        return next(row for row in self.form._rows if row.plan.name == name)

    def shown(self, name: str) -> Any:
        return self.row(name)._control.get()

    def input(self, name: str) -> Any:
        """Return the widget that the front end would change."""
        control: Any = self.row(name)._control
        return getattr(control, "input", control)

    def note(self, name: str) -> str:
        note = self.row(name).binding.note
        return note.text if note else ""
