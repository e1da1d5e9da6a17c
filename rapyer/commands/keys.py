"""The commands on whole keys that the library sends."""

from __future__ import annotations

from typing import Any

from rapyer.codec.replies import text
from rapyer.commands.command import Command, Effect
from rapyer.commands.spread import Spread, added
from rapyer.scripts.script import Script

_DELETE = Script("delete")


def delete_documents(*keys: str) -> Command[int]:
    """DEL, in a script that removes none where a key is no JSON document; how many there were."""
    spread = Spread(lambda at: delete_documents(*(keys[position] for position in at)), added)
    return Command("DEL", keys, (), int, Effect.IDEMPOTENT, script=_DELETE, spread=spread)


def exists(key: str) -> Command[bool]:
    """EXISTS: whether the key is there."""
    return Command("EXISTS", (key,), (), bool, Effect.READ, immediate=True)


def type_of(key: str) -> Command[str]:
    """TYPE: the Redis type of what the key holds, such as `string`; `none` where there is nothing."""
    return Command("TYPE", (key,), (), text, Effect.READ)


def expire(key: str, seconds: int, *, must_exist: bool = False) -> Command[bool]:
    """EXPIRE: let the key end after so many seconds; whether the key is there.

    Args:
        key: The key.
        seconds: The time from now on.
        must_exist: Whether it is an error if the key is not there.
    """
    return Command("EXPIRE", (key,), (seconds,), bool, Effect.IDEMPOTENT, must_exist=must_exist)


def scan_documents(cursor: int, prefix: str, count: int) -> Command[tuple[int, list[str]]]:
    """SCAN for JSON documents whose key starts with the prefix; the next cursor, 0 at the end, and keys."""
    return Command(
        "SCAN",
        (),
        (cursor, "MATCH", glob_escape(prefix) + "*", "COUNT", count, "TYPE", "ReJSON-RL"),
        _scanned,
        Effect.READ,
    )


def glob_escape(prefix: str) -> str:
    """Return the text as a glob that matches just it."""
    return "".join(f"\\{char}" if char in "*?[]^\\" else char for char in prefix)


def _scanned(reply: Any) -> tuple[int, list[str]]:
    return int(reply[0]), [text(key) for key in reply[1]]
