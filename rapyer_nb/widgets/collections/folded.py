"""Entries that have fields or entries of their own, and which row an entry gets."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets as W
from pydantic import BaseModel

from rapyer.errors import CorruptedModelError
from rapyer_nb.views.brief import brief_cell, fields_of
from rapyer_nb.widgets.body import Body
from rapyer_nb.widgets.collections.beside import EntriesPlace
from rapyer_nb.widgets.collections.entry import EntryRow, FixedRow, MemberRow, QueueRow, ValueRow
from rapyer_nb.widgets.collections.entry_field import EntryFieldRow
from rapyer_nb.widgets.collections.places import JsonPlace
from rapyer_nb.widgets.control import Control, button, classed
from rapyer_nb.widgets.controls import controls
from rapyer_nb.widgets.form import FieldPlan, plan_entry, plan_inner
from rapyer_nb.widgets.saying import shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer_nb.widgets.collections.entry import Collection
    from rapyer_nb.widgets.collections.page import Entry
    from rapyer_nb.widgets.field import Host
    from rapyer_nb.widgets.form import AnyPlan

_SUMMARY = 56


class FoldedRow(EntryRow):
    """An entry that is a model, a list or a dict: one line that opens to what is inside."""

    def __init__(self, collection: Collection, number: int, make: Any) -> None:
        super().__init__(collection, number)
        self._make = make
        self._open = False
        self._body: Body | None = None
        self._fold = classed(button("", f"Open {collection.plan.label} {number}"), "rpy-unfold")
        self._fold.on_click(lambda _: collection.host.post(self.toggle))
        self._inside = classed(W.VBox([]), "rpy-inside")
        self._arrange(self._fold)

    @property
    def is_pending(self) -> bool:
        """Whether the user has typed something in it that is not in Redis."""
        return any(row.is_pending for row in self.rows)

    @property
    def is_kept(self) -> bool:
        """Whether somebody looks into it."""
        return self._open

    def release(self) -> None:
        """Fold it."""
        if self._open and not self.is_pending:
            self.toggle()

    @property
    def rows(self) -> list[Any]:
        """The rows inside, as far as it was opened."""
        return [] if self._body is None else self._body.rows

    def toggle(self) -> None:
        """Open it, or fold it."""
        if self.entry is None or (not self._open and self._loaded(self.entry) is None):
            return
        if self._open and self.is_pending:
            self.collection.host.say("warn", f"{self.name}: what you typed is not saved yet")
            return
        self._open = not self._open
        if self._open:
            self._fill(self.entry, certain=False)
        first = self.widget.children[0]
        self.widget.children = [first, self._inside] if self._open else [first]
        self._summarise(self.entry)

    def _show(self, entry: Entry, *, certain: bool) -> None:
        self._summarise(entry)
        if self._open:
            self._fill(entry, certain=certain)

    def _fill(self, entry: Entry, *, certain: bool) -> None:
        plans = self._plans(entry)
        if plans is None:
            return
        if self._body is None:
            make = partial(self._make, rebased=self._rebased)
            self._body = Body(plans, self.collection.host, make, lambda _: None, self._field)
            self._inside.children = self._body.widgets
        self._body.replan(plans)
        whole = self.spot.entry[1] if self.spot.entry is not None else entry.raw
        for row in self.rows:
            row.shows(whole, certain=certain)
        self._enable(self._on)

    def _field(self, plan: FieldPlan, control: Control, host: Host, local: Any) -> EntryFieldRow:
        return EntryFieldRow(plan, control, host, local, self._rebased)

    def replan(self) -> None:
        """Take it that the collection is in another place now."""
        plans = None if self.entry is None else self._plans(self.entry)
        if self.entry is not None and plans is not None:
            self._summarise(self.entry)
            if self._body is not None:
                self._body.replan(plans)

    def _rebased(self, raw: bytes) -> None:
        super()._rebased(raw)
        if self._open and self.entry is not None and not self.spot.steps:
            self._fill(self.entry, certain=True)

    def _plans(self, entry: Entry) -> Sequence[AnyPlan] | None:
        items, spot = self.collection.plan.items, self.spot
        if items.is_collection:
            inner = plan_inner((self.name,), spot, items.declared, items.stored, items.spec, editable=True)  # type: ignore[arg-type]
            return [inner]
        model = self._loaded(entry)
        return plan_entry(model, spot, self.name) if isinstance(model, BaseModel) else None

    def _loaded(self, entry: Entry) -> Any:
        try:
            return self.collection.plan.items.stored.load(entry.text or b"null")  # type: ignore[call-arg]
        except (CorruptedModelError, ValueError):
            return None

    def _summarise(self, entry: Entry) -> None:
        value = self._loaded(entry)
        sign = "▾" if self._open else "▸"
        self._fold.description = f"{sign} {summary(value, entry.text or b'')}"
        what = f"{self.collection.plan.label} {self.number}"
        self._fold.tooltip = f"{'Fold' if self._open else 'Open'} {what}"

    def _enable(self, on: bool) -> None:
        null = set() if self._body is None else self._body.null
        for row in self.rows:
            row.enable(on and row not in null)

    def retry(self) -> None:
        """Send again what did not get through."""
        for row in self.rows:
            row.retry()

    def heard(self) -> None:
        """Take what the user typed and the loop has not heard of yet."""
        for row in self.rows:
            row.heard()

    def save(self) -> None:
        """Write what was typed at once."""
        for row in self.rows:
            row.save()

    def stop(self) -> None:
        """Forget the timers."""
        for row in self.rows:
            row.stop()


def row_for(collection: Collection, number: int, make: Any) -> EntryRow:
    """Return the row for the entries of a collection.

    Args:
        collection: The collection.
        number: The place on the page, from 1.
        make: Makes the rows of collections inside of entries, which are given `rebased`.
    """
    plan = collection.plan
    if isinstance(plan.place, EntriesPlace):
        return QueueRow(collection, number)
    if not isinstance(plan.place, JsonPlace):
        return MemberRow(collection, number)
    if plan.items.model is not None or plan.items.is_collection:
        return FoldedRow(collection, number, make)
    return (
        ValueRow(collection, number)
        if controls.edits(plan.items.spec.annotation)
        else FixedRow(collection, number)
    )


def summary(value: Any, text: bytes) -> str:
    """Return a line that tells what an entry is.

    Args:
        value: What was read; None where that failed.
        text: What is stored.
    """
    if isinstance(value, BaseModel):
        return shortened(", ".join(f"{name}: {brief_cell(item, 24)}" for name, item in fields_of(value)))
    if isinstance(value, (list, dict)):
        return f"{len(value):,} entries: {brief_cell(value, _SUMMARY)}"
    return "null" if text == b"null" else f"✕ does not fit: {shortened(text)}"
