"""Keys in portions, from wherever they come, and reading one portion while another is worked on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing, contextmanager
from contextvars import ContextVar
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from rapyer.commands import keys
from rapyer.fields.key import RapyerKey
from rapyer.model.registry import registry
from rapyer.session.executor import run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from rapyer.model.state import StoredModel
    from rapyer.session.clients import ClientSource

R = TypeVar("R")

Portions: TypeAlias = Iterable[Sequence[str]] | AsyncGenerator[Sequence[str], None]

DOCUMENTS_PER_READ = 500
"""How many documents one JSON.MGET reads."""

OnRead: TypeAlias = "Callable[[int, int | None], None]"
"""Is told how many documents have been read, and how many there are to read, if that is known."""

_on_read: ContextVar[OnRead | None] = ContextVar("on_read", default=None)

KEYS_PER_SCAN = 1000
"""How many keys one SCAN looks at; the server answers nobody else meanwhile."""


@contextmanager
def reported(on_read: OnRead | None) -> Iterator[None]:
    """Let somebody be told how many documents have been read, of whatever is found in the block."""
    token = _on_read.set(on_read)
    try:
        yield
    finally:
        _on_read.reset(token)


async def overlapped(
    portions: Portions, read: Callable[[Sequence[str]], Awaitable[R]], total: int | None = None
) -> AsyncGenerator[tuple[Sequence[str], R], None]:
    """Yield portions of keys, each with what is read of it, the next one on its way meanwhile.

    Args:
        portions: The keys.
        read: Reads a portion.
        total: How many keys there are, for whoever is told (`reported`).
    """
    on_read, done = _on_read.get(), 0
    ahead: tuple[Sequence[str], asyncio.Future[R]] | None = None
    given = portions if isinstance(portions, AsyncGenerator) else _each(portions)
    try:
        async with aclosing(_and_none(given)) as coming:
            async for portion in coming:
                this = ahead
                ahead = None if portion is None else (portion, asyncio.ensure_future(read(portion)))
                await asyncio.sleep(0)  # lets the request leave before the reply before it is parsed
                if this is not None:
                    found = await this[1]
                    done += len(this[0])
                    if on_read is not None:
                        on_read(done, total)
                    yield this[0], found
    finally:
        if ahead is not None:
            await _give_up(ahead[1])


async def _and_none(
    portions: AsyncGenerator[Sequence[str], None],
) -> AsyncGenerator[Sequence[str] | None, None]:
    async with aclosing(portions):
        async for portion in portions:
            yield portion
    yield None


async def _each(portions: Iterable[Sequence[str]]) -> AsyncGenerator[Sequence[str], None]:
    for portion in portions:
        yield portion


def chunks_of(wanted: Sequence[str], size: int | None = DOCUMENTS_PER_READ) -> Iterator[Sequence[str]]:
    """Return keys in portions: by default of what one JSON.MGET reads, with None all at once."""
    step = size or len(wanted) or 1
    for start in range(0, len(wanted), step):
        yield wanted[start : start + step]


async def list_keys(
    cls: type[StoredModel], source: ClientSource, limit: int | None = None
) -> list[RapyerKey]:
    """Return the keys of all stored documents of a class (SCAN), or the first so many that it meets."""

    async def on(server: ClientSource) -> list[str]:
        return [key async for portion in _scanned_on(server, cls, limit) for key in portion]

    listed = await source.router.on_each(on)
    found = dict.fromkeys(key for keys_found in listed for key in keys_found)
    return [RapyerKey(key) for key in islice(found, limit)]


async def scanned(
    cls: type[StoredModel],
    source: ClientSource,
    limit: int | None = None,
    size: int = DOCUMENTS_PER_READ,
) -> AsyncGenerator[Sequence[str], None]:
    """Yield the keys of all stored documents of a class in portions, each once (SCAN).

    Args:
        cls: The class.
        source: Where its commands go.
        limit: How many keys at the most.
        size: How many keys a portion has at the most.
    """
    if source.is_cluster:  # where a server is replaced meanwhile, all of them are asked again
        for portion in chunks_of(await list_keys(cls, source, limit), size):
            yield portion
        return
    async with aclosing(_scanned_on(source, cls, limit)) as found:
        async for keys_found in found:
            for portion in chunks_of(keys_found, size):
                yield portion


async def _scanned_on(
    server: ClientSource, cls: type[StoredModel], limit: int | None
) -> AsyncGenerator[Sequence[str], None]:
    prefix, others = f"{cls.class_key_initials()}:", longer_prefixes(cls)
    found: set[str] = set()
    waiting: list[str] = []
    connected = server.router.reconnections()
    ahead: asyncio.Future[tuple[int, list[str]]] | None = None
    cursor = 0
    try:
        while limit is None or len(found) < limit:
            step = ahead or asyncio.ensure_future(
                run(server, keys.scan_documents(cursor, prefix, KEYS_PER_SCAN))
            )
            ahead = None
            cursor, batch = await step
            # SCAN may name a key twice, and at once.
            own = dict.fromkeys(key for key in batch if key not in found and not key.startswith(others))
            waiting += islice(own, None if limit is None else limit - len(found))
            found.update(own)
            if cursor == 0 and server.router.reconnections() != connected:
                connected = server.router.reconnections()  # another server's cursor may pass over keys
            elif cursor == 0:
                break
            if len(waiting) >= DOCUMENTS_PER_READ and (limit is None or len(found) < limit):
                ahead = asyncio.ensure_future(run(server, keys.scan_documents(cursor, prefix, KEYS_PER_SCAN)))
                yield waiting
                waiting = []
        yield waiting
    finally:
        if ahead is not None:
            await _give_up(ahead)


def longer_prefixes(cls: type[StoredModel]) -> tuple[str, ...]:
    """Return what other classes' keys start with that start like the keys of this class."""
    return registry.longer_prefixes(f"{cls.class_key_initials()}:")


async def _give_up(task: asyncio.Future[Any]) -> None:
    """Cancel what nobody waits for any more; its connection is given back when this returns."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()  # nobody misses it
