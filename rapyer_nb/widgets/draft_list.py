"""Lists, dicts and sets of a form for an object that does not exist yet: a row for each entry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

import ipywidgets as W

from rapyer.types.base import native_of
from rapyer_nb.widgets import style
from rapyer_nb.widgets.collections.places import DictPlace, ListPlace
from rapyer_nb.widgets.control import CannotShow, button, classed, close_tree, icon, line
from rapyer_nb.widgets.saying import same

if TYPE_CHECKING:
    from collections.abc import Callable

    from rapyer_nb.widgets.form import CollectionPlan

MOST_ENTRIES: Final = 200
"""Each entry is a row of several widgets."""


class Told(Protocol):
    """What shows a message of its own."""

    def say(self, text: str) -> None:
        """Show what is wrong with the value; an empty text takes that away."""


Placed: TypeAlias = Iterator[tuple[tuple[Any, ...], Told]]
"""The places of messages, by the way that leads there: names, positions and keys."""


class Part(Protocol):
    """A field, a group or a list of the form: what gives one value."""

    required: bool
    """Whether it has no default."""

    @property
    def untouched(self) -> bool:
        """Whether it shows what it began with."""

    def box(self) -> W.DOMWidget:
        """Return its widget."""

    def value(self) -> Any:
        """Return what the user sees."""

    def placed(self) -> Placed:
        """Yield the places where it shows messages, outer ones first."""

    def unfit(self) -> Iterator[tuple[Told, str]]:
        """Yield the places that show no value, where one is needed, and why."""

    def enable(self, on: bool = True) -> None:
        """Let the user edit it."""


class DraftEntry:
    """One entry: its place or its key, what is in it, its buttons, and its message.

    Args:
        owner: The collection.
        number: Tells it from the others, also when they are moved; accessible names are made of it.
        part: What is in it.
        name: Its key in a dict.
        post: Runs a function on the form's loop.
    """

    def __init__(
        self, owner: DraftList, number: int, part: Part, name: str, post: Callable[..., None]
    ) -> None:
        self.part = part
        what = f"{owner.label} {number}"
        self.key = classed(W.Text(name, description=f"{what}, key", placeholder="key"), "rpy-bare", "rpy-key")
        self._index = classed(W.Label(), "rpy-index")
        self._note = classed(W.HTML(style.message("muted", "")), "rpy-note-line")
        self.buttons: dict[str, W.Button] = {}
        if owner.is_ordered:
            self.buttons["up"] = icon("arrow-up", f"Move {what} up")
            self.buttons["down"] = icon("arrow-down", f"Move {what} down")
            self.buttons["up"].on_click(lambda _: post(owner.move, self, -1))
            self.buttons["down"].on_click(lambda _: post(owner.move, self, 1))
        self.buttons["remove"] = icon("times", f"Remove {what}")
        self.buttons["remove"].on_click(lambda _: post(owner.remove, self))
        head = self.key if owner.is_named else self._index
        icons = classed(W.HBox(list(self.buttons.values())), "rpy-icons")
        main = classed(part.box(), "rpy-main")
        self.widget = classed(W.VBox([line(head, main, icons), self._note]), "rpy-entry")

    def say(self, text: str) -> None:
        """Show what is wrong with the entry as a whole; an empty text takes that away."""
        self._note.value = style.message("error" if text else "muted", text)

    def enable(self, on: bool, place: int, last: int) -> None:
        """Let the user edit it where it stands now.

        Args:
            on: Whether anything can be edited.
            place: Its position, from 0.
            last: The last one.
        """
        self._index.value = f"{place + 1:,}"
        self.key.disabled = not on
        for name, one in self.buttons.items():
            one.disabled = not on or (name == "up" and place == 0) or (name == "down" and place == last)
        self.part.enable(on)

    def focus(self, name: str) -> None:
        """Let the keyboard go on at a button of it."""
        if name in self.buttons:
            self.buttons[name].focus()


class DraftList:
    """A list, dict or set: its entries below one another, and a button that adds one.

    Args:
        plan: What it is.
        begin: What it begins with; `None` for null, or for nothing.
        make: Makes what is in an entry: of its number, and its value or `None` for a new one.
        post: Runs a function on the form's loop.
        presence: The null box, where it may be null.
    """

    def __init__(
        self,
        plan: CollectionPlan,
        begin: Any,
        make: Callable[[int, Any], Part],
        post: Callable[..., None],
        presence: Any = None,
    ) -> None:
        self.plan = plan
        self.label = plan.name.replace(".", " ")
        self.is_named = isinstance(plan.place, DictPlace)
        self.is_ordered = isinstance(plan.place, ListPlace)
        self.required: bool = plan.spec.info.is_required()
        self.entries: list[DraftEntry] = []
        self._make = make
        self._post = post
        self._presence = presence
        self._count = 0
        self._on = True
        self._note = classed(W.HTML(style.message("muted", "")), "rpy-note-line")
        self._rows = classed(W.VBox([]), "rpy-entries")
        self.add = button("Add", f"Add to {self.label}")
        self.add.on_click(lambda _: post(self.append))
        self._begin(begin)
        self._first = self.value()
        if presence is not None:
            presence.control.listen(lambda _: post(self.enable))
        self.enable()

    def box(self) -> W.DOMWidget:
        """Return the entries in a box with the name."""
        title = classed(W.HTML(style.group_head(self.plan.label, self.plan.tooltip)), "rpy-main")
        head = line(title) if self._presence is None else line(title, self._presence.box())
        foot = classed(W.VBox([line(self.add)]), "rpy-adder")
        return classed(W.VBox([head, self._rows, foot, self._note]), "rpy-group")

    def say(self, text: str) -> None:
        """Show what is wrong with it as a whole; an empty text takes that away."""
        self._note.value = style.message("error" if text else "muted", text)

    # What it gives ------------------------------------------------------------------------------------------

    @property
    def untouched(self) -> bool:
        """Whether it shows what it began with."""
        return same(self.value(), self._first)

    def value(self) -> Any:
        """Return the values of the entries, a dict of a dict's; `None` for null."""
        if self._is_null:
            return None
        if self.is_named:
            return {entry.key.value: entry.part.value() for entry in self.entries}
        return [entry.part.value() for entry in self.entries]

    def placed(self) -> Placed:
        """Yield the places where it shows messages: of the whole, of each entry, and of what is in them."""
        yield (), self
        if self._presence is not None:
            yield (), self._presence
        for place, entry in enumerate(self.entries):
            step = entry.key.value if self.is_named else place
            yield (step,), entry
            for way, told in entry.part.placed():
                yield (step, *way), told

    def unfit(self) -> Iterator[tuple[Told, str]]:
        """Yield the entries that are none yet, and why."""
        if self._is_null:
            return
        seen = set()
        for entry in self.entries:
            if self.is_named and not entry.key.value:
                yield entry, "give it a key, or remove it"
            elif self.is_named and entry.key.value in seen:
                yield entry, f"the key {entry.key.value!r} stands twice"
            seen.add(entry.key.value)
            yield from entry.part.unfit()

    def enable(self, on: bool | None = None) -> None:
        """Let the user edit it, unless it is null; without an argument as far as it could be before."""
        self._on = self._on if on is None else on
        if self._presence is not None:
            self._presence.control.enable(self._on)
        usable = self._on and not self._is_null
        self.add.disabled = not usable
        for place, entry in enumerate(self.entries):
            entry.enable(usable, place, len(self.entries) - 1)

    @property
    def _is_null(self) -> bool:
        return self._presence is not None and self._presence.is_null

    # What the user does -------------------------------------------------------------------------------------

    def append(self) -> None:
        """Add an entry at the end, with the defaults."""
        if not self.add.disabled:
            entry = self._add("", None)
            self._show()
            if self.is_named:
                entry.key.focus()

    def remove(self, entry: DraftEntry) -> None:
        """Remove an entry; nothing is stored yet."""
        if entry not in self.entries:
            return
        place = self.entries.index(entry)
        self.entries.remove(entry)
        self._show()
        close_tree(entry.widget)
        if self.entries:
            self.entries[min(place, len(self.entries) - 1)].focus("remove")
        else:
            self.add.focus()

    def move(self, entry: DraftEntry, by: int) -> None:
        """Move an entry up or down."""
        if entry not in self.entries:
            return
        place = self.entries.index(entry) + by
        if 0 <= place < len(self.entries):
            self.entries.remove(entry)
            self.entries.insert(place, entry)
            self._show()
            entry.focus("up" if by < 0 else "down")

    # Showing ------------------------------------------------------------------------------------------------

    def _begin(self, value: Any) -> None:
        found = native_of(value) if value is not None else []
        pairs = list(found.items()) if isinstance(found, Mapping) else [("", one) for one in found]
        try:
            if len(pairs) > MOST_ENTRIES:
                raise CannotShow(f"{len(pairs):,} entries are too many for a form; change them in a cell")
            for name, one in pairs:
                self._add(str(name), one)
        except CannotShow as error:
            self.entries = []
            self.say(f"{error}; the default is taken unless something is added")
        self._rows.children = [entry.widget for entry in self.entries]

    def _add(self, name: str, value: Any) -> DraftEntry:
        part = self._make(self._count + 1, value)
        self._count += 1
        self.entries.append(DraftEntry(self, self._count, part, name, self._post))
        return self.entries[-1]

    def _show(self) -> None:
        self._rows.children = [entry.widget for entry in self.entries]
        self.enable()
