"""Collections under keys of their own, beside the document: sets and priority queues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from rapyer.commands import json
from rapyer.commands.paging import set_part
from rapyer.commands.queues_fifo import queue_at
from rapyer.commands.sets import CompanionSet
from rapyer_nb.widgets.collections.page import SHOWN, Begin, Entry, Page
from rapyer_nb.widgets.collections.places import REASONS, Done

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.codec.paths import JsonPath
    from rapyer.commands.command import Command
    from rapyer.commands.queues import Queue
    from rapyer_nb.widgets.places import Send


@dataclass(frozen=True)
class MembersPlace:
    """A set under a key of its own.

    Attributes:
        key: The document.
        path: The path in it where others may have left the set.
        beside: The key of the set.
    """

    key: str
    path: JsonPath
    beside: str

    def reads(self, begin: Begin) -> Sequence[Command[Any]]:
        """JSON.GET, for what others have left in the document, and SCARD and SSCAN in a script."""
        return json.get(self.key, self.path), set_part(self.beside, begin.cursor, SHOWN)

    def page(self, replies: Sequence[Any], begin: Begin) -> Page | None:
        """Return the page; what is left in the document stands on the first one."""
        document, part = replies
        if document is None:
            return None
        members = [_text(member) for member in part.members]
        left = [text for match in from_json(document) for text in match or () if isinstance(text, str)]
        members += [text for text in left if text not in members] if begin.start == 0 else []
        total = max(part.total, len(members)) if begin.start == 0 else part.total
        following = part.following and Begin(begin.start + len(members), part.following)
        entries = tuple(Entry(member, member.encode()) for member in members)
        return Page(begin, total, entries, following=following)

    async def add(self, send: Send, text: bytes) -> Done:
        """SADD, if the model is stored."""
        member = text.decode()
        replies = await send(self._set.take_in(self.path), self._set.add([member], only="stored"))
        if not replies[-1]:
            return Done("exists")

        async def undo(send: Send) -> str | None:
            return None if (await send(self._set.remove([member])))[0] else REASONS["changed"]

        return Done("written", undo)

    async def remove(self, send: Send, entry: Entry) -> Done:
        """SREM."""
        member = entry.name
        replies = await send(self._set.take_in(self.path), self._set.remove([member]))
        if not replies[-1]:
            return Done("changed")

        async def undo(send: Send) -> str | None:
            replies = await send(self._set.add([member], only="stored"))
            return None if replies[0] else REASONS["changed"]

        return Done("written", undo)

    @property
    def _set(self) -> CompanionSet:
        return CompanionSet(self.beside, self.key)


@dataclass(frozen=True)
class EntriesPlace:
    """A priority queue.

    Attributes:
        key: The document.
        path: The path in it where the field is.
        beside: The key of the queue.
        fifo: Whether values of the same priority come in the order of their arrival.
    """

    key: str
    path: JsonPath
    beside: str
    fifo: bool

    def reads(self, begin: Begin) -> Sequence[Command[Any]]:
        """JSON.GET, to see whether the model is stored, ZCARD and ZRANGE."""
        queue = self.queue
        return json.get(self.key, self.path), queue.size(), queue.page(begin.start, SHOWN)

    def page(self, replies: Sequence[Any], begin: Begin) -> Page | None:
        """Return the page, the lowest priorities first."""
        document, total, found = replies
        if document is None:
            return None
        entries = tuple(Entry(_text(member), _text(member).encode(), score) for member, score in found)
        end = begin.start + len(entries)
        return Page(begin, total, entries, following=Begin(end) if end < total else None)

    async def push(self, send: Send, text: bytes, priority: float) -> Done:
        """ZADD NX: push a value that is not there.

        Raises:
            NumberDomainError: The queue has no place for the priority.
        """
        member, place = text.decode(), self.queue
        checked = place.check_priority(priority, self.path[2:])
        if not (await send(place.push([(member, checked)], "new")))[0]:
            return Done("exists")

        async def undo(send: Send) -> str | None:
            return None if (await send(place.remove(member)))[0] else REASONS["changed"]

        return Done("written", undo)

    async def move(self, send: Send, entry: Entry, priority: float) -> Done:
        """ZADD in a script, and ZSCORE: give a value another priority, if it still has the one that was seen.

        Raises:
            NumberDomainError: The queue has no place for the priority.
        """
        place, score = self.queue, entry.score or 0.0
        checked = place.check_priority(priority, self.path[2:])
        moved, now = await send(place.move((entry.name, score), checked), place.score(entry.name))
        if not moved:
            return Done("changed")

        async def undo(send: Send) -> str | None:
            # As any queue does it: the score that is given back says who came first, too.
            back = queue_at(self.beside, self.key, fifo=False).move((entry.name, now), score)
            return None if (await send(back))[0] else REASONS["changed"]

        return Done("written", undo)

    async def remove(self, send: Send, entry: Entry) -> Done:
        """ZREM in a script, if it still has the priority that was seen."""
        return self._taken(await send(self.queue.claim([(entry.name, entry.score or 0.0)], 1)))

    async def pop(self, send: Send, *, highest: bool) -> tuple[Done, Entry | None]:
        """ZPOPMIN or ZPOPMAX; what it took."""
        replies = await send(self.queue.pop(1, highest=highest))
        if not replies[0]:
            return Done("changed"), None
        member, score = replies[0][0]
        return self._taken(replies), Entry(_text(member), _text(member).encode(), score)

    def _taken(self, replies: Sequence[Any]) -> Done:
        if not replies[0]:
            return Done("changed")

        async def undo(send: Send) -> str | None:
            return None if (await send(self.queue.put_back(replies[0])))[0] else REASONS["changed"]

        return Done("written", undo)

    @property
    def queue(self) -> Queue:
        """Its commands."""
        return queue_at(self.beside, self.key, fifo=self.fifo)


def _text(member: bytes | str) -> str:
    return member.decode(errors="replace") if isinstance(member, bytes) else member
