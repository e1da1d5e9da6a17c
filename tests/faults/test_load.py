"""Many writers while connections are killed and scripts forgotten; tasks cancelled anywhere."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis

from rapyer import AtomicRedisModel, apipeline
from rapyer.errors import UnknownOutcomeError
from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WRITERS, WRITES = 50, 20


class FaultLoad(AtomicRedisModel):
    number: int = 0
    real: float = 0.0
    items: list[int] = []
    mapping: dict[str, int] = {}


@pytest.fixture
async def source(rapyer_redis_url: str, direct: Any) -> AsyncIterator[ClientSource]:
    source = ClientSource.from_url(rapyer_redis_url)
    registry.bind(source)
    yield source
    await source.aclose()


async def trouble(direct: Any, written: asyncio.Semaphore) -> None:
    """Forget the scripts and kill connections, again and again, until cancelled.

    Some writes get through in between, however slow the machine is: else the writers would never end.
    """
    chance = random.Random(1)
    while True:
        await asyncio.sleep(chance.uniform(0.001, 0.02))
        for _ in range(3):
            await written.acquire()
        if chance.random() < 0.5:
            await direct.script_flush()
        else:
            await direct.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


async def write(doc: Any, number: int) -> None:
    """Make the change of that number, in one of several ways."""
    if number % 3 == 0:
        await doc.items.aappend(number)
    elif number % 3 == 1:
        async with apipeline():
            doc.items.append(number)
            doc.mapping[str(number)] = number
            doc.number += 1
    else:
        async with apipeline():
            doc.real *= 1
            doc.items.append(number)
    await doc.number.aincrease()


@pytest.mark.parametrize("once", [False, True])
async def test_nothing_is_lost_and_nothing_doubled(once: bool, source: ClientSource, direct: Any) -> None:
    FaultLoad.Meta.exactly_once = once
    doc = await FaultLoad().asave()
    unknown: set[int] = set()
    written = asyncio.Semaphore(0)

    async def writer(first: int) -> None:
        mine = await FaultLoad.aget(doc.key)
        for number in range(first, first + WRITES):
            try:
                await write(mine, number)
            except UnknownOutcomeError:
                unknown.add(number)
            written.release()

    troubling = asyncio.create_task(trouble(direct, written))
    await asyncio.gather(*(writer(first * WRITES) for first in range(WRITERS)))
    troubling.cancel()
    await asyncio.gather(troubling, return_exceptions=True)
    after = await FaultLoad.aget(doc.key)
    everything, found = set(range(WRITERS * WRITES)), set(after.items)
    assert len(after.items) == len(found)
    assert everything - unknown <= found <= everything
    in_pipelines = {number for number in everything if number % 3 == 1}
    assert {int(key) for key in after.mapping} == found & in_pipelines
    certain = len(everything - unknown) + len(in_pipelines - unknown)
    assert certain <= after.number <= len(everything) + len(in_pipelines)
    assert not (once and unknown)


@pytest.mark.parametrize("kind", [ConnectionPool, BlockingConnectionPool])
@pytest.mark.parametrize("steps", range(0, 14))
async def test_a_task_cancelled_anywhere_leaves_the_connection_clean(
    steps: int, kind: Any, rapyer_redis_url: str, direct: Any
) -> None:
    pool = kind.from_url(rapyer_redis_url, max_connections=1, protocol=2)
    client = Redis(connection_pool=pool)
    registry.bind(ClientSource.from_client(client))
    one, two = await FaultLoad(number=1).asave(), await FaultLoad(number=2).asave()

    async def pipelined() -> None:
        async with apipeline():
            one.number += 0

    for connected in (True, False):
        for operation in (lambda: FaultLoad.aget(one.key), lambda: one.items.aappend(1), pipelined):
            if not connected:
                await pool.disconnect()
            tasks = [asyncio.ensure_future(operation()) for _ in range(3)]
            for _ in range(steps):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            assert (await asyncio.wait_for(FaultLoad.aget(two.key), 5)).number == 2
            await asyncio.gather(*tasks, return_exceptions=True)
            assert (await FaultLoad.aget(two.key)).number == 2
    assert len(pool._in_use_connections) == 0
    await client.aclose()
    await pool.aclose()


async def test_a_second_cancellation_does_not_lose_the_connection(rapyer_redis_url: str, direct: Any) -> None:
    pool = BlockingConnectionPool.from_url(rapyer_redis_url, max_connections=2, timeout=None, protocol=2)
    client = Redis(connection_pool=pool)
    registry.bind(ClientSource.from_client(client))
    doc: Any = await FaultLoad().asave()
    chance = random.Random(2)
    for _ in range(40):
        tasks = [asyncio.ensure_future(doc.number.aincrease()) for _ in range(8)]
        for _ in range(6):
            await asyncio.sleep(0)
            chance.choice(tasks).cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (await FaultLoad.aget(doc.key)).key == doc.key
    assert len(pool._in_use_connections) == 0
    await client.aclose()
    await pool.aclose()


async def test_a_pipeline_cancelled_at_its_end_is_carried_through(source: ClientSource, direct: Any) -> None:
    doc: Any = await FaultLoad().asave()
    for steps in range(12):

        async def change() -> None:
            async with apipeline():
                doc.number += 1

        before = doc.number
        task = asyncio.ensure_future(change())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)
        assert doc.number == (await FaultLoad.aget(doc.key)).number in {before, before + 1}
    assert doc.number > 5
