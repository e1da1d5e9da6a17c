"""Locks on a cluster."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import RedisCluster

from rapyer import AtomicRedisModel
from rapyer.commands.lock import lock_keys
from rapyer.commands.slots import slot_of
from rapyer.errors import LockTimeoutError
from rapyer.model.registry import registry
from rapyer.session import lock
from rapyer.session.clients import ClientSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.cluster.nodes import TestCluster

pytestmark = pytest.mark.usefixtures("source")


class SlotLock(AtomicRedisModel):
    number: int = 0
    tags: list[str] = []


@pytest.mark.parametrize("key", ["User:1", "User:{t}:1", "User:a}b", "User:{}", "User:{"])
def test_the_keys_of_a_lock_share_the_slot_of_the_document(key: str) -> None:
    keys = lock_keys(key, "a {b} / c", tagged=True)
    assert {slot_of(name) for name in keys.names()} == {slot_of(key)}
    assert len(set(keys.names())) == 5


async def test_nothing_is_lost_under_locks() -> None:
    models: list[Any] = await SlotLock.ainsert(*(SlotLock() for _ in range(5)))

    async def add(model: Any) -> None:
        async with SlotLock.alock_from_key(model.key, save_at_end=True) as locked:
            locked.number += 1

    await asyncio.gather(*(add(model) for model in models for _ in range(10)))
    assert [model.number for model in await SlotLock.afind(*models)] == [10] * 5


@pytest.fixture
async def elsewhere(nodes: TestCluster) -> AsyncIterator[ClientSource]:
    """The cluster as another process has it."""
    client = RedisCluster(host="127.0.0.1", port=nodes.primaries[0].port)
    yield ClientSource.from_client(client)
    await client.aclose()


async def _until(holds: Callable[[], Awaitable[Any]]) -> None:
    until = time.monotonic() + 20
    while not await holds():
        assert time.monotonic() < until
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("number", [0, 1, 2])
async def test_a_waiter_on_any_primary_is_woken(
    nodes: TestCluster, elsewhere: ClientSource, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "POLL", 20.0)
    model: Any = SlotLock()
    model.pk = nodes.key_on(number, "SlotLock:").removeprefix("SlotLock:")
    await model.asave()
    client, queue = registry.source.client(), lock_keys(model.key, "default", tagged=True).queue

    async def wait() -> float:
        waiter = lock.Lock(elsewhere, model.key, lock.LockOptions())
        await waiter.acquire(".")
        acquired = time.monotonic()
        await waiter.leave(None)
        return acquired

    async def is_subscribed() -> bool:
        channels = [asyncio.to_thread(node.ask, "PUBSUB", "CHANNELS") for node in nodes.primaries]
        return any(await asyncio.gather(*channels))

    async with model.alock():
        waiting = asyncio.ensure_future(wait())
        await _until(lambda: client.zcard(queue))
        await _until(is_subscribed)
        with pytest.raises(LockTimeoutError):
            await lock.Lock(elsewhere, model.key, lock.LockOptions(wait=0)).acquire(".")
        released = time.monotonic()
    assert (await waiting) - released < 5
