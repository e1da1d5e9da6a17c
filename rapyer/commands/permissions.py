"""Commands that tell what a user may do, and do nothing.

The server looks at a user's permissions before anything else, so a command on a key that does not exist, or
with arguments that make no sense, is refused for want of permission or for another reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rapyer.commands.command import Arg, Command, Effect
from rapyer.commands.lock import CHANNEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TOKENS = "__rapyer_once__:"
"""What the keys of tokens start with."""

_NO_SCRIPT = "0" * 40
_NO_JSON = "?"

_READING: dict[str, tuple[Arg, ...]] = {"JSON.GET": (".",), "JSON.MGET": (".",), "EXISTS": ()}
_WRITING: dict[str, tuple[Arg, ...]] = {
    "JSON.SET": ("$", 1, "XX"),
    "JSON.MSET": ("$", _NO_JSON),
    "JSON.DEL": ("$",),
    "JSON.MERGE": ("$.x", _NO_JSON),
    "JSON.NUMINCRBY": ("$.x", 1),
    "JSON.STRAPPEND": ("$.x", '""'),
    "JSON.ARRAPPEND": ("$.x", 1),
    "JSON.ARRINSERT": ("$.x", 0, 1),
    "JSON.ARRPOP": ("$.x", 0),
    "JSON.ARRINDEX": ("$.x", 1),
    "JSON.ARRLEN": ("$.x",),
    "JSON.OBJKEYS": ("$.x",),
    "JSON.TYPE": ("$",),
    "TYPE": (),
    "DEL": (),
    "EXPIRE": (1,),
}
_LOCKING: dict[str, tuple[Arg, ...]] = {
    "GET": (),
    "SET": ("", "XX"),
    "PTTL": (),
    "PEXPIRE": (1,),
    "ZADD": ("XX", 1, "x"),
    "ZREM": ("x",),
    "ZSCORE": ("x",),
    "ZRANK": ("x",),
    "ZRANGE": (0, 0),
    "ZRANGEBYSCORE": (0, 0),
    "ZREMRANGEBYSCORE": (0, 0),
}
_SEARCHING: dict[str, tuple[Arg, ...]] = {
    "FT.INFO": (),
    "FT.SEARCH": ("*", "LIMIT", 0, 0),
    "FT.AGGREGATE": ("*", "LIMIT", 0, 0),
}
_INDEXING: dict[str, tuple[Arg, ...]] = {
    "FT.CREATE": ("ON", "JSON", "SCHEMA"),
    "FT.ALIASADD": (),
    "FT.ALIASUPDATE": (),
    "FT.ALIASDEL": (),
    "FT.DROPINDEX": (),
}
_NAMING = frozenset({"FT.ALIASADD", "FT.ALIASUPDATE"})
"""These take two names."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A command that may be refused for want of permission.

    Attributes:
        command: The command.
        reads: Whether without it nothing can be read.
        pattern: The keys that the user needs for it, or the channels; empty where that is not asked.
    """

    command: Command[Any]
    reads: bool
    pattern: str = ""


def whoami() -> Command[Any]:
    """ACL WHOAMI: the name of the user."""
    return _command("ACL", (), "WHOAMI")


def probes(places: Iterable[tuple[str, str, str]], *, tokens: bool) -> Iterator[Probe]:
    """Give what is to be asked: everything for one place, and for the others whether its keys are allowed.

    Args:
        places: For each class what its keys start with, a key of it that does not exist, and the name of its
            index, or nothing where it has none.
        tokens: Whether a class has its writes run exactly once.
    """
    for number, (prefix, key, index) in enumerate(places):
        pattern = f"{prefix}*"
        for name, args in (_READING if number == 0 else {"JSON.GET": (".",)}).items():
            yield Probe(_command(name, (key,), *args), reads=True, pattern=pattern)
        if number == 0:
            yield from _for_all(key, pattern)
        else:
            yield Probe(_command("JSON.SET", (key,), *_WRITING["JSON.SET"]), reads=False, pattern=pattern)
        if index:
            yield from _for_index(index)
    if tokens:
        yield Probe(
            _command("SET", (TOKENS + _NO_SCRIPT,), *_LOCKING["SET"]), reads=False, pattern=f"{TOKENS}*"
        )


def _for_all(key: str, pattern: str) -> Iterator[Probe]:
    yield Probe(_command("SCAN", (), 0, "COUNT", 1), reads=True)
    for name, args in (_WRITING | _LOCKING).items():
        yield Probe(_command(name, (key,), *args), reads=False, pattern=pattern)
    yield Probe(_command("COPY", (key, key)), reads=False, pattern=pattern)
    yield Probe(_command("EVAL", (), "return 1", 1, key), reads=False, pattern=pattern)
    yield Probe(_command("EVALSHA", (), _NO_SCRIPT, 1, key), reads=False, pattern=pattern)
    yield Probe(_command("EXEC", ()), reads=False)  # without MULTI, which the connection would stay in
    yield Probe(_command("TIME", ()), reads=False)
    yield Probe(_command("PUBLISH", (), f"{CHANNEL}{_NO_SCRIPT}", ""), reads=False, pattern=f"{CHANNEL}*")


def _for_index(index: str) -> Iterator[Probe]:
    # An index is asked for by a name that the schema is a part of, so nothing here is a real one.
    name, pattern = f"{index}:{_NO_SCRIPT}", f"{index}*"
    for command, args in _SEARCHING.items():
        yield Probe(_command(command, (), name, *args), reads=True, pattern=pattern)
    yield Probe(_command("FT.CURSOR", (), "READ", name, 0), reads=True, pattern=pattern)
    for command, args in _INDEXING.items():
        names = (name, name) if command in _NAMING else (name,)
        yield Probe(_command(command, (), *names, *args), reads=False, pattern=pattern)


def _command(name: str, keys: tuple[str, ...], *args: Arg) -> Command[Any]:
    return Command(name, keys, args, effect=Effect.READ)
