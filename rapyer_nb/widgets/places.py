"""Where a field of the form is kept in Redis: what reads it, and what writes it.

What a place gives for a field is always a text as JSON.GET of a `$` path gives it, an array of the matches.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from json import loads
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic_core import from_json, to_json

from rapyer.commands import json as json_commands
from rapyer.commands.queues_fifo import queue_at
from rapyer.commands.sets import CompanionSet
from rapyer.types import zones

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from rapyer.codec.paths import JsonPath
    from rapyer.commands.command import Command
    from rapyer.commands.queues import Queue
    from rapyer_nb.widgets.phases import Write

    Send = Callable[..., Awaitable[list[Any]]]
    """Sends commands as one atomic step, and returns their decoded replies."""

# How many values of a queue are shown.
_SHOWN = 3


class Place(Protocol):
    """Where a field is."""

    @property
    def beside(self) -> str | None:
        """The key beside the document that it is under, if it is."""

    def reads(self) -> Sequence[Command[Any]]:
        """Return the commands that read it; the first asks the document."""

    def raw(self, replies: Sequence[Any]) -> bytes | None:
        """Return what the replies say is there; None where there is no document."""

    async def write(self, send: Send, write: Write) -> json_commands.SetIfResult:
        """Write to it."""


@dataclass(frozen=True)
class DocumentPlace:
    """A path in the document: it is written if what is there is still what the form showed.

    With an indexed time its zone is read and written, as a pair.

    Attributes:
        key: The document.
        path: The path.
        zoned: The path of the object with such a time, and its name there.
    """

    key: str
    path: JsonPath
    zoned: tuple[JsonPath, str] | None = None
    beside: ClassVar[None] = None

    def reads(self) -> Sequence[Command[Any]]:
        """JSON.GET."""
        path = self.path if self.zoned is None else zones.path_with_zone(*self.zoned)
        return (json_commands.get(self.key, path),)

    def raw(self, replies: Sequence[Any]) -> bytes | None:
        """Return the reply."""
        raw: bytes | None = replies[0]
        return raw if self.zoned is None else zones.joined(raw)

    async def write(self, send: Send, write: Write) -> json_commands.SetIfResult:
        """JSON.GET and JSON.SET in a script; JSON.SET or JSON.DEL of a zone where that changes."""
        if self.zoned is None:
            return await self._write(send, write.expected, write.value)
        before, zone_before = zones.parted(write.expected[1:-1])
        value, zone = zones.parted(write.value)
        result = await self._write(send, b"[" + before + b"]", value)
        if result.status == "changed":
            return replace(result, current=self.raw(await send(*self.reads())))
        if result.status == "written" and zone != zone_before:
            await send(zones.write_note(self.key, *self.zoned, zone))
        return result

    async def _write(self, send: Send, expected: bytes, value: bytes) -> json_commands.SetIfResult:
        command = json_commands.set_if(self.key, self.path, expected, value)
        result: json_commands.SetIfResult = (await send(command))[0]
        return result


@dataclass(frozen=True)
class SetPlace:
    """A set under a key of its own: what the user added and removed is sent, so nobody's change is lost."""

    key: str
    path: JsonPath
    beside: str

    def reads(self) -> Sequence[Command[Any]]:
        """JSON.GET, for sets that others left in the document, and SMEMBERS."""
        return json_commands.get(self.key, self.path), self._set.members()

    def raw(self, replies: Sequence[Any]) -> bytes | None:
        """Return all members as the array of texts that a set is in a document."""
        document, members = replies
        if document is None:
            return None
        found = {text for match in from_json(document) for text in match or ()}
        found |= {
            member.decode(errors="replace") if isinstance(member, bytes) else member for member in members
        }
        return to_json([sorted(found)])

    async def write(self, send: Send, write: Write) -> json_commands.SetIfResult:
        """SADD and SREM of what differs from what the form showed."""
        seen = set(from_json(write.expected)[0])
        wanted = set(from_json(write.value))
        commands: list[Command[Any]] = [self._set.take_in(self.path)]
        if new := sorted(wanted - seen):
            commands.append(self._set.add(new, only="stored"))
        if gone := sorted(seen - wanted):
            commands.append(self._set.remove(gone))
        await send(*commands)
        return json_commands.SetIfResult("written")

    @property
    def _set(self) -> CompanionSet:
        return CompanionSet(self.beside, self.key)


@dataclass(frozen=True)
class QueuePlace:
    """A queue, of which the form tells how long it is and what comes next."""

    key: str
    path: JsonPath
    beside: str
    fifo: bool

    def reads(self) -> Sequence[Command[Any]]:
        """JSON.GET, to see whether the model is stored, ZCARD and ZRANGE."""
        queue = self._queue
        return json_commands.get(self.key, self.path), queue.size(), queue.page(0, _SHOWN)

    def raw(self, replies: Sequence[Any]) -> bytes | None:
        """Return words for what is in the queue."""
        document, size, entries = replies
        if document is None:
            return None
        shown = ", ".join(f"{_value(member)} ({self._queue.priority(score):g})" for member, score in entries)
        more = ", …" if size > len(entries) else ""
        return to_json([f"{size:,}: {shown}{more}" if size else "empty"])

    async def write(self, send: Send, write: Write) -> json_commands.SetIfResult:
        """Do nothing: the form does not edit queues."""
        return json_commands.SetIfResult("written")

    @property
    def _queue(self) -> Queue:
        return queue_at(self.beside, self.key, fifo=self.fifo)


def _value(member: bytes | str) -> str:
    text = member.decode(errors="replace") if isinstance(member, bytes) else member
    try:
        return repr(loads(text))
    except ValueError:  # it is no JSON; the form shows what is there
        return text
