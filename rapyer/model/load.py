"""Loading: stored JSON text in, instances out."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from pydantic import ValidationError

from rapyer.codec import adapters
from rapyer.codec.context import STORED
from rapyer.commands import json, keys
from rapyer.errors import (
    CantSerializeRedisValueError,
    CorruptedModelError,
    KeyNotFound,
    ModelError,
    UnsupportedArgumentValueError,
)
from rapyer.fields.key import RapyerKey
from rapyer.model.identity import settle
from rapyer.model.keys import primary_key_of
from rapyer.model.registry import registry
from rapyer.model.remembered import remember
from rapyer.session.executor import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from rapyer.model.state import StoredModel
    from rapyer.session.clients import ClientSource

OnCorrupt: TypeAlias = Literal["raise", "skip"]
M = TypeVar("M", bound="StoredModel")

DOCUMENTS_PER_READ = 500
"""How many documents one JSON.MGET reads."""

KEYS_PER_SCAN = 1000
"""How many keys one SCAN looks at; the server answers nobody else meanwhile."""

UNREADABLE = (CorruptedModelError, CantSerializeRedisValueError)
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


def _reader(cls: type[M]) -> Callable[[str, bytes], M]:
    """Return `from_document` for many documents of a class, with what is the same for all found once."""
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
    except ValidationError as error:
        raise adapters.unreadable(
            error,
            f"the document stored under {where} does not fit {cls.__name__}",
            key=where,
            model=cls.__name__,
        ) from error
    return model


async def load_one(cls: type[M], source: ClientSource, key: str) -> M:
    """Return the instance stored under a key (JSON.GET).

    Raises:
        KeyNotFound: Nothing is stored there.
        CorruptedModelError: The document does not fit the class.
    """
    document = await run(source, json.get_document(key))
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
    text = await run(source, json.get(key, path))
    if text is None or text == b"[]":
        raise KeyNotFound(f"nothing is stored under {key} at {path}", key=key, field=inner.field_path)
    return _parsed(type(inner), f"{key} {path}", text[1:-1])


async def load_many(cls: type[M], source: ClientSource, wanted: Sequence[str]) -> Loaded:
    """Read many documents, a JSON.MGET for each chunk, the next one on its way while one is parsed."""
    models: list[M] = []
    missing: list[str] = []
    corrupt: list[ModelError] = []
    read = _reader(cls)
    async for keys_read, documents in _documents(source, wanted):
        for key, document in zip(keys_read, documents, strict=True):
            if document is None:
                missing.append(key)
                continue
            try:
                models.append(read(key, document))
            except UNREADABLE as error:
                corrupt.append(error)
    return Loaded(models, tuple(missing), tuple(corrupt))


async def list_keys(cls: type[M], source: ClientSource, limit: int | None = None) -> list[RapyerKey]:
    """Return the keys of all stored documents of a class (SCAN), or the first so many that it meets."""
    listed = await source.router.on_each(lambda server: _keys_on(server, cls, limit))
    found = dict.fromkeys(key for keys_found in listed for key in keys_found)
    return [RapyerKey(key) for key in islice(found, limit)]


async def _keys_on(server: ClientSource, cls: type[M], limit: int | None) -> dict[str, None]:
    prefix, others = f"{cls.class_key_initials()}:", longer_prefixes(cls)
    found: dict[str, None] = {}
    cursor = 0
    while limit is None or len(found) < limit:
        cursor, batch = await run(server, keys.scan_documents(cursor, prefix, KEYS_PER_SCAN))
        own = (key for key in batch if not key.startswith(others)) if others else batch
        found.update(dict.fromkeys(own))  # SCAN may name a key twice
        if cursor == 0:
            break
    return found


def longer_prefixes(cls: type[StoredModel]) -> tuple[str, ...]:
    """Return what other classes' keys start with that start like the keys of this class."""
    return registry.longer_prefixes(f"{cls.class_key_initials()}:")


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


async def _documents(
    source: ClientSource, wanted: Sequence[str]
) -> AsyncIterator[tuple[Sequence[str], list[bytes | None]]]:
    chunks = list(_chunks(wanted))
    reads: list[asyncio.Task[list[bytes | None]]] = []
    try:
        for position, chunk in enumerate(chunks):
            while len(reads) <= position + 1 and len(reads) < len(chunks):
                reads.append(asyncio.ensure_future(run(source, json.get_documents(chunks[len(reads)]))))
                await asyncio.sleep(0)  # lets the request leave before the reply before it is parsed
            yield chunk, await reads[position]
    finally:
        for read in reads:
            read.cancel()


def _chunks(wanted: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(wanted), DOCUMENTS_PER_READ):
        yield wanted[start : start + DOCUMENTS_PER_READ]
