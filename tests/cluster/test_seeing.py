"""Looking around on a cluster: all primaries are asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import rapyer_nb
from rapyer_nb.seeing import Follower, Journal, Subject
from tests.cluster.special_models import ShardDoc

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource


async def stored(number: int) -> list[ShardDoc]:
    docs = [ShardDoc(name=str(one), tags={f"tag {one}"}) for one in range(number)]
    await ShardDoc.ainsert(*docs)
    return docs


async def test_keys_and_memory_are_those_of_all_nodes(source: ClientSource) -> None:
    docs = await stored(12)
    found = await rapyer_nb.keys(ShardDoc)
    assert {row.key for row in found} >= {doc.key for doc in docs}
    assert {row.model for row in found} == {"ShardDoc"}
    assert len(found) == 24
    assert found.stored == 24
    used = await rapyer_nb.memory(ShardDoc)
    assert (used["ShardDoc"].documents, used["ShardDoc"].beside) == (12, 12)
    assert used["ShardDoc"].bytes == sum(row.size or 0 for row in found)
    assert (await rapyer_nb.models(ShardDoc))["ShardDoc"].documents == 12


async def test_each_node_is_described(source: ClientSource) -> None:
    told = await rapyer_nb.info()
    assert len(told.nodes) == 3
    assert len({node.address for node in told.nodes}) == 3
    assert "3 servers: " in told.text()


async def test_changes_are_seen(source: ClientSource) -> None:
    first, *_ = await stored(3)
    follower = Follower(Subject.of([ShardDoc]), Journal("test"))
    await follower.prepare()
    woken = asyncio.Event()
    watches = follower.watch(woken.set)
    for watch in watches:
        await watch.ready()
    await first.tags.aadd("new")
    await asyncio.wait_for(woken.wait(), 10)
    seen = await follower.look()
    while not seen:
        woken.clear()
        await asyncio.wait_for(woken.wait(), 10)
        seen = await follower.look()
    assert [(entry.change.key, entry.change.parts[0].path) for entry in seen] == [(first.key, "tags")]
    for watch in watches:
        watch.close()
