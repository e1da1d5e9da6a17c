"""The commands about the server itself that the library sends."""

from __future__ import annotations

from typing import Any, TypeAlias

from rapyer.codec.replies import text
from rapyer.commands.command import Command, Effect

Layout: TypeAlias = "tuple[tuple[int, int, tuple[tuple[str, int], ...]], ...]"
"""Who serves what in a cluster: first slot, last slot, and the nodes, each a host (which may be empty) and a
port, the primary first."""


def cluster_slots() -> Command[Layout]:
    """CLUSTER SLOTS: which nodes serve which slots."""
    return Command("CLUSTER", (), ("SLOTS",), _layout, Effect.READ)


def known_commands(*names: str) -> Command[dict[str, bool]]:
    """COMMAND INFO: which of the commands the server knows."""
    return Command("COMMAND", (), ("INFO", *names), lambda reply: _known(names, reply), Effect.READ)


def memory() -> Command[dict[str, str]]:
    """INFO memory: what the server says of its memory, by name."""
    return Command("INFO", (), ("memory",), _fields, Effect.READ)


def everything() -> Command[dict[str, str]]:
    """INFO: what the server says of itself, by name."""
    return Command("INFO", (), (), _fields, Effect.READ)


def modules() -> Command[dict[str, int]]:
    """MODULE LIST: the versions of the server's modules, by name."""
    return Command("MODULE", (), ("LIST",), _modules, Effect.READ)


def ping() -> Command[str]:
    """PING: nothing, but the server has to answer."""
    return Command("PING", (), (), text, Effect.READ)


def clock() -> Command[float]:
    """TIME: the server's time, in seconds since 1970."""
    return Command("TIME", (), (), lambda reply: int(reply[0]) + int(reply[1]) / 1_000_000, Effect.READ)


def setting(name: str) -> Command[str]:
    """CONFIG GET: the value of one setting; empty where the server does not know it."""
    return Command("CONFIG", (), ("GET", name), _setting, Effect.READ)


def count_keys() -> Command[int]:
    """DBSIZE: how many keys there are."""
    return Command("DBSIZE", (), (), int, Effect.READ)


def _known(names: tuple[str, ...], reply: Any) -> dict[str, bool]:
    return dict(zip(names, (bool(described) for described in reply), strict=True))


def _layout(reply: Any) -> Layout:
    return tuple(
        sorted(
            (int(first), int(last), tuple((text(node[0] or ""), int(node[1])) for node in nodes))
            for first, last, *nodes in reply
        )
    )


def _fields(reply: Any) -> dict[str, str]:
    pairs = (line.partition(":") for line in text(reply).splitlines())
    return {name: value for name, colon, value in pairs if colon}


def _setting(reply: Any) -> str:
    words = list(reply.values()) if isinstance(reply, dict) else reply[1:]
    return text(words[0]) if words else ""


def _modules(reply: Any) -> dict[str, int]:
    rows = [row if isinstance(row, dict) else dict(zip(row[::2], row[1::2], strict=True)) for row in reply]
    named = [{text(name): value for name, value in row.items()} for row in rows]
    return {text(row["name"]): int(row["ver"]) for row in named}
