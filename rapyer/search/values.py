"""What the values of each kind of index are compared by, and how queries write that.

Each function takes a value, of a loaded instance or out of an expression, and returns what compares exactly
as the index is to: it raises TypeError, with what it takes, for a value of another type.
"""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from rapyer.fields.geo import GeoPoint
from rapyer.types import zones
from rapyer.types.indexed import form_of
from rapyer.types.vectors import flaw_in, numbers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rapyer.fields.index import IndexAnnotation

_PICKLED = {"true": ("gASILg==", "gAWILg=="), "false": ("gASJLg==", "gAWJLg==")}
"""What other writers put into documents for a bool: base64 of its pickle, by protocols 4 and 5."""


def number(value: Any) -> int | float:
    """Take an int or a float that is finite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no number that can be searched for")
    return float(value) if isinstance(value, float) else int(value)


def decimal(value: Any) -> Decimal:
    """Take a Decimal that is finite, or an int."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise TypeError("a Decimal or an int")
    found = Decimal(value)
    if not found.is_finite():
        raise ValueError(f"{value} is no number that can be searched for")
    return found


def decimal_of(stored: float) -> Decimal:
    """Return the decimal that a number of a document stands for."""
    return Decimal(repr(stored))


def moment(value: Any) -> int:
    """Take a datetime, which compares by its microseconds since 1970; one without a zone is local time."""
    if not isinstance(value, dt.datetime):
        raise TypeError("a datetime")
    return zones.microseconds_of(value)


def day(value: Any) -> Any:
    """Take a date that is no datetime."""
    if isinstance(value, dt.datetime) or not isinstance(value, dt.date):
        raise TypeError("a date")
    return _stored(dt.date, value)


def time_of_day(value: Any) -> Any:
    """Take a time without a zone."""
    if not isinstance(value, dt.time):
        raise TypeError("a time")
    return _stored(dt.time, value)


def span(value: Any) -> Any:
    """Take a timedelta."""
    if not isinstance(value, dt.timedelta):
        raise TypeError("a timedelta")
    return _stored(dt.timedelta, value)


def flag(value: Any) -> bool:
    """Take a bool."""
    if not isinstance(value, bool):
        raise TypeError("True or False")
    return value


def text(value: Any) -> str:
    """Take a str without NUL."""
    if not isinstance(value, str) or isinstance(value, Enum):
        raise TypeError("a str")
    if "\x00" in value:
        raise ValueError("text with a NUL character is in no index")
    return str.__str__(value)


def uuid(value: Any) -> str:
    """Take a UUID, or the text of one."""
    if isinstance(value, str):
        try:
            value = UUID(value)
        except ValueError:
            raise TypeError("a UUID") from None
    if not isinstance(value, UUID):
        raise TypeError("a UUID")
    return str(value)


def place(value: Any) -> GeoPoint:
    """Take a GeoPoint."""
    if not isinstance(value, GeoPoint):
        raise TypeError("a GeoPoint")
    return value


def chosen(name: str, members: dict[Any, Any]) -> Callable[[Any], Any]:
    """Return what takes one of the listed values, or what stands in documents for it."""
    stored = {(type(one), one) for one in members.values()}

    def value(given: Any) -> Any:
        if isinstance(given, Enum) and given in members:
            return members[given]
        plain = given if isinstance(given, bool) else _plain(given)
        if isinstance(given, Enum) or (type(plain), plain) not in stored:
            listed = ", ".join(repr(one) for one in members.values())
            raise TypeError(f"{name}: one of {listed}")
        return plain

    return value


def vector(options: IndexAnnotation) -> Callable[[Any], tuple[float, ...]]:
    """Return what takes a sequence of as many numbers as an index has, or an array of them."""
    dimensions = options.dim or 0

    def value(given: Any) -> tuple[float, ...]:
        numbers: Sequence[Any] = numbers_of(given)
        if isinstance(numbers, str | bytes | dict | set) or not hasattr(numbers, "__len__"):
            raise TypeError(f"a vector of {dimensions} numbers")
        taken = tuple(map(numbers_of, numbers))
        if any(isinstance(one, bool) or not isinstance(one, int | float) for one in taken):
            raise TypeError(f"a vector of {dimensions} numbers")
        flaw = flaw_in(taken, dimensions, options.type)
        if flaw is not None:
            raise ValueError(flaw)
        return tuple(map(float, taken))

    return value


def text_of(value: Any) -> str:
    """Return what is compared as queries write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


def texts_of(value: Any) -> tuple[str, ...]:
    """Return all the texts that stand in documents for what is compared."""
    shown = text_of(value)
    return (shown, *_PICKLED[shown]) if isinstance(value, bool) else (shown,)


def _plain(value: Any) -> Any:
    native = getattr(type(value), "native", None)
    return native(value) if native is not None else value


def _stored(kind: type, value: Any) -> Any:
    form = form_of(kind)
    if form is None:
        raise TypeError(kind.__name__)
    try:
        return form.store(value)
    except ValueError as error:
        raise ValueError(f"{value!r} {error}") from None
