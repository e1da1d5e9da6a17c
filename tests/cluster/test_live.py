"""Changes are heard from all primaries of a cluster, also from those that come later."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import RedisCluster

from rapyer import AtomicRedisModel, awatch
from rapyer.commands.slots import slot_of
from rapyer.live import feed_for
from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource
from rapyer_nb import live_table
from rapyer_nb.widgets import close_all
from tests.cluster.nodes import TestCluster, cluster
from tests.cluster.special_models import ShardDoc
from tests.integration.waiting import until
from tests.servers import wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.servers import Server


class LiveShard(AtomicRedisModel):
    number: int = 0


def listeners(node: Server) -> int:
    """Return how many connections a node tells of changes."""
    lines = node.ask("CLIENT", "LIST").splitlines()
    return sum("B" in line.partition(" flags=")[2].partition(" ")[0] for line in lines)


async def soon(stream: Any) -> Any:
    return await asyncio.wait_for(anext(stream), 30)


async def test_changes_on_all_primaries_are_heard_by_one_connection_to_each(
    nodes: TestCluster, source: ClientSource
) -> None:
    docs = await ShardDoc.ainsert(*(ShardDoc(name=str(at), tags={"a"}) for at in range(12)))
    assert len({nodes.node_of(doc.key).port for doc in docs}) == 3
    async with awatch(ShardDoc) as changes, awatch(docs[0]) as single:
        assert changes.mode == "tracking"
        assert [await asyncio.to_thread(listeners, node) for node in nodes.primaries] == [1, 1, 1]
        for doc in docs:
            await doc.visits.aincrease(1)
            change = await soon(changes)
            assert (change.key, change.fields) == (doc.key, {"visits": (0, 1)})
            await doc.tags.aadd("b")
            change = await soon(changes)
            assert (change.key, change.fields) == (doc.key, {"tags": ({"a"}, {"a", "b"})})
        assert (await soon(single)).model.visits == 1
    await until(lambda: not feed_for(source).watched, "nobody watches")
    for node in nodes.primaries:
        await asyncio.to_thread(wait_until, lambda: listeners(node) == 0)  # noqa: B023


async def test_a_table_hears_of_sets_whose_keys_have_a_hash_tag(
    nodes: TestCluster, source: ClientSource
) -> None:
    doc = await ShardDoc(name="one", tags={"a"}).asave()
    shown = await live_table(ShardDoc)
    try:
        assert "{" in doc.tags.special_key
        await until(lambda: shown.searches > 1, "it has searched once it listens")
        searches = shown.searches
        await asyncio.to_thread(nodes.node_of(doc.key).ask, "SADD", doc.tags.special_key, "b")
        await until(lambda: shown.searches > searches, "it searches again")
    finally:
        close_all()


async def test_the_last_value_is_told_where_a_connection_to_one_primary_breaks(
    nodes: TestCluster, source: ClientSource
) -> None:
    docs = await ShardDoc.ainsert(*(ShardDoc(name=str(at)) for at in range(9)))
    async with awatch(ShardDoc) as changes:
        for node in nodes.primaries:
            await asyncio.to_thread(node.ask, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            for doc in docs:
                await asyncio.to_thread(
                    nodes.node_of(doc.key).ask, "JSON.SET", doc.key, "$.visits", str(node.port)
                )
        wanted, seen = nodes.primaries[-1].port, dict[str, int]()
        while len(seen) < len(docs) or set(seen.values()) != {wanted}:
            change = await soon(changes)
            seen[change.key] = change.model.visits


@pytest.fixture
async def growing(tmp_path: Path, server_command: list[str]) -> AsyncIterator[TestCluster]:
    """A cluster of its own: two primaries, and a node without slots. Models use it."""
    with cluster(tmp_path, server_command, primaries=2, others=1) as made:
        client = RedisCluster(host="127.0.0.1", port=made.primaries[0].port)
        registry.bind(ClientSource.from_client(client, deadline=10))
        yield made
        await client.aclose()


async def test_a_new_primary_is_heard(growing: TestCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rapyer.live.feed.LOOK_ROUND", 0.1)
    (newcomer,) = growing.others
    doc = await LiveShard().asave()
    async with awatch(LiveShard) as changes:
        assert await asyncio.to_thread(listeners, newcomer) == 0
        await asyncio.to_thread(growing.move, slot_of(doc.key), growing.node_of(doc.key), newcomer)
        await asyncio.to_thread(newcomer.ask, "JSON.SET", doc.key, "$.number", "5")
        change = await soon(changes)
        while change.model is None or change.model.number != 5:
            change = await soon(changes)
        await asyncio.to_thread(wait_until, lambda: listeners(newcomer) == 1)
        await asyncio.to_thread(newcomer.ask, "JSON.SET", doc.key, "$.number", "6")
        assert (await soon(changes)).fields == {"number": (5, 6)}


@pytest.fixture
async def failing(tmp_path: Path, server_command: list[str]) -> AsyncIterator[TestCluster]:
    """A cluster of its own, with a replica of the first primary. Models use it."""
    with cluster(tmp_path, server_command, others=1, replicas=True) as made:
        client = RedisCluster(host="127.0.0.1", port=made.primaries[1].port, socket_timeout=2)
        registry.bind(ClientSource.from_client(client, deadline=20))
        yield made
        await client.aclose()


async def test_after_a_failover_the_last_value_is_told(failing: TestCluster) -> None:
    doc = LiveShard()
    doc.pk = failing.key_on(0, "LiveShard:").removeprefix("LiveShard:")
    await doc.asave()
    async with awatch(LiveShard) as changes:
        await asyncio.to_thread(failing.primaries[0].ask, "WAIT", 1, 5000)
        await asyncio.to_thread(failing.primaries[0].kill)
        assert await doc.number.aincrease(7) == 7  # the replica has taken over
        change = await soon(changes)
        while change.model is None or change.model.number != 7:
            change = await soon(changes)
        await until(lambda: changes.mode == "tracking", "it listens to the new primary")
