"""Controls made of others: a value that may be null, and the pairs of a dict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets as W

from rapyer_nb.widgets.control import CannotShow, Control, Request, button, classed, close_tree, label, line
from rapyer_nb.widgets.phases import Unfit
from rapyer_nb.widgets.saying import shortened
from rapyer_nb.widgets.simple import MOST_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Callable

# Each pair is a row of several widgets.
MOST_PAIRS = 200


class NullableControl(Control):
    """Another control, and a box that says that there is no value."""

    def __init__(self, inner: Control, request: Request) -> None:
        self._inner = inner
        self.secret = inner.secret
        self._post = request.post
        self._on = True
        self._box = W.Checkbox(description=f"{request.text}:", indent=False)
        classed(self._box, "rpy-null")
        self.widget = line(classed(inner.widget, "rpy-main"), self._box)

    def get(self) -> Any:
        """Return None where the box is ticked."""
        return None if self._box.value else self._inner.get()

    def set(self, value: Any) -> None:
        """Tick the box for None; show anything else in the other control."""
        if value is not None:
            self._inner.set(value)
        self._box.value = value is None
        self._refresh()

    def listen(self, changed: Callable[[bool], None]) -> None:
        """Listen to both; ticking is a decision."""

        def ticked(_: Any) -> None:
            self._post(self._refresh)
            changed(True)

        self._inner.listen(changed)
        self._box.observe(ticked, "value")

    def enable(self, on: bool) -> None:
        """Enable the box, and the other control where there is a value."""
        self._on = on
        self._box.disabled = not on
        self._refresh()

    def settled(self) -> None:
        """Pass it on."""
        self._inner.settled()

    def _refresh(self) -> None:
        self._inner.enable(self._on and not self._box.value)


class Presence:
    """Stands as the annotation of whether an optional group is there: True, or None for null."""


class PresenceControl(Control):
    """The null box of a group."""

    def __init__(self, request: Request) -> None:
        self._box = classed(W.Checkbox(description=f"{request.text}:", indent=False), "rpy-null")
        self.widget = line(self._box)

    def get(self) -> Any:
        """Return None where the box is ticked, else True."""
        return None if self._box.value else True

    def set(self, value: Any) -> None:
        """Tick the box for None."""
        self._box.value = value is None

    def listen(self, changed: Callable[[bool], None]) -> None:
        """Observe the box."""
        self._box.observe(lambda _: changed(True), "value")

    def enable(self, on: bool) -> None:
        """Set the box's `disabled`."""
        self._box.disabled = not on


class PairsControl(Control):
    """The keys and values of a dict, a row each."""

    def __init__(self, request: Request, values: Callable[[Request], Control]) -> None:
        self._request = request
        self._values = values
        self._rows: list[tuple[W.Text, Control, W.HBox]] = []
        self._changed: Callable[[bool], None] = lambda _: None
        self._on = True
        self._count = 0
        self._add = button("Add", f"Add a row to {request.text}")
        self._add.on_click(lambda _: request.post(self._append))
        self._box = classed(W.VBox([self._add]), "rpy-pairs")
        self.widget = classed(line(label(request), self._box), "rpy-tall")

    def get(self) -> Any:
        """Return the dict; rows without a key do not count until they have one."""
        found: dict[str, Any] = {}
        for name, control, _ in tuple(self._rows):
            if not name.value:
                continue
            if name.value in found:
                return Unfit(f"the key {shortened(name.value)!r} stands twice")
            value = control.get()
            if isinstance(value, Unfit):
                return value
            found[name.value] = value
        return found

    def set(self, value: Any) -> None:
        """Show the dict in rows, keeping the rows where only values differ."""
        if "" in value:
            raise CannotShow("an empty key cannot be shown; change it in a cell")
        if len(value) > MOST_PAIRS:
            raise CannotShow(f"{len(value):,} pairs are too many for a form; change them in a cell")
        if any(len(name) > MOST_CHARACTERS for name in value):
            raise CannotShow("a key is too long for a form; change it in a cell")
        if [name.value for name, _, _ in self._rows] == list(value):
            for (_, control, _), item in zip(self._rows, value.values(), strict=True):
                control.set(item)
            return
        for _, _, row in self._rows:
            close_tree(row)
        self._rows = [self._row(name, item) for name, item in value.items()]
        self._show()

    def listen(self, changed: Callable[[bool], None]) -> None:
        """Listen to all rows, also to those that come later."""
        self._changed = changed

    def enable(self, on: bool) -> None:
        """Enable all rows and buttons."""
        self._on = on
        self._add.disabled = not on
        for name, control, row in self._rows:
            name.disabled = row.children[-1].disabled = not on
            control.enable(on)

    def _append(self) -> None:
        self._rows.append(self._row("", None))
        self._show()

    def _row(self, name: str, value: Any) -> tuple[W.Text, Control, W.HBox]:
        self._count += 1
        what = f"{self._request.text} {self._count}"
        key = classed(W.Text(name, description=f"{what}, key", placeholder="key"), "rpy-bare")
        control = self._values(Request(f"{what}, value", None, bare=True, post=self._request.post))
        if value is not None:
            control.set(value)
        remove = button("Remove", f"Remove row {self._count} of {self._request.text}")
        row = classed(W.HBox([key, classed(control.widget, "rpy-bare"), remove]), "rpy-pair")
        entry = (key, control, row)
        key.observe(lambda _: self._changed(False), "value")
        control.listen(lambda immediate: self._changed(immediate))
        remove.on_click(lambda _: self._request.post(lambda: self._remove(entry)))
        return entry

    def _remove(self, entry: tuple[W.Text, Control, W.HBox]) -> None:
        if entry not in self._rows:
            return
        self._rows.remove(entry)
        self._show()
        close_tree(entry[2])
        self._changed(True)

    def _show(self) -> None:
        self._box.children = (*(row for _, _, row in self._rows), self._add)
