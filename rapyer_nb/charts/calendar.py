"""Parts of the calendar that times are put into: hours, days, months."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_MOST_PARTS: Final = 60
"""Of more parts than that a chart is hard to read."""

_MOST_FILLED: Final = 1_000
"""Over more parts than that, those without values are left out."""


def _week(moment: dt.datetime) -> dt.datetime:
    return _day(moment) - dt.timedelta(days=moment.weekday())


def _day(moment: dt.datetime) -> dt.datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _quarter(moment: dt.datetime) -> dt.datetime:
    return _day(moment).replace(month=moment.month - (moment.month - 1) % 3, day=1)


_STARTS: Final[dict[str, Callable[[dt.datetime], dt.datetime]]] = {
    "second": lambda moment: moment.replace(microsecond=0),
    "minute": lambda moment: moment.replace(second=0, microsecond=0),
    "hour": lambda moment: moment.replace(minute=0, second=0, microsecond=0),
    "day": _day,
    "week": _week,
    "month": lambda moment: _day(moment).replace(day=1),
    "quarter": _quarter,
    "year": lambda moment: _day(moment).replace(month=1, day=1),
}
_SECONDS: Final = {
    "second": 1,
    "minute": 60,
    "hour": 3_600,
    "day": 86_400,
    "week": 604_800,
    "month": 2_629_746,
    "quarter": 7_889_238,
    "year": 31_556_952,
}
_MOST_DAYS: Final = 36_525
"""Over more days than that it takes too long to look up when the clocks change."""

_EPOCH: Final = dt.datetime(1970, 1, 1)
_MONDAY: Final = 3
"""How many days the first one of 1970 is behind a Monday."""

_CYCLES: Final = 2_000
"""So many years, after which the calendar repeats, are added, as the server knows none before 1970."""

_WRITTEN: Final = {"second": "%Y-%m-%d %H:%M:%S", "minute": "%Y-%m-%d %H:%M", "hour": "%Y-%m-%d %H:00"}

EVERY: Final = tuple(_STARTS)
"""The parts, from the shortest to the longest."""


def moment_of(value: dt.date) -> dt.datetime:
    """Return a date or time as a local time without a zone."""
    if not isinstance(value, dt.datetime):
        return dt.datetime(value.year, value.month, value.day)
    return value if value.tzinfo is None else value.astimezone().replace(tzinfo=None)


def fitting(first: dt.datetime, last: dt.datetime, shortest: str = "second") -> str:
    """Return the shortest parts of which there are not too many between two times."""
    seconds = (last - first).total_seconds()
    for part in EVERY[EVERY.index(shortest) :]:
        if seconds / _SECONDS[part] <= _MOST_PARTS:
            return part
    return EVERY[-1]


def start_of(moment: dt.datetime, part: str) -> dt.datetime:
    """Return the beginning of the part that a time is in."""
    return _STARTS[part](moment)


def after(start: dt.datetime, part: str) -> dt.datetime:
    """Return the beginning of the part that follows; the end of time where there is none."""
    step = dt.timedelta(days=32 * {"quarter": 3, "year": 12}.get(part, 1))
    if part not in ("month", "quarter", "year"):
        step = dt.timedelta(seconds=_SECONDS[part])
    try:
        return start_of(start + step, part)
    except OverflowError:
        return dt.datetime.max


def all_between(starts: Iterable[dt.datetime], part: str) -> Iterator[dt.datetime]:
    """Yield the beginnings of all parts from the first to the last; only those given if they are too many."""
    ordered = sorted(starts)
    span = (ordered[-1] - ordered[0]).total_seconds() if ordered else 0
    if span / _SECONDS[part] > _MOST_FILLED:
        yield from ordered
        return
    start = ordered[0] if ordered else dt.datetime.max
    while ordered and start <= ordered[-1]:
        yield start
        start = after(start, part)


def written(start: dt.datetime, part: str) -> str:
    """Return what a part is called."""
    if part == "year":
        return f"{start.year:04}"
    if part == "quarter":
        return f"{start.year:04}-Q{(start.month + 2) // 3}"
    if part == "month":
        return f"{start.year:04}-{start.month:02}"
    return start.strftime(_WRITTEN.get(part, "%Y-%m-%d"))


def counted_by(part: str) -> tuple[str, ...]:
    """Return what the server computes of seconds of local time: the number that `counted` takes."""
    if part not in ("month", "quarter", "year"):
        after_monday = _MONDAY * 86_400 if part == "week" else 0
        return (f"floor(({{x}} + {after_monday})/{_SECONDS[part]})",)
    beyond = f"floor({{x}}) + {_CYCLES * _SECONDS['year']}"
    months = "year({x})*12 + monthofyear({x})"
    return (beyond, months if part == "month" else f"floor(({months})/{3 if part == 'quarter' else 12})")


def counted(number: int, part: str) -> dt.datetime:
    """Return the beginning of the part of a number, as the server counts them.

    Raises:
        OverflowError: There is none.
        ValueError: There is no such year.
    """
    if part not in ("month", "quarter", "year"):
        days = _MONDAY if part == "week" else 0
        return _EPOCH + dt.timedelta(seconds=number * _SECONDS[part], days=-days)
    months = number * {"month": 1, "quarter": 3, "year": 12}[part] - _CYCLES * 12
    return dt.datetime(months // 12, months % 12 + 1, 1)


def local_seconds(first: float, last: float) -> str | None:
    """Return what the server computes of seconds since 1970: those of the local time.

    Args:
        first: The earliest number of seconds.
        last: The latest.

    Returns:
        An expression of `{x}`; `None` if the times are too far apart.
    """
    if last - first > _MOST_DAYS * 86_400:
        return None
    found, since, offset = [], int(first // 1), _offset(int(first // 1))
    text = f"{{x}} + ({offset})"
    while since <= last:
        after = since + 86_400
        if _offset(after) != offset:
            after = _change(since, after)
            found.append(f" + ({{x}} >= {after})*({_offset(after) - offset})")
            offset = _offset(after)
        since = after
    return text + "".join(found)


def _offset(seconds: int) -> int:
    """Return how many seconds the local clock is ahead."""
    return time.localtime(seconds).tm_gmtoff


def _change(before: int, after: int) -> int:
    """Return the second at which the clocks change between two."""
    offset = _offset(before)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if _offset(middle) == offset else (before, middle)
    return after
