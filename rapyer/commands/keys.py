"""The commands on whole keys that the library sends."""

from __future__ import annotations

from typing import Any

from rapyer.codec.replies import text
from rapyer.commands.command import Command, Effect


def delete(*keys: str) -> Command[int]:
    """DEL: remove the keys; how many there were."""
    return Command("DEL", keys, (), int, Effect.IDEMPOTENT)


def copy(source: str, target: str) -> Command[bool]:
    """COPY: make the target what the source is, time to live included; whether there is a source."""
    return Command("COPY", (source, target), ("REPLACE",), bool, Effect.IDEMPOTENT)


def exists(key: str) -> Command[bool]:
    """EXISTS: whether the key is there."""
    return Command("EXISTS", (key,), (), bool, Effect.READ, immediate=True)


def expire(key: str, seconds: int) -> Command[bool]:
    """EXPIRE: let the key end after so many seconds; whether the key is there."""
    return Command("EXPIRE", (key,), (seconds,), bool, Effect.IDEMPOTENT)


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
