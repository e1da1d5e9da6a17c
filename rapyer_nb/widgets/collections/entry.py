"""The rows of entries: what stands in each, and its buttons."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import ipywidgets as W

from rapyer.errors import CorruptedModelError
from rapyer_nb.views.brief import brief_cell
from rapyer_nb.widgets import style
from rapyer_nb.widgets.collections.entry_field import (
    PRIORITY,
    EntryFieldRow,
    PriorityPlace,
    PriorityStore,
    priority_raw,
)
from rapyer_nb.widgets.collections.page import Entry
from rapyer_nb.widgets.collections.places import DictPlace, JsonPlace, ListPlace
from rapyer_nb.widgets.collections.spot import SpotPlace
from rapyer_nb.widgets.control import Control, classed, icon, line
from rapyer_nb.widgets.controls import controls
from rapyer_nb.widgets.form import CollectionPlan, FieldPlan
from rapyer_nb.widgets.saying import shortened
from rapyer_nb.widgets.shown import read_only
from rapyer_nb.widgets.sight import Sight

if TYPE_CHECKING:
    from rapyer_nb.widgets.collections.beside import EntriesPlace
    from rapyer_nb.widgets.collections.spot import Spot
    from rapyer_nb.widgets.field import Host

NO_ENTRY = Entry("", None)


class Collection(Protocol):
    """What an entry asks of the row of its collection."""

    plan: CollectionPlan
    host: Host

    def remove(self, row: EntryRow) -> None:
        """Remove the entry."""

    def move(self, row: EntryRow, by: int) -> None:
        """Move the entry up or down."""

    def insert_before(self, row: EntryRow) -> None:
        """Let the next entry that is added be put before this one."""

    def rename(self, row: EntryRow, name: str) -> None:
        """Give the entry of a dict another key."""

    def rebased(self, raw: bytes) -> None:
        """Take the text that the entry, which the collection is in, has after a write."""

    def seat_again(self) -> None:
        """Seat the entries of the page again: a row goes on with another one."""


class EntryRow:
    """One place of a page: the entry that stands there, and what can be done with it.

    Args:
        collection: The row of the collection.
        number: Its place on the page, from 1; accessible names are made of it.
    """

    def __init__(self, collection: Collection, number: int) -> None:
        self.collection = collection
        self.number = number
        self.entry: Entry | None = None
        self._sight: Sight[Entry] = Sight()
        self.is_recalled = False
        self._on = False
        place = collection.plan.place
        self._name = self._label(f"{collection.plan.label} {number}", place)
        self.buttons = self._make_buttons(f"{collection.plan.label} {number}", place)
        self.widget = classed(W.VBox([]), "rpy-entry")

    def _label(self, what: str, place: Any) -> W.DOMWidget:
        if not isinstance(place, DictPlace):
            return classed(W.Label(), "rpy-index")
        key = W.Text(description=f"{what}, key", continuous_update=False)
        classed(key, "rpy-bare", "rpy-key").observe(
            lambda change: self.collection.host.post(self._renamed, change["new"]), "value"
        )
        return key

    def _make_buttons(self, what: str, place: Any) -> dict[str, W.Button]:
        if not self.collection.plan.editable:
            return {}
        found = {}
        if isinstance(place, ListPlace):
            found["up"] = icon("arrow-up", f"Move {what} up")
            found["down"] = icon("arrow-down", f"Move {what} down")
            found["insert"] = icon("plus", f"Insert before {what}")
            found["up"].on_click(lambda _: self._post(self.collection.move, -1))
            found["down"].on_click(lambda _: self._post(self.collection.move, 1))
            found["insert"].on_click(lambda _: self._post(self.collection.insert_before))
        found["remove"] = icon("times", f"Remove {what}")
        found["remove"].on_click(lambda _: self._post(self.collection.remove))
        return found

    def _post(self, work: Any, *arguments: Any) -> None:
        self.collection.host.post(work, self, *arguments)

    def _renamed(self, name: str) -> None:
        if not self._on or self.entry is None or name == self.entry.name:  # the form itself has put it there
            return
        if self.meant is not None and name != self.meant.name:
            self.collection.rename(self, name)

    @property
    def former(self) -> Entry | None:
        """The entry that the user still looked at when this was done, if it was another one."""
        return self._sight.former

    @property
    def meant(self) -> Entry | None:
        """The entry that the user means by what is heard of now."""
        return self.former or self.entry

    def recall(self) -> None:
        """Go on with the entry that the user has looked at."""
        self.entry, self.is_recalled = self.meant, True
        self._sight.forget()
        self.collection.seat_again()

    def turned(self) -> None:
        """Take it that the user has turned the page, and means what stands there now."""
        self._sight.forget()

    # To be written by each ----------------------------------------------------------------------------------

    @property
    def is_pending(self) -> bool:
        """Whether the user has typed something in it that is not in Redis."""
        return False

    @property
    def is_kept(self) -> bool:
        """Whether it has to be kept in sight: somebody edits it, or looks into it."""
        return self.is_pending

    def release(self) -> None:
        """Take it that nobody needs to look into it any more: its entry is gone."""

    def _show(self, entry: Entry, *, certain: bool) -> None:
        """Show another entry, or the same one."""

    def _enable(self, on: bool) -> None:
        """Let the user edit it."""

    def replan(self) -> None:
        """Take it that the collection is in another place now."""

    def retry(self) -> None:
        """Send again what did not get through."""

    def heard(self) -> None:
        """Take what the user typed and the loop has not heard of yet."""

    def save(self) -> None:
        """Write what was typed at once."""

    def stop(self) -> None:
        """Forget the timers."""

    def _rebased(self, raw: bytes) -> None:
        """Take the text that the entry has after a write; of the outermost, where collections are nested."""
        if self.entry is None:
            return
        if self.spot.steps:
            self.collection.rebased(raw)
        else:
            self.entry = replace(self.entry, text=raw[1:-1])
            self.replan()

    # Told by the collection ---------------------------------------------------------------------------------

    def show(self, entry: Entry, *, certain: bool) -> None:
        """Show what stands here now.

        Args:
            entry: The entry.
            certain: Whether it is known to be the one that the row has shown before.
        """
        before, self.entry = self.entry, entry
        if before is not None and before.identity != entry.identity:
            self._sight.replaced(self.collection.host.mark(), before)
        self.show_name()
        recalled, self.is_recalled = self.is_recalled, False
        if before is None or before != entry or not certain or recalled:
            self._show(entry, certain=certain)

    def show_name(self) -> None:
        """Show the position, or the key."""
        name = self.entry.name if self.entry is not None else ""
        text = f"{name + 1:,}" if isinstance(name, int) else str(name)
        if isinstance(self.collection.plan.place, JsonPlace) and self._name.value != text:
            self._name.value = text

    def enable(self, on: bool, *, first: bool = False, last: bool = False) -> None:
        """Let the user edit it, as far as it can be edited.

        Args:
            on: Whether anything can be edited.
            first: Whether it is the first of all, so that it cannot move up.
            last: Whether it is the last of all.
        """
        self._on = on and self.collection.plan.editable
        usable = self._on and self.entry is not None and self.entry.text is not None
        for name, one in self.buttons.items():
            one.disabled = not usable or (name == "up" and first) or (name == "down" and last)
        if isinstance(self._name, W.Text):
            self._name.disabled = not usable
        self._enable(usable)

    def _arrange(self, main: W.DOMWidget, *below: W.DOMWidget) -> None:
        head = [self._name] if isinstance(self.collection.plan.place, JsonPlace) else []
        buttons = [classed(W.HBox(list(self.buttons.values())), "rpy-icons")] if self.buttons else []
        self.widget.children = [line(*head, classed(main, "rpy-main"), *buttons), *below]

    @property
    def spot(self) -> Spot:
        """Where the entry is; of lists and dicts only."""
        place: Any = self.collection.plan.place
        entry = self.entry or NO_ENTRY
        spot: Spot = place.spot.inside(entry.name, entry.raw)
        return spot

    @property
    def name(self) -> str:
        """The name of the entry in messages."""
        return f"{self.collection.plan.name}[{self.entry.name if self.entry is not None else ''}]"


class EditedRow(EntryRow):
    """An entry of which a field edits all, or a part."""

    field: EntryFieldRow

    @property
    def is_pending(self) -> bool:
        """Whether the user has typed something that is not in Redis."""
        return self.field.is_pending

    def _enable(self, on: bool) -> None:
        self.field.enable(on)

    def turned(self) -> None:
        """Take it that the user has turned the page, and means what stands there now."""
        super().turned()
        self.field.turned()

    def retry(self) -> None:
        """Send again what did not get through."""
        self.field.retry()

    def heard(self) -> None:
        """Take what the user typed and the loop has not heard of yet."""
        self.field.heard()

    def save(self) -> None:
        """Write what was typed at once."""
        self.field.save()

    def stop(self) -> None:
        """Forget the timer."""
        self.field.stop()


class ValueRow(EditedRow):
    """An entry that is one value, with a control."""

    def __init__(self, collection: Collection, number: int) -> None:
        super().__init__(collection, number)
        items = collection.plan.items
        plan = FieldPlan((f"{collection.plan.name} {number}",), SpotPlace(_nowhere(collection)), items.spec,
                         items.spec.annotation, items, collection.plan.editable)  # fmt: skip
        self.field = EntryFieldRow(
            plan, _control(plan, collection.host), collection.host, None, self._rebased, self
        )
        self._arrange(self.field.widget)

    def _show(self, entry: Entry, *, certain: bool) -> None:
        if entry.text is None:
            return
        self.replan()
        self.field.shows_part(entry.raw, certain=certain)

    def replan(self) -> None:
        """Take it that the collection is in another place now."""
        if self.entry is not None:
            self.field.plan = replace(self.field.plan, names=(self.name,), place=SpotPlace(self.spot))


class MemberRow(EntryRow):
    """An entry of a set, which is there or not."""

    def __init__(self, collection: Collection, number: int) -> None:
        super().__init__(collection, number)
        self._text = W.HTML()
        self._arrange(self._text)

    def _show(self, entry: Entry, *, certain: bool) -> None:
        self._text.value = style.fixed(shown_value(self.collection.plan, entry))


class QueueRow(EditedRow, MemberRow):
    """An entry of a queue: its value, and its priority, which can be changed."""

    def __init__(self, collection: Collection, number: int) -> None:
        super().__init__(collection, number)
        queue: Any = collection.plan.place
        self._queue: EntriesPlace = queue
        names = (f"{collection.plan.name} {number}, priority",)
        plan = FieldPlan(names, PriorityPlace(queue, NO_ENTRY), PRIORITY, float, PriorityStore(queue),
                         collection.plan.editable)  # fmt: skip
        self.field = EntryFieldRow(plan, _control(plan, collection.host), collection.host, None, seat=self)
        classed(self.field.widget, "rpy-priority")
        self._arrange(line(classed(self._text, "rpy-main"), self.field.widget))

    def _show(self, entry: Entry, *, certain: bool) -> None:
        super()._show(entry, certain=certain)
        self.field.plan = replace(self.field.plan, place=PriorityPlace(self._queue, entry))
        self.field.shows(priority_raw(self._queue, entry), certain=certain)


class FixedRow(MemberRow):
    """An entry of a list or dict that no control edits: it can be moved and removed."""


def shown_value(plan: CollectionPlan, entry: Entry) -> str:
    """Return the text for a value that cannot be edited in place."""
    try:
        return brief_cell(plan.items.load(entry.text or b"null"), 200)
    except (CorruptedModelError, ValueError, TypeError):
        return f"✕ does not fit: {shortened(entry.text or b'')}"


def _nowhere(collection: Collection) -> Spot:
    place: Any = collection.plan.place
    spot: Spot = place.spot
    return spot


def _control(plan: FieldPlan, host: Host) -> Control:
    request = replace(plan.request(host.post, session=host.session), bare=True, tooltip="")
    control = controls.build(request) if plan.editable else read_only(request)
    classed(control.widget, "rpy-bare")
    return control
