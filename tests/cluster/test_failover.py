"""A primary dies and its replica takes over."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from redis.asyncio import RedisCluster

import rapyer
from rapyer import AtomicRedisModel
from rapyer.errors import PartlyAppliedError, UnknownOutcomeError
from rapyer.fields import Index
from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource
from tests.cluster.nodes import TestCluster, cluster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


class FailoverDoc(AtomicRedisModel):
    number: Annotated[int, Index()] = 0
    tags: list[str] = []


@pytest.fixture
async def failing(tmp_path: Path, server_command: list[str]) -> AsyncIterator[TestCluster]:
    """A cluster of its own, with a replica of the first primary. Models use it."""
    with cluster(tmp_path, server_command, others=1, replicas=True) as nodes:
        client = RedisCluster(host="127.0.0.1", port=nodes.primaries[1].port, socket_timeout=2)
        registry.bind(ClientSource.from_client(client, deadline=20), auto_index=True)
        yield nodes
        await client.aclose()


async def _on_the_first(nodes: TestCluster) -> Any:
    doc: Any = FailoverDoc()
    doc.pk = nodes.key_on(0, "FailoverDoc:").removeprefix("FailoverDoc:")
    return await doc.asave()


async def _until(holds: Callable[[], bool]) -> None:
    until = asyncio.get_running_loop().time() + 20
    while not holds():
        assert asyncio.get_running_loop().time() < until
        await asyncio.sleep(0.02)


async def test_operations_reach_the_replica_that_took_over(failing: TestCluster) -> None:
    docs: list[Any] = await FailoverDoc.ainsert(*(FailoverDoc(number=at) for at in range(60)))
    doc = await _on_the_first(failing)
    assert len(await FailoverDoc.afind(FailoverDoc.number >= 0)) == 61
    assert await doc.number.aincrease(1) == 1
    await asyncio.to_thread(failing.primaries[0].ask, "WAIT", 1, 5000)
    await asyncio.to_thread(failing.primaries[0].kill)
    # Nothing can be sent to the dead one, so an increment too is safe to send again.
    assert await doc.number.aincrease(1) == 2
    assert (await FailoverDoc.aget(doc.key)).number == 2
    async with rapyer.apipeline():
        for each in docs:
            each.tags.append("x")
            each.number += 1
    found = await FailoverDoc.afind(*docs)
    assert [each.number for each in found] == [number + 1 for number in range(60)]
    assert len(await FailoverDoc.afind_keys()) == 61
    assert len(await FailoverDoc.afind(FailoverDoc.number >= 0)) == 61
    async with doc.alock(save_at_end=True) as locked:
        locked.tags.append("locked")
    assert (await FailoverDoc.aget(doc.key)).tags == ["locked"]


async def test_writes_during_a_failover_are_applied_once_or_their_outcome_is_told(
    failing: TestCluster,
) -> None:
    docs: list[Any] = await FailoverDoc.ainsert(*(FailoverDoc() for _ in range(30)))
    on_the_first = [doc for doc in docs if failing.node_of(doc.key) is failing.primaries[0]]
    assert on_the_first
    acknowledged = {doc.key: 0 for doc in docs}
    unknown = {doc.key: 0 for doc in docs}
    stop = asyncio.Event()

    async def write(doc: Any) -> None:
        while not stop.is_set():
            try:
                await doc.number.aincrease(1)
                acknowledged[doc.key] += 1
            except UnknownOutcomeError:
                unknown[doc.key] += 1
            await asyncio.sleep(0.005)

    writing = [asyncio.ensure_future(write(doc)) for doc in docs]
    await _until(lambda: all(acknowledged.values()))
    failing.primaries[0].kill()
    before = {doc.key: acknowledged[doc.key] for doc in docs}
    await _until(lambda: all(acknowledged[doc.key] >= before[doc.key] + 5 for doc in docs))
    stop.set()
    await asyncio.gather(*writing)
    for doc in await FailoverDoc.afind(*docs):
        # A replica that lags may have lost what was acknowledged in the last moment, so at most is what counts.
        assert doc.number <= acknowledged[doc.key] + unknown[doc.key]
        if failing.node_of(doc.key) is not failing.primaries[0]:
            assert (doc.number, unknown[doc.key]) == (acknowledged[doc.key], 0)


async def test_what_only_some_primaries_can_apply(failing: TestCluster) -> None:
    registry.source.deadline = 0.3
    docs: list[Any] = await FailoverDoc.ainsert(*(FailoverDoc() for _ in range(30)))
    await asyncio.to_thread(failing.primaries[1].kill)  # it has no replica
    lost = {doc.key for doc in docs if failing.node_of(doc.key) is failing.primaries[1]}
    with pytest.raises(PartlyAppliedError) as raised:
        async with rapyer.apipeline():
            for doc in docs:
                doc.number += 1
    assert set(raised.value.failed_keys) == lost
    assert set(raised.value.applied_keys) == {doc.key for doc in docs} - lost
