"""Controls that are one widget: texts, numbers, boxes, choices, dates, tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets as W

from rapyer_nb.widgets import style
from rapyer_nb.widgets.binding import Unfit
from rapyer_nb.widgets.control import (
    CannotShow,
    Control,
    Request,
    classed,
    described,
    label,
    line,
    toggle_class,
)

if TYPE_CHECKING:
    import datetime as dt
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


class TextControl(SimpleControl):
    """A field for text."""

    def set(self, value: Any) -> None:
        """Show the text, unless it is too long for a page."""
        if len(value) > MOST_CHARACTERS:
            raise CannotShow(f"{len(value):,} characters are too many for a form; change them in a cell")
        super().set(value)


class IntControl(SimpleControl):
    """A number field for whole numbers."""

    def set(self, value: Any) -> None:
        """Show the number, unless a browser would change it."""
        if abs(value) > SAFE_INTEGER:
            raise CannotShow(f"{value} is too large for a form; change it in a cell")
        super().set(int(value))


class FloatControl(SimpleControl):
    """A number field."""

    def set(self, value: Any) -> None:
        """Show the number."""
        super().set(float(value))


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


class BoolControl(SimpleControl):
    """A box to tick."""

    def __init__(self, request: Request) -> None:
        box = W.Checkbox(description=request.text, indent=False, tooltip=request.tooltip)
        super().__init__(classed(box, "rpy-check"), immediate=True)
        if not request.bare:
            self.widget = line(label(request), classed(box, "rpy-main"))


class DatetimeControl(Control):
    """A date and time as it stands in Redis: with the zone it has there, or without one."""

    def __init__(self, request: Request) -> None:
        self.input = W.NaiveDatetimePicker(**described(request))
        self._zone: dt.tzinfo | None = None
        self._exact: dt.datetime | None = None
        self._zone_text = classed(W.Label(), "rpy-zone")
        self.widget = line(classed(self.input, "rpy-main"), self._zone_text)

    def get(self) -> Any:
        """Return the date and time in the zone that the stored one has."""
        value = self.input.value
        if value is None:
            return Unfit("choose a date and a time")
        if self._exact is not None and value == _to_milliseconds(self._exact):
            value = self._exact  # the picker keeps milliseconds only
        return value.replace(tzinfo=self._zone)

    def set(self, value: Any) -> None:
        """Show the value's own wall clock, and its zone beside it."""
        self._zone = value.tzinfo
        self._exact = value.replace(tzinfo=None)
        self._zone_text.value = "" if self._zone is None else (value.tzname() or str(self._zone))
        self.input.value = _to_milliseconds(self._exact)

    def listen(self, changed: Callable[[bool], None]) -> None:
        """Observe the picker."""
        self.input.observe(lambda _: changed(False), "value")

    def enable(self, on: bool) -> None:
        """Set the picker's `disabled`."""
        self.input.disabled = not on


class ReadOnlyControl(Control):
    """Shows what this form cannot edit."""

    def __init__(self, request: Request, describe: Callable[[Any], str]) -> None:
        self._value: Any = None
        self._describe = describe
        self._text = classed(W.HTML(), "rpy-main")
        self.widget = line(label(request), self._text)

    def get(self) -> Any:
        """Return the value that was set."""
        return self._value

    def set(self, value: Any) -> None:
        """Describe the value."""
        self._value = value
        self._text.value = style.fixed(self._describe(value))

    def listen(self, changed: Callable[[bool], None]) -> None:
        """Do nothing: the user can change nothing."""

    def enable(self, on: bool) -> None:
        """Do nothing: it is never enabled."""


def _to_milliseconds(moment: dt.datetime) -> dt.datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
