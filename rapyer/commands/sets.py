"""The commands on sets of members, wherever a set is kept.

A set that is a field has a key of its own (`CompanionSet`). One inside a list or dict is an array of strings
in the model's document (`InlineSet`). Both take the same members, JSON texts, and each operation is atomic.
"""

from __future__ import annotations

from dataclasses import dataclass
from json import dumps
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pydantic_core import from_json

from rapyer.codec.replies import first
from rapyer.commands import json, keys
from rapyer.commands.command import Command, Effect
from rapyer.commands.companion import MOST_WORDS, creating
from rapyer.commands.spread import Parts, Spread
from rapyer.scripts.script import BesideScript, Script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rapyer.commands.command import Arg

Member: TypeAlias = "bytes | str"
"""The JSON text of an element; the server gives it as bytes, which need not be any text."""

Operation: TypeAlias = Literal["union", "intersection", "difference", "symmetric"]

_UPDATE = BesideScript("set_update")
_INLINE = Script("inline_set")
_ALGEBRA = Script("set_algebra")
_TAKE_IN = BesideScript("take_in_set")

_NATIVE = {"union": "SUNION", "intersection": "SINTER", "difference": "SDIFF"}


@dataclass(frozen=True, slots=True)
class CompanionSet:
    """A set under a key of its own.

    Attributes:
        key: That key.
        main: The key of the model that it belongs to.
    """

    key: str
    main: str

    @property
    def operand(self) -> tuple[str, str]:
        """The key, and the path in the document there; empty, as it is no document."""
        return self.key, ""

    def members(self) -> Command[list[Member]]:
        """SMEMBERS: all members."""
        return Command("SMEMBERS", (self.key,), (), list, Effect.READ)

    def page(self, cursor: int, count: int) -> Command[tuple[int, list[Member]]]:
        """SSCAN: some members; the cursor for the next, 0 at the end."""
        return Command("SSCAN", (self.key,), (cursor, "COUNT", count), _scanned, Effect.READ)

    def size(self) -> Command[int]:
        """SCARD: how many members there are."""
        return Command("SCARD", (self.key,), (), int, Effect.READ)

    def contains(self, member: str) -> Command[int]:
        """SISMEMBER: 1 if it is one, else 0."""
        return Command("SISMEMBER", (self.key,), (member,), int, Effect.READ)

    def contains_many(self, members: Sequence[str]) -> Command[list[bool]]:
        """SMISMEMBER: for each whether it is one."""
        return Command("SMISMEMBER", (self.key,), tuple(members), _all_flags, Effect.READ)

    def add(self, members: Sequence[Member], *, only: Literal["", "stored", "lost"] = "") -> Command[int]:
        """SADD: add members; how many are new.

        Args:
            members: The members.
            only: "stored" or "lost" to do so only where the model is stored, or is not; see `creating`.
        """
        return creating("SADD", self.key, self.main, members, only=only, decode=int)

    def remove(self, members: Sequence[str]) -> Command[int]:
        """SREM: remove members; how many there were."""
        if len(members) > MOST_WORDS:  # too many for one call in a script, where pipelines may have to run it
            return creating("SREM", self.key, self.main, members, decode=int)
        return Command("SREM", (self.key,), tuple(members), int, Effect.IDEMPOTENT)

    def pop(self, count: int) -> Command[list[Member]]:
        """SPOP: take out so many random members."""
        return Command("SPOP", (self.key,), (count,), list, Effect.ONCE, immediate=True)

    def clear(self) -> Command[int]:
        """DEL: remove all members."""
        return keys.delete(self.key)

    def keep(self, members: Sequence[str]) -> Command[int]:
        """Remove all members but these, in a script; how many went."""
        return self._update("keep", members, Effect.IDEMPOTENT)

    def toggle(self, members: Sequence[str]) -> Command[int]:
        """Remove those of the members that are there and add the others, in a script; how many are added."""
        return self._update("toggle", members, Effect.ONCE)

    def replace(self, members: Sequence[str]) -> list[Command[Any]]:
        """DEL and SADD: make these the only members."""
        return [self.clear(), *([self.add(members, only="stored")] if members else [])]

    def take_in(self, path: str) -> Command[int]:
        """Bring the members here that are an array in the model's document, and remove that, in a script."""
        return Command(
            "EVALSHA", (self.key, self.main), (path,), int, Effect.IDEMPOTENT, script=_TAKE_IN, place=path
        )

    def _update(self, operation: str, members: Sequence[str], effect: Effect) -> Command[int]:
        args = (operation, *members)
        return Command("EVALSHA", (self.key, self.main), args, int, effect, script=_UPDATE)


@dataclass(frozen=True, slots=True)
class InlineSet:
    """A set inside a model's document: an array of strings, each the JSON text of an element.

    Attributes:
        key: The key of the document.
        path: The path of the array.
    """

    key: str
    path: str

    @property
    def operand(self) -> tuple[str, str]:
        """The key, and the path in the document there."""
        return self.key, self.path

    def members(self) -> Command[list[Member]]:
        """JSON.GET: all members."""
        return self._read("JSON.GET", (), _array)

    def page(self, cursor: int, count: int) -> Command[tuple[int, list[Member]]]:
        """JSON.GET: all members at once; there is no next page."""
        return self._read("JSON.GET", (), _only_page)

    def size(self) -> Command[int]:
        """JSON.ARRLEN: how many members there are."""
        return self._read("JSON.ARRLEN", (), first)

    def contains(self, member: str) -> Command[int]:
        """JSON.ARRINDEX: 1 if it is one, else 0."""
        return self._read("JSON.ARRINDEX", (dumps(member),), _found)

    def contains_many(self, members: Sequence[str]) -> Command[list[bool]]:
        """Tell for each whether it is one, in a script."""
        return self._run("contains", members, _flags, Effect.READ)

    def add(self, members: Sequence[str]) -> Command[int]:
        """Add members in a script; how many are new."""
        return self._run("add", members)

    def remove(self, members: Sequence[str]) -> Command[int]:
        """Remove members in a script; how many there were."""
        return self._run("remove", members)

    def pop(self, count: int) -> Command[list[Member]]:
        """Take out so many members in a script."""
        return self._run("pop", (str(count),), _popped, Effect.ONCE, immediate=True)

    def clear(self) -> Command[bool]:
        """JSON.SET: remove all members."""
        return json.set_value(self.key, self.path, b"[]")

    def keep(self, members: Sequence[str]) -> Command[int]:
        """Remove all members but these, in a script; how many went."""
        return self._run("keep", members)

    def toggle(self, members: Sequence[str]) -> Command[int]:
        """Remove those of the members that are there and add the others, in a script; how many are added."""
        return self._run("toggle", members, effect=Effect.ONCE)

    def _read(self, name: str, args: tuple[Arg, ...], decode: Callable[[Any], Any]) -> Command[Any]:
        args = (self.path, *args)
        return Command(name, (self.key,), args, decode, Effect.READ, place=self.path, must_exist=True)

    def _run(
        self,
        operation: str,
        members: Iterable[str],
        decode: Callable[[Any], Any] | None = None,
        effect: Effect = Effect.IDEMPOTENT,
        *,
        immediate: bool = False,
    ) -> Command[Any]:
        return Command(
            "EVALSHA",
            (self.key,),
            (self.path, operation, *members),
            decode or _count,
            effect,
            script=_INLINE,
            immediate=immediate,
            place=self.path,
            must_exist=True,
        )


SetPlace: TypeAlias = "CompanionSet | InlineSet"


def combine(operation: Operation, places: Sequence[SetPlace]) -> Command[list[Member]]:
    """Combine sets on the server: SUNION, SINTER or SDIFF, or a script where those cannot do it.

    Sets in several slots of a cluster are combined slot by slot, and the results here: each slot is as it was
    at one moment.

    Args:
        operation: "union", "intersection", "difference" (the first without the others) or "symmetric" (what
            is in an odd number of them, as with Python's `^`).
        places: The sets.
    """
    operands = [place.operand for place in places]
    found = tuple(key for key, _ in operands)
    paths = [path for _, path in operands]

    def some(at: Sequence[int]) -> Command[list[Member]]:
        # Of what is taken away from the first set, all in one slot is put together.
        there: Operation = "union" if operation == "difference" and 0 not in at else operation
        return combine(there, [places[position] for position in at])

    def join(parts: Parts) -> list[Member]:
        first, *others = (dict.fromkeys(reply) for _, reply in sorted(parts, key=_first_position))
        for other in others:
            first = _COMBINED[operation](first, other)
        return list(first)

    spread = Spread(some, join)
    if operation in _NATIVE and not any(paths):
        return Command(_NATIVE[operation], found, (), list, Effect.READ, spread=spread)
    return Command("EVALSHA", found, (operation, *paths), list, Effect.READ, script=_ALGEBRA, spread=spread)


_Members: TypeAlias = "dict[Member, None]"

_COMBINED: dict[Operation, Callable[[_Members, _Members], _Members]] = {
    "union": lambda one, other: one | other,
    "intersection": lambda one, other: {member: None for member in one if member in other},
    "difference": lambda one, other: {member: None for member in one if member not in other},
    "symmetric": lambda one, other: dict.fromkeys(one.keys() ^ other.keys()),
}
"""How what sets in one slot give is combined with what those in the next one give."""


def _first_position(part: tuple[Sequence[int], Any]) -> int:
    return part[0][0]


def _scanned(reply: Any) -> tuple[int, list[Member]]:
    return int(reply[0]), list(reply[1])


def _all_flags(reply: Any) -> list[bool]:
    return [bool(flag) for flag in reply]


def _flags(reply: Any) -> list[bool] | None:
    return None if reply is None else _all_flags(reply)


def _array(reply: Any) -> list[Member] | None:
    matches = from_json(reply) if reply is not None else []
    return [_member(element) for element in matches[0]] if matches else None


def _only_page(reply: Any) -> tuple[int, list[Member]] | None:
    members = _array(reply)
    return None if members is None else (0, members)


def _found(reply: Any) -> int | None:
    position = first(reply)
    return None if position is None else int(position >= 0)


def _count(reply: Any) -> int | None:
    return None if reply is None else int(reply)


def _popped(reply: Any) -> list[Member] | None:
    return None if reply is None else [_member(from_json(element)) for element in reply]


def _member(element: Any) -> Member:
    # What is no string is no member; its JSON text will not be taken for one either.
    return element if isinstance(element, str) else repr(element)
