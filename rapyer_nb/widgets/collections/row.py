"""The row of a collection: a page of its entries, each changed in place."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets as W
from pydantic_core import from_json

from rapyer.errors import RapyerError
from rapyer_nb.widgets import style
from rapyer_nb.widgets.body import field_row
from rapyer_nb.widgets.collections.adder import Adder
from rapyer_nb.widgets.collections.beside import EntriesPlace, MembersPlace
from rapyer_nb.widgets.collections.changing import Changing
from rapyer_nb.widgets.collections.entry import shown_value
from rapyer_nb.widgets.collections.entry_field import EntryFieldRow
from rapyer_nb.widgets.collections.folded import row_for
from rapyer_nb.widgets.collections.page import SHOWN, Begin, Entry, Page, located, seats
from rapyer_nb.widgets.collections.pager import Pager, last_start
from rapyer_nb.widgets.collections.places import DictPlace, Done, JsonPlace, ListPlace
from rapyer_nb.widgets.collections.spot import SpotPlace
from rapyer_nb.widgets.collections.whole import is_tag, whole
from rapyer_nb.widgets.control import button, classed, close_tree, line
from rapyer_nb.widgets.field import FieldRow

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from rapyer.commands.command import Command
    from rapyer_nb.widgets.collections.entry import EntryRow
    from rapyer_nb.widgets.field import Host
    from rapyer_nb.widgets.form import CollectionPlan


class CollectionRow(Changing):
    """A list, dict, set or queue of the form; all its methods run on the form's loop."""

    def __init__(
        self, plan: CollectionPlan, host: Host, rebased: Callable[[bytes], None] = lambda _: None
    ) -> None:
        """Make the row.

        Args:
            plan: What it is.
            host: The form.
            rebased: Where it is in an entry, is told the text of that after a write.
        """
        self.rebased = rebased
        self.plan = plan
        self.host = host
        self.epoch = 0
        self.is_null = False
        self.entries: list[EntryRow] = []
        self.page: Page | None = None
        self._begin = Begin()
        self._seating = False
        self._on = False
        self._before: Entry | None = None
        self._kept = b""
        self._raw = b""
        make = partial(EntryFieldRow, rebased=rebased) if self._is_inside else FieldRow
        self.short: FieldRow | None = None
        if plan.short is not None:
            self.short = field_row(plan.short, host, None, make)
        numbered = not isinstance(plan.place, MembersPlace)
        self.pager = Pager(plan.label, self._turn, numbered=numbered)
        self.adder = Adder(plan, host, self._add, word="Push" if self._is_queue else "Add")
        self._note = W.HTML(style.message("muted", ""))
        self._rows = classed(W.VBox([]), "rpy-entries")
        self.null = button("Set to null", f"Set {plan.label} to null")
        self.pop_min = button("Pop lowest", f"Take the value of the lowest priority out of {plan.label}")
        self.pop_max = button("Pop highest", f"Take the value of the highest priority out of {plan.label}")
        self._box = self._make_box()
        self._listen()
        self.widget = classed(
            W.VBox([self._box if self.short is None else self.short.widget]), "rpy-collection"
        )

    # Building -----------------------------------------------------------------------------------------------

    def _make_box(self) -> W.VBox:
        title = classed(W.HTML(style.group_head(self.plan.label, self.plan.tooltip)), "rpy-main")
        foot = [self.adder.widget] if self.plan.editable and self.adder.is_possible else []
        if self._is_queue and self.plan.editable:
            foot.append(classed(W.HBox([self.pop_min, self.pop_max]), "rpy-pops"))
        return classed(W.VBox([line(title, self.pager.widget), self._rows, *foot, self._note]), "rpy-group")

    def _listen(self) -> None:
        post, pager = self.host.post, self.pager
        pager.first.on_click(lambda _: post(pager.to_first))
        pager.previous.on_click(lambda _: post(pager.to_previous))
        pager.next.on_click(lambda _: post(pager.to_next))
        pager.last.on_click(lambda _: post(pager.to_last))
        self.null.on_click(lambda _: post(self._switch_null))
        self.pop_min.on_click(lambda _: post(self._pop, False))
        self.pop_max.on_click(lambda _: post(self._pop, True))

    @property
    def _is_queue(self) -> bool:
        return isinstance(self.plan.place, EntriesPlace)

    @property
    def is_pending(self) -> bool:
        """Whether there is something in it that is not in Redis."""
        short = self.short is not None and self.short.binding.is_pending
        return short or any(row.is_pending for row in self.entries)

    # Told by the form ---------------------------------------------------------------------------------------

    def reads(self) -> Sequence[Command[Any]]:
        """Return the commands that read the page that is shown."""
        return self.plan.place.reads(self._begin)

    def found(self, replies: Sequence[Any]) -> Page | None:
        """Return the page that the replies tell; None where there is no document."""
        return self.plan.place.page(replies, self._begin)

    def take(self, found: Page, epoch: int) -> None:
        """Show a page that was read, unless a change was under way, or the page was turned."""
        if epoch != self.epoch or found.begin != self._begin:
            return
        if found.is_beyond:
            self._turn(
                Begin() if isinstance(self.plan.place, MembersPlace) else Begin(last_start(found.total))
            )
            return
        self._show(found)
        self._keep(found)

    def shows(self, raw: bytes, *, certain: bool) -> None:
        """Show what an entry tells that it is in.

        Args:
            raw: The text of the entry, as JSON.GET of its path gives it.
            certain: Whether it is the entry that was here before.
        """
        place: Any = self.plan.place
        self._raw = SpotPlace(place.spot).part(raw)
        values = from_json(self._raw)
        page = place.local(values[0], self._begin) if values else Page(self._begin, 0, state="missing")
        if page.is_beyond:
            self._begin = Begin(last_start(page.total))
            page = place.local(values[0], self._begin)
        self._show(page, certain=certain)

    def replan(self, plan: CollectionPlan) -> None:
        """Take another plan of the same collection: it is in another place now."""
        self.plan = plan
        if self.short is not None and plan.short is not None:
            self.short.replan(plan.short)
        for row in self.entries:
            row.replan()

    def forget(self) -> None:
        """Take it that nothing was read yet, because the place is gone."""
        self.stop()
        if self.short is not None:
            self.short.forget()
        self.epoch += 1
        self._seat([])

    def enable(self, on: bool) -> None:
        """Let the user edit it, as far as it can be edited."""
        self._on = on and self.plan.editable
        there = self._on and self.page is not None and self.page.state == "there"
        if self.short is not None:
            self.short.enable(on)
        total = self.page.total if self.page is not None else 0
        for row in self.entries:
            name = row.entry.name if row.entry is not None else None
            row.enable(there, first=name == 0, last=name == total - 1)
        self.adder.enable(there)
        self.pop_min.disabled = self.pop_max.disabled = not there or not total
        self.null.disabled = not self._on

    @property
    def _all(self) -> list[Any]:
        return [*self.entries, *([] if self.short is None else [self.short])]

    def retry(self) -> None:
        """Send again what did not get through."""
        for row in self._all:
            row.retry()

    def heard(self) -> None:
        """Take what the user typed and the loop has not heard of yet."""
        for row in self._all:
            row.heard()

    def save(self) -> None:
        """Write what was typed at once."""
        for row in self._all:
            row.save()

    def shown_text(self) -> tuple[bytes | None, bool]:
        """Return the JSON text of what is shown, None where that is not all; and whether it fits."""
        if self.short is not None and self.widget.children == (self.short.widget,):
            return self.short.shown_text()
        if self.page is None or not self.page.is_whole or self.plan.stored is None:
            return None, True
        return whole(self.page, self.plan.place)[1:-1], True

    def stop(self) -> None:
        """Forget the timers."""
        for row in self._all:
            row.stop()

    # Showing ------------------------------------------------------------------------------------------------

    def _show(self, page: Page, *, certain: bool = True) -> None:
        self.heard()  # before it is decided which rows follow their entries
        before, self.page = self.page, page
        if self.short is not None and (self.short.binding.is_pending or self._is_short(page)):
            self._show_short(self.short, page, certain=certain)
            return
        self._put(self._box)
        self.pager.show(page)
        if self.plan.nullable:
            self.null.description = "Create" if page.state == "null" else "Set to null"
            self.pager.widget.children = [
                *self.pager.widget.children,
                *([self.null] if page.is_whole else []),
            ]
        self._place(page, before, certain=certain)
        self.enable(self._on)

    def _show_short(self, short: FieldRow, page: Page, *, certain: bool) -> None:
        self._put(short.widget)
        self._seat([])
        if isinstance(short, EntryFieldRow):
            short.shows_part(self._raw, certain=certain)
        elif self._is_short(page):
            short.read(whole(page, self.plan.place), short.epoch)

    def _is_short(self, page: Page) -> bool:
        if page.begin.start or page.total > SHOWN or not page.is_whole:
            return page.state == "missing"
        return all(is_tag(entry, self.plan) for entry in page.entries)

    def _put(self, widget: W.DOMWidget) -> None:
        if self.widget.children != (widget,):
            self.widget.children = (widget,)

    def _place(self, page: Page, before: Page | None, *, certain: bool) -> None:
        """Seat the entries of a page: rows that are edited follow theirs."""
        kept = {at: row.entry for at, row in enumerate(self.entries) if row.is_kept and row.entry is not None}
        found = located(kept, page.entries) if certain else {}
        known = {entry.identity for entry in before.entries} if before is not None else set()
        for at in set(kept) - set(found.values()):
            shifted = at >= len(page.entries) or page.entries[at].identity in known
            if shifted and not self.entries[at].is_pending:
                self.entries[at].release()
                del kept[at]
        order = seats(len(self.entries), kept, found, len(page.entries))
        self._seat([self._new(place) if at is None else self.entries[at] for place, at in enumerate(order)])
        self._seating = True
        for place, row in enumerate(self.entries):
            gone = Entry(page.begin.start + place, b"")
            entry = page.entries[place] if place < len(page.entries) else gone
            row.show(entry, certain=place in found or not row.is_pending and certain)
        self._seating = False
        if any(row.is_recalled for row in self.entries):  # typed meanwhile: they follow, too
            self._place(page, page, certain=certain)
            return
        for row in self.entries if before is not None and before.begin != page.begin else ():
            row.turned()

    def seat_again(self) -> None:
        """Seat the entries of the page again: a row goes on with another one."""
        if self.page is not None and not self._seating:
            self._place(self.page, self.page, certain=True)
            self.enable(self._on)

    def _new(self, place: int) -> EntryRow:
        numbers = {row.number for row in self.entries}
        number = next(number for number in range(1, 10_000) if number not in numbers)
        row = row_for(self, number, CollectionRow)
        self.entries.append(row)
        return row

    def _seat(self, rows: list[EntryRow]) -> None:
        for row in self.entries:
            if row not in rows:
                row.stop()
                close_tree(row.widget)
        self.entries = rows
        widgets = tuple(row.widget for row in rows)
        if self._rows.children != widgets:
            self._rows.children = widgets

    def _keep(self, page: Page) -> None:
        """Give the Python object the collection, where all of it was read."""
        if (
            not page.is_whole
            or self.plan.stored is None
            or self.plan.short is not None
            and self._is_short(page)
        ):
            return
        text = whole(page, self.plan.place)[1:-1]
        if text and text != self._kept:
            self._kept = text
            self.host.keep(self.plan, text)

    # Told by the user ---------------------------------------------------------------------------------------

    def _turn(self, begin: Begin) -> None:
        if any(row.is_pending for row in self.entries):
            self.say("warn", "what you typed is not saved yet; the page stays")
            return
        for row in self.entries:
            row.release()
        self.epoch += 1
        self._begin = begin
        self.say("muted", "")
        if self._is_inside:
            place: Any = self.plan.place
            self._show(place.local(from_json(self._raw)[0], begin))
        else:
            self.host.refresh()

    def remove(self, row: EntryRow) -> None:
        """Remove an entry, if it is still what the row shows."""
        entry = row.meant
        if entry is not None:
            self._act(self.plan.place.remove(self.host.send, entry), "removed", row.release)

    def move(self, row: EntryRow, by: int) -> None:
        """Move an entry up or down, if it is still what the row shows."""
        place, entry = self.plan.place, row.meant
        if not isinstance(place, ListPlace) or entry is None:
            return
        target = self.entries.index(row) + by

        def focus() -> None:
            if 0 <= target < len(self.entries):
                self.entries[target].buttons["up" if by < 0 else "down"].focus()

        self._act(place.move(self.host.send, entry, entry.name + by), "moved", focus)

    def insert_before(self, row: EntryRow) -> None:
        """Let the next entry that is added be put before another one."""
        self._before = row.meant
        if self._before is not None:
            self.adder.put_before(f"before {self._before.name + 1:,}")

    def rename(self, row: EntryRow, name: str) -> None:
        """Give the entry of a dict another key, if that is free."""
        place, entry = self.plan.place, row.meant
        if not isinstance(place, DictPlace) or entry is None or self.plan.items.keys is None:
            return
        try:
            keys = self.plan.items.keys
            self._act(place.rename(self.host.send, entry, keys.name_of(keys.validate(name))), "renamed", None)
        except ValueError:
            self.say("error", f"{name!r} does not fit as a key")
        row.show_name()

    def _add(self) -> None:
        try:
            name, text = self.adder.value()
            work = self._adding(name, text)
        except (ValueError, RapyerError) as error:
            self.adder.say("error", str(error))
            return
        self._act(work, "added", self.adder.clear)

    def _adding(self, name: str, text: bytes) -> Awaitable[Done]:
        place, send, before = self.plan.place, self.host.send, self._before
        if isinstance(place, DictPlace):
            return place.add(send, name, text)
        if isinstance(place, EntriesPlace):
            return place.push(send, text, self.adder.priority.value)
        if isinstance(place, MembersPlace):
            return place.add(send, text)
        if not isinstance(place, ListPlace):
            raise ValueError("nothing can be added here")
        if before is None or not self.adder.is_inserting:
            return place.append(send, text)
        self._before = None
        return place.insert(send, before, text)

    def _pop(self, highest: bool) -> None:
        if isinstance(self.plan.place, EntriesPlace):
            self._act(self._popping(self.plan.place, highest), "", None)

    async def _popping(self, place: EntriesPlace, highest: bool) -> Done:
        done, entry = await place.pop(self.host.send, highest=highest)
        if entry is not None:
            priority = place.queue.priority(entry.score or 0.0)
            self.say("ok", f"popped {shown_value(self.plan, entry)} (priority {priority:g})")
        return done

    def _switch_null(self) -> None:
        place, page = self.plan.place, self.page
        if not isinstance(place, JsonPlace) or page is None:
            return
        if page.state == "null":
            self._act(place.create(self.host.send), "created", None)
        else:
            self._act(place.drop(self.host.send, whole(page, place)[1:-1]), "set to null", None)
