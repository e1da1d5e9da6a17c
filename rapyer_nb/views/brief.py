"""Any value as one short, harmless line of text.

Values come from Redis, so they may be huge, deeply nested, or full of control characters that would recolour
a terminal or turn the text around. Nothing is turned into text as a whole before it is clipped, and whatever
cannot be printed is escaped. Nothing here reads Redis.
"""

from __future__ import annotations

import datetime
import enum
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from rapyer.types import RedisPriorityQueue, Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ELLIPSIS: Final = "…"
_DEEPEST: Final = 4
_BITS_PER_DIGIT: Final = 3.33


def brief(value: object, limit: int = 80) -> str:
    """Return the value as Python would write it, clipped.

    Args:
        value: Anything.
        limit: The most characters to return.
    """
    return clipped("".join(_within(_pieces(value, limit, 0), limit)), limit)


def brief_cell(value: object, limit: int = 80) -> str:
    """Return the value for a table's cell: like `brief`, but strings without their quotes.

    Of a reference it is the key; of a queue, whose values are in Redis alone, that it is one.
    """
    if isinstance(value, Reference):
        return clipped(printable(value.target_key[: limit + 1]), limit)
    if isinstance(value, RedisPriorityQueue):
        return "queue, in Redis"
    if isinstance(value, str) and not isinstance(value, enum.Enum) and value.strip():
        return clipped(printable(value[: limit + 1]), limit)
    return brief(value, limit)


def clipped(text: str, limit: int) -> str:
    """Return the text, cut with an ellipsis where it is longer than the limit."""
    return text if len(text) <= limit else text[: limit - 1] + ELLIPSIS


def printable(text: str) -> str:
    r"""Return the text with control characters, line ends and the like as escapes such as `\x1b`."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def fields_of(model: BaseModel) -> Iterator[tuple[str, object]]:
    """Yield the names and present local values of a model's fields; a field without a value is left out."""
    values = model.__dict__
    for name in type(model).model_fields:
        if name in values:
            yield name, values[name]


def class_name(model: BaseModel) -> str:
    """Return the name that the user gave to the model's class.

    The library makes `RedisAddress` of a plain class `Address` that is nested in a model.
    """
    cls = type(model)
    plain = cls.__name__.removeprefix("Redis")
    return plain if any(base.__name__ == plain for base in cls.__mro__) else cls.__name__


def _within(pieces: Iterable[str], limit: int) -> Iterator[str]:
    length = 0
    for piece in pieces:
        yield piece
        length += len(piece)
        if length > limit:
            return


def _pieces(value: Any, limit: int, depth: int) -> Iterator[str]:
    if isinstance(value, enum.Enum):
        yield f"{type(value).__name__}.{value.name}"
    elif isinstance(value, str):
        yield repr(str(value[: limit + 1]))
    elif isinstance(value, (bytes, bytearray)):
        yield repr(bytes(value[: limit + 1]))
    elif isinstance(value, (dict, list, tuple, set, frozenset, BaseModel)):
        yield from _container(value, limit, depth + 1)
    else:
        yield _scalar(value, limit)


def _scalar(value: Any, limit: int) -> str:
    try:
        if isinstance(value, bool) or value is None:
            return repr(value)
        if isinstance(value, int):
            # Python refuses to write out huge integers, and takes long over merely big ones.
            return int.__repr__(value) if value.bit_length() < limit * _BITS_PER_DIGIT else "<huge integer>"
        if isinstance(value, float):
            return float.__repr__(value)
        if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
            return value.isoformat()
        return printable(repr(value)[: limit + 1])
    except Exception as error:  # somebody's __repr__
        return f"<{type(value).__name__}, whose repr raises {type(error).__name__}>"


def _container(value: Any, limit: int, depth: int) -> Iterator[str]:
    start, end, entries = _anatomy(value)
    yield start
    if depth > _DEEPEST:
        yield ELLIPSIS + end
        return
    for position, (label, entry) in enumerate(islice(entries, limit)):
        if position:
            yield ", "
        yield label
        yield from _pieces(entry, limit, depth)
    if len(start) == 1 and isinstance(value, tuple) and len(value) == 1:
        yield ","
    yield end


def _anatomy(value: Any) -> tuple[str, str, Iterable[tuple[str, Any]]]:
    """Return how a container begins and ends, and its entries with what stands before each."""
    if isinstance(value, BaseModel):
        return f"{class_name(value)}(", ")", ((f"{name}=", entry) for name, entry in fields_of(value))
    if isinstance(value, dict):
        return "{", "}", ((f"{brief(key, 40)}: ", entry) for key, entry in value.items())
    if isinstance(value, list):
        return "[", "]", (("", entry) for entry in value)
    if isinstance(value, tuple):
        return "(", ")", (("", entry) for entry in value)
    if value:
        return "{", "}", (("", entry) for entry in value)
    return f"{type(value).__name__}(", ")", ()
