"""Controls for dates, times and durations."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any, Final

import ipywidgets as W
from pydantic import TypeAdapter

from rapyer_nb.widgets.control import Control, Request, classed, described, line, main
from rapyer_nb.widgets.phases import Unfit
from rapyer_nb.widgets.simple import SimpleControl
from rapyer_nb.widgets.texts import parsed

if TYPE_CHECKING:
    from collections.abc import Callable

_DURATION: Final[TypeAdapter[dt.timedelta]] = TypeAdapter(dt.timedelta)
_DAYS: Final = re.compile(r"(?:([+-]?\d+) days?,? *)?(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?")


class ClockControl(Control):
    """A time, or a date and time, as it stands in Redis: with the zone it has there, or without one.

    Args:
        request: What it is for.
        picker: The widget; it keeps milliseconds only.
        missing: What is asked for where it is empty.
        zone: The zone of a new value.
    """

    def __init__(self, request: Request, picker: Any, missing: str, zone: dt.tzinfo | None = None) -> None:
        self.input = main(picker, request)
        self._missing = missing
        self._zone = zone
        self._exact: Any = None
        self._zone_text = classed(W.Label("" if zone is None else str(zone)), "rpy-zone")
        self.widget = line(self.input, self._zone_text)

    def get(self) -> Any:
        """Return the time in the zone that the stored one has."""
        value = self.input.value
        if value is None:
            return Unfit(self._missing)
        if self._exact is not None and value == _to_milliseconds(self._exact):
            value = self._exact
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


class DateControl(SimpleControl):
    """A day."""

    def get(self) -> Any:
        """Return the day."""
        return Unfit("choose a date") if self.input.value is None else self.input.value


def moment(request: Request, zone: dt.tzinfo | None = None) -> Control:
    """Return a picker for a date and time; a new value gets the zone."""
    picker = W.NaiveDatetimePicker(**described(request))
    return ClockControl(request, picker, "choose a date and a time", zone)


def time_of_day(request: Request) -> Control:
    """Return a picker for a time, to the second."""
    return ClockControl(request, W.TimePicker(step=1, **described(request)), "choose a time")


def day(request: Request) -> Control:
    """Return a picker for a date."""
    return DateControl(main(W.DatePicker(**described(request)), request))


def duration(request: Request) -> Control:
    """Return a field for a duration, as Python or ISO 8601 writes it."""
    return parsed(request, duration_of, duration_text)


def duration_text(value: dt.timedelta) -> str:
    """Return the text of a duration: as Python writes it, or as ISO 8601 does where it is negative."""
    return str(value) if value >= dt.timedelta(0) else str(_DURATION.dump_python(value, mode="json"))


def duration_of(text: str) -> dt.timedelta:
    """Return the duration that a text means: `1 day, 2:00:00`, `P1DT2H` and the like.

    Raises:
        ValueError: It means none.
    """
    found = _DAYS.fullmatch(text)
    try:
        if found is None:
            return _DURATION.validate_python(text)
        days, hours, minutes, seconds, fraction = found.groups()
        # Of a negative duration Python counts only the days as negative, as this does.
        return dt.timedelta(
            days=int(days or 0),
            hours=int(hours),
            minutes=int(minutes),
            seconds=int(seconds),
            microseconds=int((fraction or "0").ljust(6, "0")),
        )
    except (ValueError, OverflowError):
        raise ValueError("give a duration, such as 2:30:00, 1 day, 2:00:00 or P1DT2H") from None


def _to_milliseconds(value: Any) -> Any:
    return value.replace(microsecond=value.microsecond // 1000 * 1000)
