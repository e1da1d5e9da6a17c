"""A cancelled operation is cancelled at once, wherever it is, and takes no connection with it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis

from rapyer import AtomicRedisModel
from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

STEPS = 80
"""More steps of the event loop than connecting, greeting and one operation take."""


class CancelNote(AtomicRedisModel):
    text: str = ""
    number: int = 0


def _library(url: str) -> ClientSource:
    return ClientSource.from_url(url, health_check_interval=30)


def _plain_pool(url: str) -> ClientSource:
    return ClientSource.from_client(Redis(connection_pool=ConnectionPool.from_url(url, socket_timeout=5)))


def _waiting_pool(url: str) -> ClientSource:
    pool = BlockingConnectionPool.from_url(url, max_connections=1, socket_timeout=5)
    return ClientSource.from_client(Redis(connection_pool=pool))


SOURCES = [_library, _plain_pool, _waiting_pool]


async def _closed(source: ClientSource) -> None:
    client = source.client()
    await client.aclose()
    await client.connection_pool.disconnect()


async def _cancel_after(steps: int, task: asyncio.Task[Any]) -> None:
    for _ in range(steps):
        await asyncio.sleep(0)
    if task.cancel():
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        task.result()


@pytest.mark.parametrize("make", SOURCES)
@pytest.mark.parametrize("connected", [False, True], ids=["connecting", "connected"])
async def test_cancelling_at_any_step(
    make: Callable[[str], ClientSource], connected: bool, rapyer_redis_url: str
) -> None:
    source = make(rapyer_redis_url)
    registry.bind(source)
    note = await CancelNote(text="x" * 100_000).asave()
    pool: Any = source.client().connection_pool
    for steps in range(STEPS):
        if not connected:
            await pool.disconnect()
        for connection in pool._available_connections:
            connection.next_health_check = -1  # with a PING before the operation
        work = note.asave() if steps % 2 else CancelNote.aget(note.key)
        await _cancel_after(steps, asyncio.ensure_future(work))
        assert not pool._in_use_connections
    assert (await CancelNote.aget(note.key)).text == note.text
    await _closed(source)


async def test_cancelling_those_who_wait_for_a_connection(rapyer_redis_url: str) -> None:
    source = _waiting_pool(rapyer_redis_url)
    registry.bind(source)
    note = await CancelNote().asave()
    for steps in range(20):
        tasks = [asyncio.ensure_future(CancelNote.aget(note.key)) for _ in range(5)]
        await asyncio.gather(*(_cancel_after(steps, task) for task in tasks[1:]))
        assert (await tasks[0]).key == note.key
    await _closed(source)


@asynccontextmanager
async def _silent_server() -> AsyncIterator[str]:
    """A server that takes connections, and never says a word."""
    writers = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.read(1)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    finally:
        for writer in writers:
            writer.close()
        server.close()


@pytest.mark.parametrize("make", SOURCES)
async def test_a_server_that_does_not_answer_keeps_nobody(make: Callable[[str], ClientSource]) -> None:
    async with _silent_server() as url:
        source = make(url)
        registry.bind(source)
        for seconds in (0.0, 0.01, 0.05):
            began = asyncio.get_running_loop().time()
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(CancelNote.aget("1"), seconds)
            assert asyncio.get_running_loop().time() - began < 1
            assert not source.client().connection_pool._in_use_connections
        await _closed(source)


async def test_a_client_with_one_connection(rapyer_redis_url: str) -> None:
    client = Redis.from_url(rapyer_redis_url, single_connection_client=True)
    registry.bind(ClientSource.from_client(client))
    note = await CancelNote(number=7).asave()
    for steps in range(STEPS):
        if steps % 3 == 0:
            await client.connection.disconnect()
        await _cancel_after(steps, asyncio.ensure_future(CancelNote.aget(note.key)))
        assert (await CancelNote.aget(note.key)).number == 7
    await client.aclose()
