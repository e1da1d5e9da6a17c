"""Loading: stored JSON text in, instances out."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from rapyer.codec.context import STORED
from rapyer.commands import json, keys
from rapyer.errors import CorruptedModelError, KeyNotFound
from rapyer.fields.key import RapyerKey
from rapyer.model.keys import primary_key_of
from rapyer.session.executor import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from rapyer.model.state import StoredModel
    from rapyer.session.clients import ClientSource

M = TypeVar("M", bound="StoredModel")

DOCUMENTS_PER_READ = 250
"""How many documents one JSON.MGET reads."""

KEYS_PER_SCAN = 1000
"""How many keys one SCAN looks at; the server answers nobody else meanwhile."""

logger = logging.getLogger("rapyer")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a read of many documents gave.

    Attributes:
        models: The instances, in the order of the keys.
        missing: Keys under which no JSON document is stored (any more).
        corrupt: Keys whose document does not fit the class.
    """

    models: list[Any]
    missing: tuple[str, ...]
    corrupt: tuple[str, ...]


def from_document(cls: type[M], key: str, document: bytes) -> M:
    """Return the instance that a stored document holds.

    Raises:
        CorruptedModelError: The document does not fit the class.
    """
    try:
        model: M = cls.__pydantic_validator__.validate_json(
            document, context=STORED, by_alias=False, by_name=True
        )
    except ValidationError as error:
        raise CorruptedModelError(
            f"the document stored under {key} does not fit {cls.__name__}: {error}",
            key=key,
            model=cls.__name__,
        ) from error
    model.pk = primary_key_of(cls, key)
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
    key, path = inner.key, inner.json_path
    text = await run(source, json.get(key, path))
    if text is None or text == b"[]":
        raise KeyNotFound(f"nothing is stored under {key} at {path}", key=key, field=inner.field_path)
    return from_document(type(inner), f"{key} {path}", text[1:-1])


async def load_many(cls: type[M], source: ClientSource, wanted: Sequence[str]) -> Loaded:
    """Read many documents, a JSON.MGET for each chunk, the next one on its way while one is parsed."""
    models: list[M] = []
    missing: list[str] = []
    corrupt: list[str] = []
    async for key, document in _documents(source, wanted):
        if document is None:
            missing.append(key)
            continue
        try:
            models.append(from_document(cls, key, document))
        except CorruptedModelError:
            corrupt.append(key)
    return Loaded(models, tuple(missing), tuple(corrupt))


async def list_keys(cls: type[M], source: ClientSource, limit: int | None = None) -> list[RapyerKey]:
    """Return the keys of all stored documents of a class (SCAN), or the first so many that it meets."""
    prefix = f"{cls.class_key_initials()}:"
    found: dict[str, None] = {}
    cursor = 0
    while limit is None or len(found) < limit:
        cursor, batch = await run(source, keys.scan_documents(cursor, prefix, KEYS_PER_SCAN))
        found.update(dict.fromkeys(batch))  # SCAN may name a key twice
        if cursor == 0:
            break
    return [RapyerKey(key) for key in list(found)[:limit]]


def report_skipped(cls: type[StoredModel], loaded: Loaded) -> None:
    """Log, once, how many documents a find left out and which."""
    left_out = [*loaded.corrupt, *loaded.missing]
    if left_out:
        shown = ", ".join(left_out[:5]) + (", …" if len(left_out) > 5 else "")
        logger.warning(
            "%s.afind left out %d of its documents: %d corrupt, %d gone (%s)",
            cls.__name__,
            len(left_out),
            len(loaded.corrupt),
            len(loaded.missing),
            shown,
        )


async def _documents(source: ClientSource, wanted: Sequence[str]) -> AsyncIterator[tuple[str, bytes | None]]:
    chunks = list(_chunks(wanted))
    reads: list[asyncio.Task[list[bytes | None]]] = []
    try:
        for position, chunk in enumerate(chunks):
            while len(reads) <= position + 1 and len(reads) < len(chunks):
                reads.append(asyncio.ensure_future(run(source, json.get_documents(chunks[len(reads)]))))
                await asyncio.sleep(0)  # lets the request leave before the reply before it is parsed
            for pair in zip(chunk, await reads[position], strict=True):
                yield pair
    finally:
        for read in reads:
            read.cancel()


def _chunks(wanted: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(wanted), DOCUMENTS_PER_READ):
        yield wanted[start : start + DOCUMENTS_PER_READ]
