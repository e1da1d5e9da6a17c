"""What the seconds of an indexed datetime do not tell: its time zone, and microseconds that a number rounds.

It stands beside the number, in a member `at__zone` of the same object: the name of the zone, or its offset
from UTC. Seconds more than 2**33 from 1970 no longer tell microseconds apart; there the number is rounded to
milliseconds, and the digits of the microsecond come first here, such as `.999999 +02:00`. A number alone is a
local time without a zone, as other writers store it.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic_core import to_json

from rapyer.codec.paths import JsonPath
from rapyer.commands import json

if TYPE_CHECKING:
    from rapyer.commands.command import Command

BESIDE = "__zone"
"""What the name of such a member ends in."""

EXACT_SECONDS = 2**33
"""Numbers of seconds below this tell microseconds apart."""

_EPOCH = dt.datetime(1970, 1, 1)
_UTC = _EPOCH.replace(tzinfo=dt.timezone.utc)
_MICROSECOND = dt.timedelta(microseconds=1)
_FARTHEST = {
    False: (dt.datetime.min - _EPOCH) // _MICROSECOND,
    True: (dt.datetime.max - _EPOCH) // _MICROSECOND,
}
_TEXT = re.compile(r"(?:\.(\d{6}))?(?:(?:\A| )([^ .].*))?", re.DOTALL)
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{6}))?)?")


def seconds_of(moment: dt.datetime) -> float:
    """Return the seconds since 1970; without a zone it is local time."""
    try:
        seconds = moment.timestamp()
    except (OverflowError, ValueError, OSError):  # so near to the end of all years that the clock gives up
        return stored_seconds(microseconds_of(moment))
    return seconds if abs(seconds) < EXACT_SECONDS else stored_seconds(microseconds_of(moment))


def stored_seconds(microseconds: int) -> float:
    """Return the number of seconds that stands in documents.

    The server changes numbers of more than 15 digits by a bit, so far from 1970 none has more.
    """
    if abs(microseconds) < EXACT_SECONDS * 1_000_000:
        return microseconds / 1_000_000
    return _nearest(microseconds, 1_000) / 1_000


def microseconds_of(moment: dt.datetime) -> int:
    """Return the microseconds since 1970; without a zone it is local time."""
    offset = moment.utcoffset()
    if offset is None:
        try:
            offset = moment.astimezone().utcoffset() or dt.timedelta()
        except (OverflowError, ValueError, OSError):
            offset = _local_offset(moment)
    return (moment.replace(tzinfo=None) - _EPOCH - offset) // _MICROSECOND


def beside(moment: dt.datetime) -> str | None:
    """Return what stands beside the seconds of a time; None where nothing has to."""
    seconds = seconds_of(moment)
    far = abs(seconds) >= EXACT_SECONDS
    digits = f".{microseconds_of(moment) % 1_000_000:06}" if far else ""
    offset = moment.utcoffset()
    if offset is None:
        return digits or None
    zone = moment.tzinfo
    if isinstance(zone, ZoneInfo) and zone.key and not (far and _is_beyond(moment, offset)):
        name = zone.key
    else:
        name = _name_of(offset)
    return f"{digits} {name}" if digits else name


def moment_of(stored: Any) -> Any:
    """Return the time that stands in a document; what is none is returned as it is.

    Args:
        stored: A number, or a pair of what stands at the field's path and what stands beside it.

    Raises:
        ValueError: It is a number that is no point in time.
    """
    if type(stored) is float and -EXACT_SECONDS < stored < EXACT_SECONDS:
        return dt.datetime.fromtimestamp(stored)  # which is what most are
    value, note = stored if isinstance(stored, list | tuple) and len(stored) == 2 else (stored, None)
    micro, zone = _parsed(note) if isinstance(note, str) else (None, None)
    if isinstance(value, dt.datetime) and isinstance(note, str):
        value = seconds_of(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value if isinstance(note, str) else stored
    try:
        if micro is None and abs(value) < EXACT_SECONDS:
            return dt.datetime.fromtimestamp(value, zone)
        return _at(microseconds_at(float(value), micro), zone)
    except (OverflowError, OSError) as error:
        raise ValueError(f"{value} seconds are no point in time") from error


def _at(microseconds: int, zone: dt.tzinfo | None) -> dt.datetime:
    if isinstance(zone, dt.timezone):
        return _local(microseconds, zone.utcoffset(None)).replace(tzinfo=zone)
    try:
        found = (_UTC + dt.timedelta(microseconds=microseconds)).astimezone(zone)
    except (OverflowError, ValueError, OSError):
        near = _FARTHEST[microseconds > 0]
        return _local(microseconds, _local_offset(_EPOCH + dt.timedelta(microseconds=near)))
    return found.replace(tzinfo=zone)


def _local(microseconds: int, offset: dt.timedelta) -> dt.datetime:
    since = microseconds + offset // _MICROSECOND
    # A rounded number may lie just beyond the end of all years.
    inside = min(max(since, _FARTHEST[False]), _FARTHEST[True])
    return _EPOCH + dt.timedelta(microseconds=inside if abs(since - inside) <= 1_000_000 else since)


def microseconds_at(seconds: float, micro: int | None = None) -> int:
    """Return the microseconds of a number of seconds.

    Args:
        seconds: The number.
        micro: Those after the full second, if they are known.
    """
    numerator, denominator = seconds.as_integer_ratio()
    whole = _nearest(numerator * 1_000_000, denominator)
    if micro is not None:
        exact = _nearest(whole - micro, 1_000_000) * 1_000_000 + micro
        if stored_seconds(exact) == seconds:
            return exact
    return whole


def _nearest(numerator: int, denominator: int) -> int:
    below, rest = divmod(numerator, denominator)
    return below + (2 * rest > denominator or (2 * rest == denominator and below % 2))


@lru_cache(maxsize=256)
def _parsed(note: str) -> tuple[int | None, dt.tzinfo | None]:
    found = _TEXT.fullmatch(note)
    if found is None:
        return None, None
    return (None if found[1] is None else int(found[1])), None if found[2] is None else _zone(found[2])


def _zone(name: str) -> dt.tzinfo:
    offset = _OFFSET.fullmatch(name)
    if offset is not None:
        sign, hours, minutes, seconds, micro = offset.groups(default="0")
        span = dt.timedelta(
            hours=int(hours), minutes=int(minutes), seconds=int(seconds), microseconds=int(micro)
        )
        try:
            return dt.timezone(-span if sign == "-" else span)
        except ValueError:
            return dt.timezone.utc
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # this computer does not know it; the instant counts
        return dt.timezone.utc


def _is_beyond(moment: dt.datetime, offset: dt.timedelta) -> bool:
    """Tell whether a time is in a year that UTC does not have, so that no zone's rules apply."""
    try:
        moment.replace(tzinfo=None) - offset
    except OverflowError:
        return True
    return False


@lru_cache(maxsize=256)
def _name_of(offset: dt.timedelta) -> str:
    return dt.datetime(2000, 1, 1, tzinfo=dt.timezone(offset)).isoformat()[19:]


def _local_offset(moment: dt.datetime) -> dt.timedelta:
    """Return the local offset some days away from the first or the last day of all years."""
    some = dt.timedelta(days=3)
    plain = moment.replace(tzinfo=None)
    inner = plain + some if plain.year < dt.MAXYEAR // 2 else plain - some
    return inner.astimezone().utcoffset() or dt.timedelta()


def write_beside(key: str, holder: JsonPath, name: str, moment: dt.datetime | None) -> Command[Any]:
    """Return what writes, or removes, what stands beside a time (JSON.SET or JSON.DEL).

    Args:
        key: The document.
        holder: The path of the object that has the time.
        name: The name of the time there.
        moment: The time.
    """
    note = None if moment is None else beside(moment)
    return write_note(key, holder, name, None if note is None else to_json(note))


def write_note(key: str, holder: JsonPath, name: str, note: bytes | None) -> Command[Any]:
    """Return what writes the JSON text that stands beside a time, or removes it; as `write_beside`."""
    if note is None:
        return json.delete_member(key, holder, name + BESIDE)
    command: Command[Any] = json.set_member(key, holder, name + BESIDE, note)
    return command


def path_with_zone(holder: JsonPath, name: str) -> JsonPath:
    """Return the path of a time together with what stands beside it; what is read goes through `joined`."""
    return JsonPath(f'{holder}["{name}","{name}{BESIDE}"]')


def joined(found: bytes | None) -> bytes | None:
    """Return an array as the path of a time gives it, where that is a pair with what stands beside it."""
    if not found or b"," not in found:
        return found
    return b"[null]" if found.startswith(b"[null,") else b"[" + found + b"]"


def paired(found: list[Any]) -> list[Any]:
    """Return the times of several objects, out of an array that has what stands beside each behind it."""
    times: list[Any] = []
    for one in found:
        if isinstance(one, str) and times:
            times[-1] = [times[-1], one]
        else:
            times.append(one)
    return times


def parted(text: bytes) -> tuple[bytes, bytes | None]:
    """Return the JSON texts of a time and of what stands beside it, given that of the pair or of the time."""
    if not text.startswith(b"["):
        return text, None
    value, _, note = text[1:-1].partition(b",")
    return value, note
