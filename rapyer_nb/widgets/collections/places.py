"""Where a collection is kept in Redis: what reads a page of it, and what changes it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias

from pydantic_core import to_json

from rapyer.codec.paths import addressable
from rapyer.codec.replies import first
from rapyer.commands import json
from rapyer.commands.command import Command, Effect
from rapyer.commands.guarded import run_if
from rapyer.commands.paging import json_part
from rapyer_nb.widgets.collections.page import SHOWN, Begin, Entry, Page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from rapyer.codec.paths import JsonPath
    from rapyer.commands.guarded import Guard, RunIfResult
    from rapyer_nb.widgets.collections.spot import Spot
    from rapyer_nb.widgets.places import Send

    Undo = Callable[[Send], Awaitable[str | None]]

Status: TypeAlias = Literal["written", "changed", "gone", "exists"]

REASONS: dict[str, str] = {
    "changed": "somebody has changed it since",
    "exists": "somebody has changed it since",
    "gone": "the document was deleted",
}


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a change.

    Attributes:
        status: "written", "changed" (it is not what was seen any more), "exists" or "gone" (no document).
        undo: Takes it back, and returns why it could not, or None.
        entry: The text of the entry that the collection is in then.
    """

    status: Status
    undo: Undo | None = None
    entry: bytes | None = None


class CollectionPlace(Protocol):
    """Where a collection is."""

    @property
    def beside(self) -> str | None:
        """The key beside the document that it is under, if it is."""

    def reads(self, begin: Begin) -> Sequence[Command[Any]]:
        """Return the commands that read a page."""

    def page(self, replies: Sequence[Any], begin: Begin) -> Page | None:
        """Return the page that the replies tell; None where there is no document."""

    async def remove(self, send: Send, entry: Entry) -> Done:
        """Remove an entry, if it is still what was seen."""


@dataclass(frozen=True)
class JsonPlace:
    """A list or dict in a document, or in an entry of another one.

    Attributes:
        spot: Its place.
    """

    spot: Spot
    beside: ClassVar[None] = None

    def reads(self, begin: Begin) -> Sequence[Command[Any]]:
        """JSON.ARRLEN and JSON.GET of a slice, or JSON.OBJKEYS and JSON.GET of some values, in a script."""
        return (json_part(self.spot.key, self.spot.path, begin.start, SHOWN),)

    async def create(self, send: Send) -> Done:
        """JSON.SET in a script: put an empty collection in place of null."""
        return await self._set(send, b"null", b"[]" if isinstance(self, ListPlace) else b"{}")

    async def drop(self, send: Send, text: bytes) -> Done:
        """JSON.SET in a script: put null in place of what was seen."""
        return await self._set(send, text, b"null")

    async def _set(self, send: Send, seen: bytes, text: bytes) -> Done:
        path = self.spot.path
        set_back, commands = [self._writes(path, seen)], [self._writes(path, text)]
        return await self._change(
            send, [(path, b"[" + seen + b"]")], commands, path, lambda _: (path, set_back)
        )

    def _writes(self, path: JsonPath, text: bytes) -> Command[Any]:
        return json.set_value(self.spot.key, path, text)

    def _deletes(self, path: JsonPath) -> Command[Any]:
        return json.delete(self.spot.key, path)

    async def _change(
        self,
        send: Send,
        guards: Sequence[Guard],
        commands: Sequence[Command[Any]],
        tell: JsonPath,
        back: Callable[[Any], tuple[JsonPath, Sequence[Command[Any]]]],
    ) -> Done:
        """Send a guarded change.

        Args:
            send: Sends it.
            guards: What is to be as it was seen.
            commands: The change.
            tell: The path by which the change is known again.
            back: Of the last reply, that path then, and the commands that take the change back.
        """
        result: RunIfResult = (await send(self.spot.run(guards, commands, tell)))[0]
        if result.status != "written":
            return Done(result.status)
        where, undoing = back(result.reply)
        guard = (where if self.spot.entry is None else self.spot.entry[0], result.current or b"[]")

        async def undo(send: Send) -> str | None:
            undone: RunIfResult = (await send(run_if(self.spot.key, [guard], undoing)))[0]
            return REASONS.get(undone.status)

        return Done("written", undo, None if self.spot.entry is None else result.current)


@dataclass(frozen=True)
class ListPlace(JsonPlace):
    """A list."""

    def page(self, replies: Sequence[Any], begin: Begin) -> Page | None:
        """Return the page."""
        part = replies[0]
        if part is None:
            return None
        if part.kind != "array":
            return Page(begin, 0, state=_state(part.kind))
        return self._page(begin, part.total, [raw[1:-1] for raw in part.elements])

    def local(self, value: Any, begin: Begin) -> Page:
        """Return a page of a list that is known wholly; a value that is no list shows as such."""
        if not isinstance(value, list):
            return Page(begin, 0, state="null" if value is None else "odd")
        shown = value[begin.start : begin.start + SHOWN]
        return self._page(begin, len(value), [to_json(item) for item in shown])

    def _page(self, begin: Begin, total: int, texts: Sequence[bytes]) -> Page:
        entries = tuple(Entry(begin.start + at, text) for at, text in enumerate(texts))
        end = begin.start + len(entries)
        return Page(begin, total, entries, following=Begin(end) if end < total else None)

    async def append(self, send: Send, text: bytes) -> Done:
        """JSON.ARRAPPEND, in a script that tells how the server spells it."""
        path = self.spot.path

        def back(reply: Any) -> tuple[JsonPath, Sequence[Command[Any]]]:
            at = path.item(int(first(reply)) - 1)
            return at, [self._deletes(at)]

        return await self._change(send, (), [json.append(self.spot.key, path, [text])], path.item(-1), back)

    async def insert(self, send: Send, entry: Entry, text: bytes) -> Done:
        """JSON.ARRINSERT before an entry, in a script, if that is still what was seen."""
        at = self.spot.path.item(entry.name)
        return await self._change(
            send,
            [(at, entry.raw)],
            [self._inserts(entry.name, text)],
            at,
            lambda _: (at, [self._deletes(at)]),
        )

    async def remove(self, send: Send, entry: Entry) -> Done:
        """JSON.DEL of an entry in a script, if it is still what was seen."""
        at, text = self.spot.path.item(entry.name), entry.text or b"null"
        return await self._change(
            send,
            [(at, entry.raw)],
            [self._deletes(at)],
            at,
            lambda _: (at, [self._inserts(entry.name, text)]),
        )

    async def move(self, send: Send, entry: Entry, position: int) -> Done:
        """JSON.ARRINSERT and JSON.DEL in a script: move an entry, if it is still what was seen."""
        there = self.spot.path.item(position)
        return await self._change(
            send,
            [(self.spot.path.item(entry.name), entry.raw)],
            self._moves(entry.name, position, entry.text or b"null"),
            there,
            lambda _: (there, self._moves(position, entry.name, entry.text or b"null")),
        )

    def _moves(self, position: int, to: int, text: bytes) -> list[Command[Any]]:
        # What may be refused, for the list has become shorter, comes before anything is done.
        before, left = (to + 1, position) if to > position else (to, position + 1)
        return [self._inserts(before, text), self._deletes(self.spot.path.item(left))]

    def _inserts(self, position: int, text: bytes) -> Command[Any]:
        # In the same step as the guard, so the position is there; elsewhere `json.insert` has to look.
        args = (self.spot.path, position, text)
        return Command("JSON.ARRINSERT", (self.spot.key,), args, effect=Effect.ONCE)


@dataclass(frozen=True)
class DictPlace(JsonPlace):
    """A dict."""

    def page(self, replies: Sequence[Any], begin: Begin) -> Page | None:
        """Return the page."""
        part = replies[0]
        if part is None:
            return None
        if part.kind != "object":
            return Page(begin, 0, state=_state(part.kind))
        return self._page(begin, part.total, [(name, raw and raw[1:-1]) for name, raw in part.members])

    def local(self, value: Any, begin: Begin) -> Page:
        """Return a page of a dict that is known wholly; a value that is no dict shows as such."""
        if not isinstance(value, dict):
            return Page(begin, 0, state="null" if value is None else "odd")
        pairs = list(value.items())[begin.start : begin.start + SHOWN]
        return self._page(
            begin, len(value), [(name, to_json(item) if addressable(name) else None) for name, item in pairs]
        )

    def _page(self, begin: Begin, total: int, pairs: Sequence[tuple[str, bytes | None]]) -> Page:
        end = begin.start + len(pairs)
        following = Begin(end) if end < total else None
        return Page(begin, total, tuple(Entry(name, text) for name, text in pairs), following=following)

    async def add(self, send: Send, name: str, text: bytes) -> Done:
        """JSON.SET of a key in a script, if it is not there.

        Raises:
            ValueError: No path can name the key.
        """
        at = self._path_of(name)
        done = await self._change(
            send, [(at, b"[]")], [self._writes(at, text)], at, lambda _: (at, [self._deletes(at)])
        )
        return replace(done, status="exists") if done.status == "changed" else done

    async def remove(self, send: Send, entry: Entry) -> Done:
        """JSON.DEL of a key in a script, if its value is still what was seen."""
        at, text = self._path_of(entry.name), entry.text or b"null"
        return await self._change(
            send, [(at, entry.raw)], [self._deletes(at)], at, lambda _: (at, [self._writes(at, text)])
        )

    async def rename(self, send: Send, entry: Entry, name: str) -> Done:
        """JSON.SET and JSON.DEL in a script, if the value is still what was seen and the new key is free.

        Raises:
            ValueError: No path can name the key.
        """
        at, there, text = self._path_of(entry.name), self._path_of(name), entry.text or b"null"
        return await self._change(
            send,
            [(at, entry.raw), (there, b"[]")],
            [self._writes(there, text), self._deletes(at)],
            there,
            lambda _: (there, [self._writes(at, text), self._deletes(there)]),
        )

    def _path_of(self, name: str) -> JsonPath:
        if not addressable(name):
            raise ValueError("no path can name this key; use a cell for it")
        return self.spot.path.child(name)


def _state(kind: str) -> Literal["null", "missing", "odd"]:
    return "null" if kind == "null" else ("odd" if kind else "missing")
