"""How a collection sends its changes, and tells what became of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rapyer.errors import RapyerError
from rapyer_nb.widgets import style
from rapyer_nb.widgets.collections.beside import EntriesPlace, MembersPlace
from rapyer_nb.widgets.collections.places import DictPlace, Done, JsonPlace, ListPlace
from rapyer_nb.widgets.history import Edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import ipywidgets as W

    from rapyer_nb.widgets.collections.adder import Adder
    from rapyer_nb.widgets.field import Host
    from rapyer_nb.widgets.form import CollectionPlan

_REFUSED = {
    "changed": "the {kind} has changed in Redis: nothing was done; this is what is there now",
    "exists": "it is there already: nothing was done",
    "gone": "the document was deleted",
}


class Changing:
    """The part of a collection's row that sends changes: one after the other, each told at the row.

    Attributes:
        plan: What it is.
        host: The form.
        rebased: Where it is in an entry, is told the text of that after a write.
        adder: The line that adds to it.
        epoch: Goes up when what is read meanwhile tells nothing.
    """

    plan: CollectionPlan
    host: Host
    rebased: Callable[[bytes], None]
    adder: Adder
    epoch: int
    _note: W.HTML

    @property
    def _is_inside(self) -> bool:
        """Whether it is in an entry of another collection, which tells all of it."""
        place = self.plan.place
        return isinstance(place, JsonPlace) and place.spot.entry is not None

    def say(self, kind: str, text: str) -> None:
        """Show a message under the entries."""
        self._note.value = style.message(kind, text)

    def _act(self, work: Awaitable[Done], done: str, then: Callable[[], None] | None) -> None:
        self.say("muted", "")
        self.host.spawn(self._run(work, done, then))

    async def _run(self, work: Awaitable[Done], words: str, then: Callable[[], None] | None) -> None:
        self.epoch += 1
        try:
            result = await work
        except asyncio.CancelledError:
            raise
        except Exception as error:  # whatever it is, the user must see it here: nobody else looks
            known = isinstance(error, (RapyerError, ValueError))
            self.say("error", f"not done: {error if known else f'{type(error).__name__}: {error}'}")
            return
        finally:
            self.epoch += 1
        if result.status == "written":
            self._record(result)
            if self._is_inside and result.entry is not None:
                self.rebased(result.entry)
            self.host.say("ok", f"{self.plan.name} {words or 'popped'}")
            if then is not None:
                then()
        else:
            self.say("warn", _REFUSED[result.status].format(kind=self._kind))
            self.adder.put_before("")
        self.host.refresh()

    @property
    def _kind(self) -> str:
        kinds = {ListPlace: "list", DictPlace: "dict", EntriesPlace: "queue", MembersPlace: "set"}
        return kinds[type(self.plan.place)]

    def _record(self, done: Done) -> None:
        undo = done.undo
        if undo is None:
            return

        async def take_back() -> str | None:
            try:
                return await undo(self.host.send)
            finally:
                self.host.refresh()

        self.host.record(Edit(self.plan.name, take_back))
