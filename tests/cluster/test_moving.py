"""Slots on their way from one node to another, and nodes that come and go."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from redis.asyncio import RedisCluster
from redis.exceptions import ClusterDownError
from redis.exceptions import ConnectionError as RedisConnectionError

import rapyer
from rapyer import AtomicRedisModel
from rapyer.commands.slots import slot_of, tag_where
from rapyer.fields import Index
from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource
from tests.cluster.nodes import TestCluster, cluster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.servers import Server


class MovingDoc(AtomicRedisModel):
    number: Annotated[int, Index()] = 0
    tags: list[str] = []


@pytest.fixture
async def moving(tmp_path: Path, server_command: list[str]) -> AsyncIterator[TestCluster]:
    """A cluster of its own: two primaries, and a node without slots. Models use it."""
    with cluster(tmp_path, server_command, primaries=2, others=1) as nodes:
        client = RedisCluster(host="127.0.0.1", port=nodes.primaries[0].port)
        registry.bind(ClientSource.from_client(client, deadline=10), auto_index=True)
        yield nodes
        await client.aclose()


def _home(nodes: TestCluster, key: str) -> tuple[Server, Server]:
    """Return the primary that serves a key, and the other one."""
    first, second = nodes.primaries
    return (first, second) if nodes.node_of(key) is first else (second, first)


async def _docs(number: int = 20) -> list[Any]:
    docs: list[Any] = await MovingDoc.ainsert(*(MovingDoc(number=at) for at in range(number)))
    return docs


async def test_operations_follow_slots_that_moved(moving: TestCluster) -> None:
    docs = await _docs()
    for doc in docs:
        source, target = _home(moving, doc.key)
        moving.move(slot_of(doc.key), source, target)
    for number, doc in enumerate(docs):
        assert await doc.number.aincrease(1) == number + 1
    for doc in docs:
        source, target = _home(moving, doc.key)
        moving.move(slot_of(doc.key), target, source)
    async with rapyer.apipeline():
        for doc in docs:
            doc.number += 1
            doc.tags.append("x")
    for doc in docs:
        source, target = _home(moving, doc.key)
        moving.move(slot_of(doc.key), source, target)
    found = await MovingDoc.afind(*docs)
    assert [(doc.number, doc.tags) for doc in found] == [(number + 2, ["x"]) for number in range(20)]
    for doc in docs:
        source, target = _home(moving, doc.key)
        moving.move(slot_of(doc.key), target, source)
    assert (await MovingDoc.adelete_many(*docs)).models_deleted == 20


async def test_a_key_that_has_left_before_its_slot_is_found(moving: TestCluster) -> None:
    doc = (await _docs(1))[0]
    slot, (source, target) = slot_of(doc.key), _home(moving, doc.key)
    moving.begin_moving(slot, source, target)
    assert await doc.number.aincrease(1) == 1
    moving.migrate(doc.key, source, target)
    assert await doc.number.aincrease(1) == 2
    assert (await MovingDoc.aget(doc.key)).number == 2
    async with doc.apipeline():
        doc.number += 5
        doc.tags.append("x")
    assert (await MovingDoc.afind(doc.key))[0].number == 7
    moving.end_moving(slot, target)
    assert await doc.number.aincrease(1) == 8


async def test_keys_that_were_parted_are_waited_for(moving: TestCluster) -> None:
    one: Any = await MovingDoc(number=1).asave()
    two: Any = MovingDoc(number=2)
    two.pk = f"{{{one.key}}}"
    await two.asave()
    slot, (source, target) = slot_of(one.key), _home(moving, one.key)
    assert slot_of(two.key) == slot
    moving.begin_moving(slot, source, target)
    moving.migrate(one.key, source, target)

    async def change() -> None:
        async with rapyer.apipeline(atomic=True):
            one.number += 10
            two.number += 10

    changing = asyncio.ensure_future(change())
    done, _ = await asyncio.wait({changing}, timeout=0.3)
    assert not done
    await asyncio.to_thread(moving.migrate, two.key, source, target)
    await asyncio.to_thread(moving.end_moving, slot, target)
    await changing
    assert [doc.number for doc in await MovingDoc.afind(one, two)] == [11, 12]


async def test_nothing_is_lost_or_doubled_while_a_slot_moves(moving: TestCluster) -> None:
    docs: list[Any] = [MovingDoc() for _ in range(12)]
    for doc in docs:
        doc.pk = f"{{moving}}{doc.pk}"
        await doc.asave()
    slot, (source, target) = slot_of(docs[0].key), _home(moving, docs[0].key)
    rounds: list[int] = []

    async def write(until: asyncio.Task[None]) -> None:
        while not until.done():
            for doc in docs:
                async with rapyer.apipeline():
                    doc.number += 1
                    doc.tags.append("x")
            await asyncio.gather(*(doc.number.aincrease(1) for doc in docs))
            rounds.append(1)

    for _ in range(4):
        await write(asyncio.ensure_future(asyncio.to_thread(moving.move, slot, source, target)))
        source, target = target, source
    stored = await MovingDoc.afind(*docs)
    assert {doc.number for doc in stored} == {2 * len(rounds)}
    assert {len(doc.tags) for doc in stored} == {len(rounds)}
    assert len(rounds) >= 4


async def test_a_node_that_joins_is_asked(moving: TestCluster) -> None:
    new = moving.others[0]
    tag = tag_where(lambda slot: slot < 1000)
    docs = await _docs(30)
    assert len(await MovingDoc.afind(MovingDoc.number >= 0)) == 30
    on_its_way: Any = MovingDoc(number=100)
    on_its_way.pk = f"{{{tag}}}"
    await on_its_way.asave()
    slot, source = slot_of(on_its_way.key), moving.primaries[0]
    moving.begin_moving(slot, source, new)
    moving.migrate(on_its_way.key, source, new)
    assert await on_its_way.number.aincrease(1) == 101  # on a node that the client did not know
    moving.end_moving(slot, new)
    assert len(await MovingDoc.afind_keys()) == 31
    assert len(await MovingDoc.afind(MovingDoc.number >= 0)) == 31
    assert len(await MovingDoc.afind()) == 31
    assert await on_its_way.number.aincrease(1) == 102
    moving.move(slot, new, source)
    assert len(await MovingDoc.afind_keys()) == 31
    assert len(await MovingDoc.afind(MovingDoc.number >= 0)) == len(docs) + 1


async def test_a_cluster_that_is_down_is_waited_for(moving: TestCluster) -> None:
    doc = (await _docs(1))[0]
    slot, (source, _) = slot_of(doc.key), _home(moving, doc.key)
    source.ask("CLUSTER", "DELSLOTS", slot)

    async def repair() -> None:
        await asyncio.sleep(0.3)
        await asyncio.to_thread(source.ask, "CLUSTER", "ADDSLOTS", slot)

    repairing = asyncio.ensure_future(repair())
    assert await doc.number.aincrease(1) == 1
    await repairing
    registry.source.deadline = 0.3
    source.ask("CLUSTER", "DELSLOTS", slot)
    with pytest.raises((RedisConnectionError, ClusterDownError), match="slot"):
        await doc.number.aincrease(1)
