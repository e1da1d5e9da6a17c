"""Commands that tell what a user may do, and do nothing.

The server looks at a user's permissions before anything else, so a command on a key that does not exist, or
with arguments that make no sense, is refused for want of permission or for another reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rapyer.commands.command import Arg, Command, Effect
from rapyer.commands.companion import SPECIAL_FIELD_KEY_PREFIX
from rapyer.commands.lock import CHANNEL
from rapyer.commands.slots import tagged
from rapyer.scripts.script import Script

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TOKENS = "__rapyer_once__:"
"""What the keys of tokens start with."""

_MAY_ADD = Script("may_add")
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
    "TTL": (),
    "PERSIST": (),
}
_MOVING: dict[str, tuple[Arg, ...]] = {"DUMP": (), "RESTORE": (0, "")}
"""What copies a model into another slot of a cluster."""
_SET_READING: dict[str, tuple[Arg, ...]] = {
    "SMEMBERS": (),
    "SSCAN": (0,),
    "SCARD": (),
    "SISMEMBER": ("x",),
    "SMISMEMBER": ("x",),
    "SUNION": (),
    "SINTER": (),
    "SDIFF": (),
}
_SET_WRITING: dict[str, tuple[Arg, ...]] = {"SREM": ("x",), "SPOP": (1,), "COPY": (), "DEL": ()}
_QUEUE_READING: dict[str, tuple[Arg, ...]] = {"ZRANGE": (0, 0), "ZCARD": (), "EXISTS": ()}
_QUEUE_WRITING: dict[str, tuple[Arg, ...]] = {
    "ZADD": ("XX", 1, "x"),
    "ZREM": ("x",),
    "ZSCORE": ("x",),
    "ZPOPMIN": (1,),
    "ZPOPMAX": (1,),
    "COPY": (),
    "DEL": (),
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
        script: The command that it asks for where it is a script.
    """

    command: Command[Any]
    reads: bool
    pattern: str = ""
    script: str = ""

    @property
    def name(self) -> str:
        """The command that the user needs."""
        return self.script or self.command.name


@dataclass(frozen=True, slots=True)
class Place:
    """Where a class keeps its models.

    Attributes:
        prefix: What their keys start with.
        index: The name of the search index; empty where there is none.
        sets: Whether some of its fields are sets with keys of their own.
        queues: Whether some are queues.
        renews: Whether reading a model starts its time to live anew.
    """

    prefix: str
    index: str = ""
    sets: bool = False
    queues: bool = False
    renews: bool = False


def whoami() -> Command[Any]:
    """ACL WHOAMI: the name of the user."""
    return _command("ACL", (), "WHOAMI")


def probes(
    places: Iterable[Place], nobody: str, *, tokens: bool = False, cluster: bool = False
) -> Iterator[Probe]:
    """Give what is to be asked: each command for one place, and for the others whether its keys are allowed.

    Args:
        places: Where the models are.
        nobody: A primary key that no model has.
        tokens: Whether a class has its writes run exactly once.
        cluster: Whether keys live in slots.
    """
    asked: set[str] = set()
    for number, place in enumerate(places):
        key, pattern = place.prefix + nobody, f"{place.prefix}*"
        for name, args in (_READING if number == 0 else {"JSON.GET": (".",)}).items():
            yield Probe(_command(name, (key,), *args), reads=True, pattern=pattern)
        if number == 0:
            yield from _for_all(key, pattern, cluster=cluster)
        else:
            yield Probe(_command("JSON.SET", (key,), *_WRITING["JSON.SET"]), reads=False, pattern=pattern)
        if place.index:
            yield from _for_index(place.index)
        for probe in _for_companions(place, nobody, cluster=cluster):
            # One that reads and one that writes ask for the keys of this place.
            if probe.name not in asked or probe.name in {"SMEMBERS", "ZCARD", "DEL"}:
                asked.add(probe.name)
                yield probe
    if tokens:
        yield Probe(
            _command("SET", (TOKENS + _NO_SCRIPT,), *_LOCKING["SET"]), reads=False, pattern=f"{TOKENS}*"
        )


def _for_companions(place: Place, nobody: str, *, cluster: bool) -> Iterator[Probe]:
    main = place.prefix + nobody
    key = f"{SPECIAL_FIELD_KEY_PREFIX}:{tagged(main) if cluster else main}:x"
    # The hash tag of a key may stand before the name of the class.
    pattern = f"{SPECIAL_FIELD_KEY_PREFIX}:{'*' if cluster else ''}{place.prefix}*"
    reading = (_SET_READING if place.sets else {}) | (_QUEUE_READING if place.queues else {})
    writing = (_SET_WRITING if place.sets else {}) | (_QUEUE_WRITING if place.queues else {})
    for name, args in reading.items():
        yield Probe(_command(name, (key,), *args), reads=True, pattern=pattern)
    for name, args in writing.items():
        keys = (key, key) if name == "COPY" else (key,)
        yield Probe(_command(name, keys, *args), reads=False, pattern=pattern)
    if place.sets:
        adding: Command[Any] = Command("EVALSHA", (key,), effect=Effect.READ, script=_MAY_ADD)
        yield Probe(adding, reads=False, pattern=pattern, script="SADD")


def _for_all(key: str, pattern: str, *, cluster: bool) -> Iterator[Probe]:
    yield Probe(_command("SCAN", (), 0, "COUNT", 1), reads=True)
    for name, args in (_WRITING | _LOCKING | (_MOVING if cluster else {})).items():
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
    for command, args in _INDEXING.items():
        names = (name, name) if command in _NAMING else (name,)
        yield Probe(_command(command, (), *names, *args), reads=False, pattern=pattern)


def _command(name: str, keys: tuple[str, ...], *args: Arg) -> Command[Any]:
    return Command(name, keys, args, effect=Effect.READ)
