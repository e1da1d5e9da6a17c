"""The commands on whole keys that the library sends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from rapyer.codec.replies import text
from rapyer.commands.command import Command, Effect
from rapyer.commands.spread import Parts, Spread
from rapyer.scripts.script import Script

if TYPE_CHECKING:
    from collections.abc import Sequence

_DELETE = Script("delete")


class Gone(NamedTuple):
    """How many keys were removed: documents, and keys beside them."""

    documents: int
    beside: int


def delete_documents(models: Sequence[Sequence[str]]) -> Command[Gone]:
    """DEL, in a script that removes none where the key of a document holds something else.

    Args:
        models: For each document its key, and the keys beside it.
    """
    command: Command[Any] = delete_groups([models])
    return replace(command, decode=_gone)


def delete_groups(groups: Sequence[Sequence[Sequence[str]]]) -> Command[list[int]]:
    """DEL, as `delete_documents`, of several groups at once, which are counted separately.

    Its reply is how many documents of each group went, and last how many keys beside them.

    Args:
        groups: For each document of each group its key, and the keys beside it.
    """
    members = [(number, model) for number, group in enumerate(groups) for model in group]
    keys = (*(model[0] for _, model in members), *(key for _, model in members for key in model[1:]))

    def some(at: Sequence[int]) -> Command[list[int]]:
        # What lives beside a document lives in its slot.
        chosen: list[list[Sequence[str]]] = [[] for _ in groups]
        for number, model in (members[position] for position in at if position < len(members)):
            chosen[number].append(model)
        return delete_groups(chosen)

    return Command(
        "DEL",
        keys,
        tuple(map(len, groups)),
        _counts,
        Effect.IDEMPOTENT,
        script=_DELETE,
        spread=Spread(some, _all_counts),
    )


def _gone(reply: Any) -> Gone:
    return Gone(*map(int, reply))


def _counts(reply: Any) -> list[int]:
    return [int(count) for count in reply]


def _all_counts(parts: Parts) -> list[int]:
    return [sum(counts) for counts in zip(*(_counts(reply) for _, reply in parts), strict=True)]


def delete(*keys: str) -> Command[int]:
    """DEL: remove keys of whatever type; how many there were."""
    return Command("DEL", keys, (), int, Effect.IDEMPOTENT)


def copy(source: str, target: str) -> Command[bool]:
    """COPY: make the target what the source is, time to live included; whether there is a source."""
    return Command("COPY", (source, target), ("REPLACE",), bool, Effect.IDEMPOTENT)


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


def persist(key: str) -> Command[bool]:
    """PERSIST: let the key never end; whether it would have ended."""
    return Command("PERSIST", (key,), (), bool, Effect.IDEMPOTENT)


def time_left(key: str) -> Command[int]:
    """PTTL: the milliseconds until the key ends; -1 where it never does, -2 where there is none."""
    return Command("PTTL", (key,), (), int, Effect.READ, immediate=True)


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
