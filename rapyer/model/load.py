"""Loading: stored JSON text in, instances out."""

from __future__ import annotations

import logging
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json

from rapyer.codec import adapters
from rapyer.codec.context import STORED
from rapyer.commands import json
from rapyer.errors import (
    CantSerializeRedisValueError,
    CorruptedModelError,
    KeyNotFound,
    ModelError,
    UnsupportedArgumentValueError,
    WrongTypeError,
)
from rapyer.model.beside import part_of
from rapyer.model.expiry import renewal_of
from rapyer.model.identity import settle
from rapyer.model.keys import primary_key_of
from rapyer.model.portions import chunks_of as chunks_of
from rapyer.model.portions import longer_prefixes as longer_prefixes
from rapyer.model.portions import overlapped, scanned
from rapyer.model.reading import Reading
from rapyer.model.remembered import remember
from rapyer.session.executor import perform, read_each
from rapyer.types.unread import report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rapyer.commands.command import Command
    from rapyer.model.portions import Portions
    from rapyer.model.state import StoredModel
    from rapyer.session.clients import ClientSource

OnCorrupt: TypeAlias = Literal["raise", "skip"]
M = TypeVar("M", bound="StoredModel")

UNREADABLE = (CorruptedModelError, CantSerializeRedisValueError, WrongTypeError)
"""What is wrong with a document that a find leaves out."""

logger = logging.getLogger("rapyer")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a read of many documents gave.

    Attributes:
        models: The instances, in the order of the keys.
        missing: Keys under which no JSON document is stored (any more).
        corrupt: What is wrong with the documents that do not fit the class; each error has its key.
    """

    models: list[Any]
    missing: tuple[str, ...]
    corrupt: tuple[ModelError, ...]

    @property
    def skipped(self) -> tuple[str, ...]:
        """The keys that were left out."""
        return (*self.missing, *(str(error.key) for error in self.corrupt))

    def extended(
        self, keys_read: Iterable[str], rows: Iterable[Any], read: Callable[[str, Any], Any]
    ) -> Loaded:
        """Return this with what more rows hold.

        Args:
            keys_read: The keys that were read.
            rows: What was read of each (`rows_of`).
            read: Makes an instance of a row (`reader_of`).
        """
        missing: list[str] = []
        corrupt: list[ModelError] = []
        for key, row in zip(keys_read, rows, strict=True):
            if row is None:
                missing.append(key)
                continue
            try:
                self.models.append(read(key, row))
            except UNREADABLE as error:
                corrupt.append(error)
        return Loaded(self.models, (*self.missing, *missing), (*self.corrupt, *corrupt))


def from_document(cls: type[M], key: str, document: bytes) -> M:
    """Return the instance that a stored document holds.

    Raises:
        CorruptedModelError: The document does not fit the class, or names another primary key.
        CantSerializeRedisValueError: A value in it cannot be decoded.
    """
    model = _parsed(cls, key, document)
    pk = primary_key_of(cls, key)
    field = cls.__rapyer_spec__.key_field
    if field is not None and str(model.__dict__[field]) != pk:
        model.__dict__[field] = _named_in_key(cls, field, model.__dict__[field], key)
    settle(model, pk)
    if cls.Meta.remember_loaded:
        remember(model, document)
    return model


def _named_in_key(cls: type[M], field: str, loaded: Any, key: str) -> Any:
    """Return the value of the key field as the key has it: a time stored as seconds has lost its zone."""
    plan, pk = cls.__rapyer_spec__.fields[field], primary_key_of(cls, key)
    try:
        value = plan.shape.validate(pk)
    except ValidationError:
        value = loaded
    if str(value) != pk or plan.dump_stored(value) != plan.dump_stored(loaded):
        raise CorruptedModelError(
            f"the document stored under {key} says that its {field} is {loaded!r}",
            key=key,
            field=field,
            model=cls.__name__,
            hint=f"rename the key, or set {field} to {pk!r}",
        )
    return value


def reader_of(cls: type[M], reading: Reading | None) -> Callable[[str, Any], M]:
    """Return what makes instances of what `rows_of` gives, with what is the same for all found once."""
    if reading is not None:
        return lambda key, replies: from_replies(cls, key, replies[0], replies[1:], reading)
    if cls.__rapyer_spec__.key_field is not None:
        return partial(from_document, cls)
    validate, start = cls.__pydantic_validator__.validate_json, len(cls.class_key_initials()) + 1
    remembers = cls.Meta.remember_loaded

    def read(key: str, document: bytes) -> M:
        try:
            model: M = validate(document, context=STORED, by_alias=False, by_name=True)
        except ValidationError:
            return from_document(cls, key, document)  # which says what is wrong
        settle(model, key[start:])
        if remembers:
            remember(model, document)
        return model

    return read


def _parsed(cls: type[M], where: str, document: bytes) -> M:
    try:
        model: M = cls.__pydantic_validator__.validate_json(
            document, context=STORED, by_alias=False, by_name=True
        )
    except ValidationError:
        model, context = adapters.load_tolerantly(
            cls.__pydantic_validator__, document, where, key=where, model=cls.__name__
        )
        report(where, context)
        model._rapyer_attach(from_json(document), context)
    return model


def reading_of(cls: type[StoredModel]) -> Reading | None:
    """Return how what lives beside the documents of a class is read; None where nothing does."""
    companions = cls.__rapyer_spec__.companions
    return Reading(companions) if companions else None


def from_replies(cls: type[M], key: str, document: bytes, replies: Sequence[Any], reading: Reading) -> M:
    """Return the instance that a document and what was read beside it hold; raises as `from_document`.

    Raises:
        WrongTypeError: A companion's key holds another Redis type.
    """
    text, inline = reading.complete(key, document, replies)
    model = from_document(cls, key, text)
    reading.note(model, key, inline)
    if cls.Meta.remember_loaded:
        remember(model, document)
    return model


async def load_one(cls: type[M], source: ClientSource, key: str) -> M:
    """Return the instance stored under a key (JSON.GET, in a transaction with SMEMBERS for each set beside).

    Raises:
        KeyNotFound: Nothing is stored there.
        CorruptedModelError: The document, or a member of a set, does not fit the class.
        WrongTypeError: A key holds another Redis type.
    """
    reading = reading_of(cls)
    if reading is not None:
        commands = (json.get_document(key), *reading.commands(key))
        document, *replies = await read_each(source, commands, renewal=renewal_of(cls, (key,)))
        if isinstance(document, Exception):
            raise document
        if document is not None:
            return from_replies(cls, key, document, replies, reading)
        raise KeyNotFound(f"no {cls.__name__} is stored under {key}", key=key, model=cls.__name__)
    document = (await perform(source, json.get_document(key), renewal=renewal_of(cls, (key,))))[0]
    if document is None:
        raise KeyNotFound(f"no {cls.__name__} is stored under {key}", key=key, model=cls.__name__)
    return from_document(cls, key, document)


async def load_inner(inner: M, source: ClientSource) -> M:
    """Return a fresh instance of an inner model, read from its path (JSON.GET).

    Raises:
        KeyNotFound: The document or the path does not exist.
        CorruptedModelError: What is stored there does not fit the class.
    """
    key, path = inner._rapyer_key(), inner._rapyer_path()
    part = part_of(inner)
    reading = Reading(part.companions, part.start)
    commands = (json.get(key, path), *reading.commands(key))
    text, *replies = await read_each(source, commands, renewal=inner._rapyer_root()._rapyer_renewal())
    if isinstance(text, Exception):
        raise text
    if text is None or text == b"[]":
        raise KeyNotFound(f"nothing is stored under {key} at {path}", key=key, field=inner.field_path)
    document, inline = reading.complete(key, text[1:-1], replies)
    fresh = _parsed(type(inner), f"{key} {path}", document)
    reading.note(fresh, key, inline)
    return fresh


async def load_many(cls: type[M], source: ClientSource, wanted: Sequence[str]) -> Loaded:
    """Read many documents, a JSON.MGET for each chunk, the next one on its way while one is parsed."""
    return await _load(cls, source, chunks_of(wanted), len(wanted))


async def load_all(cls: type[M], source: ClientSource, limit: int | None = None) -> Loaded:
    """Read all stored documents of a class, or the first so many that SCAN meets (SCAN, JSON.MGET).

    The next keys are looked for while documents are on their way, and while others are parsed.
    """
    return await _load(cls, source, scanned(cls, source, limit))


async def _load(cls: type[M], source: ClientSource, portions: Portions, total: int | None = None) -> Loaded:
    reading = reading_of(cls)
    read = reader_of(cls, reading)
    loaded = Loaded([], (), ())
    async with aclosing(overlapped(portions, lambda keys: _read(cls, source, keys, reading), total)) as found:
        async for keys_read, rows in found:
            loaded = loaded.extended(keys_read, rows, read)
    return loaded


def report_skipped(name: str, loaded: Loaded, on_corrupt: OnCorrupt = "skip") -> None:
    """Say what a find left out: log it once, or raise the first error.

    Args:
        name: What was called, such as `User.afind`.
        loaded: What it gave.
        on_corrupt: "skip" to log what does not fit the class, "raise" to raise it.
    """
    if on_corrupt == "raise" and loaded.corrupt:
        raise loaded.corrupt[0]
    left_out = [*(str(error.key) for error in loaded.corrupt), *loaded.missing]
    if left_out:
        shown = ", ".join(left_out[:5]) + (", …" if len(left_out) > 5 else "")
        logger.warning(
            "%s left out %d of its documents: %d corrupt, %d gone (%s)",
            name,
            len(left_out),
            len(loaded.corrupt),
            len(loaded.missing),
            shown,
        )


def checked_on_corrupt(on_corrupt: Any) -> OnCorrupt:
    """Return what to do with corrupt documents.

    Raises:
        UnsupportedArgumentValueError: It is neither "raise" nor "skip".
    """
    if on_corrupt not in ("raise", "skip"):
        raise UnsupportedArgumentValueError(f"on_corrupt is {on_corrupt!r}", hint='give "raise" or "skip"')
    chosen: OnCorrupt = on_corrupt
    return chosen


async def _read(
    cls: type[StoredModel], source: ClientSource, chunk: Sequence[str], reading: Reading | None
) -> list[Any]:
    """Return each document, None for a missing one; with what lives beside it, where there is such."""
    reads, renewal = reads_of(chunk, reading), renewal_of(cls, chunk)
    if reading is None:
        documents: list[bytes | None] = (await perform(source, *reads, renewal=renewal))[0]
        return documents
    return rows_of(chunk, iter(await read_each(source, reads, renewal=renewal)), reading)


def reads_of(chunk: Sequence[str], reading: Reading | None) -> list[Command[Any]]:
    """Return what reads some documents of a class and what lives beside them, for one transaction."""
    commands: list[Command[Any]] = [json.get_documents(chunk)]
    if reading is not None:
        commands += [command for key in chunk for command in reading.commands(key)]
    return commands


def rows_of(chunk: Sequence[str], replies: Iterator[Any], reading: Reading | None) -> list[Any]:
    """Return each document, None for a missing one; with what lives beside it, where there is such.

    Args:
        chunk: The keys.
        replies: The replies to what `reads_of` gave.
        reading: How what lives beside the documents is read.
    """
    documents = next(replies)
    if isinstance(documents, Exception):
        raise documents
    if reading is None:
        read: list[Any] = documents
        return read
    each = len(reading.commands(""))
    rows = [(document, *islice(replies, each)) for document in documents]
    return [None if row[0] is None else row for row in rows]
