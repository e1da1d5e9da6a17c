"""The commands by which somebody looks around among keys; none reads a value."""

from __future__ import annotations

from typing import Any, NamedTuple

from rapyer.codec.replies import text
from rapyer.commands.command import Command, Effect
from rapyer.scripts.script import Script

_LOOK = Script("look")


class Look(NamedTuple):
    """What can be said of a key without reading it.

    Attributes:
        kind: Its type, as the server names it; "none" where there is nothing.
        left: The milliseconds that it has left; None for no end.
        size: The bytes of memory that it takes; None where the server does not tell.
    """

    kind: str
    left: int | None
    size: int | None


def look_at(key: str) -> Command[Look]:
    """TYPE, PTTL and MEMORY USAGE of a key, in a script."""
    return Command("EVALSHA", (key,), (), _look, Effect.READ, script=_LOOK, immediate=True)


def scan_keys(
    cursor: int, pattern: str, count: int, kind: str | None = None
) -> Command[tuple[int, list[str]]]:
    """SCAN for keys; the next cursor, 0 at the end, and keys.

    Args:
        cursor: Where to go on, 0 at first.
        pattern: A glob that the keys match.
        count: About how many keys the server looks at.
        kind: The type that the keys have, as the server names it; None for any.
    """
    words = () if kind is None else ("TYPE", kind)
    return Command("SCAN", (), (cursor, "MATCH", pattern, "COUNT", count, *words), _scanned, Effect.READ)


def _look(reply: Any) -> Look:
    kind, left, size = text(reply[0]), int(reply[1]), reply[2]
    return Look(kind, left if left >= 0 else None, None if size is None else int(size))


def _scanned(reply: Any) -> tuple[int, list[str]]:
    return int(reply[0]), [_name(key) for key in reply[1]]


def _name(key: bytes | str) -> str:
    """Return a key as text; others' keys may be no UTF-8."""
    return key if isinstance(key, str) else key.decode(errors="backslashreplace")
