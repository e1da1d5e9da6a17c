"""What documents held when they were last read, and how two such states of one differ."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from rapyer.commands.content import DOCUMENT, NOTHING, QUEUE, SET, capture
from rapyer.commands.queues_fifo import queue_at
from rapyer.model.companions import keys_under
from rapyer.model.load import from_document, from_replies, reading_of
from rapyer.session.executor import transact
from rapyer.types import RedisPriorityQueue, zones
from rapyer.types.base import native_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rapyer.base import AtomicRedisModel
    from rapyer.commands.content import Content
    from rapyer.model.companions import Companion
    from rapyer.session.clients import ClientSource
    from rapyer.watching.subject import Names


@dataclass(frozen=True)
class Held:
    """What one document held, with what lives beside it.

    Attributes:
        model: Its class.
        key: Its key.
        digests: What tells whether it holds the same still.
        ends: When its time to live is over, as the event loop's `time()`; None for never.
        contents: What is under its keys, the document first; None where that was not kept.
    """

    model: type[AtomicRedisModel]
    key: str
    digests: tuple[str, ...]
    ends: float | None
    contents: tuple[Content, ...] | None

    @property
    def companions(self) -> tuple[Companion, ...]:
        """The fields of the class that live under keys of their own."""
        found: tuple[Companion, ...] = self.model.__rapyer_spec__.companions
        return found

    @property
    def kind(self) -> str:
        """What type the document's key has."""
        return NOTHING if self.contents is None else self.contents[0].kind

    def instance(self) -> AtomicRedisModel:
        """Return a new instance of it.

        Raises:
            RapyerError: What is stored does not fit the class.
        """
        document, *beside = self.contents or ()
        text = document.values if isinstance(document.values, bytes) else b"null"
        reading = reading_of(self.model)
        if reading is None:
            return from_document(self.model, self.key, text)
        replies = [
            _reply(one, content)
            for one, content in zip(self.companions, beside, strict=True)
            if one.kind._rapyer_read_companion(one.key(self.key), optional=one.optional) is not None
        ]
        return from_replies(self.model, self.key, text, replies, reading)

    def without_contents(self) -> Held:
        """Return the same, without what only tells what was there before."""
        return Held(self.model, self.key, self.digests, self.ends, None)


async def read(source: ClientSource, model: type[AtomicRedisModel], keys: Sequence[str]) -> dict[str, Held]:
    """Read documents with what lives beside them, each in one step; missing ones are left out.

    Sends a script for each (JSON.GET, SMEMBERS, ZRANGE, PTTL), all in one transaction; no time to live
    begins anew, and an open pipeline is left alone.

    Args:
        source: Where they are.
        model: Their class.
        keys: Their keys.
    """
    before = asyncio.get_running_loop().time()
    replies = await transact(source, [capture(keys_under(model.__rapyer_spec__, key)) for key in keys])
    found: dict[str, Held] = {}
    for key, contents in zip(keys, replies, strict=True):
        document = contents[0]
        if document.kind != NOTHING:
            ends = None if document.left is None else before + document.left / 1000
            found[key] = Held(model, key, tuple(one.digest for one in contents), ends, tuple(contents))
    return found


def differences(
    before: Held, after: Held, instance: AtomicRedisModel, names: Sequence[Names]
) -> Mapping[str, tuple[Any, Any]]:
    """Return which fields differ, each with its value before and after.

    Args:
        before: What was held; with its contents.
        after: What is held now.
        instance: An instance of that.
        names: The fields that are looked at; none for all.
    """
    ways = names or tuple(
        (spec.name,) for spec in before.model.__rapyer_spec__.fields.values() if spec.stored
    )
    documents = (_document(before), _document(after))
    different = [way for way in ways if _differs(way, before, after, documents)]
    if not different:
        return MappingProxyType({})
    try:
        earlier: Any = before.instance()
    except Exception:  # it could not be read; what is there now can be
        earlier = None
    return MappingProxyType(
        {".".join(way): (_value(before, earlier, way), _value(after, instance, way)) for way in different}
    )


def _differs(way: Names, before: Held, after: Held, documents: tuple[Any, Any]) -> bool:
    old, new = (_stored(document, way) for document in documents)
    if old != new:
        return True
    return any(
        one.below(way) and _content_differs(old_content, new_content)
        for one, old_content, new_content in zip(
            before.companions, (before.contents or ())[1:], (after.contents or ())[1:], strict=True
        )
    )


def _content_differs(old: Content, new: Content) -> bool:
    if old.digest == new.digest:
        return False
    # The members of a large set come in any order.
    return old.values != new.values


def _document(held: Held) -> Any:
    values = held.contents[0].values if held.contents else None
    return from_json(values) if isinstance(values, bytes) else None


def _stored(document: Any, way: Names) -> tuple[bytes, ...]:
    """Return the text of a part of a document, with what stands beside a time; none if it is missing."""
    *path, last = way
    for name in path:
        document = document.get(name) if isinstance(document, dict) else None
    if not isinstance(document, dict):
        return ()
    # As text, because in Python True equals 1.
    return tuple(to_json(document[name]) for name in (last, last + zones.BESIDE) if name in document)


def _value(held: Held, instance: Any, way: Names) -> Any:
    value = instance
    for name in way:
        value = None if value is None else getattr(value, name, None)
    if isinstance(value, RedisPriorityQueue):
        return _entries(held, way)
    return native_of(value)


def _entries(held: Held, way: Names) -> list[tuple[Any, float]]:
    for one, content in zip(held.companions, (held.contents or ())[1:], strict=True):
        if one.path == way:
            return list(_pairs(held, one, content))
    return []


def _pairs(held: Held, one: Companion, content: Content) -> Iterator[tuple[Any, float]]:
    if content.kind != QUEUE or not isinstance(content.values, tuple):
        return
    queue = queue_at(one.key(held.key), held.key, fifo=one.shape.fifo)
    members: Any = content.values
    values = one.elements.load_readable((member for member, _ in members), held.key)
    for value, (_, score) in zip(values, members, strict=False):
        yield value, queue.priority(float(score))


def _reply(one: Companion, content: Content) -> Any:
    """Return what the command that reads a companion would have given."""
    if issubclass(one.kind, RedisPriorityQueue):
        return content.kind != NOTHING
    return list(content.values) if content.kind == SET and isinstance(content.values, tuple) else []


def is_document(held: Held) -> bool:
    """Tell whether what was read is a document, and not what a lock or somebody else has left."""
    return held.kind == DOCUMENT
