"""Controls that are one widget with a value; tags for lists and sets of short values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer_nb.widgets.control import CannotShow, Control, Request, label, line, toggle_class

if TYPE_CHECKING:
    from collections.abc import Callable

# Beyond this a browser's numbers lose digits.
SAFE_INTEGER = 2**53
# More tags than this nobody edits one by one, and they would hold up the page.
MOST_TAGS = 500
# A longer text goes to the page and back with each change.
MOST_CHARACTERS = 100_000


class SimpleControl(Control):
    """A control that is one widget with a `value`."""

    def __init__(self, widget: Any, *, immediate: bool = False) -> None:
        self.input = widget
        self.widget = widget
        self.immediate = immediate

    def get(self) -> Any:
        """Return the widget's value."""
        return self.input.value

    def set(self, value: Any) -> None:
        """Put the value into the widget, if it is another one."""
        if self.input.value != value:
            self.input.value = value

    def listen(self, changed: Callable[[bool], None]) -> None:
        """Observe the widget's value."""
        immediate = self.immediate
        self.input.observe(lambda _: changed(immediate), "value")

    def enable(self, on: bool) -> None:
        """Set the widget's `disabled`."""
        self.input.disabled = not on


class TagsControl(SimpleControl):
    """A list of short values."""

    def __init__(self, widget: Any, request: Request) -> None:
        super().__init__(widget, immediate=True)
        self.widget = line(label(request), widget)

    def get(self) -> Any:
        """Return the values as a list of its own."""
        return list(self.input.value)

    def set(self, value: Any) -> None:
        """Show the values, unless tags cannot show one of them, or so many."""
        if "" in value:
            raise CannotShow("a blank string in the list cannot be shown; change it in a cell")
        if len(value) > MOST_TAGS:
            raise CannotShow(f"{len(value):,} values are too many for a form; change them in a cell")
        if sum(len(item) for item in value if isinstance(item, str)) > MOST_CHARACTERS:
            raise CannotShow("the texts in it are too long for a form; change them in a cell")
        for item in value:
            if isinstance(item, int) and abs(item) > SAFE_INTEGER:
                raise CannotShow(f"{item} is too large for a form; change it in a cell")
        super().set(list(value))

    def enable(self, on: bool) -> None:
        """Grey the tags; they know no `disabled`."""
        toggle_class(self.input, "rpy-off", not on)
        self.input.tabbable = on


class SetControl(TagsControl):
    """A set of short values."""

    def __init__(self, widget: Any, request: Request) -> None:
        super().__init__(widget, request)
        widget.allow_duplicates = False

    def get(self) -> Any:
        """Return the values as a set."""
        return set(self.input.value)

    def set(self, value: Any) -> None:
        """Show the values in order; those that are shown already stay where they are."""
        if self.get() != value:
            super().set(sorted(value))
