"""The commands that read references where they are stored, and look at what they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from rapyer.codec.replies import raw_json, text
from rapyer.commands.command import Command, Effect

if TYPE_CHECKING:
    from collections.abc import Sequence


def get_matches(key: str, paths: Sequence[str]) -> Command[list[list[Any]]]:
    """JSON.GET of several paths: what each matches; nothing where the key is missing."""

    def matches(reply: Any) -> list[list[Any]]:
        document = raw_json(reply)
        if document is None:
            return [[] for _ in paths]
        found = from_json(document)
        return [found] if len(paths) == 1 else [found[path] for path in paths]

    return Command("JSON.GET", (key,), tuple(paths), matches, Effect.READ)


def members_of(key: str, *, queue: bool) -> Command[list[Any]]:
    """SMEMBERS, or ZRANGE for a queue: the members' values; None for each that is no JSON."""
    if queue:
        return Command("ZRANGE", (key,), (0, -1), _values, Effect.READ)
    return Command("SMEMBERS", (key,), (), _values, Effect.READ)


def is_document(key: str) -> Command[bool]:
    """TYPE: whether the key holds a JSON document."""
    return Command("TYPE", (key,), (), lambda reply: text(reply) == "ReJSON-RL", Effect.READ)


def _values(reply: Any) -> list[Any]:
    return [decoded(member) for member in reply]


def decoded(member: bytes | str) -> Any:
    """Return the value of a JSON text; None where it is none."""
    try:
        return from_json(member)
    except ValueError:
        return None
