"""Commands that read a part of a collection, and how large the whole is, at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rapyer.codec.replies import raw_json, text
from rapyer.commands.command import Command, Effect
from rapyer.scripts.script import Script

if TYPE_CHECKING:
    from rapyer.commands.sets import Member

_PART = Script("part")
_SET_PART = Script("set_part")


@dataclass(frozen=True, slots=True)
class JsonPart:
    """A part of a JSON array or object.

    Attributes:
        kind: What is at the path, as JSON.TYPE says; empty where nothing is.
        total: How many elements or members there are in all.
        elements: For each element an array text of it.
        members: The names of the members with an array text of each value; None where no path can name it.
    """

    kind: str
    total: int
    elements: tuple[bytes, ...] = ()
    members: tuple[tuple[str, bytes | None], ...] = ()


@dataclass(frozen=True, slots=True)
class SetPart:
    """A part of a set.

    Attributes:
        total: How many members there are in all.
        members: The members.
        following: Where the next part begins; None where there is none.
    """

    total: int
    members: tuple[Member, ...]
    following: tuple[str, int] | None


def json_part(key: str, path: str, start: int, count: int) -> Command[JsonPart | None]:
    """Read some elements of an array or object, in a script of JSON.ARRLEN and JSON.GET, or JSON.OBJKEYS.

    Args:
        key: The document.
        path: The array or object.
        start: The position of the first element.
        count: How many.

    Returns:
        The command; it gives None where there is no document.
    """
    return Command("EVALSHA", (key,), (path, start, count), _json_part, Effect.READ, script=_PART, place=path)


def set_part(key: str, begin: tuple[str, int], count: int) -> Command[SetPart]:
    """Read some members of a set, in a script of SCARD and SSCAN.

    Args:
        key: The set.
        begin: Where the part begins: `("0", 0)`, or what the part before it says.
        count: How many.
    """
    return Command("EVALSHA", (key,), (*begin, count), _set_part, Effect.READ, script=_SET_PART)


def _json_part(reply: Any) -> JsonPart | None:
    if not reply:
        return None
    kind, total, *rest = reply
    if text(kind) == "array":
        return JsonPart("array", total, tuple(raw_json(element) or b"[]" for element in rest))
    pairs = zip(rest[::2], rest[1::2], strict=True)
    return JsonPart(
        text(kind), total, members=tuple((text(name), raw_json(value) or None) for name, value in pairs)
    )


def _set_part(reply: Any) -> SetPart:
    total, cursor, before, members = reply
    following = (text(cursor), int(before)) if cursor else None
    return SetPart(int(total), tuple(members), following)
